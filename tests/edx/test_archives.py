"""Logs in compressed tars and single logs, against a real S3 server and PostgreSQL."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from include.sandbox.server import LANDING_BUCKET
from learning_warehouse.edx.operators import LOGS_KEY
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse import ledger
from tests.conftest import context
from tests.edx.bucket import (
    MIXED,
    PACKERS,
    gz,
    load_logs,
    log,
    names,
    skip_and_replay,
    tar,
    together,
    zst,
)
from tests.edx.loading import column, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.connection import Connection
    from tests.edx.bucket import Bucket

pytestmark = pytest.mark.usefixtures("connections")

PLAIN = "2013-10-20-UniversityA-tracking.tar"
LATER = "2013-10-27-UniversityA-tracking.tar"
COMPRESSED = [end for end in PACKERS if end]

LOGS = {
    f"prod-edx-001/2013-10-20-UniversityA.log{end}": pack(line(number))
    for number, (end, pack) in enumerate(PACKERS.items())
}
NUMBERS = [str(number) for number in range(len(LOGS))]


def landed(bucket: Bucket) -> set[str]:
    pages = bucket.client.get_paginator("list_objects_v2").paginate(Bucket=LANDING_BUCKET)
    keys = {one["Key"] for page in pages for one in page.get("Contents", [])}
    return {key for key in keys if not key.startswith("ledger/")}


def versions(conn: Connection) -> set[tuple[str, str]]:
    rows = conn.execute("SELECT name, version FROM ops.delivery").fetchall()
    return {(row["name"], row["version"]) for row in rows}


def walked(conn: Connection) -> list[str]:
    rows = conn.execute("SELECT uri FROM edx.tracking_log_tar ORDER BY uri").fetchall()
    return [row["uri"].rpartition("/")[2] for row in rows]


# --- which keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "date", "site"),
    [
        ("2013-10-27-UniversityA-tracking.tar", "2013-10-27", "UniversityA"),
        ("old/2013-10-27-University-A-tracking.tar.gz", "2013-10-27", "University-A"),
        ("2013-10-27-UniversityA-tracking.tgz", "2013-10-27", "UniversityA"),
        ("2013-10-27-UniversityA-tracking.tar.bz2", "2013-10-27", "UniversityA"),
        ("2013-10-27-UniversityA-tracking.tar.xz", "2013-10-27", "UniversityA"),
        ("2013-10-27-UniversityA-tracking.tar.zst", "2013-10-27", "UniversityA"),
        ("u/prod/events/2014/u-edx-events-2014-05-09.log.gz", "2014-05-09", "u"),
        ("u/edge/events/2014/u-b-edge-events-2014-05-09.log.gz.gpg", "2014-05-09", "u-b"),
        ("u-edx-events-2014-05-09.log", "2014-05-09", "u"),
        ("a/0000-tracking.log-20170711.gz", "20170711", None),
        ("tracklog-2013-10-14.json.gz", "2013-10-14", None),
        ("2013-10-27-UniversityA-notes.txt", "2013-10-27", None),
        ("2013-10-27/tracking.log.1", None, None),
        ("UniversityA-tracking.tar", None, "UniversityA"),
    ],
)
def test_the_pattern_finds_tars_and_logs(key: str, date: str | None, site: str | None) -> None:
    import re

    found = re.search(LOGS_KEY, key)
    assert found
    assert found.groupdict() == {"date": date, "site": site}


@pytest.mark.parametrize("key", ["a/folder/", "a/.u-edx-events-2014-05-09.log.gz.JscfpA", ".a"])
def test_the_pattern_leaves_folders_and_hidden_files_alone(key: str) -> None:
    import re

    assert not re.search(LOGS_KEY, key)


# --- compressed tars ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", PACKERS)
def test_every_kind_of_log_comes_out_of_every_kind_of_tar_the_same(
    warehouse: Connection, bucket: Bucket, end: str
) -> None:
    bucket.put(PLAIN + end, tar({**LOGS, "exclude.txt": b"x"}, end))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {*LOGS}
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == NUMBERS
    assert walked(warehouse) == [PLAIN + end]
    (counted,) = warehouse.execute("SELECT * FROM edx.tracking_log_tar").fetchall()
    assert (counted["members"], counted["junk"]) == (len(LOGS), 1)
    of_this_tar = versions(warehouse)
    before = landed(bucket)
    for other in PACKERS:
        bucket.put(LATER + other, tar(LOGS, other))
    assert bucket.unpack() == []
    assert versions(warehouse) == of_this_tar
    assert landed(bucket) == before
    assert len(walked(warehouse)) == 1 + len(PACKERS)


def test_a_tgz_is_a_compressed_tar(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN.replace(".tar", ".tgz"), tar(LOGS, ".gz"))
    assert names(warehouse, bucket.unpack()) == {*LOGS}


def test_only_what_is_new_in_a_cumulative_tar_lands(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    load_logs(bucket.unpack())
    before = landed(bucket)
    new = "prod-edx-002/2013-10-27-UniversityA.log.gz"
    bucket.put(LATER + ".zst", tar({**LOGS, new: log(7, 8)}, ".zst"))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {new}
    (key,) = landed(bucket) - before
    assert key.startswith(f"edx/event/UniversityA/{new.replace('/', '%2F')}/")
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == [*NUMBERS, "7", "8"]


def test_a_plain_tar_is_read_in_place_rather_than_a_compressed_one(
    warehouse: Connection, bucket: Bucket
) -> None:
    before = landed(bucket)
    bucket.put(PLAIN, tar(LOGS))
    bucket.put(LATER + ".gz", tar(LOGS, ".gz"))
    ids = bucket.unpack()
    assert {ledger.find(warehouse, i).uri for i in ids} == {f"s3://{bucket.name}/{PLAIN}"}
    assert landed(bucket) == before


def test_what_landed_and_was_not_merged_is_taken_up_and_does_not_land_again(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    ids = sorted(bucket.unpack())
    assert sorted(bucket.unpack()) == ids
    before = landed(bucket)
    bucket.put(LATER + ".gz", tar(LOGS, ".gz"))
    assert sorted(bucket.unpack(earliest=False, last_day="2013-10-27")) == ids
    assert landed(bucket) == before
    assert sorted(bucket.unpack(earliest=False, last_day="2013-10-27")) == ids
    load_logs(ids)
    assert bucket.unpack() == []


def test_what_landed_and_is_gone_lands_again(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    ids = bucket.unpack()
    for delivery_id in ids:
        key = ledger.find(warehouse, delivery_id).uri.partition(f"{LANDING_BUCKET}/")[2]
        bucket.client.delete_object(Bucket=LANDING_BUCKET, Key=key)
    assert sorted(bucket.unpack(reload=True)) == sorted(ids)
    assert sum(count["rows_merged"] for count in load_logs(ids)) == len(LOGS)


def test_reload_takes_what_landed_from_where_it_lies(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    ids = bucket.unpack()
    load_logs(ids)
    before = landed(bucket)
    assert sorted(bucket.unpack(reload=True)) == sorted(ids)
    assert landed(bucket) == before


def test_a_log_of_the_same_name_size_and_time_and_other_bytes_is_another_one(
    warehouse: Connection, bucket: Bucket
) -> None:
    name = "prod-edx-001/tracking.log"
    bucket.put(PLAIN, tar({name: line(1)}))
    load_logs(bucket.unpack())
    other = {name: line(2), "prod-edx-002/tracking.log": line(3)}
    bucket.put(LATER + ".gz", tar(other, ".gz"))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {*other}
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == ["1", "2", "3"]
    assert bucket.unpack() == []


def test_a_tar_that_was_replaced_is_read_again(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    load_logs(bucket.unpack())
    bucket.put(PLAIN + ".gz", tar({**LOGS, "prod-edx-002/tracking.log": line(9)}, ".gz"))
    assert names(warehouse, bucket.unpack()) == {"prod-edx-002/tracking.log"}


def noise(size: int) -> bytes:
    """A log that cannot be compressed much."""
    import random

    return line(5, agent=random.Random(size).randbytes(size).hex())


@pytest.mark.parametrize("end", COMPRESSED)
def test_a_tar_that_is_cut_off_gives_what_lies_before(
    warehouse: Connection, bucket: Bucket, end: str
) -> None:
    first, second = "prod-edx-001/tracking.log", "prod-edx-002/tracking.log"
    packed = tar({first: line(1), second: noise(800_000)}, end)
    bucket.put(PLAIN + end, packed[: len(packed) * 3 // 4])
    bucket.put(LATER, tar({"prod-edx-003/tracking.log": line(3)}))
    with pytest.raises(PermanentFailure, match=rf"{PLAIN}{end} cannot be unpacked .*ask edX"):
        bucket.unpack()
    assert names(warehouse, together(bucket.pushed)) == {first, "prod-edx-003/tracking.log"}
    load_logs(together(bucket.pushed))
    assert sorted(column(warehouse, "session")) == ["1", "3"]
    assert walked(warehouse) == [LATER]
    with pytest.raises(PermanentFailure, match="cannot be unpacked"):
        bucket.unpack()
    assert together(bucket.pushed) == []


def test_a_tar_whose_checksum_is_wrong_fails_and_is_not_noted(
    warehouse: Connection, bucket: Bucket
) -> None:
    packed = tar(LOGS, ".gz")
    bucket.put(PLAIN + ".gz", packed[:-8] + bytes(4) + packed[-4:])
    with pytest.raises(PermanentFailure, match=r"cannot be unpacked to its end.*CRC check failed"):
        bucket.unpack()
    assert names(warehouse, together(bucket.pushed)) == {*LOGS}
    assert walked(warehouse) == []


def test_a_damaged_header_in_a_compressed_tar_is_not_its_end(
    warehouse: Connection, bucket: Bucket
) -> None:
    first, second = "prod-edx-001/tracking.log", "prod-edx-002/tracking.log"
    whole = tar({first: line(1), second: line(2)})
    bucket.put(PLAIN + ".gz", gz(whole[:1024] + b"damage" + whole[1030:]))
    with pytest.raises(PermanentFailure, match=r"from byte 1024 .*bad checksum"):
        bucket.unpack()
    assert names(warehouse, together(bucket.pushed)) == {first}


def test_a_header_that_claims_to_be_huge(bucket: Bucket) -> None:
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    long_name.size = 10**10
    bucket.put(PLAIN + ".gz", gz(long_name.tobuf(tarfile.GNU_FORMAT) + bytes(4096)))
    with pytest.raises(PermanentFailure, match="a header of 10000000000 bytes"):
        bucket.unpack()


@pytest.mark.parametrize("content", [b"", b"no tar at all"])
def test_what_is_no_tar(bucket: Bucket, content: bytes) -> None:
    bucket.put(PLAIN + ".gz", content)
    with pytest.raises(PermanentFailure, match="cannot be unpacked"):
        bucket.unpack()


HOSTILE = [
    "../../etc/2013-10-27_x.log",
    "/etc/cron.d/2013-10-27_x.log",
    "a\nb/tracking.log",
    "a?b#c%2e%2e/tracking.log",
    "ü" * 300 + "/tracking.log",
    "s/2013-10-27-" + "x" * 300 + ".log",
    "../tracking.log",
]


def test_no_name_in_a_tar_leads_anywhere(warehouse: Connection, bucket: Bucket) -> None:
    before = landed(bucket)
    logs = {name: line(number) for number, name in enumerate(HOSTILE)}
    bucket.put(PLAIN + ".gz", tar({**logs, "../../etc/passwd-2013-10-27_x.log": b"junk"}, ".gz"))
    ids = bucket.unpack()
    assert len(ids) == len(HOSTILE)
    keys = landed(bucket) - before
    assert len(keys) == len(HOSTILE)
    for key in keys:
        assert key.startswith("edx/event/UniversityA/")
        assert key.count("/") == 4
        assert ".." not in key.split("/")
        assert key.isascii()
        assert key.isprintable()
        assert len(key) < 600
    load_logs(ids)
    assert len(column(warehouse, "session")) == len(HOSTILE)


class Repeated(io.RawIOBase):
    """A file of one line, over and over."""

    def __init__(self, size: int) -> None:
        content = line(1, agent="x" * 10_000) + b"\n"
        self._block = content * (1_000_000 // len(content))
        self.size = size // len(self._block) * len(self._block)
        self._left = self.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        place = (self.size - self._left) % len(self._block)
        part = self._block[place : place + min(len(buffer), self._left)]
        buffer[: len(part)] = part
        self._left -= len(part)
        return len(part)


class Memory:
    """How far this process's memory rises while something is done."""

    def __enter__(self) -> Memory:
        self._before = self._now()
        self.rise = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self.rise = max(self.rise, self._now() - self._before)

    def _now(self) -> int:
        return int(psutil.Process().memory_info().rss)


