"""The views over Vocareum's tables."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.warehouse.roads import VOCAREUM, load, rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection


def load_day(conn: Connection, dataset: str, day: date, *lines: str) -> None:
    """Load the file of a day."""
    content = "\n".join([*lines, ""]).encode()
    days = day, day + timedelta(days=1)
    load(conn, VOCAREUM[dataset], content, name=f"{dataset} {day}", days=days)


def test_aws_costs_change_until_the_counter_begins_anew(warehouse: Connection) -> None:
    header = "AWS Account ID,User ID,Part ID,Cost,File Updated Time"
    for day, cost in ((1, "1.5"), (2, "4"), (5, "4"), (6, "0.25"), (7, "1")):
        row = f"8622xxxx,1731xxxx,760084,{cost},16458235{day:02}"
        load_day(warehouse, "aws_cost", date(2026, 3, day), header, row, f"9,1,7,{day},1645823500")
    changes = "day, previous_day, cost_change, decreased"
    table = "vocareum.aws_cost_change WHERE aws_account_id = '8622xxxx'"
    assert rows(warehouse, table, changes) == [
        (date(2026, 3, 1), None, Decimal("1.5"), False),
        (date(2026, 3, 2), date(2026, 3, 1), Decimal("2.5"), False),
        (date(2026, 3, 5), date(2026, 3, 2), Decimal(0), False),
        (date(2026, 3, 6), date(2026, 3, 5), Decimal("0.25"), True),
        (date(2026, 3, 7), date(2026, 3, 6), Decimal("0.75"), False),
    ]


def test_azure_costs_change_within_the_month_of_the_row(warehouse: Connection) -> None:
    header = "User ID,Part ID,Month,Year,Monthly-cost-to-date"
    for day, lines in (
        (date(2026, 3, 30), ["7,1,3,2026,5"]),
        (date(2026, 3, 31), ["7,1,3,2026,8"]),
        (date(2026, 4, 1), ["7,1,3,2026,9", "7,1,4,2026,2"]),
        (date(2026, 4, 2), ["7,1,4,2026,1.5"]),
    ):
        load_day(warehouse, "azure_cost", day, header, *lines)
    columns = "year, month, day, cost_change, decreased"
    assert rows(warehouse, "vocareum.azure_cost_change", columns) == [
        (2026, 3, date(2026, 3, 30), Decimal(5), False),
        (2026, 3, date(2026, 3, 31), Decimal(3), False),
        (2026, 3, date(2026, 4, 1), Decimal(1), False),
        (2026, 4, date(2026, 4, 1), Decimal(2), False),
        (2026, 4, date(2026, 4, 2), Decimal("-0.5"), True),
    ]


def test_users_whose_ids_are_masked_alike_have_their_own_counters(warehouse: Connection) -> None:
    aws = "AWS Account ID,User ID,User Email,Part ID,Cost"
    azure = "User ID,User Email,Part ID,Month,Year,Monthly-cost-to-date"
    for day in (1, 2):
        when, lines = date(2026, 3, day), [("a@b", 9 * day), ("c@b", day)]
        load_day(warehouse, "aws_cost", when, aws, *(f"86xx,17xx,{w},1,{c}" for w, c in lines))
        load_day(
            warehouse, "azure_cost", when, azure, *(f"17xx,{w},1,3,2026,{c}" for w, c in lines)
        )
    for view in ("vocareum.aws_cost_change", "vocareum.azure_cost_change"):
        assert rows(warehouse, view, "user_email, day, cost_change, decreased") == [
            ("a@b", date(2026, 3, 1), Decimal(9), False),
            ("a@b", date(2026, 3, 2), Decimal(9), False),
            ("c@b", date(2026, 3, 1), Decimal(1), False),
            ("c@b", date(2026, 3, 2), Decimal(1), False),
        ]


def test_a_user_who_takes_another_address_keeps_the_counter(warehouse: Connection) -> None:
    header = "User ID,User Email,Part ID,Month,Year,Monthly-cost-to-date"
    for day, line in ((1, "17,a@b,1,3,2026,5"), (2, "17,z@b,1,3,2026,7")):
        load_day(warehouse, "azure_cost", date(2026, 3, day), header, line)
    found = rows(warehouse, "vocareum.azure_cost_change", "day, cost_change")
    assert found == [(date(2026, 3, 1), Decimal(5)), (date(2026, 3, 2), Decimal(2))]


def test_service_spend_by_month(warehouse: Connection) -> None:
    header = "AWS Account ID,User Id,Course ID,Service,Cost"
    for month, end in ((date(2026, 3, 1), date(2026, 4, 1)), (date(2026, 4, 1), date(2026, 5, 1))):
        content = f"{header}\n1,2,3,Amazon S3,{month.month}\n1,2,3,Amazon S3,1\n".encode()
        load(warehouse, VOCAREUM["service_spend"], content, name=str(month), days=(month, end))
    assert rows(warehouse, "vocareum.service_spend_by_month", "month, service, cost") == [
        (date(2026, 3, 1), "Amazon S3", Decimal(4)),
        (date(2026, 4, 1), "Amazon S3", Decimal(5)),
    ]


def test_a_lab_session_over_midnight_counts_once(warehouse: Connection) -> None:
    header = "User ID,Part ID,Launch Time,Start Time,End Time"
    launched = "Mar-01-2026 11:30:00 pm UTC"
    load_day(
        warehouse, "lab_sessions", date(2026, 3, 2),
        header, f"7,1,{launched},,Mar-02-2026 0:30:00 am UTC",
    )  # fmt: skip
    load_day(
        warehouse, "lab_sessions", date(2026, 3, 1),
        header, f"7,1,{launched},,", f"8,1,,{launched},", f"8,1,,{launched},", "9,1,,,", "9,1,,,",
    )  # fmt: skip
    found = rows(warehouse, "vocareum.latest_lab_session", "user_id, file_day, end_time IS NULL")
    assert found == [
        ("7", date(2026, 3, 2), False),
        ("8", date(2026, 3, 1), True),
        ("9", date(2026, 3, 1), True),
        ("9", date(2026, 3, 1), True),
    ]


def test_current_enrollment_leaves_out_who_dropped(warehouse: Connection) -> None:
    content = b"userid,courseid,dropped\n1,7,0\n2,7,1\n3,7,\n"
    load(warehouse, VOCAREUM["enrollment"], content)
    assert rows(warehouse, "vocareum.current_enrollment", "userid") == [("1",), ("3",)]


def test_the_grade_of_the_latest_submission_counts(warehouse: Connection) -> None:
    header = b"courseid,asnid,userid,partid,partscore,rubricid,rubricscore,submission\n"
    lines = b"7,1,1,1,5,9,5,1\n7,1,1,1,8,9,8,2\n7,1,2,1,3,9,3,1\n7,1,2,1,3,,,\n"
    load(warehouse, VOCAREUM["grades"], header + lines)
    assert rows(warehouse, "vocareum.current_grade", "userid, rubricid, partscore") == [
        ("1", "9", Decimal(8)),
        ("2", "9", Decimal(3)),
        ("2", None, Decimal(3)),
    ]


def test_grades_of_users_whose_ids_are_masked_alike_all_stand(warehouse: Connection) -> None:
    header = b"courseid,asnid,userid,partid,partscore,rubricid,rubricscore,submission\n"
    lines = b"7,1,17xx,1,5,9,5,1\n7,1,17xx,1,8,9,8,2\n"
    load(warehouse, VOCAREUM["grades"], header + lines)
    found = rows(warehouse, "vocareum.current_grade", "userid, partscore")
    assert found == [("17xx", Decimal(5)), ("17xx", Decimal(8))]
