"""Rows as Vocareum writes them, and as it should not: what becomes of each.

The vendor's own examples go the whole road, from its bucket to the warehouse. Everything else goes
down both paths into staging, which have to agree: what a file means is said once, for both.
"""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse import delimited, pieces, staging
from learning_warehouse.warehouse.staging_table import StagingTable
from tests.sessions import rows_staged
from tests.vocareum.conftest import FILES, load, put
from tests.warehouse import roads

if TYPE_CHECKING:
    from collections.abc import Callable

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery

ENROLLMENT, GRADES = FILES["enrollment"].dataset, FILES["grades"].dataset
AWS_COST, LAB_SESSIONS = FILES["aws_cost"].dataset, FILES["lab_sessions"].dataset

both_paths = pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])


def table_rows(conn: Connection, dataset: Dataset) -> list[dict[str, Any]]:
    """The rows of a dataset's table in the order of their file, each without what is NULL."""
    query: Any = f"SELECT * FROM {dataset.table} ORDER BY _delivery, _row"
    hidden = ("_origin", "_delivery")
    return [
        {name: value for name, value in row.items() if value is not None and name not in hidden}
        for row in conn.execute(query)
    ]


def rejects(conn: Connection) -> list[tuple[Any, ...]]:
    """File, line, raw text and reason of each rejected row."""
    table = "ops.rejected_row JOIN ops.delivery USING (delivery_id)"
    return roads.rows(conn, table, "name, line, raw, reason")


def changes(conn: Connection, change: str) -> list[str]:
    """The headers that came, or the columns that are missing."""
    return [h for h, c in roads.rows(conn, "ops.schema_change", "header, change") if c == change]


