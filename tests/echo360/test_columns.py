"""Every column of Echo360's document, from the landing zone to its own column of the warehouse."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.staging import open_assets
from learning_warehouse.landing import LandingZone
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.staging import csv_reader
from tests.warehouse.roads import load_all, rows

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.echo360.reports import Report
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.merging import Merged

DAY = date(2026, 1, 5)

both_paths = pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])


# --- the document's columns -----------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A header of the document, what a report writes below it, and where and as what that is found.

    Text is written in quotes, a number is bare.
    """

    header: str
    written: str | int | Decimal
    column: str
    means: Any


def text(header: str, column: str, value: str) -> Cell:
    """Text, which means itself."""
    return Cell(header, value, column, value)


def number(header: str, column: str, value: int) -> Cell:
    """A whole number."""
    return Cell(header, value, column, value)


def decimal(header: str, column: str, value: str) -> Cell:
    """A number with a fraction."""
    return Cell(header, Decimal(value), column, Decimal(value))


def flag(header: str, column: str, written: str | int) -> Cell:
    """TRUE or FALSE, 1 or 0."""
    return Cell(header, written, column, written in ("TRUE", 1))


def key(header: str, column: str, last: int) -> Cell:
    """A UUID, told from others by its last group."""
    written = f"5f0c1d6e-2b1a-4c3d-8e9f-{last:012}"
    return Cell(header, written, column, written)


def instant(header: str, column: str, written: str, means: str) -> Cell:
    """A UTC time."""
    return Cell(header, written, column, datetime.fromisoformat(means).replace(tzinfo=UTC))


def structure(header: str, column: str, written: str) -> Cell:
    """JSON."""
    return Cell(header, written, column, json.loads(written))


POLL = '{"choices": [{"id": 1, "text": "Yes, \\"always\\""}, {"id": 2, "text": "No;\\n|never|"}]}'
NOTE = '{\n  "text": "see slide 3, \\"Entropy\\"",\n  "time": 61.5\n}'

ASSET = [
    text("video_name", "video_name", 'Lecture 7: "Entropy", part 1'),
    instant("create_date", "create_date", "2026-01-03 08:00:00", "2026-01-03 08:00"),
    text("section_number", "section_number", "001"),
    text("owner_name", "owner_name", "Ada, Byron"),
    key("mediaid", "media_id", 1),
    flag("scheduled", "scheduled", 1),
    text("course_identifier", "course_identifier", "5f0c1d6e-2b1a-4c3d-8e9f-000000000002"),
    text("organization_name", "organization_name", "Example University"),
    text("department_name", "department_name", "Physics"),
    text("room_name", "room_name", "Hall 2"),
    text("building_name", "building_name", "Main Building"),
    text("campus_name", "campus_name", "North"),
    text("term_name", "term_name", "Winter 2025/26"),
    flag("transcribed", "transcribed", 0),
    text("device", "device", "Zoom"),
    decimal("video_duration_in_minutes", "video_duration_in_minutes", "52.25"),
    instant("last_view", "last_view", "2026-01-05T21:30:01.5Z", "2026-01-05 21:30:01.500"),
    number("view_count", "view_count", 110),
    number("downloads", "downloads", 7),
    decimal("view_duration_in_minutes", "view_duration_in_minutes", "1834.5"),
    number("public", "public", 11),
    number("private", "private", 99),
    number("live", "live", 12),
    number("on_demand", "on_demand", 98),
    instant("published_date", "published_date", "2026-01-04", "2026-01-04 00:00"),
]
PRESENTATION_COURSE = [
    key("sectionId", "section_id", 4),
    text("sectionNumber", "section_number", "002"),
    key("courseId", "course_id", 5),
    text("courseIdentifier", "course_identifier", "PHYS-101"),
    text("courseName", "course_name", "Physics, an introduction"),
]
LOWER_COURSE = [
    text("courseidentifier", c.column, c.means) if c.header == "courseIdentifier" else c
    for c in PRESENTATION_COURSE
]
PERSON = [
    key("userid", "user_id", 6),
    text("firstname", "first_name", "Zoë"),
    text("lastname", "last_name", 'O"Neil'),
    text("email", "email", "zoe@example.org"),
    text("role", "role", "Student"),
]
CLOCK = instant(
    "event_timestamp", "event_timestamp", "2026-01-05 10:00:00.5", "2026-01-05 10:00:00.500"
)
NEWER_CLOCK = instant(
    "eventTimestamp", "event_timestamp", "2026-01-05T10:00:00Z", "2026-01-05 10:00"
)
SESSION_END = [
    number("playbackSpeed", "playback_speed", 150),
    number("playbackVolume", "playback_volume", 80),
    decimal("playbackPosition", "playback_position", "160000.5"),
    flag("transcriptActive", "transcript_active", "TRUE"),
    flag("ccActive", "cc_active", "FALSE"),
]
QUESTION = [
    key("questionid", "question_id", 20),
    text("question", "question", "Is it true,\nas I read, that entropy grows?"),
    *PRESENTATION_COURSE,
]

