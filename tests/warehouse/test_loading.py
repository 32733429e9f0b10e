"""Batches of deliveries: small ones share a transaction, each with its own counts; a bad one fails
alone."""

from __future__ import annotations

import io
import shutil
import subprocess
from contextlib import closing, contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.sql import SQL

from learning_warehouse.errors import Failures, PermanentFailure, TransientFailure
from learning_warehouse.warehouse import ledger, loading
from learning_warehouse.warehouse.staging import csv_reader
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
    from collections.abc import Iterator
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader

HEADER = b"userid,courseid,name\n"
COUNTS = "name, rows_read, rows_merged, rows_duplicate, rows_superseded, rows_held, rows_rejected"


def reads(dataset: Dataset, contents: dict[str, bytes]) -> Reader:
    """Reads of each delivery the content that its name has."""
    return csv_reader(dataset, lambda delivery: io.BytesIO(contents[delivery.name]))


def transactions(conn: Connection) -> list[tuple[Any, ...]]:
    """The deliveries by the transaction in which their lines were written last."""
    return sorted(
        tuple(sorted(row["names"]))
        for row in conn.execute("SELECT array_agg(name) AS names FROM ops.delivery GROUP BY xmin")
    )


def enrolled(*names: str) -> bytes:
    """An enrollment file with these names."""
    return HEADER + b"".join(f"{i},2,{name}\n".encode() for i, name in enumerate(names))


def deliver(conn: Connection, contents: dict[str, bytes], version: int = 1) -> list[Delivery]:
    """Enter enrollment files into the ledger."""
    return [delivered(conn, ENROLLMENT, version, name=name) for name in contents]


def test_small_files_share_a_transaction_and_each_has_its_counts(warehouse: Connection) -> None:
    contents = {
        "a": enrolled("Al", "Bo"),
        "b": enrolled("Cy") + b"no record\n",
        "c": HEADER,
        "d": enrolled("Di", "Ed", "Fi"),
    }
    merged = load_all(
        warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents)
    )
    assert [one.name for one in merged] == ["a", "b", "c", "d"]
    assert transactions(warehouse) == [("a", "b", "c", "d")]
    assert rows(warehouse, "ops.delivery", COUNTS) == [
        ("a", 2, 2, 0, 0, 0, 0),
        ("b", 2, 1, 0, 0, 0, 1),
        ("c", 0, 0, 0, 0, 0, 0),
        ("d", 3, 3, 0, 0, 0, 0),
    ]
    assert rows(warehouse, "vocareum.enrollment", "_delivery, _row, name") == [
        (1, 1, "Al"), (1, 2, "Bo"), (2, 1, "Cy"), (4, 1, "Di"), (4, 2, "Ed"), (4, 3, "Fi"),
    ]  # fmt: skip
    assert rows(warehouse, "ops.rejected_row", "delivery_id, _row, line") == [(2, 2, 3)]


MIXED = {
    "plain": enrolled("Al", "Bo"),
    "without an end": enrolled("Cy").removesuffix(b"\n"),
    "of Windows": enrolled("Di", "Ed").replace(b"\n", b"\r\n"),
    "quoted": HEADER + b'1,2,"Fi, ""G"""\n2,2,""\n',
    "empty": HEADER,
    "in another order": b"name|courseid|userid\nHal|2|1\n",
    "blanks after commas": b"userid, courseid, name\n1, 2, Ida\n",
    "over two lines": HEADER + b'1,2,"Jo\nKay"\n2,2,Lea\n',
    "one too long": HEADER + b"1,2,Mo,more\n2,2,Ned\n",
    "one too short": HEADER + b"1\n2,2,Oz\n",
    "an id with blanks": HEADER + b"1,2,Pia\n  2 ,2,Quin\n",
    "a word": HEADER + b"1,2,today\n",
    "a required value missing": HEADER + b",2,Ray\n2,2,Sue\n",
    "a blank line": HEADER + b"1,2,Tom\n\n2,2,Una\n",
    "a stray quote": HEADER + b'1,2,V"i\n2,2,Wes\n',
    "old line ends": HEADER + b"1,2,Xi\r2,2,Yo\r",
    "plain too": enrolled("Zoe"),
}