def went_record_by_record(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether the fast path was tried and refused a file."""
    return "is read record by record" in caplog.text


# --- the document's examples ----------------------------------------------------------------------


class Example(NamedTuple):
    """A header line of the vendor's document, its example row, and what the row means.

    Columns that ``means`` does not have are NULL.
    """

    key: str
    header: str
    row: str
    means: dict[str, Any]


EXAMPLES = {
    "lab_sessions": Example(
        "lab_sessions/lab_sessions_2026-1-5.csv",
        '"User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name", '
        '"Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", Log, '
        'Tags, "Launch Time", "Init Time", "Launch To Ready Duration (mins)", '
        '"Concurrent Labs Count", "Disconnects", "Latency Time (ms)"',
        '1731xxx, user@vocareum.com, 45686, "Kevin 2021", 760081, lab-04-api, 760084, '
        'assignment-part, Cloud,"Feb-23-2022 9:40:20 pm UTC", "Feb-23-2022 11:40:22 pm UTC", '
        '120.03333333333," START successful; CFN creation successful; END successful (Session '
        'Timer Expires)",,"Jun-01-2022 9:14:57 pm UTC", "Jun-01-2022 9:15:02 pm UTC", '
        "0.083333333333333, 180",
        {
            "user_id": "1731xxx",
            "user_email": "user@vocareum.com",
            "course_id": "45686",
            "course_name": "Kevin 2021",
            "assignment_id": "760081",
            "assignment_name": "lab-04-api",
            "part_id": "760084",
            "part_name": "assignment-part",
            "lab_type": "Cloud",
            "start_time": datetime(2022, 2, 23, 21, 40, 20, tzinfo=UTC),
            "end_time": datetime(2022, 2, 23, 23, 40, 22, tzinfo=UTC),
            "duration_min": Decimal("120.03333333333"),
            "log": " START successful; CFN creation successful; END successful (Session Timer "
            "Expires)",
            "launch_time": datetime(2022, 6, 1, 21, 14, 57, tzinfo=UTC),
            "init_time": datetime(2022, 6, 1, 21, 15, 2, tzinfo=UTC),
            "launch_to_ready_duration_mins": Decimal("0.083333333333333"),
            "_day": date(2022, 6, 1),
            "_extras": {
                "_leftover": ["180"],
                "_note": "2 of the last 3 values are missing, it is not known which: Concurrent "
                "Labs Count, Disconnects, Latency Time (ms) stay empty",
            },
        },
    ),
    "aws_cost": Example(
        "cloud_spend/aws_cost_2026-1-5.csv",
        '"AWS Account ID", "User ID", "User Email", "Part ID", "Part Name", Cost, '
        '"File Updated Time"',
        "8622xxxx, 1731xxxx, user@vocareum.com, 760084, assignment-part, 0.038598, 1645823566",
        {
            "aws_account_id": "8622xxxx",
            "user_id": "1731xxxx",
            "user_email": "user@vocareum.com",
            "part_id": "760084",
            "part_name": "assignment-part",
            "cost": Decimal("0.038598"),
            "file_updated_time": datetime(2022, 2, 25, 21, 12, 46, tzinfo=UTC),
        },
    ),
    "azure_cost": Example(
        "cloud_spend/azure/azure_cost_2026-1-5.csv",
        '"User ID","User Email","Part ID","Part Name",Month,Year,Monthly-cost-to-date',
        "8622xxxx, user@vocareum.com, 760084, assignment-part, 10, 2022, 0.07",
        {
            "user_id": "8622xxxx",
            "user_email": "user@vocareum.com",
            "part_id": "760084",
            "part_name": "assignment-part",
            "month": 10,
            "year": 2022,
            "monthly_cost_to_date": Decimal("0.07"),
        },
    ),
    "service_spend": Example(
        "service_spend/service_spend_2026-1.csv",
        '"AWS Account ID", "User Id", "User Email", "Course ID", "Part ID", Service, Cost',
        "862252xxx, 173xxxx, user@vocareum.com, 45686,760084, "
        '"Amazon Elastic Compute Cloud", 0.037481',
        {
            "aws_account_id": "862252xxx",
            "user_id": "173xxxx",
            "user_email": "user@vocareum.com",
            "course_id": "45686",
            "part_id": "760084",
            "service": "Amazon Elastic Compute Cloud",
            "cost": Decimal("0.037481"),
        },
    ),
    "asn_mapping": Example(
        "course-asn_mapping/asn_mapping.csv",
        "org_id, course_id, assignment_id, assignment_name, part_id, part_name, "
        "parent_assignment_id, parent_part_id",
        '9xxx, 1020, 190155, "AWS Sandbox", 190156, Lab, 50833, 50834',
        {
            "org_id": "9xxx",
            "course_id": "1020",
            "assignment_id": "190155",
            "assignment_name": "AWS Sandbox",
            "part_id": "190156",
            "part_name": "Lab",
            "parent_assignment_id": "50833",
            "parent_part_id": "50834",
        },
    ),
    "course_mapping": Example(
        "course-asn_mapping/course_mapping.csv",
        "org_id, org_name, course_id, course_name, create_method, parent_course_id",
        '9xxx, "Example Org", 4051, "Example CS 17 - 1", "Clone by Reference", 10x',
        {
            "org_id": "9xxx",
            "org_name": "Example Org",
            "course_id": "4051",
            "course_name": "Example CS 17 - 1",
            "create_method": "Clone by Reference",
            "parent_course_id": "10x",
        },
    ),
    "grades": Example(
        "grades/course20154/grades.csv",
        "courseid, coursename, asnid, asnname, ispeerreviewon, maxscore, userid, partnerid, "
        "asnscore, isoverride, partid, partname, partscore, rubricid, rubricname, rubricscore, "
        "graderid",
        '20154, "Test Course", 412074, "Makeup HW 1 (grading script)", 0, 14, 9260xx, 10, 0, '
        '412075, "Makeup HW 1", 10, 551636, Score, 10, 926xx',
        {
            "courseid": "20154",
            "coursename": "Test Course",
            "asnid": "412074",
            "asnname": "Makeup HW 1 (grading script)",
            "ispeerreviewon": False,
            "maxscore": Decimal(14),
            "userid": "9260xx",
            "asnscore": Decimal(10),
            "isoverride": False,
            "partid": "412075",
            "partname": "Makeup HW 1",
            "partscore": Decimal(10),
            "rubricid": "551636",
            "rubricname": "Score",
            "rubricscore": Decimal(10),
            "graderid": "926xx",
        },
    ),
    "enrollment": Example(
        "enrollment/course20154/enrollment.csv",
        "userid, courseid, role, name, email, client_key, client_userid, dropped, "
        "organization_terms_agreed, organization_terms_agreed_date_utc",
        "1731xxx, 20154, student, user@vocareum.com, demokey, 9999999, 0,,",
        {
            "userid": "1731xxx",
            "courseid": "20154",
            "role": "student",
            "email": "user@vocareum.com",
            "client_key": "demokey",
            "client_userid": "9999999",
            "dropped": False,
        },
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documents_example_goes_the_whole_road(
    bucket: Any, warehouse: Connection, name: str
) -> None:
    """Three of them are short: nothing is shifted, and what is ambiguous stays beside."""
    example = EXAMPLES[name]
    key = f"org123/{example.key}"
    put(bucket, key, f"{example.header}\n{example.row}\n".encode())
    load(FILES[name])
    query: Any = f"SELECT * FROM vocareum.{name}"
    (row,) = warehouse.execute(query).fetchall()
    (delivery,) = warehouse.execute("SELECT * FROM ops.delivery").fetchall()
    lineage = {"_origin": "org123", "_delivery": delivery["delivery_id"], "_row": 1}
    assert row == {**dict.fromkeys(row), **example.means, **lineage}
    assert (delivery["name"], delivery["rows_read"], delivery["rows_merged"]) == (key, 1, 1)
    assert rejects(warehouse) == []


def test_a_row_that_is_short_elsewhere_is_rejected_on_the_road(
    bucket: Any, warehouse: Connection
) -> None:
    """A value less than the document's own short row, and a dataset that has no short ones."""
    shorter = EXAMPLES["grades"].row.replace(" 551636,", "")
    for name, row in (("grades", shorter), ("asn_mapping", "9xxx, 1020, 190155")):
        put(bucket, f"org123/{EXAMPLES[name].key}", f"{EXAMPLES[name].header}\n{row}\n".encode())
        load(FILES[name])
        assert table_rows(warehouse, FILES[name].dataset) == []
    assert rejects(warehouse) == [
        ("org123/course-asn_mapping/asn_mapping.csv", 2, "9xxx, 1020, 190155",
         "it has 3 fields where the header has 8"),
        ("org123/grades/course20154/grades.csv", 2, shorter,
         "it has 15 fields where the header has 17"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "row", "means"),
    [
        (
            "grades",
            "20154,Test,412074,HW 1,0,14,926001,,1,0,412075,2,9,551636,3,4",
            "it has 16 fields where the header has 17: what is missing may be graderid or "
            "partnerid",
        ),
        (
            "grades",
            "20154,Test,412074,HW 1,0,14,926001,7,10,0,412075,HW 1,10,551636,Score,10",
            {"partnerid": "7", "asnscore": Decimal(10), "rubricscore": Decimal(10)},
        ),
        (
            "enrollment",
            "1731,20154,student,,a@x.org,,,0,",
            {"name": None, "email": "a@x.org", "client_key": None, "dropped": False},
        ),
        (
            "enrollment",
            "1731,20154,student,a@x.org,demokey,,0,,",
            {"role": "student", "email": "a@x.org", "client_key": "demokey", "dropped": False},
        ),
        (
            "enrollment",
            "1731,20154,Al Bundy,a@x.org,demokey,,0,,",
            "it has 9 fields where the header has 10",
        ),
        (
            "enrollment",
            "1731,20154,,a@x.org,demokey,,0,,",
            {"email": "a@x.org", "client_key": "demokey", "dropped": False},
        ),
        (
            "aws_cost",
            "8622,1731,a@x.org,760084,part,0.5",
            {"part_name": "part", "cost": Decimal("0.5")},
        ),
        ("aws_cost", "8622,1731,760084,part,0.5,1645823566", "it has 6 fields"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:40],
)
def test_a_short_row_is_placed_where_it_can_be_read_in_one_way(
    warehouse: Connection, name: str, row: str, means: dict[str, Any] | str
) -> None:
    """Under the header of the document; else it is rejected, with what may be missing."""
    content = f"{EXAMPLES[name].header}\n{row}\n".encode()
    roads.load(warehouse, FILES[name].dataset, content)
    if isinstance(means, str):
        ((_, _, raw, reason),) = rejects(warehouse)
        assert raw == row
        assert reason.startswith(means)
    else:
        (loaded,) = table_rows(warehouse, FILES[name].dataset)
        assert {column: loaded.get(column) for column in means} == means


# --- content that is not as it should be ----------------------------------------------------------

HEADER = b"userid,courseid,role,name,email\n"
AL = {"userid": "1xx", "courseid": "2", "role": "student", "name": "Al", "email": "a@b"}
BO = {"userid": "3xx", "courseid": "2", "role": "teacher"}
ROW_AL, ROW_BO = b"1xx,2,student,Al,a@b\n", b"3xx,2,teacher,,\n"


class Case(NamedTuple):
    """A file of enrollments, the rows that it means, and its rejects (line, raw text, reason).

    ``fast`` says whether the fast path takes it.
    """

    content: bytes
    rows: list[dict[str, Any]]
    rejected: list[tuple[int, str, str]]
    fast: bool


def clean(content: bytes, *rows: dict[str, Any], fast: bool = True) -> Case:
    """A file of which every row loads."""
    return Case(content, list(rows), [], fast)


def between(record: bytes, raw: str, reason: str) -> Case:
    """A file with a wrong record between two good ones; its first one has a line end in it."""
    first = b'1xx,2,student,"A\nl",a@b\n'
    return Case(
        HEADER + first + record + b"\n" + ROW_BO,
        [{**AL, "name": "A\nl", "_row": 1}, {**BO, "_row": 3}],
        [(4, raw, reason)],
        fast=False,
    )


CASES = {
    "as it should be": clean(HEADER + ROW_AL + ROW_BO, AL, BO),
    "byte-order mark": clean(b"\xef\xbb\xbf" + HEADER + ROW_AL + ROW_BO, AL, BO),
    "byte-order mark before a quote": clean(
        b'\xef\xbb\xbf"userid",courseid,role,name,email\n' + ROW_AL, AL
    ),
    "Windows line ends": clean((HEADER + ROW_AL + ROW_BO).replace(b"\n", b"\r\n"), AL, BO),
    "old line ends": clean((HEADER + ROW_AL + ROW_BO).replace(b"\n", b"\r"), AL, BO),
    "line ends of both kinds": clean(HEADER + ROW_AL + ROW_BO[:-1] + b"\r\n", AL, BO, fast=False),
    "a blank after the delimiter": clean((HEADER + ROW_AL + ROW_BO).replace(b",", b", "), AL, BO),
    "a blank after the delimiter, then a quote": clean(
        HEADER + b'1xx, 2, "student", "A, ""l""", a@b\n', {**AL, "name": 'A, "l"'}
    ),
    "a blank after the delimiter far from the first line": clean(
        HEADER + 50 * ROW_BO + b"1xx, 2, student,Al, a@b\n", *50 * [BO], AL, fast=False
    ),
    "quotes and delimiters in quotes": clean(
        HEADER + b'"1xx","2","student","A, ""l"", ""","a@b"\n', {**AL, "name": 'A, "l", "'}
    ),
    "line ends in quotes": clean(
        HEADER + b'1xx,2,student,"\nA\r\n\rl\n",a@b\n' + ROW_BO, {**AL, "name": "\nA\r\n\rl\n"}, BO
    ),
    "no bytes": clean(b""),
    "nothing but a mark": clean(b"\xef\xbb\xbf"),
    "a header only": clean(HEADER),
    "a header only, without its line end": clean(HEADER.rstrip()),
    "no line end after the last row": clean(HEADER + ROW_BO + ROW_AL.rstrip(), BO, AL),
    "cut off in a value": Case(
        HEADER + ROW_AL + b"3xx,2,teac",
        [{**AL, "_row": 1}],
        [(3, "3xx,2,teac", "it has 3 fields where the header has 5")],
        fast=False,
    ),
    "cut off in a quote": Case(
        HEADER + ROW_AL + b'3xx,2,teacher,"B\no',
        [{**AL, "_row": 1}],
        [
            (
                3,
                '3xx,2,teacher,"B',
                "not readable as delimited text: unexpected end of data, "
                "read to the end of a quote that is open at the end of this line",
            ),
            (4, "o", "it has 1 fields where the header has 5"),
        ],
        fast=False,
    ),
    "cut off in a character": Case(
        HEADER + ROW_AL + b"3xx,2,teacher,Bj\xc3",
        [{**AL, "_row": 1}],
        [(3, r"3xx,2,teacher,Bj\xc3", "not valid UTF-8 at character 17")],
        fast=False,
    ),
    "a long row": between(
        b"4,2,student,Cy,c@d,,", "4,2,student,Cy,c@d,,", "it has 7 fields where the header has 5"
    ),
    "a long row by a delimiter that lacks its quotes": between(
        b"4,2,student,Doe, Cy,c@d",
        "4,2,student,Doe, Cy,c@d",
        "it has 6 fields where the header has 5",
    ),
    "a short row that makes no sense": between(
        b"4,2,Cy,c@d", "4,2,Cy,c@d", "it has 4 fields where the header has 5"
    ),
    "a row that was cut off": between(b"4,2", "4,2", "it has 2 fields where the header has 5"),
    "the last row, perhaps cut off in its last value": Case(
        HEADER + ROW_AL + b"4,2,student,Cy",
        [{**AL, "_row": 1}],
        [(3, "4,2,student,Cy", "it has 4 fields where the header has 5")],
        fast=False,
    ),
    "the last row, cut off between two values": clean(
        HEADER + ROW_AL + b"4,2,student,",
        AL,
        {
            "userid": "4",
            "courseid": "2",
            "role": "student",
            "_extras": {"_note": "it ends before email, which stays empty"},
        },
        fast=False,
    ),
    "old rows without a new last column": clean(
        HEADER.rstrip() + b",Zone\n" + ROW_AL.rstrip() + b",north\n3xx,2,teacher,,b@c\n",
        {**AL, "_extras": {"Zone": "north"}},
        {**BO, "email": "b@c", "_extras": {"_note": "it ends before Zone, which stays empty"}},
        fast=False,
    ),
    "a delimiter at the end of the header alone": clean(
        HEADER.rstrip() + b",\n" + ROW_AL + ROW_BO, AL, BO
    ),
    "a delimiter at the end of the rows alone": clean(
        HEADER + ROW_AL.rstrip() + b",\n" + ROW_BO.rstrip() + b",\n", AL, BO
    ),
    "a delimiter at the end of every line": clean(
        (HEADER + ROW_AL + ROW_BO).replace(b"\n", b",\n"), AL, BO
    ),
    "a quote that nothing closes": Case(
        HEADER + ROW_AL + b'4,2,student,"Cy,c@d\n' + 400 * ROW_AL + ROW_BO,
        [AL, *({**AL, "_row": n} for n in range(3, 403)), {**BO, "_row": 403}],
        [
            (
                3,
                '4,2,student,"Cy,c@d',
                "not readable as delimited text: unexpected end of data, "
                "read to the end of a quote that is open at the end of this line",
            )
        ],
        fast=False,
    ),
    "a quote that the quote of another row closes": Case(
        HEADER + b'4,2,student,"Cy,c@d\n' + ROW_AL + b'5,2,student,"A, l",a@b\n' + ROW_BO,
        [
            {**AL, "_row": 2},
            {**AL, "userid": "5", "name": "A, l", "_row": 3},
            {**BO, "_row": 4},
        ],
        [
            (
                2,
                '4,2,student,"Cy,c@d',
                "not readable as delimited text: ',' expected after '\"', "
                "read to the end of a quote that is open at the end of this line",
            )
        ],
        fast=False,
    ),
}


@both_paths
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_as_it_should_be_loads_or_is_rejected_with_its_line(
    warehouse: Connection, caplog: pytest.LogCaptureFixture, name: str, careful: bool
) -> None:
    case = CASES[name]
    roads.load(warehouse, ENROLLMENT, case.content, careful=careful, name="a.csv")
    numbered = [{"_row": n, **row} for n, row in enumerate(case.rows, start=1)]
    assert table_rows(warehouse, ENROLLMENT) == numbered
    assert rejects(warehouse) == [("a.csv", *rejected) for rejected in case.rejected]
    assert careful or went_record_by_record(caplog) is not case.fast


@both_paths
@pytest.mark.parametrize(
    ("values", "leftover"),
    [
        (lambda row: [*row, "1", "2"], None),
        (lambda row: [*row, "1"], ["180", "1"]),
        (lambda row: row, ["180"]),
        (lambda row: row[:-1], "it has 17 fields where the header has 20"),
        (lambda row: [*row, "1", "2", "3"], "it has 21 fields where the header has 20"),
        (lambda row: [*row[:3], *row[4:], "1"], "is no timestamptz"),
        (lambda row: [*row[:13], *row[14:], "1", "2"], "is no timestamptz"),
        (lambda row: [*row[:11], *row[12:], "1"], "is no numeric"),
    ],
    ids=["20", "19", "18", "17", "21", "no course name", "no tags", "no duration"],
)
def test_a_lab_session_is_loaded_short_of_its_end_only(
    warehouse: Connection,
    values: Callable[[list[str]], list[str]],
    leftover: list[str] | str | None,
    careful: bool,
) -> None:
    """One that lacks a value further ahead does not shift the others."""
    header, row = (
        next(csv.reader([line], skipinitialspace=True))
        for line in (EXAMPLES["lab_sessions"].header, EXAMPLES["lab_sessions"].row)
    )
    written = io.StringIO()
    csv.writer(written).writerows([header, values(row)])
    roads.load(warehouse, LAB_SESSIONS, written.getvalue().encode(), careful=careful)
    own = {**EXAMPLES["lab_sessions"].means, "_row": 1}
    del own["_extras"]
    tail = {"concurrent_labs_count": 180, "disconnects": 1, "latency_time_ms": Decimal(2)}
    if isinstance(leftover, str):
        assert table_rows(warehouse, LAB_SESSIONS) == []
        ((_, line, _, reason),) = rejects(warehouse)
        assert line == 2
        assert leftover in reason
    elif leftover is None:
        assert table_rows(warehouse, LAB_SESSIONS) == [{**own, **tail}]
    else:
        (loaded,) = table_rows(warehouse, LAB_SESSIONS)
        assert loaded.pop("_extras")["_leftover"] == leftover
        assert loaded == own


@both_paths
def test_a_row_of_nothing_but_delimiters_is_a_row(warehouse: Connection, careful: bool) -> None:
    """Also where the delimiter itself is blank."""
    for name, content in (("comma", b"Log,Tags\na,b\n,\n"), ("tab", b"Log\tTags\na\tb\n\t\n")):
        merged = roads.load(warehouse, LAB_SESSIONS, content, careful=careful, name=name)
        assert merged.rows_read == 2, name


@both_paths
def test_columns_that_the_table_lacks_are_kept_beside(warehouse: Connection, careful: bool) -> None:
    content = b"Shoe Size,userid,,courseid,Zone\n43,1xx,x,2,\n,3xx,,2,\n"
    roads.load(warehouse, ENROLLMENT, content, careful=careful)
    beside = {"Shoe Size": "43", "column 3": "x"}
    assert table_rows(warehouse, ENROLLMENT) == [
        {"userid": "1xx", "courseid": "2", "_row": 1, "_extras": beside},
        {"userid": "3xx", "courseid": "2", "_row": 2},
    ]
    assert changes(warehouse, "new") == ["Shoe Size", "Zone", "column 3"]
    assert changes(warehouse, "missing") == [
        "client_key", "client_userid", "dropped", "email", "name",
        "organization_terms_agreed", "organization_terms_agreed_date_utc", "role",
    ]  # fmt: skip


@both_paths
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"userid,role\n1xx,student\n",
            "a.csv has no column courseid, which vocareum.enrollment requires; of the 2 in its "
            "first line these are known: role, userid; ",
        ),
        (
            b"1731xxx,20154,student,Al,a@b\n" + ROW_AL,
            "a.csv has no column of vocareum.enrollment in its first line, among 5: check whether "
            "its header is missing",
        ),
        (
            b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>\n",
            "a.csv has no column of vocareum.enrollment in its first line, among 1: ",
        ),
        (b"\n" + HEADER + ROW_AL, "a.csv has no header that can be read (its first line is empty)"),
        (b"userid,co\xffrseid\n1xx,2\n", "a.csv has no header that can be read (not valid UTF-8"),
        (b'userid,"courseid\n1,2\n', "a.csv has no header that can be read (its first line is not"),
        (b'userid,courseid,role,"', "a.csv has no header that can be read (its first line is not"),
        (
            b"userid,courseid,User_ID\n1xx,2,3\n",
            "a.csv: the headers 'userid' and 'User_ID' both mean 'userid'",
        ),
    ],
)
def test_a_header_that_is_missing_or_wrong_stops_the_file_with_a_sentence(
    warehouse: Connection, content: bytes, said: str, careful: bool
) -> None:
    with pytest.raises(PermanentFailure) as failure:
        roads.load(warehouse, ENROLLMENT, content, careful=careful, name="a.csv")
    assert str(failure.value).startswith(said)
    assert "\n" not in str(failure.value)
    assert str(failure.value).endswith("loaded.")
    assert table_rows(warehouse, ENROLLMENT) == []
    assert rows_staged(warehouse) == 0