def test_a_large_log_in_a_compressed_tar_takes_little_memory(
    warehouse: Connection, bucket: Bucket
) -> None:
    content = io.BytesIO()
    large = Repeated(200_000_000)
    with (
        gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as writer,
    ):
        info = tarfile.TarInfo("prod-edx-001/tracking.log")
        info.size = large.size
        writer.addfile(info, io.BufferedReader(large))
    bucket.put(PLAIN + ".gz", content.getvalue())
    bucket.put(LATER + ".gz", tar({"prod-edx-001/tracking.log": line(2)}, ".gz"))
    with Memory() as memory:
        ids = bucket.unpack()
        load_logs(ids)
    assert sorted(column(warehouse, "session")) == ["1", "2"]
    assert memory.rise < 100_000_000


# --- single logs ----------------------------------------------------------------------------------

DAILY = "universitya/prod/events/2014/UniversityA-edx-events-2014-05-09.log"


@pytest.mark.parametrize("end", PACKERS)
def test_a_log_by_itself_is_read_where_it_lies(
    warehouse: Connection, bucket: Bucket, end: str
) -> None:
    before = landed(bucket)
    bucket.put(DAILY + end, PACKERS[end](line(1) + b"\n" + line(2)))
    ids = bucket.unpack()
    assert names(warehouse, ids) == {DAILY + end}
    assert landed(bucket) == before
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == ["1", "2"]
    assert set(column(warehouse, "_origin")) == {"UniversityA"}
    assert bucket.unpack() == []
    assert bucket.unpack(reload=True) == ids


