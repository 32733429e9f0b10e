"""What the campus serves is the same for the same seed, and adds up with its truth.

The vendors' files are read here as anybody would read them, by csv, tarfile and gzip: nothing of
the campus's own writing is used, and nothing of the package's loaders.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.sandbox.campus import Campus
from include.sandbox.truth import _plain
from include.sandbox.vendors import _lines

FIRST_DAY = date(2026, 2, 2)
END_DAY = date(2026, 2, 9)
AFTER_IT = datetime(2026, 2, 9, tzinfo=UTC)
COMPLETE = AFTER_IT + timedelta(hours=48)
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
REPORTS = {
    "asset": (
        "video_name create_date section_number owner_name mediaid scheduled course_identifier "
        "organization_name department_name room_name building_name campus_name term_name "
        "transcribed device video_duration_in_minutes last_view view_count downloads "
        "view_duration_in_minutes public private live on_demand published_date"
    ),
    "assetbydate": (
        "video_name create_date section_number owner_name mediaid scheduled course_identifier "
        "organization_name department_name room_name building_name campus_name term_name "
        "transcribed device video_duration_in_minutes last_view view_count downloads "
        "view_duration_in_minutes public private live on_demand published_date"
    ),
    "presentation": (
        "presentationID presentationName sectionId sectionNumber courseId courseIdentifier "
        "courseName event_timestamp userid firstname lastname email role slide_count"
    ),
    "videoview": (
        "videoId videoName sectionId sectionNumber courseId courseIdentifier courseName "
        "event_timestamp duration_Minute userid firstname lastname email role"
    ),
    "liveviews": (
        "mediaId mediaName userId firstName lastName userEmail userRole scope event eventTimestamp"
    ),
    "viewsessions": (
        "eventTimestamp sessionId sessionStatus mediaId mediaName mediaDuration lmsCourseName "
        "courseId courseCode courseName sectionId sectionNumber lessonId lessonName userId "
        "firstName lastName userEmail userRole intervalsPlayed playbackSpeed playbackVolume "
        "playbackPosition transcriptActive ccActive"
    ),
    "viewsessiondetails": (
        "eventTimestamp sessionId mediaId mediaName userId intervalsPlayed playbackSpeed "
        "playbackVolume playbackPosition transcriptActive ccActive"
    ),
    "confused": (
        "PresentationID PresentationName sectionId sectionNumber courseId courseIdentifier "
        "courseName event_timestamp userid firstname lastname email role"
    ),
    "polling": (
        "presentation_id presentation_name sectionId sectionNumber courseId courseidentifier "
        "courseName activity_id activity_prompt activity_content solution event_timestamp "
        "answer_id answer isCorrect userid firstname lastname email role"
    ),
    "pollingv2": (
        "mediaId mediaName sectionId sectionNumber courseId lmsCourseId courseIdentifier "
        "lmsCourseIdentifier courseName lmsCourseName pollId pollPrompt pollContent solution "
        "action eventTimestamp answerId answer userId firstName lastName email role"
    ),
    "qanda": (
        "questionid question sectionId sectionNumber courseId courseIdentifier courseName "
        "question_userid question_firstname question_lastname question_email question_role "
        "answerid answer event_timestamp answer_userid answer_firstname answer_lastname "
        "answer_email answer_role"
    ),
    "qanda2": (
        "entity action questionid question sectionId sectionNumber courseId courseIdentifier "
        "courseName questionUserId questionFirstName questionLastName questionEmail "
        "questionRole answerid answer eventTimestamp answerUserId answerFirstName "
        "answerLastName answerEmail answerRole"
    ),
    "notes": (
        "PresentationID PresentationName sectionId sectionNumber courseId courseIdentifier "
        "courseName content note_count event_timestamp userid firstname lastname email role"
    ),
}
"""The columns of Echo360's reports, as its document lists them."""
DATED = [report for report in REPORTS if report != "asset"]
EVENTS = [report for report in DATED if report != "assetbydate"]
TABLES = (
    *(f"vocareum.{name}" for name in VOCAREUM),
    *(f"echo360.{name}" for name in REPORTS),
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
    for report in REPORTS:
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


def served(campus: Campus, report: str, now: datetime = AFTER_IT) -> list[dict[str, Any]]:
    """The rows of a report for the whole week."""
    return list(campus.echo360_rows(report, FIRST_DAY, END_DAY, now))


def read(campus: Campus, report: str, day: date, end: date, delimiter: str) -> list[dict[str, str]]:
    """The rows of a report for a window, once written by the vendor and read by csv."""
    rows = campus.echo360_rows(report, day, end, AFTER_IT)
    lines = _lines(campus.echo360_header(report), rows, delimiter)
    text = io.StringIO("".join(lines), newline="")
    return list(csv.DictReader(text, delimiter=delimiter, strict=True))


def understood(text: str, like: Any) -> Any:
    """What a text of a report means, if a value of the truth is of its type."""
    if text == "":
        return None
    if isinstance(like, bool):
        return {"1": True, "0": False, "TRUE": True, "FALSE": False}[text]
    if isinstance(like, int | float):
        return float(text)
    if isinstance(like, datetime):
        return datetime.fromisoformat(text)
    return json.loads(text) if isinstance(like, list | dict) else text


def plainly(name: str) -> str:
    """A name as it is whether a vendor or a warehouse spells it."""
    return name.replace("_", "").lower()


@pytest.mark.parametrize("report", REPORTS)
def test_the_columns_of_a_report_are_the_documents(campus: Campus, report: str) -> None:
    header = campus.echo360_header(report)
    assert header == REPORTS[report].split()
    assert len(set(map(plainly, header))) == len(header)
    days = {"assetbydate": ["day"]}.get(report, [])
    columns = {tuple(row) for row in campus.truth(f"echo360.{report}")}
    assert {frozenset(map(plainly, found)) for found in columns} == {
        frozenset(map(plainly, [*days, *header]))
    }


@pytest.mark.parametrize("delimiter", [",", "\t", "|"], ids=["comma", "tab", "pipe"])
@pytest.mark.parametrize("report", EVENTS)
def test_a_report_reads_back_as_the_truth(campus: Campus, report: str, delimiter: str) -> None:
    found = read(campus, report, FIRST_DAY, END_DAY, delimiter)
    true = list(campus.truth(f"echo360.{report}"))
    assert len(found) == len(true)
    for row, facts in zip(found, true, strict=True):
        texts = {plainly(name): text for name, text in row.items()}
        for column, fact in facts.items():
            assert understood(texts[plainly(column)], fact) == fact


def test_a_days_counts_read_back_as_the_truth(campus: Campus) -> None:
    true = list(campus.truth("echo360.assetbydate"))
    assert len({(row["day"], row["media_id"]) for row in true}) == len(true) == 7 * 12
    for day in campus.days:
        of_day = {row["media_id"]: row for row in true if row["day"] == day}
        found = read(campus, "assetbydate", day, day + timedelta(days=1), ",")
        assert [row["mediaid"] for row in found] == list(of_day)
        for row in found:
            facts = of_day[row["mediaid"]]
            for name in ("last_view", "view_count", "downloads", "view_duration_in_minutes"):
                assert understood(row[name], facts[name]) == facts[name]


def test_the_counts_of_the_days_are_those_of_the_week(campus: Campus) -> None:
    days = Counter[str]()
    for row in campus.truth("echo360.assetbydate"):
        days[row["media_id"]] += row["view_count"]
    for report in ("assetbydate", "asset"):
        assert {row["mediaid"]: row["view_count"] for row in served(campus, report)} == days
    downloads = [row["downloads"] for row in served(campus, "assetbydate")]
    assert downloads == [row["downloads"] for row in served(campus, "asset")]
    assert not list(campus.echo360_rows("assetbydate", date(2026, 3, 1), END_DAY, AFTER_IT))


@pytest.mark.parametrize("is_late", [False, True], ids=["at_once", "late"])
@pytest.mark.parametrize("report", EVENTS)
def test_the_windows_of_a_report_add_up(report: str, is_late: bool) -> None:
    campus = Campus(first_day=FIRST_DAY, students=30, late=is_late)
    whole = served(campus, report)
    assert whole
    for middle in campus.days[1:]:
        earlier = list(campus.echo360_rows(report, FIRST_DAY, middle, AFTER_IT))
        later = list(campus.echo360_rows(report, middle, END_DAY, AFTER_IT))
        assert earlier + later == whole


@pytest.mark.parametrize("report", EVENTS)
def test_most_days_have_rows_of_each_report(campus: Campus, report: str) -> None:
    days = Counter(row["event_timestamp"].date() for row in campus.truth(f"echo360.{report}"))
    assert days.keys() == set(campus.days)
    assert 200 < days.total() < 12_000


@pytest.mark.parametrize("report", EVENTS)
def test_late_rows_are_there_two_days_after_their_day(report: str) -> None:
    at_once, late = (Campus(first_day=FIRST_DAY, late=is_late) for is_late in (False, True))
    final = served(at_once, report)
    assert list(late.truth(f"echo360.{report}")) == list(at_once.truth(f"echo360.{report}"))
    assert served(late, report, COMPLETE) == final
    for day in late.days:
        end = day + timedelta(days=1)
        closed = datetime(end.year, end.month, end.day, tzinfo=UTC)
        now = list(late.echo360_rows(report, day, end, closed + timedelta(hours=48)))
        assert now == list(at_once.echo360_rows(report, day, end, closed))
    expected, found = (
        Counter(tuple(row.values()) for row in rows)
        for rows in (final, week_at_each_close(late, report))
    )
    wrong = (found - expected).total()
    missing = expected.total() - found.total()
    assert 0.05 < missing / expected.total() < 0.16
    assert 0.01 < wrong / expected.total() < 0.09


def week_at_each_close(campus: Campus, report: str) -> list[dict[str, Any]]:
    """The rows of each day as they are known when it is over."""
    rows: list[dict[str, Any]] = []
    for day in campus.days:
        end = day + timedelta(days=1)
        closed = datetime(end.year, end.month, end.day, tzinfo=UTC)
        rows += campus.echo360_rows(report, day, end, closed)
    return rows


def test_late_views_are_counted_late() -> None:
    at_once, late = (Campus(first_day=FIRST_DAY, late=is_late) for is_late in (False, True))
    final = served(at_once, "assetbydate")
    assert served(late, "assetbydate", COMPLETE) == final
    early = week_at_each_close(late, "assetbydate")
    beats = week_at_each_close(late, "videoview")
    assert sum(row["view_count"] for row in early) == len(beats)
    assert len(beats) < sum(row["view_count"] for row in final)
    assert len(early) == len(late.days) * len(final)


def test_nothing_of_a_late_campus_is_known_before_it_happened() -> None:
    late = Campus(first_day=FIRST_DAY, late=True)
    noon = datetime(2026, 2, 4, 12, tzinfo=UTC)
    for row in served(late, "liveviews", noon):
        assert datetime.fromisoformat(row["eventTimestamp"]) <= noon


@pytest.mark.parametrize("table", TABLES)
def test_the_truth_is_compared_by_value(campus: Campus, table: str) -> None:
    for row in campus.truth(table):
        for value in row.values():
            plain = _plain(value)
            hash(plain)
            if isinstance(value, list | dict):
                assert _plain(json.loads(json.dumps(value, sort_keys=True))) == plain


@pytest.mark.parametrize("report", ["notes", "polling", "pollingv2", "qanda", "qanda2"])
def test_what_people_write_holds_all_that_is_hard_to_read(campus: Campus, report: str) -> None:
    texts = "\0".join(
        str(value) for row in served(campus, report) for value in row.values() if value is not None
    )
    assert all(sign in texts for sign in '",|\n')
    assert "\t" in texts or "\\t" in texts
    assert not texts.isascii()


def test_sessions_begin_end_and_grow_stale(campus: Campus) -> None:
    sessions = list(campus.truth("echo360.viewsessions"))
    beacons: dict[str, list[dict[str, Any]]] = {}
    for row in campus.truth("echo360.viewsessiondetails"):
        beacons.setdefault(row["session_id"], []).append(row)
    statuses = Counter(row["session_status"] for row in sessions)
    assert min(statuses[f"SESSION_{status}"] for status in ("BEGIN", "END", "STALE")) > 0
    for row in sessions:
        if row["session_status"] == "SESSION_BEGIN":
            assert row["intervals_played"] is None
            continue
        told = beacons.get(row["session_id"], [])
        played = row["intervals_played"]
        assert all(a[1] < b[0] for a, b in itertools.pairwise(played))
        for start, end in (interval for beacon in told for interval in beacon["intervals_played"]):
            assert any(a <= start <= end <= b for a, b in played)
        if told:
            idle = row["event_timestamp"] - told[-1]["event_timestamp"]
            is_stale = row["session_status"] == "SESSION_STALE"
            assert (idle >= timedelta(hours=48)) == is_stale
            assert row["playback_position"] == told[-1]["playback_position"]
    for told in beacons.values():
        times = [row["event_timestamp"] for row in told]
        for earlier, later in itertools.pairwise(times):
            assert timedelta(seconds=29) < later - earlier < timedelta(seconds=31)
    assert any(row["user_id"] is None and row["course_id"] is None for row in sessions)
    assert any(row["lms_course_name"] for row in sessions)
    assert any(row["lesson_id"] for row in sessions)


def test_version_1_of_a_report_tells_of_the_facts_of_version_2(campus: Campus) -> None:
    second = list(campus.truth("echo360.pollingv2"))
    assert {row["action"] for row in second} == {"Created", "Updated", "Deleted"}
    first = list(campus.truth("echo360.polling"))
    decks = {row["presentation_id"] for row in campus.truth("echo360.presentation")}
    assert [(row["answer_id"], row["answer"], row["event_timestamp"]) for row in first] == [
        (row["answer_id"], row["answer"], row["event_timestamp"])
        for row in second
        if row["media_id"] in decks and row["action"] != "Deleted"
    ]
    assert len(first) < len(second)
    second = list(campus.truth("echo360.qanda2"))
    done = {(row["entity"], row["action"]) for row in second}
    assert done >= {(e, a) for e in ("Question", "Response") for a in ("Created", "Updated")}
    assert "Deleted" in {action for _, action in done}
    for row in second:
        assert (row["answer_user_id"] is None) == (row["entity"] == "Question")
    told = [row for row in second if row["action"] != "Deleted"]
    for old, new in zip(campus.truth("echo360.qanda"), told, strict=True):
        assert new == {**old, "entity": new["entity"], "action": new["action"]}


def test_who_joins_leaves(campus: Campus) -> None:
    joined: Counter[tuple[str, str, str]] = Counter()
    rows = sorted(campus.truth("echo360.liveviews"), key=lambda row: row["event_timestamp"])
    for row in rows:
        who = row["user_id"], row["media_id"], row["scope"]
        joined[who] += {"JOIN": 1, "LEAVE": -1}[row["event"]]
        assert joined[who] in (0, 1)
    assert {scope for _, _, scope in joined} == {"CLASSROOM", "LIVE_STREAM"}
    assert joined.total() < len(joined) / 20


def test_equal_beats_are_served_and_counted_each(campus: Campus) -> None:
    true = Counter(tuple(row.values()) for row in campus.truth("echo360.videoview"))
    found = Counter(tuple(row.values()) for row in served(campus, "videoview"))
    assert max(true.values()) > 1
    assert sorted(found.values()) == sorted(true.values())


def test_the_asset_report_counts_the_views(campus: Campus) -> None:
    later = AFTER_IT + timedelta(days=30)
    found = list(campus.echo360_rows("asset", None, None, later))
    true = list(campus.truth("echo360.asset"))
    assert [row["view_count"] for row in found] == [row["view_count"] for row in true]
    beats = len(list(campus.truth("echo360.videoview")))
    assert sum(row["view_duration_in_minutes"] for row in true) * 2 == beats


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
