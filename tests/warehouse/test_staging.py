"""Delimited text into staging: what is taken, what is rejected and why; both paths agree."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.errors import PermanentFailure
from tests.warehouse.roads import ASSET, ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, load, rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ENROLLED = b"userid,courseid,role,name,email\n"
VIEWED = b'"videoId","event_timestamp","duration_Minute","userid","user email"\n'
VIDEO = b'"00000000-0000-0000-0000-000000000001"'
WEEK = (date(2026, 1, 5), date(2026, 1, 12))

DOCUMENT_LAB_SESSIONS = (
    b'"User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name", '
    b'"Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", Log, Tags, '
    b'"Launch Time", "Init Time", "Launch To Ready Duration (mins)", "Concurrent Labs Count", '
    b'"Disconnects", "Latency Time (ms)"\n'
    b'1731xxx, user@vocareum.com, 45686, "Kevin 2021", 760081, lab-04-api, 760084, '
    b'assignment-part, Cloud,"Feb-23-2022 9:40:20 pm UTC", "Feb-23-2022 11:40:22 pm UTC", '
    b'120.03333333333," START successful; CFN creation successful; END successful (Session Timer '
    b'Expires)",,"Jun-01-2022 9:14:57 pm UTC", "Jun-01-2022 9:15:02 pm UTC", 0.083333333333333, '
    b"180\n"
)
DOCUMENT_ENROLLMENT = (
    b"userid, courseid, role, name, email, client_key, client_userid, dropped, "
    b"organization_terms_agreed, organization_terms_agreed_date_utc\n"
    b"1731xxx, 20154, student, user@vocareum.com, demokey, 9999999, 0,,\n"
)


def only_row(conn: Connection, table: str) -> dict[str, Any]:
    """The one row that a table has."""
    query: Any = f"SELECT * FROM {table}"
    found = conn.execute(query).fetchall()
    assert len(found) == 1
    return found[0]


def rejects(conn: Connection) -> list[tuple[Any, ...]]:
    """Line, raw text and reason of each rejected row."""
    return rows(conn, "ops.rejected_row", "line, raw, reason")


def test_the_documents_lab_session(warehouse: Connection) -> None:
    """It is two values short at an ambiguous tail: 17 load, nothing is shifted."""
    load(warehouse, LAB_SESSIONS, DOCUMENT_LAB_SESSIONS)
    row = only_row(warehouse, "vocareum.lab_sessions")
    assert row["user_id"] == "1731xxx"
    assert row["course_name"] == "Kevin 2021"
    assert row["start_time"] == datetime(2022, 2, 23, 21, 40, 20, tzinfo=UTC)
    assert row["log"].startswith(" START successful; CFN")
    assert row["launch_to_ready_duration_mins"] == Decimal("0.083333333333333")
    assert row["concurrent_labs_count"] is row["disconnects"] is row["latency_time_ms"] is None
    assert row["_extras"]["_leftover"] == ["180"]


def test_the_documents_enrollment(warehouse: Connection) -> None:
    """It lacks the name in its middle: the e-mail must not end up there."""
    load(warehouse, ENROLLMENT, DOCUMENT_ENROLLMENT)
    row = only_row(warehouse, "vocareum.enrollment")
    assert row["name"] is None
    assert row["email"] == "user@vocareum.com"
    assert (row["client_key"], row["client_userid"]) == ("demokey", "9999999")
    assert row["dropped"] is False


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"1,2,student,Al,a@b,c", "it has 6 fields where the header has 5"),
        (b"1,2,student", "it has 3 fields where the header has 5"),
        (b"1,2,demokey,a@b", "it has 4 fields where the header has 5"),
        (b",2,student,Al,a@b", "userid is missing"),
        (b"1,2,student,\xff\xfe,a@b", "not valid UTF-8 at character 13"),
        (b"1,2,student,A\0l,a@b", "it holds a NUL byte, which text cannot"),
        (b'1,2,"student"x,Al,a@b', "not readable as delimited text: ',' expected after '\"'"),
    ],
)
def test_a_wrong_record_is_rejected_alone(
    warehouse: Connection, record: bytes, reason: str
) -> None:
    content = ENROLLED + b"8,2,student,Bo,b@c\n" + record + b"\n9,2,student,Cy,c@d\n"
    merged = load(warehouse, ENROLLMENT, content)
    assert (merged.rows_read, merged.rows_merged, merged.rows_rejected) == (3, 2, 1)
    ((line, raw, why),) = rejects(warehouse)
    assert (line, why) == (3, reason)
    shown = record.decode("utf-8", "backslashreplace").replace("\0", r"\x00")
    assert raw == shown
    assert rows(warehouse, "vocareum.enrollment", "userid, _row") == [("8", 1), ("9", 3)]


@pytest.mark.parametrize(
    "value",
    [
        "now", "today", "TOMORROW", "yesterday", "epoch", "infinity", "-infinity",
        "Feb-30-2026 1:00:00 am UTC", "2026-13-01", "10:00 today", "soon",
    ],
)  # fmt: skip
def test_no_time(warehouse: Connection, value: str) -> None:
    """PostgreSQL would read its special words as a time."""
    content = b"User ID,Start Time\nu1," + value.encode() + b"\n"
    assert load(warehouse, LAB_SESSIONS, content).rows_rejected == 1
    assert rejects(warehouse)[0][2] == f"start_time: '{value}' is no timestamptz"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "1,5", "0x", "--1"])
def test_no_number(warehouse: Connection, value: str) -> None:
    content = b'User ID,Duration (min)\nu1,"' + value.encode() + b'"\n'
    assert load(warehouse, LAB_SESSIONS, content).rows_rejected == 1


@pytest.mark.parametrize(
    "value",
    [
        "Feb-23-2022 9:40:20 pm UTC", "2022-02-23T21:40:20Z", "2022-02-23 21:40:20",
        "2022-02-23 21:40:20.000000000+00:00", "2022-02-23 21:40:20 UTC", "1645652420",
        "1645652420000", "2022-02-23T22:40:20+01:00",
    ],
)  # fmt: skip
def test_times_of_all_forms(warehouse: Connection, value: str) -> None:
    load(warehouse, LAB_SESSIONS, b"User ID,Start Time\nu1," + value.encode() + b"\n")
    row = only_row(warehouse, "vocareum.lab_sessions")
    assert row["start_time"] == datetime(2022, 2, 23, 21, 40, 20, tzinfo=UTC)


FORMS = {
    "plain": ENROLLED + b"1,2,student,Al,a@b\n3,2,teacher,,\n",
    "windows": (ENROLLED + b"1,2,student,Al,a@b\n").replace(b"\n", b"\r\n"),
    "mark": b"\xef\xbb\xbf" + ENROLLED + b"1,2,student,Al,a@b\n",
    "quotes": ENROLLED + b'"1","2","student","A ""x"" l","a@b"\n',
    "newline": ENROLLED + b'1,2,student,"A\nl",a@b\n3,2,student,"B\r\no",\n',
    "tabs": ENROLLED.replace(b",", b"\t") + b"1\t2\tstudent\tAl, B\ta@b\n",
    "pipes": ENROLLED.replace(b",", b"|") + b"1|2|student|Al|a@b\n",
    "no end": ENROLLED + b"1,2,student,Al,a@b",
    "blank in text": ENROLLED + b"1,2,student, Al ,a@b\n",
    "empty quotes": ENROLLED + b'1,2,"","",""\n',
    "unknown columns": b"userid,courseid,shoe size,\n1,2,43,x\n3,2,,\n",
    "words in text": ENROLLED + b"1,2,student,now and today,a@b\n",
    "backslash": ENROLLED + b"1,2,student,a\\nb\\,a@b\n",
    "header only": ENROLLED,
    "empty": b"",
    "gzip": gzip.compress(ENROLLED + b"1,2,student,Al,a@b\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_both_paths_agree(warehouse: Connection, form: str) -> None:
    """Whatever the fast path accepts, the careful one gives the same table for it."""
    columns = "userid, courseid, role, name, email, _row, _extras"
    load(warehouse, ENROLLMENT, FORMS[form], name="fast")
    fast = rows(warehouse, "vocareum.enrollment", columns)
    load(warehouse, ENROLLMENT, FORMS[form], careful=True, name="careful")
    assert rows(warehouse, "vocareum.enrollment", columns) == sorted(fast + fast, key=repr)
    assert rejects(warehouse) == []


@pytest.mark.parametrize(
    "content",
    [
        ENROLLED + b"1, 2, student, Al, a@b\n",
        b"userid, courseid, role, name, email\n1,2,student,Al,a@b\n",
        ENROLLED + b'1, 2, "student", "Al", a@b\n',
        ENROLLED + b"1,2 ,student,Al,a@b \n",
        ENROLLED + b"\n1,2,student,Al,a@b\n\n\n",
    ],
)
def test_blanks_around_values_are_no_part_of_them(warehouse: Connection, content: bytes) -> None:
    assert load(warehouse, ENROLLMENT, content).rows_read == 1
    found = rows(warehouse, "vocareum.enrollment", "userid, courseid, role, name, email")
    assert found == [("1", "2", "student", "Al", "a@b")]


def test_a_quote_in_the_middle_of_a_field_stays(warehouse: Connection) -> None:
    """COPY would drop it, and take all up to the next quote into one field."""
    load(warehouse, ENROLLMENT, ENROLLED + b'1,2,student,5" disk,a@b\n3,2,student,6" disk,c@d\n')
    assert rows(warehouse, "vocareum.enrollment", "name") == [('5" disk',), ('6" disk',)]


def test_columns_that_come_and_go_are_recorded_once(warehouse: Connection) -> None:
    for version in (1, 2):
        load(warehouse, ENROLLMENT, b"userid,courseid,Shoe Size\n1,2,43\n", version)
    changes = rows(warehouse, "ops.schema_change", "header, change")
    assert ("Shoe Size", "new") in changes
    assert ("role", "missing") in changes
    assert len(changes) == len(set(changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"userid,User ID,courseid\n1,1,2\n", "both mean 'userid'"),
        (b"userid,role\n1,student\n", "has no column courseid"),
    ],
)
def test_a_header_that_cannot_be_right_stops_the_file(
    warehouse: Connection, content: bytes, said: str
) -> None:
    with pytest.raises(PermanentFailure, match=said):
        load(warehouse, ENROLLMENT, content)
    assert rows(warehouse, "vocareum.enrollment") == []
    assert rows(warehouse, "ops.delivery", "status") == [("landed",)]


def test_other_spellings_of_a_header(warehouse: Connection) -> None:
    """``Also:`` in the column's comment."""
    load(
        warehouse,
        VIDEOVIEW,
        VIEWED + VIDEO + b',"2026-01-05T10:00:00Z",50,"' + VIDEO.strip(b'"') + b'","a@b"\n',
        days=WEEK,
    )
    row = only_row(warehouse, "echo360.videoview")
    assert (row["email"], row["duration_minute"]) == ("a@b", 50)