DOCUMENT: dict[str, list[Cell]] = {
    "asset": ASSET,
    "assetbydate": ASSET,
    "presentation": [
        key("presentationID", "presentation_id", 7),
        text("presentationName", "presentation_name", "Slides of week 2"),
        *PRESENTATION_COURSE,
        CLOCK,
        *PERSON,
        number("slide_count", "slide_count", 42),
    ],
    "videoview": [
        key("videoId", "video_id", 8),
        text("videoName", "video_name", "Lecture 8"),
        *PRESENTATION_COURSE,
        CLOCK,
        decimal("duration_Minute", "duration_minute", "48.5"),
        *PERSON,
    ],
    "liveviews": [
        key("mediaId", "media_id", 9),
        text("mediaName", "media_name", "Live, week 2"),
        key("userId", "user_id", 10),
        text("firstName", "first_name", "Ada"),
        text("lastName", "last_name", "Byron"),
        text("userEmail", "user_email", "ada@example.org"),
        text("userRole", "user_role", "Teaching Assistant"),
        text("scope", "scope", "LIVE_STREAM"),
        text("event", "event", "JOIN"),
        NEWER_CLOCK,
    ],
    "viewsessions": [
        NEWER_CLOCK,
        text("sessionId", "session_id", "session-0815"),
        text("sessionStatus", "session_status", "SESSION_END"),
        key("mediaId", "media_id", 11),
        text("mediaName", "media_name", "Quiz video"),
        decimal("mediaDuration", "media_duration", "12.75"),
        text("lmsCourseName", "lms_course_name", "Physics in the LMS"),
        key("courseId", "course_id", 12),
        text("courseCode", "course_code", "PHYS-101"),
        text("courseName", "course_name", "Physics"),
        key("sectionId", "section_id", 13),
        text("sectionNumber", "section_number", "003"),
        key("lessonId", "lesson_id", 14),
        text("lessonName", "lesson_name", "Week 2, Monday"),
        key("userId", "user_id", 15),
        text("firstName", "first_name", "Ada"),
        text("lastName", "last_name", "Byron"),
        text("userEmail", "user_email", "ada@example.org"),
        text("userRole", "user_role", "Student"),
        structure("intervalsPlayed", "intervals_played", "[[0,80000],[120000,160000]]"),
        *SESSION_END,
    ],
    "viewsessiondetails": [
        NEWER_CLOCK,
        text("sessionId", "session_id", "session-0815"),
        key("mediaId", "media_id", 11),
        text("mediaName", "media_name", "Quiz video"),
        key("userId", "user_id", 15),
        structure("intervalsPlayed", "intervals_played", "[[0,10000],[120000,146000]]"),
        *SESSION_END,
    ],
    "confused": [
        key("PresentationID", "presentation_id", 7),
        text("PresentationName", "presentation_name", "Slides of week 2"),
        *PRESENTATION_COURSE,
        CLOCK,
        *PERSON,
    ],
    "polling": [
        key("presentation_id", "presentation_id", 7),
        text("presentation_name", "presentation_name", "Slides of week 2"),
        *LOWER_COURSE,
        key("activity_id", "activity_id", 16),
        text("activity_prompt", "activity_prompt", "Does entropy grow?"),
        structure("activity_content", "activity_content", POLL),
        text("solution", "solution", "Yes"),
        CLOCK,
        key("answer_id", "answer_id", 17),
        text("answer", "answer", "No"),
        text("isCorrect", "is_correct", "false"),
        *PERSON,
    ],
    "pollingv2": [
        key("mediaId", "media_id", 11),
        text("mediaName", "media_name", "Quiz video"),
        key("sectionId", "section_id", 13),
        text("sectionNumber", "section_number", "003"),
        key("courseId", "course_id", 12),
        text("lmsCourseId", "lms_course_id", "4711"),
        text("courseIdentifier", "course_identifier", "PHYS-101"),
        text("lmsCourseIdentifier", "lms_course_identifier", "LMS-PHYS-101"),
        text("courseName", "course_name", "Physics"),
        text("lmsCourseName", "lms_course_name", "Physics in the LMS"),
        key("pollId", "poll_id", 18),
        text("pollPrompt", "poll_prompt", "Where is the hot spot?"),
        structure("pollContent", "poll_content", POLL),
        text("solution", "solution", "(10, 20)"),
        text("action", "action", "Updated"),
        NEWER_CLOCK,
        key("answerId", "answer_id", 19),
        text("answer", "answer", "(12, 19)"),
        key("userId", "user_id", 15),
        text("firstName", "first_name", "Ada"),
        text("lastName", "last_name", "Byron"),
        text("email", "email", "ada@example.org"),
        text("role", "role", "Student"),
    ],
    "qanda": [
        *QUESTION,
        key("question_userid", "question_user_id", 21),
        text("question_firstname", "question_first_name", "Ada"),
        text("question_lastname", "question_last_name", "Byron"),
        text("question_email", "question_email", "ada@example.org"),
        text("question_role", "question_role", "Student"),
        key("answerid", "answer_id", 22),
        text("answer", "answer", "In a closed system, yes."),
        CLOCK,
        key("answer_userid", "answer_user_id", 23),
        text("answer_firstname", "answer_first_name", "Zoë"),
        text("answer_lastname", "answer_last_name", "Keller"),
        text("answer_email", "answer_email", "zoe@example.org"),
        text("answer_role", "answer_role", "Instructor"),
    ],
    "qanda2": [
        text("entity", "entity", "Response"),
        text("action", "action", "Created"),
        *QUESTION,
        key("questionUserId", "question_user_id", 21),
        text("questionFirstName", "question_first_name", "Ada"),
        text("questionLastName", "question_last_name", "Byron"),
        text("questionEmail", "question_email", "ada@example.org"),
        text("questionRole", "question_role", "Student"),
        key("answerid", "answer_id", 22),
        text("answer", "answer", "In a closed system, yes."),
        NEWER_CLOCK,
        key("answerUserId", "answer_user_id", 23),
        text("answerFirstName", "answer_first_name", "Zoë"),
        text("answerLastName", "answer_last_name", "Keller"),
        text("answerEmail", "answer_email", "zoe@example.org"),
        text("answerRole", "answer_role", "Instructor"),
    ],
    "notes": [
        key("PresentationID", "presentation_id", 7),
        text("PresentationName", "presentation_name", "Slides of week 2"),
        *PRESENTATION_COURSE,
        structure("content", "content", NOTE),
        number("note_count", "note_count", 3),
        CLOCK,
        *PERSON,
    ],
}
EMAIL = ("email", "userEmail")