AWS_HEADER, GRADES_HEADER = EXAMPLES["aws_cost"].header, EXAMPLES["grades"].header
AWS_ROW = EXAMPLES["aws_cost"].row
GRADES_ROW = EXAMPLES["grades"].row.replace("9260xx,", "9260xx,,")


@both_paths
@pytest.mark.parametrize(
    ("dataset", "header", "row", "terms", "means"),
    [
        (
            AWS_COST,
            AWS_HEADER,
            AWS_ROW,
            {"deactivation_date": "Feb-25-2022 1:02:03 am UTC", "status_code": "05"},
            {
                "deactivation_date": datetime(2022, 2, 25, 1, 2, 3, tzinfo=UTC),
                "status_code": "05",
            },
        ),
        (
            GRADES,
            GRADES_HEADER,
            GRADES_ROW,
            {"submission": "2", "Submission Time": "2022-02-25 01:02:03"},
            {"submission": 2, "submission_time": datetime(2022, 2, 25, 1, 2, 3, tzinfo=UTC)},
        ),
    ],
    ids=["aws_cost", "grades"],
)
def test_columns_of_the_documents_terms_are_in_some_files_only(
    warehouse: Connection,
    dataset: Dataset,
    header: str,
    row: str,
    terms: dict[str, str],
    means: dict[str, Any],
    careful: bool,
) -> None:
    """Wherever they are in the header; they are missed where they are not there."""
    own = {**EXAMPLES[dataset.name].means, "_row": 1}
    front = f"{','.join(terms)},{header}\n{','.join(terms.values())},{row}\n"
    rear = f"{header},{','.join(terms)}\n{row},{','.join(terms.values())}\n"
    for name, content in (("front", front), ("rear", rear)):
        content = content.replace(", ", ",")
        roads.load(warehouse, dataset, content.encode(), careful=careful, name=name)
    assert table_rows(warehouse, dataset) == [{**own, **means}] * 2
    assert changes(warehouse, "missing") == changes(warehouse, "new") == []
    without = f"{header}\n{row}\n".replace(", ", ",").encode()
    roads.load(warehouse, dataset, without, careful=careful, name="without")
    assert table_rows(warehouse, dataset)[2:] == [own]
    assert changes(warehouse, "missing") == sorted(means)


