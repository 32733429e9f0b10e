"""What a file is, by its name or else by its content, against a real S3 server and PostgreSQL."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.edx.operators import EdxLogTarOperator
from learning_warehouse.edx.telling import by_content, by_name
from learning_warehouse.steps import summary
from learning_warehouse.steps.summary import SummaryOperator
from tests.conftest import context
from tests.edx.bucket import PACKERS, gz, load_logs, log, names, tar, together
from tests.edx.loading import column, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.connection import Connection
    from tests.edx.bucket import Bucket

pytestmark = pytest.mark.usefixtures("connections")

PLAIN = "2013-10-20-UniversityA-tracking.tar"
LATER = "2013-10-27-UniversityA-tracking.tar"

UNTOLD = [
    "s1/0000-tracking.log-20170711.gz",
    "s1/tracking.log.1",
    "s1/tracking.log.1.gz",
    "s1/2013-10-27.log.gz",
    "s1/events.log",
    "s1/tracking.json",
    "s1/tracklog-2013-10-14.json.gz",
    "s1/host7.tracking.log-2013-06-09.bz2",
    "s1/x",
]
"""Names that do not tell that these are logs."""

WEB_SERVER = json.dumps({"time": "2017-05-25T03:17:07+00:00", "status": 200, "request": "/"})
JUNK = {
    "nginx/access.json": WEB_SERVER.encode() + b"\n",
    "nginx/error.log.34.gz": gz(b"2013/10/14 [error] upstream timed out\n" * 50),
    "exclude.txt": b"*.pyc\n",
    "s1/.tracking_17438.log.gz.JscfpA": log(7),
    "s1/tracking.log.part": line(7),
    "s1/secrets.gpg": line(7),
    "s1/raw.json": json.dumps({"timestamp": "2017-05-25", "data": {}, "event_type": "x"}).encode(),
    "s1/old.tar": tar({"tracking.log": line(7)}),
}
"""Members that are no logs, or are skipped by their names."""


@pytest.fixture
def ranges(bucket: Bucket) -> Iterator[list[str]]:
    """The ranges that are read of the bucket's objects from now on."""
    from learning_warehouse.edx import search

    asked: list[str] = []
    made = search.s3_client

    def client(conn_id: str) -> Any:
        one = made(conn_id)
        one.meta.events.register(
            "before-send.s3.GetObject",
            lambda request, **_: asked.append(request.headers["Range"].decode()),
        )
        return one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "s3_client", client)
        yield asked


def packed_as_named(name: str, content: bytes) -> bytes:
    return PACKERS.get("." + name.rpartition(".")[2], bytes)(content)


def logs() -> dict[str, bytes]:
    return {
        name: packed_as_named(name, line(number) + b"\n" + line(number + 100))
        for number, name in enumerate(UNTOLD)
    }


# --- members of tars ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", PACKERS)
def test_logs_of_any_name_are_found_in_tars(
    warehouse: Connection, bucket: Bucket, end: str
) -> None:
    bucket.put(PLAIN + end, tar({**logs(), **JUNK}, end))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {*UNTOLD}
    load_logs(ids)
    assert len(column(warehouse, "session")) == 2 * len(UNTOLD)
    (counted,) = warehouse.execute("SELECT * FROM edx.tracking_log_tar").fetchall()
    assert (counted["members"], counted["junk"]) == (len(UNTOLD), len(JUNK))
    assert bucket.unpack() == []
    bucket.put(LATER, tar({**JUNK, **logs()}))
    bucket.put(LATER + ".gz", tar({**JUNK, **logs()}, ".gz"))
    assert bucket.unpack() == []


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 826 + line(1),
        b"Sep  9 00:00:48 localhost " + line(1),
        b"no event\n{}\n\n" + line(1)[:-20] + b"\ntracking.log-20130722.gz:" + line(1) + b"\n",
        line(1, agent='"\x01').replace(rb"\u0001", b"\x01"),
        line(1, agent=float("nan")),
    ],
)
def test_a_log_is_told_after_rescue(warehouse: Connection, bucket: Bucket, content: bytes) -> None:
    bucket.put(PLAIN, tar({"s1/events.json": content}))
    load_logs(bucket.unpack())
    assert column(warehouse, "session") == ["1"]