def spellings(cells: list[Cell]) -> list[str]:
    """How the header of an address may be spelled: the document's text lost some of them."""
    own = {c.header for c in cells if c.header in EMAIL}
    return sorted(own | {"email", "user email"}) if own else ["no address"]


# --- the road -------------------------------------------------------------------------------------


def written(headers: list[str], *records: list[Any], delimiter: str = ",") -> bytes:
    """A report as the document's example has it: header and text quoted, numbers bare."""
    report = io.StringIO()
    csv.writer(
        report, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"
    ).writerows([headers, *records])
    return report.getvalue().encode()


def load(conn: Connection, report: Report, content: bytes, *, careful: bool) -> Merged:
    """Land a report of the week from ``DAY``, or of ``DAY`` where it is a snapshot; load it."""
    uri, _ = LandingZone().put_stream(f"test/{report.name}", io.BytesIO(content))
    length = 7 if report.dataset.strategy == "replace_window" else 1
    delivery = ledger.deliver(
        conn,
        dataset=report.dataset.table,
        origin="echo360.org",
        name=report.name,
        version="r",
        made_at=datetime(2026, 1, 15, tzinfo=UTC),
        uri=uri,
        size=None,
        first_day=DAY,
        end_day=DAY + timedelta(days=length),
        details={"assets": [uri]},
    )

    def open_bytes(delivery: ledger.Delivery) -> BinaryIO:
        return open_assets(delivery.details["assets"])

    read = csv_reader(report.dataset, open_bytes, careful=careful)
    (merged,) = load_all(conn, [delivery], report.dataset, read)
    return merged