def test_files_that_are_copied_together_have_the_rows_that_each_has_alone(
    warehouse: Connection,
) -> None:
    parts = "d.name, t._row, t.userid, t.name, t._extras"
    found = "ops.delivery AS d JOIN vocareum.enrollment AS t ON t._delivery = d.delivery_id"
    rejected = "ops.delivery AS d JOIN ops.rejected_row AS r USING (delivery_id)"

    def outcome() -> list[Any]:
        return [
            rows(warehouse, "ops.delivery", COUNTS),
            rows(warehouse, found, parts),
            rows(warehouse, rejected, "d.name, r._row, r.line, r.raw, r.reason"),
        ]

    read = reads(ENROLLMENT, MIXED)
    for delivery in deliver(warehouse, MIXED):
        load_all(warehouse, [delivery], ENROLLMENT, read)
    alone = outcome()
    warehouse.execute("TRUNCATE ops.delivery, vocareum.enrollment CASCADE")
    load_all(warehouse, deliver(warehouse, MIXED), ENROLLMENT, read)
    assert outcome() == alone


def test_small_files_are_copied_together(warehouse: Connection, tmp_path: Path) -> None:
    """One that COPY refuses is found by halves."""
    contents = {f"f{n}": enrolled("Al", "Bo") for n in range(64)}
    copies = []
    for odd in (b"", b" 1 ,2,Cy\n"):
        contents["f9"] += odd
        deliveries = deliver(warehouse, contents, len(copies) + 1)
        with (tmp_path / "trace").open("w+") as trace:
            warehouse.pgconn.trace(trace.fileno())
            load_all(warehouse, deliveries, ENROLLMENT, reads(ENROLLMENT, contents))
            warehouse.pgconn.untrace()
            trace.seek(0)
            copies.append(trace.read().count("CopyInResponse"))
    assert copies[0] == 1
    assert copies[1] < 64 / 2
    assert rows(warehouse, "vocareum.enrollment WHERE name = 'Cy'", "userid") == [("1",)]


def test_in_a_batch_some_are_confirmed_some_superseded_some_held(warehouse: Connection) -> None:
    before = {name: enrolled("Al", "Bo", "Cy") for name in "abcd"}
    load_all(warehouse, deliver(warehouse, before, 2), ENROLLMENT, reads(ENROLLMENT, before))
    contents = {
        "a": before["a"],
        "b": enrolled("Di", "Ed"),
        "c": enrolled("Fi"),
        "e": enrolled("Gi"),
    }
    deliveries = deliver(warehouse, contents, 3)
    late = {"d": enrolled("Old")}
    deliveries += deliver(warehouse, late, 1)
    with pytest.raises(
        PermanentFailure, match=r"^c is held, because it would shrink c from 3 to 1"
    ):
        load_all(warehouse, deliveries, ENROLLMENT, reads(ENROLLMENT, contents | late))
    assert rows(warehouse, "ops.delivery WHERE version <> '2'", COUNTS) == [
        ("a", 3, 0, 3, 0, 0, 0),
        ("b", 2, 2, 0, 0, 0, 0),
        ("c", 1, 0, 0, 0, 1, 0),
        ("d", 1, 0, 0, 1, 0, 0),
        ("e", 1, 1, 0, 0, 0, 0),
    ]
    current = rows(warehouse, "vocareum.enrollment", "_delivery, name")
    assert current == sorted(
        [(n, name) for n in (1, 3, 4) for name in ("Al", "Bo", "Cy")]
        + [(6, "Di"), (6, "Ed"), (8, "Gi")]
    )
    parts = rows(warehouse, "ops.current_part", "part, delivery_id, version")
    assert parts == [("a", 1, "3"), ("b", 6, "3"), ("c", 3, "2"), ("d", 4, "2"), ("e", 8, "3")]