def test_an_event_behind_the_first_64_kib_tells_nothing(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(PLAIN, tar({"s1/a": b"x\n" * 40_000 + line(1), "s1/b": line(2)}))
    assert names(warehouse, bucket.unpack()) == {"s1/b"}


def test_a_tar_of_thousands_is_looked_into_once(
    warehouse: Connection, bucket: Bucket, ranges: list[str]
) -> None:
    junk = {f"nginx/error.log.{number}": b"x" * 2000 for number in range(2500)}
    bucket.put(PLAIN, tar({**junk, "s1/events.log": line(1)}))
    load_logs(bucket.unpack())
    assert 0 < len(ranges) < 60
    rows = warehouse.execute("SELECT name, kind FROM edx.told_by_content").fetchall()
    assert len(rows) == 2501
    assert [row["name"] for row in rows if row["kind"] == "log"] == ["s1/events.log"]
    ranges.clear()
    assert bucket.unpack() == []
    assert ranges == []
    bucket.put(LATER, tar({**junk, "s1/events.log": line(1), "s1/more.log": b"y" * 300_000}))
    assert bucket.unpack() == []
    headers = len(ranges)
    ranges.clear()
    bucket.put(LATER, tar({**junk, "s1/events.log": line(1)}))
    assert bucket.unpack(reload=True)
    assert headers - 1 <= 2 * len(ranges)


def test_large_members_are_looked_into_by_their_beginnings(
    bucket: Bucket, ranges: list[str]
) -> None:
    bucket.put(PLAIN, tar({f"s{i}/events": line(i) + b"\n" + bytes(3_000_000) for i in range(4)}))
    assert len(bucket.unpack()) == 4
    read = [range_.removeprefix("bytes=").split("-") for range_ in ranges]
    assert sum(int(end) - int(begin) for begin, end in read) < 500_000
    ranges.clear()
    assert len(bucket.unpack()) == 4
    assert ranges == []


def test_another_file_of_that_name_is_looked_into(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN, tar({"s1/events": b"x" * len(line(1))}))
    assert bucket.unpack() == []
    bucket.put(LATER, tar({"s1/events": line(1)}))
    assert names(warehouse, bucket.unpack()) == {"s1/events"}


def test_a_dry_run_tells_and_remembers_nothing(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN, tar({**logs(), **JUNK}))
    bucket.put("prod/events.json", line(8))
    (told,) = bucket.lanes(dry_run=True)["would_load"]
    assert (told["members"], told["new"], told["junk"]) == (len(UNTOLD), len(UNTOLD), len(JUNK))
    assert warehouse.execute("SELECT FROM edx.told_by_content").fetchall() == []
    assert names(warehouse, bucket.unpack()) == {*UNTOLD}


# --- keys -----------------------------------------------------------------------------------------


def keys(bucket: Bucket, **options: Any) -> list[int]:
    """Run the task for today, the day of what lies in the bucket without a date in its name."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    given = context()
    given |= {"data_interval_start": today, "data_interval_end": today + timedelta(days=1)}
    with suppress(AirflowSkipException):  # Nothing is new.
        bucket.operator(**options).execute(given)
    return together({k: v for k, v in given["ti"].pushed.items() if k.startswith("lane")})


@pytest.mark.parametrize("name", [*UNTOLD, "tracking.log", "a/tracking_14602.log"])
def test_a_key_of_any_name_is_told(warehouse: Connection, bucket: Bucket, name: str) -> None:
    bucket.put(name, packed_as_named(name, line(1)))
    bucket.put("a/notes.json", WEB_SERVER.encode())
    bucket.put("a/empty", b"")
    bucket.put("a/.hidden", line(2))
    bucket.put("a/secrets.gpg", line(2))
    bucket.put("a/folder/", b"")
    ids = bucket.unpack() or keys(bucket)
    assert names(warehouse, ids) == {name}
    load_logs(ids)
    assert column(warehouse, "session") == ["1"]
    assert bucket.unpack() + keys(bucket) == []


@pytest.mark.parametrize("end", PACKERS)
@pytest.mark.parametrize("key", ["logs-2013-10-14", "2013-10-14.backup", "week.data"])
def test_a_tar_of_any_name_is_told(
    warehouse: Connection, bucket: Bucket, key: str, end: str
) -> None:
    bucket.put(key, tar({"s1/events.log": log(1), "s1/tracking.log": line(2)}, end))
    ids = bucket.unpack() or keys(bucket)
    assert names(warehouse, ids) == {"s1/events.log", "s1/tracking.log"}
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == ["1", "2"]
    assert bucket.unpack() + keys(bucket) == []


def test_a_log_is_no_broken_tar_whatever_the_pattern_says(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put("tracklog-2013-10-14.json.gz", log(1, 2))
    given = context(earliest=True)
    bucket.operator(pattern=r"tracklog-(?P<date>[\d-]+)\.json").execute(given)
    load_logs(together(given["ti"].pushed))
    assert sorted(column(warehouse, "session")) == ["1", "2"]


def test_a_key_is_looked_into_once(bucket: Bucket, ranges: list[str]) -> None:
    bucket.put("2013-10-14.notes", b"no log")
    bucket.put("2013-10-15.logs", tar({"s1/tracking.log": line(1)}))
    assert len(bucket.unpack()) == 1
    assert ranges
    ranges.clear()
    assert len(bucket.unpack()) == 1
    assert ranges == []
    bucket.put("2013-10-14.notes", line(2))
    assert len(bucket.unpack()) == 2


@pytest.mark.parametrize("key", ["tracking.log", "2013-99-99_U.log", "tracking.log-99999999"])
def test_a_key_without_a_date_goes_by_its_mtime(bucket: Bucket, key: str) -> None:
    bucket.put(key, line(1))
    assert bucket.unpack() == []
    assert len(keys(bucket)) == 1


def test_it_says_how_many_keys_of_other_sites_it_left_alone(
    warehouse: Connection,
    bucket: Bucket,
    connections: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fields = connections["edx_tracking_logs"]
    fields = {**fields, "extra": {**fields["extra"], "site": "UniversityB"}}
    monkeypatch.setenv("AIRFLOW_CONN_EDX_TRACKING_LOGS", json.dumps(fields))
    for site in "ACD":
        bucket.put(f"2013-10-20-University{site}-tracking.tar", tar({"s/tracking.log": line(1)}))
    bucket.put("2013-10-20.log", line(2))
    monkeypatch.setattr(EdxLogTarOperator, "log", logging.getLogger("unpack"))
    with caplog.at_level(logging.INFO):
        ids = bucket.unpack()
    assert names(warehouse, ids) == {"2013-10-20.log"}
    assert "3 tars and logs are skipped: they are not of the site UniversityB" in caplog.text


@pytest.mark.parametrize("end", ["\r", "\u2028", "\x1b"])
def test_a_key_that_could_forge_a_line_of_a_log_is_skipped(
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    end: str,
) -> None:
    bucket.put(f"2013-10-20{end}ERROR all is lost/2013-10-20_U.log", line(1))
    monkeypatch.setattr(EdxLogTarOperator, "log", logging.getLogger("unpack"))
    assert bucket.unpack() == []
    (said,) = [r.getMessage() for r in caplog.records if "is skipped" in r.getMessage()]
    assert said.isprintable()


# --- a tar without logs ---------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_a_tar_of_which_nothing_is_a_log_is_told_of(
    bucket: Bucket, end: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.put(PLAIN + end, tar({"nginx/access.json": WEB_SERVER.encode(), "a.txt": b"x"}, end))
    bucket.put(LATER, tar({"s1/tracking.log": line(1)}))
    bucket.put("2013-10-28-UniversityA-tracking.tar", tar({}))
    sentence = (
        f"s3://{bucket.name}/{PLAIN}{end} holds no tracking log: none of its 2 members is one"
    )
    monkeypatch.setattr(summary, "_failed_tasks", lambda context: [])
    monkeypatch.setattr(SummaryOperator, "log", logging.getLogger("summarise"))
    for _ in range(2):
        caplog.clear()
        bucket.unpack()
        (found,) = bucket.findings
        assert found.startswith(sentence)
        assert any(record.levelname == "WARNING" for record in caplog.records)
        caplog.clear()
        SummaryOperator(
            task_id="summarise", loads=[None], schemas=["edx"], findings=bucket.findings
        ).execute(context())
        assert sentence in " ".join(caplog.text.split())


def test_a_tar_of_folders_alone(bucket: Bucket) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as writer:
        folder = tarfile.TarInfo("prod-edx-001")
        folder.type = tarfile.DIRTYPE
        writer.addfile(folder)
    bucket.put(PLAIN, content.getvalue())
    bucket.unpack()
    assert len(bucket.findings) == 1


# --- the telling itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tracking.log-20170711.gz", "log"),
        ("tracking.log-2013-06-09.gz", None),
        ("2013-10-27-UniversityA.log.gz.gpg", "encrypted"),
        ("events.log.gpg", "junk"),
        (".2013-10-27-UniversityA.log", "junk"),
        ("2013-10-27-UniversityA.log.gz.part", "junk"),
        ("2013-10-27-UniversityA-tracking.tar", "tar"),
        ("a.tgz", "compressed tar"),
        ("a.tar.gpg", "junk"),
        ("events.log", None),
    ],
)
def test_telling_by_name(name: str, kind: str | None) -> None:
    assert by_name(name) == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "junk"),
        (line(1), "log"),
        (gz(line(1) + b"\n")[:-9], "log"),
        (b"\x1f\x8b", "junk"),
        (b"BZh9" + b"x" * 100, "junk"),
        (b'[{"event_type": "x", "time": 1}]', "junk"),
        (b'{"a": {"event_type": "x", "time": 1}}', "junk"),
        (b"{" * 70_000, "junk"),
        (b'{"event_type": ' * 4000, "junk"),
        (bytes(70_000), "junk"),
        (tar({"x": b"y"}), "tar"),
        (gz(tar({"x": b"y"})), "compressed tar"),
    ],
)
def test_telling_by_content(content: bytes, kind: str) -> None:
    assert by_content(lambda size: content[:size]) == kind