def test_the_registry_has_the_documents_reports_in_its_order() -> None:
    assert list(REPORTS) == list(DOCUMENT)
    assert [report.days for report in REPORTS.values()] == [None, 1, *[7] * 11]


@both_paths
@pytest.mark.parametrize(
    ("name", "spelling"),
    [(name, spelling) for name, cells in DOCUMENT.items() for spelling in spellings(cells)],
)
def test_each_value_is_found_in_its_own_column(
    echo360: Sandbox, warehouse: Connection, name: str, spelling: str, careful: bool
) -> None:
    report, cells = REPORTS[name], DOCUMENT[name]
    headers = [spelling if c.header in EMAIL else c.header for c in cells]
    merged = load(warehouse, report, written(headers, [c.written for c in cells]), careful=careful)
    query: Any = f"SELECT * FROM {report.dataset.table}"
    (row,) = warehouse.execute(query).fetchall()
    assert (row.pop("_origin"), row.pop("_delivery")) == ("echo360.org", merged.delivery_id)
    assert (row.pop("_row"), row.pop("_extras")) == (1, None)
    means = {c.column: c.means for c in cells}
    if report.dataset.strategy == "snapshot":
        means[str(report.dataset.clock)] = DAY
    assert row == means
    assert {name: type(value) for name, value in row.items()} == {
        name: type(value) for name, value in means.items()
    }
    assert rows(warehouse, "ops.schema_change") == []


# --- values ---------------------------------------------------------------------------------------


@both_paths
@pytest.mark.parametrize("delimiter", [",", "\t", "|"], ids=["comma", "tab", "pipe"])
def test_json_keeps_its_quotes_lines_and_delimiters(
    echo360: Sandbox, warehouse: Connection, delimiter: str, careful: bool
) -> None:
    values = [
        {"text": 'She said "no", twice; \\"', "more": ["a,b", "a|b", "a\tb", "a\r\nb", "é 😀"]},
        {"text": ""},
        [],
        "only text",
    ]
    records = [
        ["2026-01-05", json.dumps(value, indent=indent), n]
        for n, (value, indent) in enumerate(zip(values, (2, None, 1, None), strict=True))
    ]
    content = written(["event_timestamp", "content", "note_count"], *records, delimiter=delimiter)
    load(warehouse, REPORTS["notes"], content, careful=careful)
    found = warehouse.execute("SELECT content FROM echo360.notes ORDER BY _row").fetchall()
    assert [row["content"] for row in found] == values


@both_paths
def test_booleans_are_words_or_digits(
    echo360: Sandbox, warehouse: Connection, careful: bool
) -> None:
    values = ["TRUE", "FALSE", "true", "False", 1, 0, "1", "0", ""]
    headers = ["eventTimestamp", "transcriptActive", "ccActive"]
    records = [["2026-01-05", value, "TRUE"] for value in values]
    load(warehouse, REPORTS["viewsessions"], written(headers, *records), careful=careful)
    found = warehouse.execute(
        "SELECT transcript_active FROM echo360.viewsessions WHERE cc_active ORDER BY _row"
    ).fetchall()
    meant = [True, False, True, False, True, False, True, False, None]
    assert [row["transcript_active"] for row in found] == meant