def test_files_of_ever_other_columns_are_loaded_by_one_task(warehouse: Connection) -> None:
    """All of them are more than a table of PostgreSQL can have."""
    files = {
        f"file {n}": ",".join(["User ID", *(f"{n} % {m}" for m in range(700 - 100 * n))])
        for n in range(4)
    }
    deliveries = [roads.delivered(warehouse, LAB_SESSIONS, 1, name=name) for name in files]

    def open_bytes(delivery: Delivery) -> io.BytesIO:
        header = files[delivery.name]
        return io.BytesIO(f"{header}\n{',u' * header.count(',')}\n".encode())

    read = staging.csv_reader(LAB_SESSIONS, open_bytes)
    assert len(roads.load_all(warehouse, deliveries, LAB_SESSIONS, read)) == len(files)
    for row, header in zip(table_rows(warehouse, LAB_SESSIONS), files.values(), strict=True):
        assert row["_extras"] == dict.fromkeys(header.split(",")[1:], "u")


@both_paths
def test_seconds_since_1970_are_times(warehouse: Connection, careful: bool) -> None:
    """PostgreSQL reads many of them as a day of a far year."""
    seconds = [*range(1_000_000_000, 2_000_000_000, 1_234_567), 1_645_821_231, 1_999_999_999]
    content = "User ID,File Updated Time\n" + "".join(f"1731xxx,{second}\n" for second in seconds)
    roads.load(warehouse, AWS_COST, content.encode(), careful=careful)
    times = [row["file_updated_time"] for row in table_rows(warehouse, AWS_COST)]
    assert times == [datetime.fromtimestamp(second, UTC) for second in seconds]


