"""The step that loads: each delivery alone, tried again as often as it takes."""

from __future__ import annotations

import io
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.staging import csv_reader
from tests.conftest import context, open_database, run_load
from tests.sessions import killed_at
from tests.warehouse.roads import ENROLLMENT, delivered, load, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader, Staged, StagingTable

pytestmark = pytest.mark.usefixtures("connections")

HEADER = b"userid,courseid,name\n"
NAMES = ("first", "second", "third", "fourth")


@dataclass
class Files:
    """Files of one row, and what happens while they are staged.

    :param happens: called with the staging table when the file of that name lies in it.
    """

    happens: dict[str, Callable[[StagingTable], None]] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)

    def reader(self, _: Sequence[Delivery]) -> Reader:
        """Reads them."""
        plain = csv_reader(ENROLLMENT, self._open)

        @contextmanager
        def read(table: Table, delivery: Delivery) -> Iterator[Incoming]:
            with plain(table, delivery) as incoming:
                yield Incoming(incoming, self, delivery.name)

        return read

    def _open(self, delivery: Delivery) -> io.BytesIO:
        self.read.append(delivery.name)
        return io.BytesIO(HEADER + f"1,{delivery.name},Ana\n".encode())


@dataclass
class Incoming:
    """One of these files."""

    plain: Any
    files: Files
    name: str
    unknown_headers: tuple[str, ...] = ()
    small: None = None

    def stage(self, staging: StagingTable) -> Staged:
        """Stage it, and let happen what is to happen."""
        self.files.pids.append(staging.conn.info.backend_pid)
        staged: Staged = self.plain.stage(staging)
        self.files.happens.pop(self.name, lambda _: None)(staging)
        return staged


def end_session(staging: StagingTable) -> None:
    """Let the server end the session."""
    staging.conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def break_off(staging: StagingTable) -> None:
    raise TransientFailure("the network broke off")


def deliver(conn: Connection, *names: str) -> list[int]:
    return [delivered(conn, ENROLLMENT, 1, name=name).delivery_id for name in names]


def operator(ids: list[int], files: Files) -> LoadOperator:
    return LoadOperator(task_id="load", dataset=ENROLLMENT, deliveries=ids, reader=files.reader)


def loaded(conn: Connection) -> list[str]:
    """The names of the files whose rows are there."""
    return [name for (name,) in rows(conn, "vocareum.enrollment", "courseid")]


def test_a_connection_that_breaks_costs_what_it_had_not_merged(warehouse: Connection) -> None:
    files = Files({"second": end_session})
    ids = deliver(warehouse, *NAMES)
    given = context()
    with pytest.raises(TransientFailure, match=r"^2 failed: .*terminating connection") as failure:
        operator(ids, files).execute(given)
    assert "first: the connection to the warehouse broke before it was merged" in str(failure.value)
    assert [told["name"] for told in given["ti"].pushed["return_value"]] == ["third", "fourth"]
    assert loaded(warehouse) == ["fourth", "third"]
    first, second, third, fourth = files.pids
    assert first == second != third == fourth
    assert len(run_load(operator(ids, files))) == len(NAMES)
    assert loaded(warehouse) == sorted(NAMES)


def test_a_further_try_counts_what_was_merged_and_loads_the_rest(warehouse: Connection) -> None:
    files = Files({"second": break_off})
    ids = deliver(warehouse, *NAMES[:3])
    with pytest.raises(TransientFailure, match="broke off"):
        operator(ids, files).execute(context())
    assert loaded(warehouse) == ["first", "third"]
    told = run_load(operator(ids, files))
    assert files.read == ["first", "second", "third", "second"]
    assert sorted((one["name"], one["rows_merged"], one["changed"]) for one in told) == [
        ("first", 1, True), ("second", 1, True), ("third", 1, True)
    ]  # fmt: skip
    assert loaded(warehouse) == ["first", "second", "third"]


def test_a_try_that_was_killed_after_it_had_committed_is_recognised(warehouse: Connection) -> None:
    """The asset's event was not sent, so that the next one sends it; no other task does."""
    files = Files()
    ids = deliver(warehouse, "first", "second")
    run_load(operator(ids, files))
    given = context()
    merged = operator(ids, files).execute(given)
    assert [one["changed"] for one in merged] == [True, True]
    (event,) = given["outlet_events"].values()
    assert event.extra["rows_merged"] == 2
    assert files.read == ["first", "second"]
    other = context() | {"dag_run": SimpleNamespace(dag_id="dag", run_id="manual__two")}
    with pytest.raises(AirflowSkipException, match=r"No row of vocareum\.enrollment changed"):
        operator(ids, files).execute(other)
    told = other["ti"].pushed["return_value"]
    assert [(one["rows_merged"], one["changed"]) for one in told] == [(1, False), (1, False)]
    assert not other["outlet_events"]


