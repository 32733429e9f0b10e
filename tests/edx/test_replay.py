"""Rejected lines that are read again, on a real PostgreSQL."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.edx import events, repair
from learning_warehouse.edx.events import as_bytes, as_text
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.edx.replay import ReplayRejectsOperator
from learning_warehouse.edx.staging import stage_rejects
from learning_warehouse.warehouse import ledger, merging
from learning_warehouse.warehouse.staging_table import StagingTable
from tests.conftest import context, open_database
from tests.edx.campaign import damaged_lines
from tests.edx.loading import column, counts, line, load, replayed, rows
from tests.sessions import killed_at, rows_staged

if TYPE_CHECKING:
    from datetime import datetime

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.merging import Merged

BAD = b"no event"
LINES = [line(1), BAD, line(2, agent="a\0b"), b"", line(3), line(4, time="soon")]
CONTENT = b"\n".join(LINES)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Rules by which no line is an event, until they are undone."""

    def moment(value: Any, *, latest: datetime) -> datetime:
        raise repair.Unreadable("no time is good enough")

    def quick(self: Any, content: bytes, ordinal: int) -> None:
        return None

    monkeypatch.setattr(events, "moment_of", moment)
    monkeypatch.setattr(events.EventReader, "_quick", quick)
    return monkeypatch


def run(**params: Any) -> list[dict[str, Any]]:
    """Execute the task; what it returned for each log."""
    given = context(replay_rejects=True, **params)
    try:
        ReplayRejectsOperator(task_id="replay").execute(given)
    except AirflowSkipException:
        return given["ti"].pushed.get("return_value", [])
    merged: list[dict[str, Any]] = given["ti"].pushed["return_value"]
    assert given["outlet_events"]
    return merged


def in_ledger(conn: Connection, delivery_id: int) -> tuple[int, int, int, int]:
    row = conn.execute(
        "SELECT * FROM ops.delivery WHERE delivery_id = %s", [delivery_id]
    ).fetchone()
    assert row is not None
    return row["rows_read"], row["rows_merged"], row["rows_duplicate"], row["rows_rejected"]


def rejected(conn: Connection) -> list[int]:
    found = conn.execute("SELECT _row FROM ops.rejected_row ORDER BY delivery_id, _row")
    return [row["_row"] for row in found]