@both_paths
@pytest.mark.parametrize("report", ["viewsessions", "viewsessiondetails"])
def test_malformed_json_costs_its_own_row(
    echo360: Sandbox, warehouse: Connection, report: str, careful: bool
) -> None:
    cut = "[[0,80000],[12"
    values = ["[[0,1]]", cut, "", "[[2,3]]"]
    records = [["2026-01-05", value] for value in values]
    content = written(["eventTimestamp", "intervalsPlayed"], *records)
    merged = load(warehouse, REPORTS[report], content, careful=careful)
    assert (merged.rows_merged, merged.rows_rejected) == (3, 1)
    found = rows(warehouse, f"echo360.{report}", "_row, intervals_played")
    assert found == [(1, [[0, 1]]), (3, None), (4, [[2, 3]])]
    assert rows(warehouse, "ops.rejected_row", "_row, line, raw, reason") == [
        (2, 3, f'"2026-01-05","{cut}"', f"intervals_played: '{cut}' is no jsonb")
    ]


@both_paths
def test_a_session_that_begins_has_played_nothing(
    echo360: Sandbox, warehouse: Connection, careful: bool
) -> None:
    content = b'"eventTimestamp","sessionId","intervalsPlayed"\n' + b"".join(
        b'"2026-01-05 10:00:00","s",%b\n' % blank for blank in (b'""', b"", b'" "')
    )
    load(warehouse, REPORTS["viewsessions"], content, careful=careful)
    assert (
        rows(warehouse, "echo360.viewsessions", "session_id, intervals_played") == [("s", None)] * 3
    )


MIDNIGHT = datetime(2026, 1, 6, tzinfo=UTC)
FRACTIONS = ["", *("." + "0" * digits for digits in range(1, 10))]
FORMS: list[str | int] = [
    *(
        f"2026-01-06{between}00:00:00{fraction}{zone}"
        for between in "T "
        for fraction in FRACTIONS
        for zone in ("Z", "+00:00", " UTC", "")
    ),
    "2026-01-06",
    int(MIDNIGHT.timestamp()),
    str(int(MIDNIGHT.timestamp())),
    int(MIDNIGHT.timestamp()) * 1000,
    str(int(MIDNIGHT.timestamp()) * 1000),
]


@both_paths
def test_every_form_of_a_time_is_the_same_instant(
    echo360: Sandbox, warehouse: Connection, careful: bool
) -> None:
    content = written(["event_timestamp", "note_count"], *([form, 1] for form in FORMS))
    merged = load(warehouse, REPORTS["notes"], content, careful=careful)
    assert merged.rows_merged == len(FORMS)
    found = rows(warehouse, "echo360.notes", "DISTINCT event_timestamp")
    assert found == [(MIDNIGHT,)]


@both_paths
@pytest.mark.parametrize("form", FORMS[-5:], ids=repr)
def test_a_report_of_one_form_of_time(
    echo360: Sandbox, warehouse: Connection, form: str | int, careful: bool
) -> None:
    """No other row of it leads the fast path to refuse it."""
    load(
        warehouse,
        REPORTS["notes"],
        written(["event_timestamp", "note_count"], [form, 1]),
        careful=careful,
    )
    assert rows(warehouse, "echo360.notes", "event_timestamp") == [(MIDNIGHT,)]


@both_paths
def test_fractions_of_a_second_are_kept_to_the_microsecond(
    echo360: Sandbox, warehouse: Connection, careful: bool
) -> None:
    digits = "123456789"
    forms = [f"2026-01-06T00:00:00.{digits[:n]}Z" for n in range(1, 10)]
    content = written(["event_timestamp", "note_count"], *([form, 1] for form in forms))
    load(warehouse, REPORTS["notes"], content, careful=careful)
    found = warehouse.execute("SELECT event_timestamp FROM echo360.notes ORDER BY _row").fetchall()
    assert [row["event_timestamp"] - MIDNIGHT for row in found] == [
        timedelta(microseconds=round(int(digits[:n]) / 10 ** (n - 6))) for n in range(1, 10)
    ]