@pytest.mark.parametrize("careful", [False, True])
def test_rows_outside_the_window_are_rejected(warehouse: Connection, careful: bool) -> None:
    content = VIEWED + b"".join(
        VIDEO + b',"' + time + b'",50,,\n'
        for time in (b"2026-01-04T23:59:59Z", b"2026-01-05", b"2026-01-11T23:59:59Z", b"2026-01-12")
    )
    merged = load(warehouse, VIDEOVIEW, content, days=WEEK, careful=careful)
    assert (merged.rows_merged, merged.rows_rejected) == (2, 2)
    outside = "is outside the window from 2026-01-05 to before 2026-01-12"
    assert all(outside in reason for _, _, reason in rejects(warehouse))


def test_a_snapshot_is_given_its_day(warehouse: Connection) -> None:
    for careful, day in ((False, 5), (True, 6)):
        load(
            warehouse,
            ASSET,
            b"video_name,mediaid\nIntro," + VIDEO.strip(b'"') + b"\n",
            name=f"asset {day}",
            days=(date(2026, 1, day), date(2026, 1, day + 1)),
            careful=careful,
        )
    assert rows(warehouse, "echo360.asset", "snapshot_day") == [
        (date(2026, 1, 5),),
        (date(2026, 1, 6),),
    ]


@pytest.mark.parametrize(
    "cast", ["numeric", "float8", "int8", "int4", "bool", "date", "timestamptz", "jsonb"]
)
def test_a_tolerant_cast_never_fails(warehouse: Connection, cast: str) -> None:
    """Not even on a constant, on which a planner would carry out the cast inside a CASE."""
    query: Any = f"SELECT ops.try_{cast}('--1,x') AS value"
    row = warehouse.execute(query).fetchone()
    assert row == {"value": None}