def test_a_log_by_itself_that_was_not_merged_is_taken_up(bucket: Bucket) -> None:
    bucket.put(DAILY, line(1))
    ids = bucket.unpack()
    assert bucket.unpack() == ids


def test_a_log_by_itself_that_was_replaced_is_another_one(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(DAILY, line(1))
    (first,) = bucket.unpack()
    bucket.put(DAILY, line(2))
    with pytest.raises(PermanentFailure, match="clear the run's first task"):
        load_logs([first])
    (second,) = bucket.unpack()
    assert second != first
    load_logs([second])
    assert column(warehouse, "session") == ["2"]


def test_a_damaged_log_by_itself_is_named(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(DAILY + ".zst", zst(noise(100_000))[:-10])
    with pytest.raises(PermanentFailure, match=rf"{DAILY}\.zst .*is damaged"):
        load_logs(bucket.unpack())


def test_a_damaged_log_is_replaced_once_it_is_delivered_again(
    warehouse: Connection, bucket: Bucket
) -> None:
    key = DAILY + ".zst"
    bucket.put(key, zst(noise(100_000))[:-10])
    with pytest.raises(PermanentFailure, match="is damaged"):
        load_logs(bucket.unpack())
    bucket.put(key, zst(line(1)))
    load_logs(bucket.unpack())
    assert column(warehouse, "session") == ["1"]
    assert {row["status"] for row in warehouse.execute("SELECT status FROM ops.delivery")} == {
        "merged",
        "replaced",
    }
    assert bucket.unpack() == []


def test_the_days_of_logs_are_those_in_their_names(warehouse: Connection, bucket: Bucket) -> None:
    bucket.put(DAILY, line(1))
    bucket.put(DAILY.replace("05-09", "05-10"), line(2))
    days = {"earliest": False, "first_day": "2014-05-10", "last_day": "2014-05-11"}
    assert names(warehouse, bucket.unpack(**days)) == {DAILY.replace("05-09", "05-10")}


def test_a_pattern_may_find_logs_in_other_layouts(warehouse: Connection, bucket: Bucket) -> None:
    key = "prod-edx-001/tracking.log-20140319-1395256622.gz"
    bucket.put(key, log(1))
    given = context(earliest=True)
    bucket.operator(pattern=r"tracking\.log-(?P<date>\d{8})").execute(given)
    ids = together(given["ti"].pushed)
    assert names(warehouse, ids) == {key}
    load_logs(ids)
    assert column(warehouse, "session") == ["1"]


# --- Params ---------------------------------------------------------------------------------------


def test_a_dry_run_lands_and_registers_nothing(warehouse: Connection, bucket: Bucket) -> None:
    same, new = "prod-edx-001/tracking.log", "prod-edx-002/tracking.log.gz"
    bucket.put(PLAIN, tar({**LOGS, same: line(1)}))
    bucket.put(DAILY, line(2))
    load_logs(bucket.unpack())
    later = {**LOGS, same: line(8), new: log(9), "exclude.txt": b"x", f"{new}.gpg": b"x"}
    bucket.put(LATER + ".gz", packed := tar(later, ".gz"))
    bucket.put(DAILY.replace("05-09", "05-10"), line(3))
    bucket.put(f"{DAILY}.gpg", b"sealed")
    before = versions(warehouse), walked(warehouse), landed(bucket)
    told = bucket.lanes(dry_run=True)
    assert list(told) == ["would_load"]
    loose, plain, compressed = told["would_load"]
    assert loose == {
        "where": "single logs, of UniversityA",
        "bytes": 2 * len(line(2)) + len(b"sealed"),
        "members": 2,
        "new": 1,
        "new_bytes": len(line(3)),
        "known": 1,
        "junk": 0,
        "encrypted": 1,
    }
    assert (plain["members"], plain["new"], plain["known"]) == (len(LOGS) + 1, 0, len(LOGS) + 1)
    assert compressed == {
        "where": f"s3://{bucket.name}/{LATER}.gz",
        "bytes": len(packed),
        "members": len(LOGS) + 2,
        "new": 2,
        "new_bytes": len(line(8)) + len(log(9)),
        "known": len(LOGS),
        "junk": 1,
        "encrypted": 1,
    }
    assert (versions(warehouse), walked(warehouse), landed(bucket)) == before
    assert names(warehouse, bucket.unpack()) == {same, new, DAILY.replace("05-09", "05-10")}


def test_a_dry_run_says_what_landed_and_was_not_merged(bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    bucket.unpack()
    bucket.put(LATER + ".gz", tar(LOGS, ".gz"))
    first, second = bucket.lanes(dry_run=True)["would_load"]
    assert (first["new"], first["known"]) == (len(LOGS), 0)
    assert (second["new"], second["known"]) == (0, len(LOGS))


def test_a_dry_run_of_a_tar_that_is_cut_off(warehouse: Connection, bucket: Bucket) -> None:
    packed = tar({"a/tracking.log": line(1), "b/tracking.log": noise(800_000)}, ".gz")
    bucket.put(PLAIN + ".gz", packed[: len(packed) * 3 // 4])
    with pytest.raises(PermanentFailure, match="cannot be unpacked"):
        bucket.unpack(dry_run=True)
    (told,) = bucket.pushed["would_load"]
    assert (told["members"], told["new"], told["known"]) == (1, 1, 0)
    assert versions(warehouse) == set()


@pytest.mark.parametrize(
    ("key", "content"),
    [
        (PLAIN + ".gz", tar({"a/tracking.log": MIXED}, ".gz")),
        (PLAIN, tar({"a/tracking.log.gz": gz(MIXED)})),
        (DAILY + ".gz", gz(MIXED)),
    ],
)
def test_heartbeats_are_skipped_and_rejects_replayed_of_all_archives(
    warehouse: Connection,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    content: bytes,
) -> None:
    bucket.put(key, content)
    skip_and_replay(warehouse, bucket, monkeypatch)


# --- the landing zone -----------------------------------------------------------------------------


@pytest.fixture
def no_landing_zone(connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AIRFLOW_CONN_LANDING_ZONE")
    yield


@pytest.mark.usefixtures("no_landing_zone")
def test_without_compressed_tars_no_landing_zone_is_needed(
    warehouse: Connection, bucket: Bucket
) -> None:
    bucket.put(PLAIN, tar(LOGS))
    bucket.put(DAILY, line(9))
    ids = bucket.unpack()
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == [*NUMBERS, "9"]


@pytest.mark.usefixtures("no_landing_zone")
def test_a_compressed_tar_needs_a_landing_zone(bucket: Bucket) -> None:
    bucket.put(PLAIN + ".gz", tar(LOGS, ".gz"))
    with pytest.raises(PermanentFailure, match="There is no Airflow connection 'landing_zone'"):
        bucket.unpack()