@both_paths
def test_a_cost_is_exact_and_an_id_is_text(warehouse: Connection, careful: bool) -> None:
    costs = ["0.038598", "0.10", "-0.01", "12345678901234567890.000000000000000001", "0", "1E-7"]
    ids = ["1731xxx", "007", "12345678901234567890123", "1e5", "1.0", "true"]
    pairs = zip(ids, costs, strict=True)
    content = "User ID,Cost\n" + "".join(f"{user},{cost}\n" for user, cost in pairs)
    roads.load(warehouse, AWS_COST, content.encode(), careful=careful)
    rows = table_rows(warehouse, AWS_COST)
    assert [row["user_id"] for row in rows] == ids
    assert [row["cost"].as_tuple() for row in rows[:5]] == [
        Decimal(c).as_tuple() for c in costs[:5]
    ]
    assert rows[5]["cost"] == Decimal("0.0000001")


@both_paths
@pytest.mark.parametrize(
    "blank", ["\t", "\u00a0", "\ufeff", "\u200b", " \u2003", "\u3000"], ids=ascii
)
def test_blanks_of_every_kind_around_an_id_go(
    warehouse: Connection, blank: str, careful: bool
) -> None:
    content = (
        f"userid,courseid,name,email\n{blank}1xx,2{blank},A{blank}l,{blank}a@b{blank}\n"
        f"3xx,2,Bo,b@c\n"
    )
    roads.load(warehouse, ENROLLMENT, content.encode(), careful=careful)
    assert table_rows(warehouse, ENROLLMENT) == [
        {"userid": "1xx", "courseid": "2", "name": f"A{blank}l", "email": "a@b", "_row": 1},
        {"userid": "3xx", "courseid": "2", "name": "Bo", "email": "b@c", "_row": 2},
    ]