def test_lines_become_events_of_their_delivery_and_leave_the_rejects(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    first = load(warehouse, CONTENT)
    assert counts(first) == (5, 0, 0, 5)
    strict.undo()
    merged = replayed(warehouse, first.delivery_id)
    assert counts(merged) == (5, 3, 0, 2)
    assert merged.changed
    assert rows_staged(warehouse) == 0
    assert in_ledger(warehouse, first.delivery_id) == (5, 3, 0, 2)
    loaded = rows(warehouse, "_row, session, _delivery, _origin, repairs")
    assert [(row["_row"], row["session"]) for row in loaded] == [(1, "1"), (3, "2"), (4, "3")]
    assert {row["_delivery"] for row in loaded} == {first.delivery_id}
    assert rejected(warehouse) == [2, 5]


def test_it_is_as_if_they_had_been_read_so_at_first(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    told_apart = [
        damaged for damaged in damaged_lines(5, 2000) if as_bytes(as_text(damaged)) == damaged
    ]
    content = b"\n".join([line(0), *told_apart])
    first = load(warehouse, content)
    strict.undo()
    replayed(warehouse, first.delivery_id)
    # As text, for a number may have more digits than Python reads.
    columns = (
        "time, event_hash, session, username, event::text, event_text, context::text, _delivery, "
        "_extras::text"
    )
    before, left = rows(warehouse, columns, "1, 2"), rejected(warehouse)
    told = in_ledger(warehouse, first.delivery_id)
    reloaded = load(warehouse, content, reload=True)
    assert reloaded.delivery_id == first.delivery_id
    assert counts(reloaded) == told
    assert rows(warehouse, columns, "1, 2") == before
    assert rejected(warehouse) == left
    assert told[1] > 500


def test_a_line_that_is_there_by_another_log_is_a_duplicate(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    first = load(warehouse, CONTENT)
    strict.undo()
    load(warehouse, CONTENT + b"\n", "prod-edx-002/tracking.log")
    assert counts(replayed(warehouse, first.delivery_id)) == (5, 0, 3, 2)
    assert in_ledger(warehouse, first.delivery_id) == (5, 0, 3, 2)
    assert len(rows(warehouse)) == 3


def test_it_may_be_done_again(warehouse: Connection, strict: pytest.MonkeyPatch) -> None:
    first = load(warehouse, CONTENT)
    strict.undo()
    replayed(warehouse, first.delivery_id)
    before = rows(warehouse)
    again = replayed(warehouse, first.delivery_id)
    assert counts(again) == (2, 0, 0, 2)
    assert not again.changed
    assert rows(warehouse) == before
    assert in_ledger(warehouse, first.delivery_id) == (5, 3, 0, 2)


def test_two_replays_at_once(
    warehouse: Connection,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    strict: pytest.MonkeyPatch,
) -> None:
    content = b"\n".join(map(line, range(3000)))
    first = load(warehouse, content)
    strict.undo()

    def replay_apart(_: int) -> Merged:
        with closing(open_database(postgres, warehouse_name)) as conn:
            return replayed(conn, first.delivery_id)

    with ThreadPoolExecutor(3) as threads:
        merged = list(threads.map(replay_apart, range(3)))
    assert sum(m.rows_merged for m in merged) == 3000
    assert in_ledger(warehouse, first.delivery_id) == (3000, 3000, 0, 0)
    assert len(rows(warehouse)) == 3000


def test_a_reload_between_reading_and_merging(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    first = load(warehouse, CONTENT)
    strict.undo()
    staging = StagingTable(warehouse, EVENTS)
    staged = stage_rejects(staging, ledger.find(warehouse, first.delivery_id))
    load(warehouse, CONTENT, reload=True)
    before = rows(warehouse)
    assert not merging.merge_replayed(staging, staged).changed
    assert rows(warehouse) == before
    assert in_ledger(warehouse, first.delivery_id) == (5, 3, 0, 2)
    assert rejected(warehouse) == [2, 5]


def test_a_replay_that_was_killed_leaves_nothing_half_done(
    warehouse: Connection,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    strict: pytest.MonkeyPatch,
) -> None:
    first = load(warehouse, CONTENT)
    strict.undo()
    with (
        closing(open_database(postgres, warehouse_name)) as conn,
        killed_at(warehouse, "ops.delivery"),
        pytest.raises(psycopg.errors.AdminShutdown),
    ):
        replayed(conn, first.delivery_id)
    assert in_ledger(warehouse, first.delivery_id) == (5, 0, 0, 5)
    assert rejected(warehouse) == [1, 2, 3, 4, 5]
    assert rows(warehouse) == []
    assert counts(replayed(warehouse, first.delivery_id)) == (5, 3, 0, 2)


def test_bytes_that_text_cannot_hold_are_those_that_came(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    content = b"\n".join(
        [b"\0" * 826 + line(1), line(2, agent="AGENT").replace(b"AGENT", b"caf\xe9"), line(3)]
    )
    first = load(warehouse, content)
    strict.undo()
    replayed(warehouse, first.delivery_id)
    assert column(warehouse, "repairs") == [["nul"], ["utf-8"], None]
    again = load(warehouse, content, "prod-edx-002/tracking.log")
    assert counts(again) == (3, 0, 3, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"plain",
        "汉字 ü 😀".encode(),
        b"\0\0{}\0",
        b"\xff\xfe{\x00}\x00",
        b"caf\xe9 \xe4\xbd",
        rb'{"path": "C:\\xe9\\x00"}',
        b'{"path": "C:\\\\\xe9"}',
        rb"\x41\x0a\xC3\xA9",
        rb"\xc3\xa9",
    ],
)
def test_a_raw_text_tells_its_bytes(content: bytes) -> None:
    assert as_bytes(as_text(content)) == content


def test_of_a_line_that_spells_out_a_byte_the_byte_is_taken() -> None:
    assert as_bytes(as_text(rb"caf\xe9")) == b"caf\xe9"


def test_the_raw_text_of_damaged_lines_tells_their_bytes() -> None:
    """But where a byte was behind a backslash, or was spelled out."""
    lines = list(damaged_lines(21, 5000))
    wrong = [content for content in lines if as_bytes(as_text(content)) != content]
    assert all(re.search(rb"\\(?:[\0\x80-\xff]|x[0-9a-f]{2})", content) for content in wrong)
    assert len(wrong) < 150


# --- the task -------------------------------------------------------------------------------------


@pytest.fixture
def two_logs(warehouse: Connection, strict: pytest.MonkeyPatch) -> list[int]:
    """Deliveries whose lines could not be read at first, made on two days."""
    ids = [load(warehouse, CONTENT).delivery_id]
    other = b"\n".join([line(7), BAD])
    ids.append(load(warehouse, other, "prod-edx-002/tracking.log").delivery_id)
    warehouse.execute(
        "UPDATE ops.delivery SET made_at = '2017-06-08T23:59:59Z' WHERE delivery_id = %s", [ids[1]]
    )
    strict.undo()
    return ids


def test_all_that_are_left_are_replayed(
    warehouse: Connection, two_logs: list[int], connections: dict[str, Any]
) -> None:
    first, second = run()
    assert (first["delivery_id"], second["delivery_id"]) == tuple(two_logs)
    assert (first["rows_merged"], second["rows_merged"]) == (3, 1)
    assert column(warehouse, "session") == ["1", "7", "2", "3"]


@pytest.mark.parametrize(
    ("days", "which"),
    [
        ({"first_day": "2017-06-01", "last_day": "2017-06-07"}, [0]),
        ({"first_day": "2017-06-02", "last_day": "2017-06-08"}, [1]),
        ({"last_day": "2017-06-07"}, []),
        ({"earliest": True, "last_day": "2017-06-08"}, [0, 1]),
    ],
)
def test_days_are_those_on_which_the_tars_were_made(
    two_logs: list[int], connections: dict[str, Any], days: dict[str, Any], which: list[int]
) -> None:
    assert [merged["delivery_id"] for merged in run(**days)] == [two_logs[n] for n in which]


def test_it_is_done_only_where_it_is_asked_for(
    warehouse: Connection, two_logs: list[int], connections: dict[str, Any]
) -> None:
    task = ReplayRejectsOperator(task_id="replay")
    with pytest.raises(AirflowSkipException, match="replay_rejects is not set"):
        task.execute(context())
    with pytest.raises(AirflowSkipException, match="7 rejected lines would be read again"):
        task.execute(context(replay_rejects=True, dry_run=True))
    assert rows(warehouse) == []


def test_where_nothing_changes_the_task_is_skipped(
    warehouse: Connection, two_logs: list[int], connections: dict[str, Any]
) -> None:
    run()
    with pytest.raises(AirflowSkipException, match=r"No row of edx\.event changed"):
        ReplayRejectsOperator(task_id="replay").execute(context(replay_rejects=True))


def test_a_heartbeat_that_is_to_be_skipped_stays_rejected(
    warehouse: Connection, strict: pytest.MonkeyPatch
) -> None:
    heartbeat = line(1, event_source="server", event_type="/heartbeat")
    first = load(warehouse, b"\n".join([heartbeat, line(2)]))
    strict.undo()
    assert counts(replayed(warehouse, first.delivery_id, skip_heartbeat=True)) == (2, 1, 0, 1)
    assert rejected(warehouse) == [1]
    assert counts(replayed(warehouse, first.delivery_id)) == (1, 1, 0, 0)
