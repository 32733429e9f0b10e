"""The task unpack, and its lanes, against a real S3 server and a real PostgreSQL."""

from __future__ import annotations

import gzip
import json
import random
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.edx import finds, search
from learning_warehouse.edx.operators import EdxLogTarOperator, deal
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps import summary
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.warehouse import ledger
from tests.conftest import context
from tests.edx.bucket import PACKERS, load_logs, log, names, tar, together
from tests.edx.loading import column, line, load
from tests.sessions import killed_at

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from tests.edx.bucket import Bucket

pytestmark = pytest.mark.usefixtures("connections")

FIRST = "2013-10-20-UniversityA-tracking.tar"
SECOND = "2013-10-27-UniversityA-tracking.tar"

LOG_1 = {"prod-edx-001/2013-10-20-UniversityA.log.gz": log(1, 2)}
LOG_2 = {"prod-edx-002/2013-10-20-UniversityA.log.gz": log(3)}
LOG_3 = {"prod-edx-001/2013-10-27-UniversityA.log": line(4) + b"\n" + line(5)}


def test_the_logs_of_a_tar_go_their_whole_way(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(SECOND, tar({**LOG_1, "exclude.txt": b"x", **LOG_2, **LOG_3}))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {*LOG_1, *LOG_2, *LOG_3}
    counts = load_logs(ids)
    assert sum(count["rows_merged"] for count in counts) == 5
    assert sorted(column(warehouse, "session")) == list("12345")
    assert set(column(warehouse, "_origin")) == {"UniversityA"}
    (walked,) = warehouse.execute("SELECT * FROM edx.tracking_log_tar").fetchall()
    assert (walked["members"], walked["junk"]) == (3, 1)


def test_logs_that_were_loaded_are_left_out_whatever_tar_holds_them(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(FIRST, tar({**LOG_1, **LOG_2}))
    load_logs(bucket.unpack())
    assert bucket.unpack() == []
    bucket.put(SECOND, tar({**LOG_3, **LOG_2, **LOG_1}))
    assert names(warehouse, bucket.unpack()) == {*LOG_3}


def test_a_log_that_several_tars_hold_is_taken_once_from_the_latest(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(FIRST, tar(LOG_1))
    bucket.put(SECOND, tar({**LOG_2, **LOG_1}))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {*LOG_1, *LOG_2}
    assert len(ids) == 2
    assert {ledger.find(warehouse, i).uri for i in ids} == {f"s3://{bucket.name}/{SECOND}"}


def test_a_log_of_the_same_name_and_other_bytes_is_another_one(
    warehouse: Connection, bucket: Bucket
) -> None:
    (name,) = LOG_1
    bucket.put(FIRST, tar(LOG_1))
    load_logs(bucket.unpack())
    bucket.put(SECOND, tar({name: log(1, 2, 3)}))
    (count,) = load_logs(bucket.unpack())
    assert (count["rows_merged"], count["rows_duplicate"]) == (1, 2)


def test_what_an_earlier_run_found_and_did_not_merge_is_taken_up_without_a_walk(
    bucket: Bucket,
) -> None:
    bucket.put(FIRST, tar({**LOG_1, **LOG_2}))
    ids = bucket.unpack()
    bucket.put(SECOND, tar({**LOG_3}))
    again = bucket.unpack()
    assert set(ids) < set(again)
    assert len(again) == 3


def test_reload_takes_logs_that_were_loaded(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(FIRST, tar({**LOG_1, **LOG_2}))
    ids = bucket.unpack()
    load_logs(ids)
    assert sorted(bucket.unpack(reload=True)) == sorted(ids)


def test_a_tar_that_was_replaced_is_walked_again(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(FIRST, tar({**LOG_1, **LOG_2}))
    (first, second) = sorted(bucket.unpack())
    bucket.put(FIRST, tar({**LOG_3, **LOG_2, **LOG_1}))
    assert len(bucket.unpack()) == 3
    load_logs([first, second])
    assert sorted(column(warehouse, "session")) == list("123")


def test_what_a_replaced_tar_does_not_hold_any_more_is_not_taken_from_it(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(FIRST, tar(LOG_1))
    bucket.unpack()
    bucket.put(FIRST, tar(LOG_2))
    assert names(warehouse, bucket.unpack()) == {*LOG_2}
    assert names(warehouse, bucket.unpack()) == {*LOG_2}


def test_a_damaged_log_is_let_go_once_it_was_delivered_anew(
    warehouse: Connection, bucket: Bucket
) -> None:
    (name,) = LOG_1
    bucket.put(FIRST, tar({name: LOG_1[name][:-9]}))
    (damaged,) = bucket.unpack()
    with pytest.raises(PermanentFailure, match=r"is damaged .* ask edX to deliver it again"):
        load_logs([damaged])
    line_of_it = warehouse.execute("SELECT status, problem FROM ops.delivery").fetchone()
    assert line_of_it is not None
    assert line_of_it["status"] == "landed"
    assert "is damaged" in line_of_it["problem"]
    assert bucket.unpack() == [damaged]
    bucket.put(SECOND, tar(LOG_1))
    (anew,) = set(bucket.unpack()) - {damaged}
    load_logs([anew])
    assert bucket.unpack() == []


def test_an_intact_copy_in_another_tar_takes_the_damaged_ones_place(
    warehouse: Connection, bucket: Bucket
) -> None:
    """Broken in its middle, it has the size, time and ends of the intact one."""
    name = "prod-edx-001/tracking.log.gz"
    intact = gzip.compress(
        line(1) + b"\n" + line(2, agent=random.Random(1).randbytes(20_000).hex())
    )
    broken = bytearray(intact)
    broken[len(broken) // 2] ^= 0xFF
    bucket.put(FIRST, tar({name: bytes(broken)}))
    (damaged,) = bucket.unpack()
    with pytest.raises(PermanentFailure, match="is damaged"):
        load_logs([damaged])
    bucket.put(SECOND, tar({name: intact}))
    assert bucket.unpack() == [damaged]
    assert ledger.find(warehouse, damaged).problem is None
    assert [count["rows_merged"] for count in load_logs([damaged])] == [2]
    assert bucket.unpack() == []


def test_logs_that_cannot_be_taken_are_told_of_and_hold_nothing_back(
    warehouse: Connection, bucket: Bucket
) -> None:
    sparse = tarfile.TarInfo("s/tracking.log")
    sparse.type = tarfile.GNUTYPE_SPARSE
    long = "d" * 1001 + "/tracking.log"
    for key, end in ((FIRST, ""), (SECOND + ".gz", ".gz")):
        content = sparse.tobuf(tarfile.GNU_FORMAT) + tar({long: line(7), **LOG_1, **LOG_2})
        bucket.put(key, PACKERS[end](content))
    load_logs(bucket.unpack())
    assert sorted(column(warehouse, "session")) == ["1", "2", "3"]
    for _ in range(2):
        assert [sentence.partition(" (")[0] for sentence in sorted(bucket.findings)] == [
            f"s3://{bucket.name}/{key} holds 2 logs that cannot be taken"
            for key in (FIRST, SECOND + ".gz")
        ]
        assert all("s/tracking.log is a sparse file" in sentence for sentence in bucket.findings)
        assert bucket.unpack() == []
    assert names(warehouse, bucket.unpack(reload=True)) == {*LOG_1, *LOG_2}


@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_a_run_takes_so_many_new_members_and_the_next_one_goes_on(
    warehouse: Connection, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(finds, "MOST_NEW", 4)
    monkeypatch.setattr(search, "MEMBERS_AT_ONCE", 2)
    bucket.put(SECOND + end, tar({f"s{i}/tracking.log": line(i) for i in range(7)}, end))
    bucket.put(FIRST, tar({"s7/tracking.log": line(7)}))
    runs = []
    for _ in range(4):
        ids = bucket.unpack()
        is_told = any("trigger the DAG again" in sentence for sentence in bucket.findings)
        runs.append((len(ids), is_told))
        if ids:
            load_logs(ids)
    assert sum(count for count, _ in runs) == 8
    assert runs[0][1]
    assert runs[-1] == (0, False)
    assert max(count for count, _ in runs) <= 5
    assert sorted(column(warehouse, "session")) == list("01234567")
    assert len(bucket.unpack(reload=True)) == 8


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_log_whose_tar_is_not_at_hand_is_taken_from_another(
    warehouse: Connection, bucket: Bucket, is_gone: bool
) -> None:
    """The ledger names one tar of each log; the other was known to have been walked."""
    bucket.put(SECOND, tar({**LOG_1, **LOG_2}))
    bucket.unpack()
    bucket.put(FIRST, tar(LOG_1))
    warehouse.execute(
        "INSERT INTO edx.tracking_log_tar SELECT %s, %s, 1, now(), 1, 0",
        [f"s3://{bucket.name}/{FIRST}", bucket.etag(FIRST)],
    )
    days = {} if is_gone else {"earliest": False, "last_day": "2013-10-20"}
    if is_gone:
        bucket.client.delete_object(Bucket=bucket.name, Key=SECOND)
    assert bucket.unpack(**days) == [], "somebody may be loading it"
    warehouse.execute("UPDATE ops.delivery SET landed_at = now() - interval '2 days'")
    (delivery,) = bucket.unpack(**days)
    assert ledger.find(warehouse, delivery).uri == f"s3://{bucket.name}/{FIRST}"
    assert bucket.unpack(**days) == [delivery]
    problems = warehouse.execute("SELECT name FROM ops.delivery WHERE problem LIKE 'No tar%%'")
    assert {row["name"] for row in problems} == {*LOG_2}


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ({"first_day": "2013-10-20", "last_day": "2013-10-26"}, {*LOG_1}),
        ({"first_day": "2013-10-21", "last_day": "2013-10-27"}, {*LOG_2}),
        ({"last_day": "2013-10-27"}, {*LOG_2}),
        ({"earliest": True, "last_day": "2013-10-27"}, {*LOG_1, *LOG_2}),
        ({"first_day": "2013-10-28"}, set()),
    ],
)
def test_the_days_are_those_of_the_tars(
    warehouse: Connection, bucket: Bucket, days: dict[str, Any], found: set[str]
) -> None:
    bucket.put(FIRST, tar(LOG_1))
    bucket.put(SECOND, tar(LOG_2))
    bucket.put("2013-99-99-UniversityA-tracking.tar", tar(LOG_3))
    bucket.put("2013-10-27-UniversityA-notes.txt", b"")
    assert names(warehouse, bucket.unpack(**{"earliest": False, **days})) == found


def test_a_damaged_tar_holds_back_nothing_but_what_lies_behind_the_damage(
    warehouse: Connection, bucket: Bucket
) -> None:
    whole = tar({**LOG_1, **LOG_2})
    second = 1024
    assert whole[second : second + 12] == b"prod-edx-002"
    bucket.put(SECOND, whole[:second] + b"damage" + whole[second + 6 :])
    bucket.put(FIRST, tar(LOG_3))
    with pytest.raises(PermanentFailure, match=f"{SECOND} cannot be read from byte {second} on"):
        bucket.unpack()
    ids = together(bucket.pushed)
    assert names(warehouse, ids) == {*LOG_1, *LOG_3}
    walked = warehouse.execute("SELECT uri FROM edx.tracking_log_tar").fetchall()
    assert [row["uri"] for row in walked] == [f"s3://{bucket.name}/{FIRST}"]


def test_a_tar_with_encrypted_logs_is_looked_at_again(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(FIRST, tar({**LOG_1, "prod-edx-001/2013-10-20-UniversityA.log.gz.gpg": b"x"}))
    assert names(warehouse, bucket.unpack()) == {*LOG_1}
    assert warehouse.execute("SELECT FROM edx.tracking_log_tar").fetchall() == []


@pytest.mark.parametrize(
    ("site", "found"),
    [
        ("UniversityB", {("UniversityB", *LOG_2)}),
        (None, {("UniversityA", *LOG_1), ("UniversityB", *LOG_2)}),
    ],
)
def test_the_site_is_that_of_the_connection_or_of_the_key(
    warehouse: Connection,
    bucket: Bucket,
    connections: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    site: str | None,
    found: set[tuple[str, str]],
) -> None:
    bucket.put(FIRST, tar(LOG_1))
    bucket.put("2013-10-20-UniversityB-tracking.tar", tar(LOG_2))
    fields = connections["edx_tracking_logs"]
    fields = {**fields, "extra": {**fields["extra"], "site": site}}
    monkeypatch.setenv("AIRFLOW_CONN_EDX_TRACKING_LOGS", json.dumps(fields))
    deliveries = [ledger.find(warehouse, delivery_id) for delivery_id in bucket.unpack()]
    assert {(delivery.origin, delivery.name) for delivery in deliveries} == found


def test_prefix_and_pattern_choose_the_tars(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put("old/logs_20131020.tar", tar(LOG_1))
    bucket.put("old/2013-10-27-UniversityA-tracking.tar", tar(LOG_2))
    bucket.put("logs_20131020.tar", tar(LOG_3))
    given = context(earliest=True)
    bucket.operator(prefix="old/", pattern=r"logs_(?P<date>\d{8})\.tar").execute(given)
    assert names(warehouse, together(given["ti"].pushed)) == {*LOG_1}


def test_a_pattern_has_to_be_one(bucket: Bucket) -> None:
    with pytest.raises(PermanentFailure, match="is no regular expression"):
        bucket.operator(pattern="(").execute(context(earliest=True))


def test_a_pattern_needs_a_date(bucket: Bucket) -> None:
    with pytest.raises(PermanentFailure, match=r"no group \(\?P<date>\.\.\.\)"):
        bucket.operator(pattern="tracking").execute(context(earliest=True))


def test_a_bucket_that_is_not_there() -> None:
    operator = EdxLogTarOperator(task_id="unpack", bucket_name="no-such-bucket")
    with pytest.raises(
        PermanentFailure, match=r"listing s3://no-such-bucket/ .*check the bucket that"
    ):
        operator.execute(context(earliest=True))


def test_lanes_are_dealt_out_evenly_by_bytes(bucket: Bucket) -> None:
    logs = {f"prod-edx-00{i}/tracking.log": bytes(1000 * (i + 1)) for i in range(9)}
    bucket.put(FIRST, tar(logs))
    lanes = bucket.lanes()
    assert list(lanes) == ["lane_1", "lane_2"]
    assert sum(map(len, lanes.values())) == 9


def test_dealing() -> None:
    assert deal({}, 2) == [[], []]
    assert deal({1: 10}, 2) == [[1], []]
    assert deal({1: 10, 2: 1, 3: 9, 4: 100}, 2) == [[1, 2, 3], [4]]
    assert deal({1: 0, 2: 0}, 2) == [[1, 2], []]


def test_what_was_loaded_by_hand_is_known(warehouse: Connection, bucket: Bucket) -> None:
    ((name, content),) = LOG_1.items()
    load(warehouse, content, name)
    bucket.put(FIRST, tar(LOG_1))
    assert bucket.unpack() == []


# --- Params ---------------------------------------------------------------------------------------


def test_the_heartbeat_is_left_out_where_the_param_asks_for_it(
    warehouse: Connection, bucket: Bucket
) -> None:
    heartbeat = line(9, event_source="server", event_type="/heartbeat")
    name = "prod-edx-001/tracking.log"
    bucket.put(FIRST, tar({name: line(1) + b"\n" + heartbeat}))
    (told,) = load_logs(bucket.unpack(), skip_heartbeat=True)
    assert (told["rows_merged"], told["rows_filtered"]) == (1, 1)
    (again,) = load_logs(bucket.unpack(reload=True), reload=True)
    assert (again["rows_merged"], again["rows_filtered"]) == (2, 0)


def test_a_log_that_a_further_try_loads_is_filtered_too(
    warehouse: Connection, bucket: Bucket
) -> None:
    heartbeat = line(9, event_source="server", event_type="/heartbeat")
    bucket.put(FIRST, tar({"prod-edx-001/tracking.log": line(1) + b"\n" + heartbeat}))
    ids = bucket.unpack()
    with (
        killed_at(warehouse, "ops.delivery"),
        pytest.raises(TransientFailure, match=r"tracking\.log: could not be loaded .*the next try"),
    ):
        load_logs(ids, skip_heartbeat=True)
    assert everything(warehouse)[2] == []
    (told,) = load_logs(ids, skip_heartbeat=True)
    assert (told["rows_merged"], told["rows_filtered"]) == (1, 1)


def everything(conn: Connection) -> list[Any]:
    tables = ("ops.delivery", "ops.rejected_row", "edx.event", "edx.tracking_log_tar")
    return [conn.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


def test_a_dry_run_says_what_would_be_loaded_and_does_nothing(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(FIRST, tar({**LOG_1, "exclude.txt": b"x"}))
    load_logs(bucket.unpack())
    encrypted = {"prod-edx-001/2013-10-27-UniversityA.log.gz.gpg": b"x"}
    bucket.put(SECOND, tar({**LOG_1, **LOG_2, **LOG_3, **encrypted}))
    before = everything(warehouse)
    assert bucket.lanes(dry_run=True) == {
        "would_load": [
            {
                "where": f"s3://{bucket.name}/{FIRST}",
                "bytes": 10240,
                "members": 1,
                "new": 0,
                "new_bytes": 0,
                "known": 1,
                "junk": 1,
                "encrypted": 0,
            },
            {
                "where": f"s3://{bucket.name}/{SECOND}",
                "bytes": 10240,
                "members": 3,
                "new": 2,
                "new_bytes": sum(map(len, [*LOG_2.values(), *LOG_3.values()])),
                "known": 1,
                "junk": 0,
                "encrypted": 1,
            },
        ],
    }
    assert everything(warehouse) == before
    assert names(warehouse, bucket.unpack()) == {*LOG_2, *LOG_3}


def test_a_dry_run_counts_a_log_of_several_tars_once(bucket: Bucket) -> None:
    bucket.put(FIRST, tar(LOG_1))
    bucket.put(SECOND, tar({**LOG_1, **LOG_2}))
    told = bucket.lanes(dry_run=True)["would_load"]
    assert [row["new"] for row in told] == [2, 0]
    assert [row["known"] for row in told] == [0, 1]


def test_a_dry_run_with_reload_tells_of_all(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(FIRST, tar({**LOG_1, **LOG_2}))
    load_logs(bucket.unpack())
    before = everything(warehouse)
    (told,) = bucket.lanes(dry_run=True, reload=True)["would_load"]
    assert told["new"] == 2
    assert everything(warehouse) == before


def test_a_dry_run_names_a_damaged_tar(warehouse: Connection, bucket: Bucket) -> None:
    whole = tar({**LOG_1, **LOG_2})
    bucket.put(SECOND, whole[:1024] + b"damage" + whole[1030:])
    bucket.put(FIRST, tar(LOG_3))
    with pytest.raises(PermanentFailure, match=f"{SECOND} cannot be read from byte 1024 on"):
        bucket.unpack(dry_run=True)
    assert [row["new"] for row in bucket.pushed["would_load"]] == [1, 1]
    assert everything(warehouse)[0] == []


def test_a_dry_run_without_tars(bucket: Bucket) -> None:
    assert bucket.lanes(dry_run=True)["would_load"] == []


def test_the_summary_of_a_dry_run(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(FIRST, tar(LOG_1))
    told = bucket.lanes(dry_run=True)["would_load"]
    monkeypatch.setattr(summary, "_failed_tasks", lambda context: [])
    step = SummaryOperator(
        task_id="summarise", loads=[None, None], schemas=["edx"], would_load=told
    )
    assert step.execute(context(dry_run=True)) == told