@both_paths
@pytest.mark.parametrize(
    "none", ["N/A", "n/a", "null", "NULL", "-", "0000-00-00 00:00:00", "0000-00-00", ""]
)
def test_the_marks_of_no_value_are_none_as_a_time_and_wrong_as_a_cost(
    warehouse: Connection, none: str, careful: bool
) -> None:
    """A cost that became NULL would be missed in a sum."""
    header = b"User ID,Cost,deactivation_date\n"
    row = f"1731xxx,0.5,{none}\n".encode()
    roads.load(warehouse, AWS_COST, header + row, careful=careful, name="time")
    assert table_rows(warehouse, AWS_COST) == [
        {"user_id": "1731xxx", "cost": Decimal("0.5"), "_row": 1}
    ]
    if none:
        row = f"1731xxx,{none},\n".encode()
        roads.load(warehouse, AWS_COST, header + row, careful=careful, name="cost")
        ((_, _, _, reason),) = rejects(warehouse)
        assert reason == f"cost: '{none}' is no numeric"


@both_paths
@pytest.mark.parametrize(
    "value",
    [
        "03/02/2022", "3-2-2022 10:00", "03.02.2022", "02/13/2022", "01/02/03", "05-01-22",
        "164582123100",
    ],
)  # fmt: skip
def test_a_time_that_can_be_read_in_several_ways_is_none(
    warehouse: Connection, value: str, careful: bool
) -> None:
    """Which number is the day, or what a number of twelve digits counts."""
    content = f"User ID,File Updated Time\n1731xxx,{value}\n2xxx,2022-02-03\n".encode()
    roads.load(warehouse, AWS_COST, content, careful=careful)
    reason = f"file_updated_time: '{value}' is no timestamptz"
    assert rejects(warehouse) == [("file", 2, f"1731xxx,{value}", reason)]
    (loaded,) = table_rows(warehouse, AWS_COST)
    assert loaded["file_updated_time"] == datetime(2022, 2, 3, tzinfo=UTC)


