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
from decimal import Decimal
from pathlib import Path

import pytest

from include.sandbox.campus import Campus

FIRST_DAY = date(2026, 2, 2)
END_DAY = date(2026, 2, 9)
AFTER_IT = datetime(2026, 2, 9, tzinfo=UTC)
VOCAREUM = {
    "lab_sessions": "lab_sessions/",
    "aws_cost": "cloud_spend/aws_cost_",
    "azure_cost": "cloud_spend/azure/",
    "service_spend": "service_spend/",
    "grades": "grades/",
    "enrollment": "enrollment/",
    "course_mapping": "course-asn_mapping/course_",
    "asn_mapping": "course-asn_mapping/asn_",
}
"""How the keys of each dataset begin, after the org."""
TABLES = (
    *(f"vocareum.{name}" for name in VOCAREUM),
    "echo360.videoview",
    "echo360.asset",
    "edx.event",
)
ROOT = Path(__file__).parents[2]

DOCUMENTED = {
    "lab_sessions": (
        '"User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name", '
        '"Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", Log, '
        'Tags, "Launch Time", "Init Time", "Launch To Ready Duration (mins)", '
        '"Concurrent Labs Count", "Disconnects", "Latency Time (ms)"'
    ),
    "aws_cost": (
        '"AWS Account ID", "User ID", "User Email", "Part ID", "Part Name", Cost, '
        '"File Updated Time"'
    ),
    "azure_cost": ('"User ID","User Email","Part ID","Part Name",Month,Year,Monthly-cost-to-date'),
    "service_spend": (
        '"AWS Account ID", "User Id", "User Email", "Course ID", "Part ID", Service, Cost'
    ),
    "grades": (
        "courseid, coursename, asnid, asnname, ispeerreviewon, maxscore, userid, partnerid, "
        "asnscore, isoverride, partid, partname, partscore, rubricid, rubricname, rubricscore, "
        "graderid"
    ),
    "enrollment": (
        "userid, courseid, role, name, email, client_key, client_userid, dropped, "
        "organization_terms_agreed, organization_terms_agreed_date_utc"
    ),
    "course_mapping": ("org_id, org_name, course_id, course_name, create_method, parent_course_id"),
    "asn_mapping": (
        "org_id, course_id, assignment_id, assignment_name, part_id, part_name, "
        "parent_assignment_id, parent_part_id"
    ),
}
"""The vendor's header lines."""
UNDOCUMENTED = {
    "aws_cost": ["deactivation_date", "status_code"],
    "grades": ["submission", "submission_time"],
}
"""Columns that only some files have, after those."""

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