def test_a_task_that_is_cleared_after_it_had_committed_changes_nothing(
    warehouse: Connection,
) -> None:
    ids = deliver(warehouse, *NAMES)
    before = run_load(operator(ids, Files()))
    lines = rows(warehouse, "ops.delivery")
    assert run_load(operator(ids, Files())) == before
    assert rows(warehouse, "ops.delivery") == lines
    assert loaded(warehouse) == sorted(NAMES)


@pytest.mark.parametrize("table", ["vocareum.enrollment", "ops.delivery"])
def test_a_session_that_is_killed_in_the_middle_of_a_merge_leaves_nothing_of_its_batch(
    warehouse: Connection, table: str
) -> None:
    ids = deliver(warehouse, *NAMES)
    what = "INSERT" if table == "vocareum.enrollment" else "UPDATE"
    with (
        killed_at(warehouse, table, what),
        pytest.raises(TransientFailure, match=r"^first and 3 more: could not be loaded \(.*try"),
    ):
        operator(ids, Files()).execute(context())
    assert loaded(warehouse) == []
    assert rows(warehouse, "ops.current_part") == []
    assert {status for (status,) in rows(warehouse, "ops.delivery", "status")} == {"landed"}
    assert len(run_load(operator(ids, Files()))) == len(NAMES)
    assert loaded(warehouse) == sorted(NAMES)


def test_a_server_that_crashes_in_the_middle_of_a_load_costs_a_try(
    postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    def crash(staging: StagingTable) -> None:
        postgres.kill()
        postgres.restart()

    files = Files({"third": crash})
    with closing(open_database(postgres, warehouse_name)) as conn:
        ids = deliver(conn, *NAMES)
    with pytest.raises(TransientFailure, match=r"^2 failed: fourth: .*first and 2 more: "):
        operator(ids, files).execute(context())
    with closing(open_database(postgres, warehouse_name)) as conn:
        assert loaded(conn) == []
        assert len(run_load(operator(ids, files))) == len(NAMES)
        assert loaded(conn) == sorted(NAMES)


def test_a_migration_in_the_middle_of_a_load_does_not_matter(warehouse: Connection) -> None:
    def migrate(staging: StagingTable) -> None:
        warehouse.execute("ALTER TABLE vocareum.enrollment ADD COLUMN pronoun text")

    ids = deliver(warehouse, *NAMES)
    run_load(operator(ids, Files({"second": migrate})))
    assert loaded(warehouse) == sorted(NAMES)
    assert set(rows(warehouse, "vocareum.enrollment", "pronoun")) == {(None,)}


def test_two_loads_of_the_same_deliveries_at_once(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    """Both have staged them when the first may merge."""
    ids = deliver(warehouse, *NAMES)
    staged = threading.Barrier(3)
    told: list[list[dict[str, Any]]] = []

    def load_apart() -> None:
        files = Files({NAMES[-1]: lambda _: staged.wait() and None})
        told.append(run_load(operator(ids, files)))

    threads = [threading.Thread(target=load_apart) for _ in range(2)]
    with closing(open_database(postgres, warehouse_name)) as holder, holder.transaction():
        lock_dataset(holder, ENROLLMENT.table)
        for thread in threads:
            thread.start()
        staged.wait()
    for thread in threads:
        thread.join()
    assert [[one["rows_merged"] for one in merged] for merged in told] == [[1] * 4] * 2
    assert loaded(warehouse) == sorted(NAMES)


def test_what_is_held_or_cannot_be_read_fails_alone(warehouse: Connection) -> None:
    """The others of its batch are loaded, in one transaction."""
    load(warehouse, ENROLLMENT, HEADER + 3 * b"1,before,Ana\n", 0, name="third")
    ids = deliver(warehouse, *NAMES)

    def refuse(staging: StagingTable) -> None:
        raise PermanentFailure("it is damaged")

    given = context()
    with pytest.raises(PermanentFailure, match=r"^2 failed: it is damaged \| third is held, bec"):
        operator(ids, Files({"second": refuse})).execute(given)
    assert [told["name"] for told in given["ti"].pushed["return_value"]] == ["first", "fourth"]
    assert loaded(warehouse) == [*3 * ["before"], "first", "fourth"]
    new = rows(warehouse, "vocareum.enrollment WHERE courseid <> 'before'", "xmin::text")
    assert len(set(new)) == 1
    status = rows(warehouse, "ops.delivery WHERE version = '1'", "name, status, rows_held")
    assert status == [
        ("first", "merged", 0), ("fourth", "merged", 0), ("second", "landed", 0),
        ("third", "held", 1),
    ]  # fmt: skip


def test_a_row_that_the_server_quotes_is_not_told(warehouse: Connection) -> None:
    def insert(staging: StagingTable) -> None:
        staging.conn.execute("INSERT INTO vocareum.enrollment (name) VALUES ('Ana')")

    ids = deliver(warehouse, "first")
    with pytest.raises(PermanentFailure, match="violates not-null constraint") as failure:
        operator(ids, Files({"first": insert})).execute(context())
    assert "Ana" not in str(failure.value)