def test_versions_of_a_file_never_share_a_batch(warehouse: Connection) -> None:
    deliveries = [delivered(warehouse, ENROLLMENT, version) for version in (1, 2, 3)]
    contents = {1: enrolled("Al"), 2: enrolled("Bo"), 3: enrolled("Cy")}
    read = csv_reader(ENROLLMENT, lambda delivery: io.BytesIO(contents[int(delivery.version)]))
    load_all(warehouse, deliveries, ENROLLMENT, read)
    assert rows(warehouse, "vocareum.enrollment", "name") == [("Cy",)]
    assert rows(warehouse, "ops.delivery", "version, rows_merged, superseded_by") == [
        ("1", 1, 2), ("2", 1, 3), ("3", 1, None),
    ]  # fmt: skip


def beats(*days: int) -> bytes:
    """A videoview report with a beat on each of these days of January."""
    return b"event_timestamp,duration_Minute\n" + b"".join(
        f"2026-01-{day:02} 10:00:00,50\n".encode() for day in days
    )


def windows(conn: Connection, *spans: tuple[int, int]) -> list[Delivery]:
    """Requests for windows of January, each made later than the one before."""
    return [
        delivered(
            conn, VIDEOVIEW, version, name=f"window {version}",
            days=(date(2026, 1, first), date(2026, 1, end)),
        )
        for version, (first, end) in enumerate(spans, start=1)
    ]  # fmt: skip


def test_windows_share_a_batch_unless_they_overlap(warehouse: Connection) -> None:
    contents = {
        "window 1": beats(5, 5, 6),
        "window 2": beats(8, 9),
        "window 3": beats(6, 7),
        "window 4": beats(20),
    }
    deliveries = windows(warehouse, (5, 7), (8, 11), (6, 8), (20, 21))
    load_all(warehouse, deliveries, VIDEOVIEW, reads(VIDEOVIEW, contents))
    assert transactions(warehouse) == [("window 1", "window 2"), ("window 3", "window 4")]
    day = "extract(day FROM event_timestamp)::int, _delivery"
    found = sorted(rows(warehouse, "echo360.videoview", day))
    assert found == [(5, 1), (5, 1), (6, 1), (7, 3), (8, 2), (9, 2), (20, 4)]
    assert rows(warehouse, "ops.current_part", "part, delivery_id") == [
        ("2026-01-05", 1), ("2026-01-06", 1), ("2026-01-07", 3), ("2026-01-08", 2),
        ("2026-01-09", 2), ("2026-01-10", 2), ("2026-01-20", 4),
    ]  # fmt: skip


def test_of_windows_in_a_batch_one_is_held(warehouse: Connection) -> None:
    contents = {"window 1": beats(5, 5, 5), "window 2": beats(6, 6, 6)}
    load_all(warehouse, windows(warehouse, (5, 6), (6, 7)), VIDEOVIEW, reads(VIDEOVIEW, contents))
    later = [
        delivered(
            warehouse, VIDEOVIEW, 3, name=f"later {day}",
            days=(date(2026, 1, day), date(2026, 1, day + 1)),
        )
        for day in (5, 6)
    ]  # fmt: skip
    contents = {"later 5": beats(5), "later 6": beats(6, 6)}
    with pytest.raises(PermanentFailure, match="later 5 is held"):
        load_all(warehouse, later, VIDEOVIEW, reads(VIDEOVIEW, contents))
    found = rows(warehouse, "echo360.videoview", "_delivery")
    assert found == [(1,), (1,), (1,), (4,), (4,)]


def test_snapshots_of_several_days_share_a_batch(warehouse: Connection) -> None:
    deliveries = [
        delivered(
            warehouse, ASSET, 1, name=f"asset {day}",
            days=(date(2026, 1, day), date(2026, 1, day + 1)),
        )
        for day in (5, 6)
    ]  # fmt: skip
    load_all(warehouse, deliveries, ASSET, reader(ASSET, b"video_name\na\nb\n"))
    assert transactions(warehouse) == [("asset 5", "asset 6")]
    found = rows(warehouse, "echo360.asset", "extract(day FROM snapshot_day)::int, video_name")
    assert found == [(5, "a"), (5, "b"), (6, "a"), (6, "b")]


