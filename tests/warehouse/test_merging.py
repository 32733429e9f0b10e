"""Merging: the strategies, and that any merge may be repeated, killed, doubled or late."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date
from typing import TYPE_CHECKING

import pytest
from psycopg.errors import InsufficientPrivilege

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse import connection, ledger
from learning_warehouse.warehouse.ledger import Task
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.merging import merge
from learning_warehouse.warehouse.sql import SQL_DIRECTORY
from learning_warehouse.warehouse.staging_table import StagingTable
from tests.conftest import open_database
from tests.warehouse.roads import (
    ASSET,
    BY,
    ENROLLMENT,
    VIDEOVIEW,
    delivered,
    load,
    load_all,
    reader,
    rows,
)

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.batches import Merged
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Incoming

HEADER = b"userid,courseid,name\n"
WEEK = (date(2026, 1, 5), date(2026, 1, 12))


def enrolled(*names: str) -> bytes:
    """An enrollment file with these names."""
    return HEADER + b"".join(f"{i},2,{name}\n".encode() for i, name in enumerate(names))


def viewed(*days: int, minutes: int = 50) -> bytes:
    """A videoview report with a beat on each of these days of January."""
    return b"event_timestamp,duration_Minute\n" + b"".join(
        f"2026-01-{day:02} 10:00:00,{minutes}\n".encode() for day in days
    )


def names(conn: Connection) -> list[str]:
    """The names that are in the table."""
    return [name for (name,) in rows(conn, "vocareum.enrollment", "name")]


def beats(conn: Connection) -> list[tuple[int, int]]:
    """Day of January and duration of each beat in the table."""
    day = "extract(day FROM event_timestamp)::int"
    return [(d, m) for d, m in rows(conn, "echo360.videoview", f"{day} AS d, duration_minute::int")]


def test_the_newest_version_of_a_file_is_current(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2).rows_merged == 2
    assert names(warehouse) == ["Al", "Cy"]
    assert rows(warehouse, "ops.delivery", "version, superseded_by") == [("1", 2), ("2", None)]


def test_an_older_delivery_merged_after_a_newer_one_changes_nothing(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    late = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert (late.rows_merged, late.rows_superseded, late.changed) == (0, 2, False)
    assert names(warehouse) == ["Al", "Cy"]
    assert ("1", 1) in rows(warehouse, "ops.delivery", "version, superseded_by")


def test_an_unchanged_file_is_not_rewritten(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    again = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 3)
    assert (again.rows_duplicate, again.changed) == (2, False)
    assert set(rows(warehouse, "vocareum.enrollment", "_delivery")) == {(1,)}
    between = load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    assert between.rows_superseded == 2, "what confirmed the rows is newer than this one"
    assert names(warehouse) == ["Al", "Bo"]


def test_reload_alone_may_go_back(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    assert load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1).rows_merged == 2
    assert names(warehouse) == ["Al", "Cy"], "merged before, and not asked to reload"
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1, reload=True)
    assert names(warehouse) == ["Al", "Bo"]
    assert rows(warehouse, "ops.delivery", "version, superseded_by") == [("1", None), ("2", 1)]


def test_a_file_that_would_shrink_by_more_than_half_is_held(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo", "Cy"), 1)
    with pytest.raises(PermanentFailure, match=r"shrink file from 3 to 1 rows.*accept_shrink"):
        load(warehouse, ENROLLMENT, enrolled("Al") + b"no record\n", 2)
    assert names(warehouse) == ["Al", "Bo", "Cy"]
    counts = "version, status, rows_read, rows_merged, rows_held, rows_rejected"
    assert rows(warehouse, "ops.delivery", counts) == [
        ("1", "merged", 3, 3, 0, 0),
        ("2", "held", 2, 0, 1, 1),
    ]
    assert rows(warehouse, "ops.rejected_row", "raw") == [("no record",)]
    load(warehouse, ENROLLMENT, enrolled("Al"), 2, accept_shrink=True)
    assert names(warehouse) == ["Al"]


def test_a_reload_that_would_shrink_leaves_its_line_as_it_was(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo", "Cy"), 2)
    with pytest.raises(
        PermanentFailure, match="alone with the Params of this run and accept_shrink"
    ):
        load(warehouse, ENROLLMENT, enrolled("Al"), 1, reload=True)
    assert rows(warehouse, "ops.delivery", "version, status") == [("1", "merged"), ("2", "merged")]
    load(warehouse, ENROLLMENT, enrolled("Al"), 1, reload=True, accept_shrink=True)
    assert names(warehouse) == ["Al"]


def test_a_day_that_would_shrink_names_what_to_run_again(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, viewed(5, 6, 6, 6), 1, days=WEEK)
    again = "accept_shrink, reload, first_day 2026-01-06, last_day 2026-01-06"
    with pytest.raises(PermanentFailure, match=f"run again for videoview alone with {again}"):
        load(warehouse, VIDEOVIEW, viewed(5, 6), 2, days=WEEK)


def test_days_are_replaced_one_by_one_with_their_multiplicity(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, viewed(5, 5, 6, 7), 1, days=WEEK, name="week")
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    load(warehouse, VIDEOVIEW, viewed(6, minutes=20), 2, days=one_day, name="day")
    late = load(warehouse, VIDEOVIEW, viewed(6, minutes=10), 1, days=one_day, name="late")
    assert late.rows_superseded == 1
    assert beats(warehouse) == [(5, 50), (5, 50), (6, 20), (7, 50)]
    week = load(warehouse, VIDEOVIEW, viewed(5, 5, 6, 7), 3, days=WEEK, name="week")
    assert (week.rows_merged, week.rows_duplicate) == (1, 3)
    assert beats(warehouse) == [(5, 50), (5, 50), (6, 50), (7, 50)]


def test_days_that_are_loaded_are_compared_and_new_ones_are_not(warehouse: Connection) -> None:
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    day = load(warehouse, VIDEOVIEW, viewed(6, 6), 1, days=one_day, name="day")
    week = load(warehouse, VIDEOVIEW, viewed(5, 6, 6, 7), 2, days=WEEK, name="week")
    assert (day.rows_merged, week.rows_merged, week.rows_duplicate) == (2, 2, 2)
    assert beats(warehouse) == [(5, 50), (6, 50), (6, 50), (7, 50)]


def test_a_day_without_rows_is_current_too(warehouse: Connection) -> None:
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    load(warehouse, VIDEOVIEW, viewed(), 2, days=one_day, name="empty")
    late = load(warehouse, VIDEOVIEW, viewed(6), 1, days=one_day, name="late")
    assert late.rows_superseded == 1
    assert beats(warehouse) == []


def test_the_newest_snapshot_of_a_day_is_current(warehouse: Connection) -> None:
    def snapshot(day: int, version: int, *videos: str) -> Merged:
        content = b"video_name\n" + "".join(f"{video}\n" for video in videos).encode()
        days = (date(2026, 1, day), date(2026, 1, day + 1))
        return load(warehouse, ASSET, content, version, name=f"asset {version}", days=days)

    snapshot(5, 1, "a", "b")
    snapshot(5, 3, "a", "c")
    snapshot(5, 2, "a", "d")
    snapshot(6, 4, "a")
    assert rows(warehouse, "echo360.asset", "extract(day FROM snapshot_day)::int, video_name") == [
        (5, "a"),
        (5, "c"),
        (6, "a"),
    ]


@pytest.mark.parametrize("versions", [(1, 1), (1, 2)])
def test_two_replaces_of_the_same_day_at_once(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str, versions: list[int]
) -> None:
    """Without a lock taken before the DELETE, the second would not see the first one's rows."""
    content = viewed(*[5] * 500)
    deliveries = [delivered(warehouse, VIDEOVIEW, version, days=WEEK) for version in versions]

    def run(delivery: Delivery) -> None:
        with closing(open_database(postgres, warehouse_name)) as conn:
            staging = StagingTable(conn, VIDEOVIEW)
            with reader(VIDEOVIEW, content)(staging.table, delivery) as incoming:
                staged = incoming.stage(staging)
            start.wait()
            merge(staging, [staged], by=BY)

    start = threading.Barrier(2)
    with ThreadPoolExecutor() as threads:
        list(threads.map(run, deliveries))
    assert beats(warehouse) == [(5, 50)] * 500


