"""What the campus serves is the same for the same seed, and adds up with its truth.

The vendors' files are read here as anybody would read them, by csv, tarfile and gzip: nothing of
the campus's own writing is used, and nothing of the package's loaders.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.sandbox.campus import Campus

FIRST_DAY = date(2026, 2, 2)
END_DAY = date(2026, 2, 9)
AFTER_IT = datetime(2026, 2, 9, tzinfo=UTC)
TABLES = (
    "vocareum.lab_sessions",
    "vocareum.enrollment",
    "echo360.videoview",
    "echo360.asset",
    "edx.event",
)
ROOT = Path(__file__).parents[2]

DIGEST = """
from datetime import date
from include.sandbox.campus import Campus
from tests.sandbox.test_campus import digest
print(digest(Campus(first_day=date(2026, 2, 2), students=12, courses=2, days=4)))
"""


def digest(campus: Campus) -> str:
    """A hash of everything that the campus serves."""
    whole = hashlib.sha256()
    for key, content in [*campus.vocareum_files(), *campus.edx_tars()]:
        whole.update(key.encode() + b"\0" + content)
    for report in ("videoview", "asset"):
        for row in campus.echo360_rows(report, FIRST_DAY, END_DAY, AFTER_IT):
            whole.update(repr(row).encode())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def campus() -> Campus:
    """A campus of a week, of the size that the demo has."""
    return Campus(first_day=FIRST_DAY)


def small(seed: int = 7) -> Campus:
    return Campus(first_day=FIRST_DAY, seed=seed, students=12, courses=2, days=4)


def records(campus: Campus, folder: str) -> list[list[str]]:
    """The records of all files of a folder of the org, without their headers."""
    found = []
    for key, content in campus.vocareum_files():
        if key.startswith(f"org{campus.org_id}/{folder}/"):
            text = content.decode("utf-8-sig")
            found += list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))[1:]
    return found


def members(content: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The logs of a tar, as they lie there."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if name.endswith(("-UniversityA.log", "-UniversityA.log.gz")):
                stream = tar.extractfile(member)
                assert stream is not None
                yield member, stream.read()


def logs(content: bytes) -> dict[str, bytes]:
    """The logs of a tar by server and day, each once and plain."""
    found: dict[str, bytes] = {}
    for member, raw in members(content):
        plain = gzip.decompress(raw) if member.name.endswith(".gz") else raw
        assert found.setdefault(member.name.removesuffix(".gz"), plain) == plain
    return found


def test_a_seed_serves_the_same_bytes_in_every_process() -> None:
    ours = digest(small())
    for hash_seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == ours


def test_another_seed_serves_other_bytes() -> None:
    assert digest(small()) != digest(small(seed=8))


def test_the_truth_can_be_told_twice(campus: Campus) -> None:
    for table in TABLES:
        assert list(campus.truth(table)) == list(campus.truth(table))
        assert campus.rejects(table) == campus.rejects(table)


@pytest.mark.parametrize("table", ["lab_sessions", "enrollment"])
def test_each_record_is_in_the_truth_or_rejected(campus: Campus, table: str) -> None:
    truth = list(campus.truth(f"vocareum.{table}"))
    assert truth
    assert len(records(campus, table)) == len(truth) + len(campus.rejects(f"vocareum.{table}"))


def test_rejected_records_stand_in_the_files_letter_for_letter(campus: Campus) -> None:
    prefix = f"org{campus.org_id}/"
    text = "".join(
        content.decode() for key, content in campus.vocareum_files() if key.startswith(prefix)
    )
    for table in ("vocareum.lab_sessions", "vocareum.enrollment"):
        assert campus.rejects(table)
        for raw, times in Counter(campus.rejects(table)).items():
            assert text.count(raw) >= times


def test_vocareums_habits_occur(campus: Campus) -> None:
    lengths = Counter(map(len, records(campus, "lab_sessions")))
    assert lengths[20] > lengths[18] > 0
    assert lengths.keys() <= {18, 20, 21}
    lengths = Counter(map(len, records(campus, "enrollment")))
    assert lengths[10] > lengths[9] > 0
    sessions = list(campus.truth("vocareum.lab_sessions"))
    assert any(row["end_time"] is None for row in sessions)
    assert any(str(row["user_id"]).endswith("xxx") for row in sessions)
    assert all(row["log"].startswith(" ") for row in sessions)
    named = [row["name"] for row in campus.truth("vocareum.enrollment")]
    assert None in named
    assert any(named)


def test_a_session_over_midnight_stands_in_both_days_files(campus: Campus) -> None:
    starts = Counter(
        (row["user_id"], row["part_id"], row["start_time"])
        for row in campus.truth("vocareum.lab_sessions")
    )
    assert max(starts.values()) == 2


def test_a_neighbours_files_lie_beside_the_orgs(campus: Campus) -> None:
    keys = Counter(key.partition("/")[0] for key, _ in campus.vocareum_files())
    assert keys.keys() == {"org123", "org1234"}


def test_the_windows_of_a_report_add_up(campus: Campus) -> None:
    whole = list(campus.echo360_rows("videoview", FIRST_DAY, END_DAY, AFTER_IT))
    days = [FIRST_DAY + timedelta(days=n) for n in range(7)]
    parts = [
        row
        for day in days
        for row in campus.echo360_rows("videoview", day, day + timedelta(days=1), AFTER_IT)
    ]
    assert parts == whole
    assert len(whole) == len(list(campus.truth("echo360.videoview")))


def test_equal_beats_are_served_and_counted_each(campus: Campus) -> None:
    beats = Counter(tuple(row.values()) for row in campus.truth("echo360.videoview"))
    assert max(beats.values()) > 1


def test_the_asset_report_counts_the_views(campus: Campus) -> None:
    later = AFTER_IT + timedelta(days=30)
    served = list(campus.echo360_rows("asset", None, None, later))
    truth = list(campus.truth("echo360.asset"))
    assert [row["view_count"] for row in served] == [row["view_count"] for row in truth]
    beats = len(list(campus.truth("echo360.videoview")))
    assert sum(row["view_duration_in_minutes"] for row in truth) * 2 == beats


def test_a_later_tar_holds_what_the_earlier_one_held(campus: Campus) -> None:
    (_, first), (_, last) = campus.edx_tars()
    earlier, later = logs(first), logs(last)
    assert earlier.keys() < later.keys()
    assert all(later[name] == content for name, content in earlier.items())
    again = {member.name: (member.mtime, raw) for member, raw in members(last)}
    zipped = [(member, raw) for member, raw in members(first) if member.name.endswith(".gz")]
    assert zipped
    assert all(again[member.name] == (member.mtime, raw) for member, raw in zipped)


def test_the_tars_are_dated_in_the_middle_and_on_the_last_day(campus: Campus) -> None:
    assert [key for key, _ in campus.edx_tars()] == [
        "2026-02-05-UniversityA-tracking.tar",
        "2026-02-08-UniversityA-tracking.tar",
    ]


def test_each_line_is_an_event_once_or_rejected(campus: Campus) -> None:
    *_, (_, last) = campus.edx_tars()
    lines = Counter(line for log in logs(last).values() for line in log.split(b"\n") if line)
    rejected = Counter(raw.encode() for raw in campus.rejects("edx.event"))
    assert rejected
    assert {line: lines[line] for line in rejected} == rejected
    events = lines - rejected
    assert len(events) == len(list(campus.truth("edx.event")))
    assert max(events.values()) > 1


def test_edx_s_habits_occur(campus: Campus) -> None:
    *_, (_, last) = campus.edx_tars()
    whole = b"".join(logs(last).values())
    for oddity in (b"\0" * 826 + b"{", b"Sep  9 00:00:48 localhost {", rb"\u0000", b"NaN"):
        assert oddity in whole
    events = list(campus.truth("edx.event"))
    forms = {row["event_status"] for row in events}
    assert {"object", "json_string", "doubly_encoded", "key_value", "truncated"} <= forms
    types = {row["event_type"] for row in events}
    names = {row["name"] for row in events}
    assert {"play_video", "seq_goto", "page_close", "problem_check"} <= types
    assert "edx.video.played" in types | names
    assert any(event_type.startswith("/courses/") for event_type in types)
    assert any(row["username"] == "" for row in events)