def test_a_damaged_file_fails_alone_and_the_rest_of_its_batch_is_loaded(
    warehouse: Connection,
) -> None:
    contents = {
        "a": enrolled("Al"),
        "b": b"\x1f\x8b\x08 no gzip",
        "c": b"another,header\n1,2\n",
        "d": enrolled("Di"),
    }
    deliveries = deliver(warehouse, contents)
    with pytest.raises(PermanentFailure, match=r"^2 failed: .*b cannot be gunzipped.*c has no col"):
        load_all(warehouse, deliveries, ENROLLMENT, reads(ENROLLMENT, contents))
    assert rows(warehouse, "vocareum.enrollment", "name") == [("Al",), ("Di",)]
    assert rows(warehouse, "ops.delivery", "name, status") == [
        ("a", "merged"), ("b", "landed"), ("c", "landed"), ("d", "merged"),
    ]  # fmt: skip


TRIES = "delivery_id, sentence, dag_id, run_id, task_id"


def test_each_failed_try_leaves_its_sentence_in_the_ledger(warehouse: Connection) -> None:
    contents = {"a": enrolled("Al"), "b": b"nothing of the kind\n"}
    deliveries = deliver(warehouse, contents)
    for _ in range(2):
        with pytest.raises(PermanentFailure) as failure:
            load_all(warehouse, deliveries, ENROLLMENT, reads(ENROLLMENT, contents))
    tried = (deliveries[1].delivery_id, str(failure.value), *BY)
    assert rows(warehouse, "ops.failed_try", TRIES) == [tried, tried]


def test_a_delivery_that_is_held_leaves_its_sentence_in_the_ledger(warehouse: Connection) -> None:
    before, after = {"a": enrolled("Al", "Bo", "Cy")}, {"a": enrolled("Al")}
    load_all(warehouse, deliver(warehouse, before, 1), ENROLLMENT, reads(ENROLLMENT, before))
    held = deliver(warehouse, after, 2)
    with pytest.raises(PermanentFailure) as failure:
        load_all(warehouse, held, ENROLLMENT, reads(ENROLLMENT, after))
    assert rows(warehouse, "ops.failed_try", TRIES) == [
        (held[0].delivery_id, str(failure.value), *BY)
    ]


def test_what_is_held_for_its_rejected_rows_says_so_and_may_not_be_accepted(
    warehouse: Connection,
) -> None:
    before = {"a": enrolled(*("Al" for _ in range(40)))}
    load_all(warehouse, deliver(warehouse, before, 1), ENROLLMENT, reads(ENROLLMENT, before))
    ragged = {"a": HEADER + b"7,2,Al,secret,more\n" * 40}
    with pytest.raises(PermanentFailure) as failure:
        load_all(warehouse, deliver(warehouse, ragged, 2), ENROLLMENT, reads(ENROLLMENT, ragged))
    assert str(failure.value).startswith(
        "a is held, because 40 of its 40 rows were rejected (line 2: it has 5 fields where the "
        "header has 3), and without them it would shrink a from 40 to 0 rows: look at it"
    )
    assert "accept_shrink" not in str(failure.value)
    held = "name, status, rows_read, rows_held, rows_rejected"
    assert rows(warehouse, "ops.delivery WHERE version = '2'", held) == [("a", "held", 40, 0, 40)]
    assert len(rows(warehouse, "ops.rejected_row")) == 40
    assert len(rows(warehouse, "vocareum.enrollment")) == 40


