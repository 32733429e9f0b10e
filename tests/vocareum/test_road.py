"""From Vocareum's API and bucket to the warehouse, step by step, against the sandbox over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.days import Days
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.vocareum.bucket import VocareumBucket
from learning_warehouse.vocareum.credentials import account, request_credentials
from learning_warehouse.vocareum.operators import LandVocareumFilesOperator
from tests.conftest import context, run_load
from tests.vocareum.conftest import (
    BUCKET,
    ENROLLMENT,
    FILES,
    HEADER,
    LAB_SESSIONS,
    credentials,
    land,
    load,
    put,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection


def test_a_file_is_read_once_and_again_when_it_changes(
    bucket: Any, sandbox: Sandbox, warehouse: Connection
) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n")
    put(bucket, "org1234/enrollment/course9/enrollment.csv", HEADER + b"9,9,student,Zo,z@z\n")
    assert [counts["rows_merged"] for counts in load()] == [1]
    sandbox.reset()
    land = LandVocareumFilesOperator(task_id="land", files=ENROLLMENT, credentials=credentials())
    with pytest.raises(AirflowSkipException, match=r"Nothing new for vocareum\.enrollment"):
        land.execute(context())
    assert sandbox.counts().get(f"s3 GET object {BUCKET}", 0) == 0
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n2,1,student,Bo,b@c\n")
    assert [counts["rows_merged"] for counts in load()] == [2]
    query: Any = "SELECT userid, _origin FROM vocareum.enrollment ORDER BY userid"
    found = [tuple(row.values()) for row in warehouse.execute(query)]
    assert found == [("1", "org123"), ("2", "org123")]


def test_every_version_is_kept_in_the_landing_zone(bucket: Any, warehouse: Connection) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    for name in (b"Al", b"Bo"):
        put(bucket, key, HEADER + b"1,1,student," + name + b",a@b\n")
        load()
    query: Any = "SELECT uri FROM ops.delivery"
    uris = {row["uri"] for row in warehouse.execute(query)}
    assert len(uris) == 2
    for uri in uris:
        landing, _, landed = uri.removeprefix("s3://").partition("/")
        body = bucket.get_object(Bucket=landing, Key=landed)["Body"].read()
        assert body.startswith(HEADER)


def test_daily_files_by_the_runs_days(bucket: Any) -> None:
    for day in ("2026-1-4", "2026-01-05", "2026-1-6", "2026-1-7", "2026-2-30"):
        put(bucket, f"org123/lab_sessions/lab_sessions_{day}.csv", b"User ID\nu\n")
    assert len(land(LAB_SESSIONS)) == 2
    assert not LAB_SESSIONS.wanted("lab_sessions/lab_sessions_2026-2-30.csv", Days.__new__(Days)), (
        "an impossible date"
    )


@pytest.mark.parametrize("later", ["2026-01-05", "2026-1-05", "2026-1-5"])
def test_a_day_is_one_day_however_its_date_is_padded(
    bucket: Any, warehouse: Connection, later: str
) -> None:
    """Its newest file counts, under the same name."""
    name = "org123/lab_sessions/lab_sessions_2026-1-5.csv"
    written = put_later_than(bucket, datetime.min.replace(tzinfo=UTC), name, b"User ID\n1xx\n")
    load(LAB_SESSIONS)
    key = f"org123/lab_sessions/lab_sessions_{later}.csv"
    put_later_than(bucket, written, key, b"User ID\n2xx\n")
    assert [counts["rows_merged"] for counts in load(LAB_SESSIONS)] == [1]
    assert load(LAB_SESSIONS) == []
    merged = warehouse.execute(
        "SELECT user_id, name FROM vocareum.lab_sessions"
        " INNER JOIN ops.delivery ON _delivery = delivery_id"
    )
    assert merged.fetchall() == [{"user_id": "2xx", "name": name}]


def put_later_than(bucket: Any, before: datetime, key: str, content: bytes) -> datetime:
    """Write a file until S3, which counts seconds, says that it is the newer one."""
    modified = before
    while modified <= before:
        put(bucket, key, content)
        modified = bucket.head_object(Bucket=BUCKET, Key=key)["LastModified"]
    return modified


def test_one_bad_file_fails_alone(bucket: Any, warehouse: Connection) -> None:
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER + b"1,1,student,Al,a@b\n")
    put(bucket, "org123/enrollment/course2/enrollment.csv", b"userid,role\n1,student\n")
    operator = LoadOperator(task_id="load", dataset=ENROLLMENT.dataset, deliveries=land())
    run = context()
    with pytest.raises(PermanentFailure, match=r"course2/enrollment.csv has no column courseid"):
        operator.execute(run)
    (told,) = run["ti"].pushed["return_value"]
    assert told["rows_merged"] == 1
    (row,) = warehouse.execute("SELECT name FROM vocareum.enrollment")
    assert row["name"] == "Al"


def test_a_thousand_files_in_one_run(bucket: Any, warehouse: Connection) -> None:
    """Five hundred in one transaction; a bad one among them fails alone and is named."""
    for n in range(1, 1000):
        row = b"%d,%d,student,Al,a@b\n" % (n, n)
        put(bucket, f"org123/enrollment/course{n}/enrollment.csv", HEADER + row)
    put(bucket, "org123/enrollment/course1000/enrollment.csv", b"userid,role\n1,student\n")
    operator = LoadOperator(task_id="load", dataset=ENROLLMENT.dataset, deliveries=land())
    run = context()
    with pytest.raises(PermanentFailure, match=r"course1000/enrollment.csv has no column courseid"):
        operator.execute(run)
    merged = run["ti"].pushed["return_value"]
    assert [counts["rows_merged"] for counts in merged] == [1] * 999
    query: Any = "SELECT count(*) AS rows FROM vocareum.enrollment GROUP BY xmin::text ORDER BY 1"
    assert [row["rows"] for row in warehouse.execute(query)] == [499, 500]


def test_the_bucket_failing_for_a_while_loses_nothing(bucket: Any, sandbox: Sandbox) -> None:
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER + b"1,1,student,Al,a@b\n")
    sandbox.set_faults(s3_cut=3, s3_500=2)
    assert [counts["rows_merged"] for counts in load()] == [1]


def test_a_stream_that_never_gets_on_is_given_up(bucket: Any, sandbox: Sandbox) -> None:
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER + b"1,1,student,Al,a@b\n")
    sandbox.set_faults(s3_500=100)
    with pytest.raises(TransientFailure, match=r"S3 refused reading s3://.*InternalError"):
        land()
    sandbox.reset()
    assert [counts["rows_merged"] for counts in load()] == [1]


def test_credentials_that_expire_in_the_middle_of_a_file(
    bucket: Any, sandbox: Sandbox, warehouse: Connection
) -> None:
    content = HEADER + b"".join(b"%d,1,student,Al,a@b\n" % n for n in range(50_000))
    put(bucket, "org123/enrollment/course1/enrollment.csv", content)
    sandbox.set_faults(s3_cut=1, vendor_keys_last=2)
    assert [counts["rows_merged"] for counts in load()] == [50_000]
    assert sandbox.counts()["vocareum s3_labs"] == 2
    delivery = warehouse.execute("SELECT uri, size FROM ops.delivery").fetchone()
    assert delivery
    landing, _, key = delivery["uri"].removeprefix("s3://").partition("/")
    assert bucket.get_object(Bucket=landing, Key=key)["Body"].read() == content


def test_credentials_that_expire_in_the_middle_of_a_listing(bucket: Any, sandbox: Sandbox) -> None:
    for n in range(1, 1003):
        put(bucket, f"org123/enrollment/course{n}/enrollment.csv", HEADER)
    sandbox.set_faults(vendor_keys_last=1)
    found = vendor_bucket().files("org123/enrollment/")
    assert len({file["Key"] for file in found}) == 1002


def test_credentials_that_are_over_are_renewed_before_they_are_used(
    bucket: Any, sandbox: Sandbox
) -> None:
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER)
    org = account("vocareum")
    over = replace(request_credentials(org), expires_at="2026-01-05T12:00:00+00:00")
    assert len(list(VocareumBucket(org, over).files("org123/"))) == 1
    assert sandbox.counts()["vocareum s3_labs"] == 2


def test_a_file_that_is_replaced_between_list_and_read(bucket: Any) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n")
    vendor = vendor_bucket()
    (listed,) = vendor.files("org123/")
    put(bucket, key, HEADER + b"1,1,student,Bo,a@b\n")
    with pytest.raises(TransientFailure, match="was replaced while it was read"):
        vendor.open(listed).read()
    assert [counts["rows_merged"] for counts in load()] == [1]


def vendor_bucket() -> VocareumBucket:
    """The bucket with credentials that were just taken."""
    org = account("vocareum")
    return VocareumBucket(org, request_credentials(org))


def test_a_version_that_was_landed_is_not_read_again(bucket: Any, sandbox: Sandbox) -> None:
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER + b"1,1,student,Al,a@b\n")
    deliveries = land()
    sandbox.reset()
    assert land() == deliveries
    assert sandbox.counts().get(f"s3 GET object {BUCKET}", 0) == 0


def test_the_month_before_belongs_to_a_scheduled_run() -> None:
    spend = FILES["service_spend"]
    days = Days(date(2026, 3, 31) - timedelta(days=spend.look_back), date(2026, 3, 31))
    wanted = [spend.wanted(f"service_spend/service_spend_2026-{n}.csv", days) for n in (1, 2, 3, 4)]
    assert wanted == [False, True, True, False]
    assert spend.wanted("service_spend/service_spend_2026-03.csv", days)


def test_files_of_ten_days_without_airflow_are_taken_up(bucket: Any) -> None:
    put_days(bucket, range(5, 17))
    assert load_scheduled(6) == ["5", "6"]
    assert load_scheduled(16) == [str(day) for day in range(7, 17)]
    put_days(bucket, [4, 7], b"User ID\nu\nv\n")
    assert load_scheduled(16) == [], "neither of before the first one, nor loaded and rewritten"


def test_a_file_that_landed_and_was_not_merged_is_taken_up_later(bucket: Any) -> None:
    put_days(bucket, [5, 6])
    assert len(land(LAB_SESSIONS)) == 2
    assert load_scheduled(25) == ["5", "6"]


def test_a_version_that_was_replaced_before_it_was_merged_is_loaded_and_superseded(
    bucket: Any, warehouse: Connection
) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n")
    land()
    warehouse.execute("UPDATE ops.delivery SET made_at = '2026-01-06T06:00Z'")
    put(bucket, key, HEADER + b"1,1,student,Bo,a@b\n")
    assert [counts["rows_merged"] for counts in load()] == [1, 0]
    states = warehouse.execute("SELECT status, rows_superseded FROM ops.delivery ORDER BY made_at")
    assert [tuple(row.values()) for row in states] == [("merged", 1), ("merged", 0)]
    assert load() == []


def test_a_file_that_comes_back_to_an_earlier_content_is_loaded_again(
    bucket: Any, warehouse: Connection
) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    good, bad = HEADER + b"1,1,student,Al,a@b\n", HEADER + b"1,1,student,,a@b\n"
    for day, content in enumerate((good, bad, good), start=4):
        put(bucket, key, content)
        assert [counts["rows_merged"] for counts in load()] == [1]
        for table in ("delivery", "current_part"):
            earlier: Any = f"UPDATE ops.{table} SET made_at = %s WHERE made_at > '2026-02-01'"
            warehouse.execute(earlier, [f"2026-01-0{day}T06:00Z"])
    (row,) = warehouse.execute("SELECT name FROM vocareum.enrollment")
    assert row["name"] == "Al"
    assert load() == []
    put(bucket, key, good)
    assert load() == [], "written anew, as it was"


def test_a_version_is_let_be_once_a_later_one_is_merged(bucket: Any, warehouse: Connection) -> None:
    """One that can never be loaded would fail each run for ever."""
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, b"no header\n")
    land()
    warehouse.execute("UPDATE ops.delivery SET made_at = '2026-01-06T06:00Z'")
    put(bucket, key, HEADER + b"1,1,student,Bo,a@b\n")
    later, _ = land()
    operator = LoadOperator(task_id="load", dataset=ENROLLMENT.dataset, deliveries=[later])
    assert [counts["rows_merged"] for counts in run_load(operator)] == [1]
    assert land() == []


def test_as_much_as_is_looked_back_at_is_taken_up_after_a_longer_pause(bucket: Any) -> None:
    put_days(bucket, range(5, 57))
    assert load_scheduled(6) == ["5", "6"]
    assert len(load_scheduled(56)) == 36


def test_a_rewritten_file_that_landed_and_was_not_merged_is_taken_up_later(
    bucket: Any, warehouse: Connection
) -> None:
    put_days(bucket, [5])
    assert load_scheduled(6) == ["5"]
    warehouse.execute("UPDATE ops.delivery SET made_at = '2026-01-06T06:00Z'")
    put_days(bucket, [5], b"User ID\nu\nv\n")
    assert len(land(LAB_SESSIONS)) == 1
    assert load_scheduled(25) == ["5"]


def put_days(bucket: Any, days: Iterable[int], content: bytes = b"User ID\nu\n") -> None:
    """Files of days since the first of January."""
    for day in days:
        of = date(2026, 1, 1) + timedelta(days=day - 1)
        key = f"org123/lab_sessions/lab_sessions_{of.year}-{of.month}-{of.day}.csv"
        put(bucket, key, content)


def load_scheduled(day: int) -> list[str]:
    """The scheduled run of a day since the first of January; the days whose files it loaded."""
    files = LAB_SESSIONS
    begun = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day - 1)
    run = context() | {
        "dag_run": SimpleNamespace(run_type="scheduled"),
        "data_interval_start": begun,
        "data_interval_end": begun + timedelta(days=1),
    }
    land = LandVocareumFilesOperator(task_id="land", files=files, credentials=credentials())
    try:
        due = land.execute(run)
    except AirflowSkipException:
        return []
    loads = LoadOperator(task_id="load", dataset=files.dataset, deliveries=due)
    names = [counts["name"].removesuffix(".csv").rpartition("-")[2] for counts in run_load(loads)]
    return sorted(names, key=int)


def test_only_the_courses_that_were_asked_for(bucket: Any) -> None:
    for course in ("1", "12", "3"):
        put(bucket, f"org123/enrollment/course{course}/enrollment.csv", HEADER)
    put(bucket, "org123/course-asn_mapping/course_mapping.csv", b"course_id\n1\n")
    assert len(land(courses=["1", "3"])) == 2
    assert len(land(FILES["course_mapping"], courses=["1"])) == 1


def test_a_past_state_can_be_loaded_again(bucket: Any, warehouse: Connection) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n")
    load()
    for table in ("delivery", "current_part"):
        long_ago: Any = f"UPDATE ops.{table} SET made_at = '2026-01-06T06:00Z'"
        warehouse.execute(long_ago)
    put(bucket, key, HEADER + b"1,1,student,Bo,a@b\n")
    load()
    bucket.delete_object(Bucket=BUCKET, Key=key)

    def name() -> str:
        row = warehouse.execute("SELECT name FROM vocareum.enrollment").fetchone()
        assert row
        return str(row["name"])

    assert name() == "Bo"
    load(reload=True)
    assert name() == "Al", "as it was at the end of the last day"
    load()
    assert name() == "Al", "until somebody asks for the newest state"
    load(reload=True, first_day=None, last_day=None)
    assert name() == "Bo"


def test_the_file_of_a_day_is_loaded_again_though_the_vendor_has_it_no_more(
    bucket: Any, warehouse: Connection
) -> None:
    key = "org123/lab_sessions/lab_sessions_2026-1-5.csv"
    put(bucket, key, b"User ID\n1\n2\n")
    load(LAB_SESSIONS)
    bucket.delete_object(Bucket=BUCKET, Key=key)
    warehouse.execute("DELETE FROM vocareum.lab_sessions")
    assert [counts["rows_merged"] for counts in load(LAB_SESSIONS, reload=True)] == [2]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, PermanentFailure, "refuses the token"),
        (403, PermanentFailure, "scope s3_labs"),
        (429, TransientFailure, "HTTP 429"),
        (500, TransientFailure, "HTTP 500"),
    ],
)
def test_the_api_refusing(sandbox: Sandbox, status: int, kind: type[Exception], said: str) -> None:
    sandbox.set_faults(vocareum_status=status)
    with pytest.raises(kind, match=said):
        land()


def test_the_api_answering_with_a_page(sandbox: Sandbox) -> None:
    sandbox.set_faults(vocareum_shape="page")
    with pytest.raises(TransientFailure, match="something that is not JSON"):
        land()


@pytest.mark.parametrize("shape", ["list", "flat", "sts", "html"])
def test_credentials_of_every_shape_open_the_bucket(
    bucket: Any, sandbox: Sandbox, shape: str
) -> None:
    sandbox.set_faults(vocareum_shape=shape)
    put(bucket, "org123/enrollment/course1/enrollment.csv", HEADER)
    assert len(land()) == 1


def test_a_dataset_that_was_not_asked_for_is_skipped() -> None:
    with pytest.raises(AirflowSkipException, match="leave out enrollment"):
        land(datasets=["lab_sessions"])


BROKEN = [
    ("vocareum", None, PermanentFailure, "no Airflow connection 'vocareum': add one"),
    ("vocareum", {"password": "wrong"}, PermanentFailure, "Invalid Token.*generate a new one"),
    ("vocareum", {"password": None}, PermanentFailure, "has no password"),
    ("vocareum", {"extra": {}}, PermanentFailure, "has no extra org_id"),
    ("vocareum", {"extra": {"org_id": "7"}}, PermanentFailure, "403.*scope s3_labs"),
    ("vocareum", {"host": "http://127.0.0.1:9"}, TransientFailure, "does not answer"),
    ("landing_zone", None, PermanentFailure, "no Airflow connection 'landing_zone'"),
    ("landing_zone", {"extra": {}}, PermanentFailure, "names no bucket"),
    ("learning_warehouse", None, PermanentFailure, "no Airflow connection 'learning_warehouse'"),
    ("learning_warehouse", {"port": 9}, TransientFailure, "cannot be opened.*refused.*check that"),
]


@pytest.mark.parametrize(("conn_id", "changes", "kind", "said"), BROKEN)
def test_bad_connections_get_one_sentence(
    connections: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    conn_id: str,
    changes: dict[str, Any] | None,
    kind: type[Exception],
    said: str,
) -> None:
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if changes is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, json.dumps({**connections[conn_id], **changes}))
    with pytest.raises(kind, match=said) as failure:
        land()
    assert "\n" not in str(failure.value)
    assert "vocareum-token" not in str(failure.value)


def test_a_netrc_on_the_worker_takes_no_tokens_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password theirs\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert request_credentials(account("vocareum"))


def test_a_last_day_before_its_first() -> None:
    with pytest.raises(PermanentFailure, match="is before the first day"):
        land(first_day="2026-01-06", last_day="2026-01-05")