@both_paths
@pytest.mark.parametrize(
    "value",
    [
        "today10:00",
        "10:00today",
        "10:00_today",
        "today_",
        "infinity_",
        "now BC",
    ],
)
def test_a_special_word_is_no_time_whatever_stands_beside_it(
    warehouse: Connection, value: str, careful: bool
) -> None:
    """PostgreSQL finds its words next to digits and underscores, too."""
    content = f"User ID,File Updated Time\n1731xxx,{value}\n".encode()
    roads.load(warehouse, AWS_COST, content, careful=careful)
    reason = f"file_updated_time: '{value}' is no timestamptz"
    assert rejects(warehouse) == [("file", 2, f"1731xxx,{value}", reason)]


def test_a_special_word_is_no_time_in_a_file_of_the_past(warehouse: Connection) -> None:
    """What the fast path does not look for there, the table refuses to take."""
    content = b"User ID,File Updated Time\n1731xxx,yesterday 04:05\n"
    roads.load(warehouse, AWS_COST, content, days=(date(2026, 1, 5), date(2026, 1, 6)))
    reason = "file_updated_time: 'yesterday 04:05' is no timestamptz"
    assert rejects(warehouse) == [("file", 2, "1731xxx,yesterday 04:05", reason)]


# --- quotes and blocks ----------------------------------------------------------------------------


class Staged(NamedTuple):
    """What one path made of a file."""

    rows: list[tuple[Any, ...]]
    rejected: list[tuple[Any, ...]]
    counts: tuple[int, int]


class Stage:
    """Stages files with the columns Log and Tags, and reads what came of them."""

    HEADER = b"Log,Tags\n"

    def __init__(self, conn: Connection) -> None:
        self._staging = StagingTable(conn, LAB_SESSIONS)
        self._delivery = roads.delivered(conn, LAB_SESSIONS, 1)

    def __call__(self, body: bytes, *, careful: bool) -> Staged:
        """Stage a header and ``body``."""
        staging = self._staging
        read = roads.reader(LAB_SESSIONS, self.HEADER + body, careful=careful)
        with read(staging.table, self._delivery) as incoming:
            staging.take_unknown(incoming.unknown_headers)
            counted = incoming.stage(staging)
        staged = Staged(
            roads.rows(staging.conn, staging.rows.as_string(), "_row, log, tags"),
            roads.rows(staging.conn, staging.rejected.as_string(), "_row, line, raw, reason"),
            (counted.rows_read, counted.rows_rejected),
        )
        staging.empty()
        return staged


@pytest.fixture
def stage(warehouse: Connection, caplog: pytest.LogCaptureFixture) -> Stage:
    """A stage of one's own, which says nothing of its schema."""
    caplog.set_level("INFO", logger=staging.log.name)
    return Stage(warehouse)


WELL_QUOTED = [
    b'"a, ""b"" \n c",d\n',
    b'"""a""","""b"""\n',
    b'a,""\n"",""\nb,"c"\n',
    b'"",""""\n"""""",c\n',
]
ILL_QUOTED = [b'5" a,6" b\n', b'a"b",c\n', b'"a"b,"c"\n', b'a,"b" "c"\n', b'a"",b\n']