def test_the_reason_of_what_is_held_quotes_no_value(warehouse: Connection) -> None:
    header = b"event_timestamp,duration_Minute,first_Name\n"
    days = (date(2026, 1, 5), date(2026, 1, 6))
    good = header + b"2026-01-05 10:00:00,50,Al\n" * 4
    load(warehouse, VIDEOVIEW, good, 1, name="a", days=days)
    bad = header + b"it's O'Neill,Jo ''Di'' \\,Al\n" * 4
    with pytest.raises(PermanentFailure, match="is held, because 4 of its 4 rows") as failure:
        load(warehouse, VIDEOVIEW, bad, 2, name="a", days=days)
    assert "(line 2: event_timestamp: … is no timestamptz; duration_minute: … is no " in str(
        failure.value
    )
    assert not any(name in str(failure.value) for name in ("Neill", "Di", "Jo"))


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("shrinks", [True, False])
def test_a_version_that_cannot_be_loaded_is_replaced_by_a_newer_one(
    warehouse: Connection, shrinks: bool, newest_first: bool
) -> None:
    contents = {
        "1": enrolled("Al", "Bo", "Cy"),
        "2": enrolled("Al") if shrinks else b"nothing of the kind\n",
        "3": enrolled("Di", "Ed", "Fi"),
    }
    read = csv_reader(ENROLLMENT, lambda delivery: io.BytesIO(contents[delivery.version]))
    first, old, new = (delivered(warehouse, ENROLLMENT, version) for version in (1, 2, 3))
    load_all(warehouse, [first], ENROLLMENT, read)
    load_all(warehouse, [new, old] if newest_first else [old, new], ENROLLMENT, read)
    assert rows(warehouse, "vocareum.enrollment", "name") == [("Di",), ("Ed",), ("Fi",)]
    # Beside a newer version it shrinks nothing: its row counts as superseded.
    status = "merged" if shrinks and newest_first else "replaced"
    assert rows(warehouse, "ops.delivery", "version, status, superseded_by") == [
        ("1", "merged", new.delivery_id),
        ("2", status, new.delivery_id),
        ("3", "merged", None),
    ]


def test_a_version_that_failed_before_is_replaced_once_a_newer_one_is_loaded(
    warehouse: Connection,
) -> None:
    contents = {"1": b"nothing of the kind\n", "2": enrolled("Al")}
    read = csv_reader(ENROLLMENT, lambda delivery: io.BytesIO(contents[delivery.version]))
    old, new = (delivered(warehouse, ENROLLMENT, version) for version in (1, 2))
    with pytest.raises(PermanentFailure):
        load_all(warehouse, [old], ENROLLMENT, read)
    load_all(warehouse, [new], ENROLLMENT, read)
    assert rows(warehouse, "ops.delivery", "version, status, superseded_by") == [
        ("1", "replaced", new.delivery_id), ("2", "merged", None),
    ]  # fmt: skip
    assert len(rows(warehouse, "ops.failed_try")) == 1


def test_a_window_is_replaced_once_newer_ones_have_all_its_days(warehouse: Connection) -> None:
    def window(version: int, first: int, last: int) -> Delivery:
        days = (date(2026, 1, first), date(2026, 1, last + 1))
        name = f"{first} to {last}"
        return delivered(warehouse, VIDEOVIEW, version, name=name, days=days)

    bad = window(1, 1, 3)
    with pytest.raises(PermanentFailure):
        load_all(warehouse, [bad], VIDEOVIEW, reader(VIDEOVIEW, b"nothing of the kind\n"))
    found = []
    for first, last in ((1, 2), (3, 3)):
        newer = window(2, first, last)
        load_all(warehouse, [newer], VIDEOVIEW, reader(VIDEOVIEW, beats(first, last)))
        found += rows(warehouse, "ops.delivery WHERE version = '1'", "status, superseded_by")
    assert found == [("landed", None), ("replaced", newer.delivery_id)]


def test_a_file_that_the_table_refuses_fails_alone(warehouse: Connection) -> None:
    """Staged it was well; a batch of which one cannot be merged is merged one by one."""
    warehouse.execute("ALTER TABLE vocareum.enrollment ADD CONSTRAINT no_bo CHECK (name <> 'Bo')")
    contents = {"a": enrolled("Al"), "b": enrolled("Bo"), "c": enrolled("Cy")}
    with pytest.raises(
        PermanentFailure, match=r"b was not loaded, because the table refuses .*no_bo"
    ):
        load_all(warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents))
    assert rows(warehouse, "vocareum.enrollment", "name, _row") == [("Al", 1), ("Cy", 1)]
    assert rows(warehouse, "ops.delivery", COUNTS + ", status") == [
        ("a", 1, 1, 0, 0, 0, 0, "merged"),
        ("b", 0, 0, 0, 0, 0, 0, "landed"),
        ("c", 1, 1, 0, 0, 0, 0, "merged"),
    ]