def files(campus: Campus, name: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Keys and records, the header first, of all files of a dataset of the org."""
    for key, content in campus.vocareum_files():
        if key.startswith(f"org{campus.org_id}/{VOCAREUM[name]}"):
            text = content.decode("utf-8-sig")
            yield key, list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))


def records(campus: Campus, name: str) -> list[list[str]]:
    """The records of all files of a dataset, without their headers."""
    return [record for _, (_, *found) in files(campus, name) for record in found]


def rows(campus: Campus, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Keys and complete rows of all files of a dataset, by their headers."""
    for key, (header, *found) in files(campus, name):
        for record in found:
            if len(record) == len(header):
                yield key, dict(zip(header, record, strict=True))


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


@pytest.mark.parametrize("table", VOCAREUM)
def test_each_record_is_in_the_truth_or_rejected(campus: Campus, table: str) -> None:
    truth = list(campus.truth(f"vocareum.{table}"))
    assert truth
    assert len(records(campus, table)) == len(truth) + len(campus.rejects(f"vocareum.{table}"))


def test_rejected_records_stand_in_the_files_letter_for_letter(campus: Campus) -> None:
    prefix = f"org{campus.org_id}/"
    text = "".join(
        content.decode() for key, content in campus.vocareum_files() if key.startswith(prefix)
    )
    for table in (f"vocareum.{name}" for name in VOCAREUM):
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


@pytest.mark.parametrize("name", VOCAREUM)
def test_headers_are_the_documents(campus: Campus, name: str) -> None:
    documented = next(csv.reader([DOCUMENTED[name]], skipinitialspace=True))
    found = {tuple(header) for _, (header, *_) in files(campus, name)}
    expected = {tuple(documented)}
    if name in UNDOCUMENTED:
        expected.add((*documented, *UNDOCUMENTED[name]))
    assert found == expected


def test_what_some_files_do_not_tell_is_not_in_the_truth(campus: Campus) -> None:
    for name, table in (("aws_cost", "vocareum.aws_cost"), ("grades", "vocareum.grades")):
        column = UNDOCUMENTED[name][-1]
        told = sum(column in row for _, row in rows(campus, name))
        true = [row[column] for row in campus.truth(table)]
        assert 0 < true.count(None) < len(true)
        assert told > 0


def test_an_aws_counter_grows_until_it_begins_anew() -> None:
    month = Campus(first_day=FIRST_DAY, days=35, activity=0.2)
    before: dict[tuple[str, str, str], Decimal] = {}
    fallen = 0
    spent: Counter[tuple[str, ...]] = Counter()
    for key, (header, *found) in files(month, "aws_cost"):
        day = date(*map(int, key.removesuffix(".csv").rpartition("_")[2].split("-")))
        for record in found:
            if len(record) != len(header) or record[0] == "862200000000":
                continue
            account, user, _, part, _, cost, updated = record[:7]
            assert datetime.fromtimestamp(int(updated), UTC).date() == day + timedelta(days=1)
            now, counter = Decimal(cost), (account, user, part)
            last = before.get(counter, Decimal(0))
            assert now >= last or now < Decimal("0.1") < last
            fallen += now < last
            spent[account, part, f"{day.year}-{day.month}"] += now - last if now >= last else now
            before[counter] = now
    assert fallen
    services: Counter[tuple[str, ...]] = Counter()
    for key, row in rows(month, "service_spend"):
        if row["AWS Account ID"] != "862200000000":
            in_month = key.removesuffix(".csv").rpartition("_")[2]
            services[row["AWS Account ID"], row["Part ID"], in_month] += Decimal(row["Cost"])
    assert {k: v for k, v in spent.items() if v} == services
    assert {in_month for *_, in_month in services} == {"2026-2", "2026-3"}


def test_an_azure_counter_grows_within_its_month() -> None:
    months = Campus(first_day=FIRST_DAY, days=35, activity=0.2)
    before: dict[tuple[str, ...], Decimal] = {}
    for key, row in rows(months, "azure_cost"):
        if row["Month"] == "October":
            continue
        assert f"_{row['Year']}-{row['Month']}-" in key
        counter = (row["User ID"], row["Part ID"], row["Year"], row["Month"])
        cost = Decimal(row["Monthly-cost-to-date"])
        assert cost >= before.get(counter, 0)
        before[counter] = cost
    assert {month for *_, month in before} == {"2", "3"}
    assert any(before.values())


def test_only_who_was_active_in_a_course_has_a_cloud_account(campus: Campus) -> None:
    launched = {
        (row["user_email"], row["course_id"]) for row in campus.truth("vocareum.lab_sessions")
    }
    spenders = {
        (row["user_email"], row["course_id"]) for row in campus.truth("vocareum.service_spend")
    }
    assert spenders
    assert spenders <= launched
    assert len({course for _, course in spenders}) == len(campus.courses) // 2


def test_a_grade_without_its_partner_is_one_short(campus: Campus) -> None:
    rejected = Counter(campus.rejects("vocareum.grades"))
    short = 0
    for _, (header, *found) in files(campus, "grades"):
        for record in found:
            if len(record) == len(header) - 1:
                whole = dict(zip(header, [*record[:7], "", *record[7:]], strict=True))
                assert whole["isoverride"] in ("0", "1")
                assert Decimal(whole["rubricscore"]) <= Decimal(whole["maxscore"])
                short += 1
            elif len(record) != len(header):
                assert ",".join(record) in rejected
    grades = list(campus.truth("vocareum.grades"))
    partners = [row["partnerid"] for row in grades]
    assert 0 < short < partners.count(None) < len(partners)
    assert any("," in row["rubricname"] and '"' in row["rubricname"] for row in grades)


def test_a_clone_has_a_parent_that_may_be_masked(campus: Campus) -> None:
    courses = {row["course_id"]: row for row in campus.truth("vocareum.course_mapping")}
    parents = {row["parent_course_id"] for row in courses.values()}
    assert None in parents
    assert parents & courses.keys()
    assert any(parent and parent.endswith("xx") for parent in parents)
    assignments = list(campus.truth("vocareum.asn_mapping"))
    own = {(row["assignment_id"], row["part_id"]) for row in assignments}
    copied = {(row["parent_assignment_id"], row["parent_part_id"]) for row in assignments}
    assert own & copied


def test_activity_scales_what_happens() -> None:
    usual, quiet = (Campus(first_day=FIRST_DAY, activity=activity) for activity in (1.0, 0.1))
    table = "vocareum.lab_sessions"
    assert 0 < len(list(quiet.truth(table))) < len(list(usual.truth(table))) / 4
    table = "vocareum.enrollment"
    assert list(quiet.truth(table)) == list(usual.truth(table))


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