def test_a_crash_of_the_server_between_staging_and_merging(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    """Nothing is left of what was staged; the next try loads it."""
    delivery = delivered(warehouse, ENROLLMENT, 1)
    read = reader(ENROLLMENT, enrolled("Al", "Bo"))
    warehouse.execute("CHECKPOINT")

    @contextmanager
    def read_and_crash(table: Table, delivery: Delivery) -> Iterator[Incoming]:
        with read(table, delivery) as incoming:
            yield incoming
        postgres.kill()
        postgres.restart()

    with pytest.raises(TransientFailure):
        load_all(warehouse, [delivery], ENROLLMENT, read_and_crash)
    with closing(open_database(postgres, warehouse_name)) as conn:
        assert names(conn) == []
        for _ in range(2):
            (merged,) = load_all(conn, [ledger.find(conn, 1)], ENROLLMENT, read)
            assert merged.rows_merged == 2
        assert names(conn) == ["Al", "Bo"]


def test_a_column_that_a_migration_has_added_since_is_filled(warehouse: Connection) -> None:
    """The staging table is made again by each task."""
    load(warehouse, ENROLLMENT, enrolled("Bo"), 1)
    warehouse.execute("ALTER TABLE vocareum.enrollment ADD COLUMN pronouns text")
    load(warehouse, ENROLLMENT, b"userid,courseid,name,pronouns\n1,2,Al,he\n", 2)
    assert rows(warehouse, "vocareum.enrollment", "name, pronouns") == [("Al", "he")]


def test_a_load_that_is_repeated_counts_what_it_had_merged(warehouse: Connection) -> None:
    first = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    again = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert again.rows_merged == first.rows_merged == 2
    assert again.changed, "killed after its commit, it has told nobody yet"
    assert names(warehouse) == ["Al", "Cy"]


def test_a_reload_that_is_repeated_after_its_commit_is_a_change(warehouse: Connection) -> None:
    """Killed after its commit, it has told nobody yet."""
    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    load(warehouse, ENROLLMENT, enrolled("Bo"), 2)
    for _ in range(2):
        assert load(warehouse, ENROLLMENT, enrolled("Al"), 1, reload=True).changed
    delivery = ledger.find(warehouse, 1)
    another = Task("dag", "another run", "load")
    read = reader(ENROLLMENT, enrolled("Al"))
    (again,) = load_all(warehouse, [delivery], ENROLLMENT, read, by=another, reload=True)
    assert (again.rows_merged, again.changed) == (1, False)


def test_what_another_task_merged_is_no_change_of_this_one(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert rows(warehouse, "ops.delivery", "dag_id, run_id, task_id") == [BY]
    delivery = ledger.find(warehouse, 1)
    another = Task("dag", "another run", "load")
    (seen,) = load_all(warehouse, [delivery], ENROLLMENT, reader(ENROLLMENT, b""), by=another)
    assert (seen.rows_merged, seen.changed) == (2, False)


def test_a_delivery_that_a_rival_merges_while_it_is_staged(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    """Of a batch it is left out, and the rest is merged."""
    deliveries = [delivered(warehouse, ENROLLMENT, 1, name=name) for name in ("one", "two")]
    read = reader(ENROLLMENT, enrolled("Al", "Bo"))

    @contextmanager
    def read_late(table: Table, delivery: Delivery) -> Iterator[Incoming]:
        with read(table, delivery) as incoming:
            yield incoming
        if delivery.name == "two":
            with closing(open_database(postgres, warehouse_name)) as rival:
                load_all(rival, [delivery], ENROLLMENT, read)

    merged = load_all(warehouse, deliveries, ENROLLMENT, read_late)
    assert [(one.name, one.rows_merged) for one in merged] == [("one", 2), ("two", 2)]
    assert names(warehouse) == ["Al", "Al", "Bo", "Bo"]


def test_a_reader_of_the_warehouse_cannot_hold_a_merge_back(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    warehouse.execute("CREATE ROLE nosy IN ROLE learning_warehouse_reader")
    try:
        warehouse.execute("SET ROLE nosy")
        for lock in (
            "SELECT * FROM ops.dataset_lock FOR UPDATE",
            "SELECT * FROM ops.delivery FOR UPDATE",
            "SELECT * FROM ops.migration_lock FOR UPDATE",
            "BEGIN; LOCK TABLE vocareum.enrollment IN ACCESS EXCLUSIVE MODE",
        ):
            with pytest.raises(InsufficientPrivilege):
                warehouse.execute(lock.encode())
            warehouse.rollback()
        warehouse.execute("RESET ROLE")
        with closing(open_database(postgres, warehouse_name)) as conn, conn.transaction():
            conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('merge ' || 'x', 0))")
            load(warehouse, ENROLLMENT, enrolled("Bo"), 2)
    finally:
        warehouse.execute("RESET ROLE")
        warehouse.execute("DROP ROLE nosy")
    assert names(warehouse) == ["Bo"]
    statements = {path.name: path.read_text() for path in SQL_DIRECTORY.rglob("*.sql")}
    anybodys = [name for name, text in statements.items() if "advisory" in text]
    assert anybodys == [], "an advisory lock may be taken and kept by anybody"


def test_a_lock_that_is_not_free_in_time_is_named(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    with closing(open_database(postgres, warehouse_name)) as rival, rival.transaction():
        lock_dataset(rival, ENROLLMENT.table)
        warehouse.execute("SET lock_timeout = '100ms'")
        with pytest.raises(TransientFailure, match=r"a lock was not free in time.*the next try"):
            load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al"), 2)
    assert names(warehouse) == ["Al"]


def test_migrations_wait_for_a_lock_and_not_for_ever(
    postgres: EmbeddedPostgres,
    warehouse: Connection,
    warehouse_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "LIMITS", "-c lock_timeout=100ms")
    warehouse.execute("DELETE FROM ops._yoyo_migration WHERE migration_id = '0007_readers'")
    with warehouse.transaction():
        warehouse.execute("SELECT FROM ops.migration_lock FOR UPDATE")
        with pytest.raises(TransientFailure, match="could not be migrated, because another"):
            open_database(postgres, warehouse_name)
    open_database(postgres, warehouse_name).close()


def test_a_merge_that_met_a_deadlock_is_made_again(
    warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute(
        "CREATE SEQUENCE public.tries; "
        "CREATE FUNCTION public.meet() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "IF nextval('public.tries') < 3 THEN RAISE EXCEPTION 'met' USING ERRCODE = '40P01'; "
        "END IF; RETURN NULL; END$$; "
        "CREATE TRIGGER meet AFTER INSERT ON vocareum.enrollment "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.meet()"
    )
    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    assert names(warehouse) == ["Al"]
    assert caplog.text.count("was in a deadlock with another task") == 2


def test_the_ledger_refuses_counts_that_do_not_add_up(warehouse: Connection) -> None:
    from psycopg.errors import CheckViolation

    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    with pytest.raises(CheckViolation):
        warehouse.execute("UPDATE ops.delivery SET rows_read = 9")


def test_many_first_steps_at_once_migrate_once(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("migrated_at_once")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            open_database(postgres, "migrated_at_once").close()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