def test_what_could_not_be_merged_is_gone_before_the_next_batch(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MOST_DELIVERIES", 1)
    warehouse.execute("ALTER TABLE vocareum.enrollment ADD CONSTRAINT no_bo CHECK (name <> 'Bo')")
    contents = {"a": enrolled("Bo"), "b": enrolled("Cy")}
    with pytest.raises(PermanentFailure, match="a was not loaded"):
        load_all(warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents))
    assert rows(warehouse, "vocareum.enrollment", "name, _delivery") == [("Cy", 2)]
    temporary = "pg_class WHERE relpersistence = 't' AND relkind = 'r'"
    assert len(rows(warehouse, temporary, "relname")) == 2, "one table for rows, one for rejects"


def test_what_could_not_be_staged_takes_no_room_in_the_table(warehouse: Connection) -> None:
    """Until a TRUNCATE, readers of the table pass by it."""
    staging = StagingTable(warehouse, ENROLLMENT)
    delivery = delivered(warehouse, ENROLLMENT, 1)
    fill = SQL("INSERT INTO {} (userid, courseid) SELECT n, 2 FROM generate_series(1, %s) AS n")
    with pytest.raises(RuntimeError), staging.filling(delivery):
        warehouse.execute(fill.format(staging.rows), [10_000])
        raise RuntimeError
    with staging.filling(delivery):
        warehouse.execute(fill.format(staging.rows), [1])
    size = warehouse.execute(
        SQL("SELECT pg_relation_size({}::regclass) AS size").format(staging.rows.as_string())
    ).fetchone()
    assert size == {"size": 8192}


def test_files_with_other_unknown_headers_go_in_another_batch(warehouse: Connection) -> None:
    contents = {
        "a": b"userid,courseid,shoe size\n1,2,43\n",
        "b": b"userid,courseid,shoe size\n3,4,\n",
        "c": b"userid,courseid,hat,shoe size\n5,6,8,44\n7,8\n",
        "d": HEADER + b"9,2,Di\n",
    }
    load_all(warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents))
    assert transactions(warehouse) == [("a", "b"), ("c",), ("d",)]
    assert rows(warehouse, "vocareum.enrollment", "userid, _extras") == [
        ("1", {"shoe size": "43"}),
        ("3", None),
        ("5", {"hat": "8", "shoe size": "44"}),
        ("9", None),
    ]
    assert rows(warehouse, "ops.rejected_row", "raw") == [("7,8",)]


def test_a_batch_ends_after_so_many_deliveries_or_bytes(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {f"f{n}": enrolled("Al", "Bo") for n in range(6)}
    monkeypatch.setattr(loading, "MOST_DELIVERIES", 2)
    load_all(warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents))
    assert transactions(warehouse) == [("f0", "f1"), ("f2", "f3"), ("f4", "f5")]
    monkeypatch.setattr(loading, "MOST_DELIVERIES", 500)
    monkeypatch.setattr(loading, "MOST_BYTES", 2 * len(contents["f0"]))
    contents = {f"g{n}": enrolled("Al", "Bo") for n in range(4)}
    load_all(warehouse, deliver(warehouse, contents), ENROLLMENT, reads(ENROLLMENT, contents))
    assert transactions(warehouse)[3:] == [("g0", "g1"), ("g2", "g3")]


def test_the_rows_of_origins_keep_their_own(warehouse: Connection) -> None:
    made = deliver(warehouse, {"a": b""})[0]
    there = ledger.deliver(
        warehouse, dataset=ENROLLMENT.table, origin="there", name="a", version="1",
        made_at=made.made_at, uri=made.uri, size=None,
    )  # fmt: skip
    load_all(warehouse, [made, there], ENROLLMENT, reader(ENROLLMENT, enrolled("Al")))
    assert rows(warehouse, "vocareum.enrollment", "_origin, _delivery") == [
        ("here", 1), ("there", 2),
    ]  # fmt: skip