@pytest.mark.parametrize("record", WELL_QUOTED)
def test_a_well_quoted_file_stays_on_the_fast_path(
    stage: Stage, caplog: pytest.LogCaptureFixture, record: bytes
) -> None:
    assert stage(3 * record, careful=False) == stage(3 * record, careful=True)
    caplog.clear()
    stage(3 * record, careful=False)
    assert not went_record_by_record(caplog)


@pytest.mark.parametrize("record", ILL_QUOTED)
def test_an_ill_quoted_file_never_stays_on_the_fast_path(
    stage: Stage, caplog: pytest.LogCaptureFixture, record: bytes
) -> None:
    assert stage(3 * record, careful=False) == stage(3 * record, careful=True)
    assert went_record_by_record(caplog)


@pytest.mark.parametrize("piece", [1, 20, 64])
def test_a_large_file_goes_in_pieces_and_its_rows_keep_their_numbers(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 16)
    monkeypatch.setattr(pieces, "PIECE", piece)
    body = b"".join(b'%d,"a ""b"", %d"\n' % (n, n) for n in range(1, 1001))
    meant = [(n, str(n), f'a "b", {n}') for n in range(1, 1001)]
    assert sorted(stage(body, careful=False).rows) == meant
    assert sorted(stage(body.rstrip().replace(b"\n", b"\r\n"), careful=False).rows) == meant
    assert not went_record_by_record(caplog)


def test_a_large_file_of_records_on_several_lines(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 16)
    monkeypatch.setattr(pieces, "PIECE", 64)
    body = b"".join(b'"%d\n\n",b\n' % n for n in range(1, 101))
    meant = [(n, f"{n}\n\n", "b") for n in range(1, 101)]
    assert sorted(stage(body, careful=False).rows) == meant
    assert not went_record_by_record(caplog)


@both_paths
def test_a_field_may_be_long(stage: Stage, careful: bool) -> None:
    """Longer than what Python's csv module takes unless told."""
    body = b'"' + b"y" * 200_000 + b'",b\n'
    assert stage(body, careful=careful).rows == [(1, "y" * 200_000, "b")]


@both_paths
def test_a_quote_that_is_never_closed_costs_its_own_record(stage: Stage, careful: bool) -> None:
    staged = stage(b'a,b\n"c,' + b"d,e\n" * 100_000, careful=careful)
    assert sorted(staged.rows) == [(1, "a", "b"), *((n, "d", "e") for n in range(3, 100_002))]
    assert staged.counts == (100_001, 1)
    ((_, line, raw, _),) = staged.rejected
    assert (line, raw) == (3, '"c,d,e')


@both_paths
def test_many_blanks_after_a_delimiter(stage: Stage, careful: bool) -> None:
    body = b'"a, b", "c"\n' + b'"a, b",' + b" " * 1_000_000 + b"c\n d, e\r\n"
    assert sorted(stage(body, careful=careful).rows) == [
        (1, "a, b", "c"), (2, "a, b", "c"), (3, "d", "e")
    ]  # fmt: skip


@both_paths
def test_blanks_after_old_line_ends(stage: Stage, careful: bool) -> None:
    staged = stage(b'a, "b"\r c, d\r', careful=careful)
    assert staged.rows == [(1, "a", "b"), (2, "c", "d")]


def test_a_server_that_gives_up_is_told_in_one_line_without_a_row(warehouse: Connection) -> None:
    """Its own words quote the row at which it gave up."""
    warehouse.execute("SET statement_timeout = '200ms'")
    with pytest.raises(TransientFailure) as failure:
        roads.load(warehouse, LAB_SESSIONS, Stage.HEADER + b"secret,b\n" * 2_000_000)
    assert "statement timeout): look at the warehouse's server" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert "secret" not in str(failure.value)


def random_field(chance: random.Random) -> str:
    """A short value of what is special to delimited text; now and then a longer one."""
    return "".join(chance.choices(['"', ",", "\n", "\r", "a", 20 * "a"], k=chance.randrange(6)))


@pytest.mark.parametrize("seed", range(4))
def test_what_a_csv_writer_writes_is_read_back_by_the_fast_path(
    stage: Stage,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        fields = [(random_field(chance), random_field(chance)) for _ in range(chance.randint(1, 4))]
        written = io.StringIO()
        quoting, end = chance.choice([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n")])
        csv.writer(written, quoting=quoting, lineterminator=end).writerows(fields)
        body = written.getvalue().encode()
        monkeypatch.setattr(delimited, "BLOCK", chance.randint(len(Stage.HEADER), 24))
        meant = [(n, a or None, b or None) for n, (a, b) in enumerate(fields, start=1)]
        assert stage(body, careful=False).rows == meant, body
        assert stage(body, careful=True).rows == meant, body
    assert not went_record_by_record(caplog)


@pytest.mark.parametrize("seed", range(4))
def test_both_paths_agree_on_whatever_is_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    alphabet, weights = ['"', ",", "\n", "a", " ", "\\.", "\r", "é"], [6, 4, 3, 3, 1, 1, 1, 1]
    for _ in range(60):
        body = "".join(chance.choices(alphabet, weights, k=chance.randint(1, 24))).encode()
        monkeypatch.setattr(delimited, "BLOCK", chance.randint(len(Stage.HEADER), 24))
        monkeypatch.setattr(pieces, "PIECE", chance.randint(1, 24))
        assert stage(body, careful=False) == stage(body, careful=True), body
