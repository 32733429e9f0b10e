"""Logs on their way into edx.event, on a real PostgreSQL."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from learning_warehouse.edx import repair, staging
from learning_warehouse.edx.finds import Finds
from learning_warehouse.edx.found import Found
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse.locks import lock_deliveries, share_dataset
from tests.conftest import open_database
from tests.edx.loading import column, counts, deliver, line, load, reader, rows
from tests.sessions import rows_staged
from tests.warehouse.roads import load_all

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.merging import Merged


@pytest.mark.parametrize("name", ["prod-edx-001/tracking.log", "prod-edx-001/tracking.log.gz"])
def test_a_log_is_loaded_with_its_rejects(warehouse: Connection, name: str) -> None:
    content = b"\n".join([line(1), b"", line(2)[:50], line(3), b"  \r", line(4)])
    if name.endswith(".gz"):
        content = gzip.compress(content)
    assert counts(load(warehouse, content, name)) == (4, 3, 0, 1)
    assert column(warehouse, "session") == ["1", "3", "4"]
    (rejected,) = warehouse.execute("SELECT * FROM ops.rejected_row").fetchall()
    assert (rejected["_row"], rejected["line"]) == (2, 3)
    assert rejected["raw"] == line(2)[:50].decode()
    assert rejected["reason"] == "it is cut off after 50 bytes: its JSON object does not end"
    assert rows_staged(warehouse) == 0


def test_a_gzipped_log_is_known_by_its_bytes_not_by_its_name(warehouse: Connection) -> None:
    assert counts(load(warehouse, gzip.compress(line()))) == (1, 1, 0, 0)


def test_a_log_in_several_gzip_members(warehouse: Connection) -> None:
    content = gzip.compress(line(1) + b"\n") + gzip.compress(line(2))
    assert counts(load(warehouse, content, "a/tracking.log.gz")) == (2, 2, 0, 0)


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_log(warehouse: Connection, content: bytes) -> None:
    assert counts(load(warehouse, content)) == (0, 0, 0, 0)


def test_an_event_is_there_once_however_often_it_is_delivered(warehouse: Connection) -> None:
    content = b"\n".join([line(1), line(2), line(1)])
    assert counts(load(warehouse, content)) == (3, 2, 1, 0)
    again = b"\n".join([line(3), b"tracking.log-20170525.gz:" + line(2)])
    assert counts(load(warehouse, again, "prod-edx-002/tracking.log")) == (2, 1, 1, 0)
    assert sorted(column(warehouse, "session")) == ["1", "2", "3"]


def test_a_log_that_is_loaded_again_changes_nothing(warehouse: Connection) -> None:
    content = b"\n".join([line(1), line(2), b"rejected"])
    first = load(warehouse, content)
    before = rows(warehouse)
    assert counts(load(warehouse, content)) == counts(first)
    assert counts(load(warehouse, content, reload=True)) == counts(first)
    assert rows(warehouse) == before
    (rejected,) = warehouse.execute("SELECT count(*) AS n FROM ops.rejected_row").fetchall()
    assert rejected["n"] == 1


def test_two_merges_of_the_same_events_at_once(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    numbers = range(20_000)
    logs = {
        "prod-edx-001/tracking.log": b"\n".join(map(line, numbers)),
        "prod-edx-002/tracking.log": b"\n".join(map(line, reversed(numbers))),
    }

    def load_apart(name: str) -> Merged:
        with closing(open_database(postgres, warehouse_name)) as conn:
            return load(conn, logs[name], name)

    with ThreadPoolExecutor() as threads:
        merged = list(threads.map(load_apart, logs))
    assert sum(m.rows_merged for m in merged) == len(numbers)
    assert sum(m.rows_duplicate for m in merged) == len(numbers)
    assert len(set(column(warehouse, "session"))) == len(numbers)


def test_events_lie_in_the_partition_of_their_month(warehouse: Connection) -> None:
    times = ["2011-01-01T00:00:00", "2017-05-31T23:59:59.999999", "2017-06-01T00:00:00+00:00"]
    load(warehouse, b"\n".join(line(time=time) for time in times))
    assert [str(row["table"]) for row in rows(warehouse, 'tableoid::regclass AS "table"')] == [
        "edx.event_2011_01",
        "edx.event_2017_05",
        "edx.event_2017_06",
    ]


def test_what_copy_refuses_is_read_carefully_and_nothing_is_lost(warehouse: Connection) -> None:
    odd = [
        line(1, agent="a\0b"),
        line(2, agent="a\rb"),
        line(3, event={"a": "\0"}),
        line(4, event='{"a":\n\t1}'),
        line(5, event='{"cut": "\0'),
        line(6, event='{"n": 1e999999}'),
    ]
    content = b"\n".join([line(0), *odd, line(7)])
    assert counts(load(warehouse, content)) == (8, 8, 0, 0)
    loaded = rows(warehouse, "session, agent, event, event_text, repairs")
    assert [row["session"] for row in loaded] == list("01234567")
    assert [row["agent"] for row in loaded[1:3]] == ["a\ufffdb", "a\rb"]
    assert [row["event"] for row in loaded[3:5]] == [{"a": "\ufffd"}, {"a": 1}]
    assert loaded[5]["event_text"] == '{"cut": "\ufffd'
    assert loaded[6]["event"] == {"n": "1e999999"}
    assert [row["repairs"] for row in loaded] == [
        None, ["nul"], None, ["nul"], None, ["nul"], ["number"], None
    ]  # fmt: skip


def test_what_nobody_suspects_is_not_lost_either(warehouse: Connection) -> None:
    content = b"\n".join([line(1), line(2, context={"user_id": 10**30}), line(3)])
    assert counts(load(warehouse, content)) == (3, 3, 0, 0)
    assert column(warehouse, "user_id") == [None, None, None]


def test_a_row_that_postgres_alone_refuses_is_rejected_with_its_reason(
    warehouse: Connection,
) -> None:
    too_long = line(2, event={"n": 0}).replace(b'"n": 0', b'"n": ' + b"1" * 140_000)
    content = b"\n".join([line(1), too_long, b"", line(3), b"no event"])
    assert counts(load(warehouse, content)) == (4, 2, 0, 2)
    assert column(warehouse, "session") == ["1", "3"]
    rejected = warehouse.execute("SELECT * FROM ops.rejected_row ORDER BY _row").fetchall()
    assert [(r["_row"], r["line"], r["reason"]) for r in rejected] == [
        (2, 2, "value overflows numeric format"),
        (4, 5, "it holds no JSON object"),
    ]
    assert rejected[0]["raw"] == too_long.decode()


def test_numbers_of_many_digits_do_not_make_a_row_too_large_to_be_read(
    warehouse: Connection,
) -> None:
    numbers = b"[" + b"1e131000," * 20_000 + b"1]"
    content = line(1, event={"n": 0}).replace(b'"n": 0', b'"n": ' + numbers)
    assert counts(load(warehouse, content)) == (1, 1, 0, 0)
    assert column(warehouse, "event")[0]["n"][0] == "1e131000"


def test_rows_that_postgres_refuses_are_found_among_many(warehouse: Connection) -> None:
    lines = [line(number, event={"n": 0}) for number in range(1000)]
    for number in (0, 17, 18, 999):
        lines[number] = lines[number].replace(b'"n": 0', b'"n": ' + b"1" * 140_000)
    assert counts(load(warehouse, b"\n".join(lines))) == (1000, 996, 0, 4)
    rejected = warehouse.execute("SELECT _row, line FROM ops.rejected_row ORDER BY _row")
    assert [(r["_row"], r["line"]) for r in rejected] == [(n, n) for n in (1, 18, 19, 1000)]
    assert column(warehouse, "_row") == [n for n in range(1, 1001) if n not in (1, 18, 19, 1000)]


def test_of_a_line_that_is_too_long_the_beginning_is_kept(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "BLOCK", 1000)
    monkeypatch.setattr(repair, "LONGEST_LINE", 5000)
    too_long = line(1, event="x" * 9000 + "END")
    assert counts(load(warehouse, b"\n".join([too_long, line(2)]))) == (2, 1, 0, 1)
    (rejected,) = warehouse.execute("SELECT raw FROM ops.rejected_row").fetchall()
    assert rejected["raw"].encode() == too_long[:5001]


def test_lines_that_lie_across_blocks_and_stretches(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "BLOCK", 100)
    monkeypatch.setattr(staging, "BLOCKS_A_COPY", 3)
    content = b"\n".join([*map(line, range(50)), b"bad", line(51, agent="a\0"), line(52), b""])
    assert counts(load(warehouse, content)) == (53, 52, 0, 1)
    assert column(warehouse, "_row") == [*range(1, 51), 52, 53]
    (rejected,) = warehouse.execute("SELECT _row, line FROM ops.rejected_row").fetchall()
    assert rejected == {"_row": 51, "line": 51}


def test_fields_that_the_table_lacks_are_kept_and_noted(warehouse: Connection) -> None:
    load(warehouse, line(label="x", nonInteraction=1))
    assert column(warehouse, "_extras") == [{"label": "x", "nonInteraction": 1}]
    noted = warehouse.execute("SELECT header FROM ops.schema_change ORDER BY 1").fetchall()
    assert [n["header"] for n in noted] == ["label", "nonInteraction"]


def test_the_heartbeat_counts_as_filtered_and_a_reload_loads_it(warehouse: Connection) -> None:
    heartbeat = line(0, event_source="server", event_type="/heartbeat")
    content = b"\n".join([line(1), heartbeat, line(2, agent="a\0"), b"rejected", heartbeat])
    merged = load(warehouse, content, skip_heartbeat=True)
    assert counts(merged) == (5, 2, 0, 1)
    assert merged.rows_filtered == 2
    assert column(warehouse, "_row") == [1, 3]
    (told,) = warehouse.execute("SELECT rows_filtered AS n FROM ops.delivery").fetchall()
    assert told["n"] == 2
    assert counts(load(warehouse, content, reload=True)) == (5, 3, 1, 1)
    assert column(warehouse, "_row") == [1, 2, 3]
    again = load(warehouse, content, reload=True, skip_heartbeat=True)
    assert (counts(again), again.rows_filtered) == ((5, 2, 0, 1), 2)


def test_a_log_of_nothing_but_heartbeats(warehouse: Connection) -> None:
    heartbeat = line(0, event_source="server", event_type="/heartbeat")
    merged = load(warehouse, heartbeat, skip_heartbeat=True)
    assert (counts(merged), merged.rows_filtered) == ((1, 0, 0, 0), 1)


# --- damage ---------------------------------------------------------------------------------------


def damaged_logs() -> list[bytes]:
    whole = gzip.compress(b"\n".join(map(line, range(1000))))
    middle = len(whole) // 2
    return [
        whole[:middle],
        whole[:middle] + b"xxxx" + whole[middle + 4 :],
        whole[:10] + b"\xff" + whole[11:],
        whole[:-8] + bytes(8),
        whole + whole[:middle],
    ]


@pytest.mark.parametrize("content", damaged_logs())
def test_a_damaged_gzip_loads_nothing_and_says_so(warehouse: Connection, content: bytes) -> None:
    with pytest.raises(PermanentFailure, match=r"tracking\.log\.gz in s3://.+ is damaged"):
        load(warehouse, content, "prod-edx-001/tracking.log.gz")
    assert rows_staged(warehouse) == 0


@pytest.mark.parametrize("behind", [b"garbage", b"\x1f", b"\0\0"])
def test_bytes_behind_a_gzipped_log_are_ignored(warehouse: Connection, behind: bytes) -> None:
    content = gzip.compress(b"\n".join(map(line, range(10)))) + behind
    assert load(warehouse, content, "prod-edx-001/tracking.log.gz").rows_merged == 10


@pytest.mark.parametrize("now_there", [line(2), line(12), b"\x1f\x8b no gzip any more"])
def test_a_tar_that_was_replaced_since_it_was_walked(
    warehouse: Connection, now_there: bytes
) -> None:
    delivery = deliver(warehouse, line(1))
    with pytest.raises(PermanentFailure, match="clear the task unpack"):
        load_all(warehouse, [delivery], EVENTS, reader({delivery.name: now_there}))
    assert rows_staged(warehouse) == 0


# --- several logs at once -------------------------------------------------------------------------


def test_of_an_event_in_two_logs_of_a_batch_the_first_has_it(warehouse: Connection) -> None:
    logs = {
        "a.log": b"\n".join([line(1), line(2), line(1)]),
        "b.log": b"\n".join([line(2), line(3)]),
    }
    deliveries = [deliver(warehouse, content, name) for name, content in logs.items()]
    merged = load_all(warehouse, deliveries[::-1], EVENTS, reader(logs))
    assert sorted(map(counts, merged)) == [(2, 1, 1, 0), (3, 2, 1, 0)]
    ids = [delivery.delivery_id for delivery in deliveries]
    found = rows(warehouse, "session, _delivery, _row", "session")
    assert [tuple(row.values()) for row in found] == [
        ("1", ids[0], 1), ("2", ids[0], 2), ("3", ids[1], 2)
    ]  # fmt: skip
    assert transactions(warehouse) == 1
    assert rows_staged(warehouse) == 0


def test_a_damaged_log_fails_alone_in_a_batch(warehouse: Connection) -> None:
    logs = {
        "a.log": line(1),
        "b.log.gz": gzip.compress(b"\n".join(map(line, range(2, 1000))))[:-20],
        "c.log": b"\n".join([b"rejected", line(1000)]),
    }
    deliveries = [deliver(warehouse, content, name) for name, content in logs.items()]
    with pytest.raises(PermanentFailure, match=r"^b\.log\.gz in s3://.+ is damaged"):
        load_all(warehouse, deliveries, EVENTS, reader(logs))
    assert column(warehouse, "session") == ["1", "1000"]
    lines = warehouse.execute(
        "SELECT status, problem IS NULL, rows_read, rows_rejected FROM ops.delivery ORDER BY name"
    )
    assert [tuple(row.values()) for row in lines] == [
        ("merged", True, 1, 0), ("landed", False, 0, 0), ("merged", True, 2, 1)
    ]  # fmt: skip
    assert transactions(warehouse) == 1


def transactions(conn: Connection) -> int:
    """In how many transactions what is there was merged."""
    return len({row["transaction"] for row in rows(conn, "xmin::text AS transaction")})


def test_two_runs_that_find_the_same_logs_in_two_orders(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    """They met in a deadlock, and the ids that were rolled back were dealt to the lanes."""
    mine = finds(warehouse)
    tar = found()
    with closing(open_database(postgres, warehouse_name)) as conn:
        theirs = finds(conn)

        def find_in_another_order() -> None:
            with theirs.together(()):
                take(theirs, tar, "b", "a")

        with ThreadPoolExecutor(1) as rival:
            with mine.together(()):
                take(mine, tar, "a")
                another = rival.submit(find_in_another_order)
                while not waits_for_a_lock(warehouse, conn):
                    pass
                take(mine, tar, "b")
            another.result()
    assert mine.sizes == theirs.sizes == {1: 1, 2: 1}
    with pytest.raises(ZeroDivisionError), mine.together(()):
        take(mine, tar, "c")
        _ = 1 / 0
    assert mine.sizes == {1: 1, 2: 1}


def test_a_log_that_is_found_again_is_locked_as_a_merge_locks_it(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    one, two = (deliver(warehouse, line(n), name) for n, name in ((1, "a"), (2, "b")))
    with closing(open_database(postgres, warehouse_name)) as conn:
        theirs = finds(conn)

        def find_in_another_order() -> None:
            with theirs.together([two, one]):
                take(theirs, found(), two.name, one.name)

        with ThreadPoolExecutor(1) as rival:
            with warehouse.transaction():
                lock_deliveries(warehouse, [one.delivery_id])
                another = rival.submit(find_in_another_order)
                while not waits_for_a_lock(warehouse, conn):
                    pass
                lock_deliveries(warehouse, [two.delivery_id])
            another.result()


def finds(conn: Connection) -> Finds:
    return Finds(conn, reload=False, dry_run=False, landing_conn_id="landing_zone")


def found() -> Found:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    return Found(
        bucket="course-data", key="a.tar", site="UniversityA", day=when.date(), etag="a", size=9,
        last_modified=when, kind="tar",
    )  # fmt: skip


def take(finds: Finds, tar: Found, *names: str) -> None:
    for name in names:
        finds.deliver(tar, name, "1", uri=tar.uri, size=1, details={})


def waits_for_a_lock(conn: Connection, rival: Connection) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    return conn.execute(query, [rival.info.backend_pid]).rowcount == 1


def test_a_reload_waits_for_others_that_insert_and_they_do_not_wait_for_each_other(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    """Two lanes that reloaded overlapping logs met in a deadlock."""
    load(warehouse, line(0), "another")
    with closing(open_database(postgres, warehouse_name)) as rival, rival.transaction():
        share_dataset(rival, EVENTS.table)
        warehouse.execute("SET lock_timeout = '100ms'")
        assert counts(load(warehouse, line(1))) == (1, 1, 0, 0)
        with pytest.raises(TransientFailure, match="a lock was not free in time"):
            load(warehouse, line(1), reload=True)
    assert counts(load(warehouse, line(1), reload=True)) == (1, 1, 0, 0)