def test_a_task_that_was_killed_loads_the_rest(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {f"f{n}": enrolled("Al") for n in range(4)}
    deliveries = deliver(warehouse, contents)
    opened: list[str] = []

    def open_bytes(delivery: Delivery) -> io.BytesIO:
        opened.append(delivery.name)
        if opened == ["f0", "f1", "f2"]:
            raise KeyboardInterrupt
        return io.BytesIO(contents[delivery.name])

    monkeypatch.setattr(loading, "MOST_DELIVERIES", 1)
    read = csv_reader(ENROLLMENT, open_bytes)
    with pytest.raises(KeyboardInterrupt):
        load_all(warehouse, deliveries, ENROLLMENT, read)
    deliveries = [ledger.find(warehouse, one.delivery_id) for one in deliveries]
    merged = load_all(warehouse, deliveries, ENROLLMENT, read)
    assert opened[3:] == ["f2", "f3"]
    assert [(one.name, one.changed) for one in merged] == [(f"f{n}", True) for n in range(4)]


def test_a_connection_that_breaks_costs_what_lay_in_its_staging_table(
    postgres: EmbeddedPostgres,
    warehouse: Connection,
    warehouse_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "MOST_TOGETHER", 1)
    contents = {f"f{n}": enrolled("Al") for n in range(4)}
    deliveries = deliver(warehouse, contents)
    opened: list[Connection] = []

    def connect() -> Connection:
        if not opened or opened[-1].closed:
            opened.append(open_database(postgres, warehouse_name))
        return opened[-1]

    def open_bytes(delivery: Delivery) -> io.BytesIO:
        if delivery.name == "f1":
            query = "SELECT pg_terminate_backend(%s)"
            warehouse.execute(query, [opened[-1].info.backend_pid])
        return io.BytesIO(contents[delivery.name])

    failures = Failures()
    loading.load(
        connect,
        deliveries,
        ENROLLMENT,
        csv_reader(ENROLLMENT, open_bytes),
        by=BY,
        failures=failures,
    )
    opened[-1].close()
    with pytest.raises(TransientFailure, match=r"^2 failed: .*terminating connection.* \| f0: "):
        failures.raise_any()
    assert rows(warehouse, "ops.delivery WHERE status = 'merged'", "name") == [("f2",), ("f3",)]


def test_a_login_that_may_not_make_temp_tables_is_told(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    warehouse.execute(f'REVOKE TEMPORARY ON DATABASE "{warehouse_name}" FROM PUBLIC'.encode())
    warehouse.execute("CREATE ROLE strict_one IN ROLE learning_warehouse_reader")
    delivery = delivered(warehouse, ENROLLMENT, 1)
    try:
        warehouse.execute("SET ROLE strict_one")
        with pytest.raises(PermanentFailure, match=r"GRANT TEMPORARY ON DATABASE"):
            load_all(warehouse, [delivery], ENROLLMENT, reader(ENROLLMENT, enrolled("Al")))
    finally:
        warehouse.execute("RESET ROLE")
        warehouse.execute("DROP ROLE strict_one")


@contextmanager
def pooled(server: EmbeddedPostgres, folder: Path) -> Iterator[int]:
    """A pgbouncer in front of a server, which gives each transaction a session of its pool.

    :returns: its port.
    """
    from include.sandbox.postgres import free_port

    port = free_port()
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=airflow\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n"
        "pool_mode = transaction\nignore_startup_parameters = options\n"
    )
    process = subprocess.Popen(
        ["pgbouncer", "-u", "nobody", str(folder / "pgbouncer.ini")],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    next(line for line in process.stderr if "process up" in line)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif(not shutil.which("pgbouncer"), reason="pgbouncer is not installed")
def test_a_pooler_that_changes_the_session_is_refused(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str, tmp_path: Path
) -> None:
    """Each transaction may find itself in another session, which has no staging table."""
    deliveries = deliver(warehouse, {"a": b"", "b": b""})
    with pooled(postgres, tmp_path) as port:
        url = f"postgresql://airflow@127.0.0.1:{port}/{warehouse_name}"
        with (
            closing(psycopg.connect(url, autocommit=True, row_factory=dict_row)) as conn,
            closing(psycopg.connect(url)) as other,
        ):

            def open_bytes(delivery: Delivery) -> io.BytesIO:
                if delivery.name == "b":
                    other.execute("SELECT 1")  # It takes the session that was idle.
                return io.BytesIO(enrolled("Al"))

            with pytest.raises(PermanentFailure, match=r"a pooler .*pool_mode = session"):
                load_all(conn, deliveries, ENROLLMENT, csv_reader(ENROLLMENT, open_bytes))
    assert rows(warehouse, "vocareum.enrollment") == []
