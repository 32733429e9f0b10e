"""Which days a merge says it has changed: of rows that came, and of rows that went."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from learning_warehouse.edx.kinds import name_events
from tests.edx import loading as edx
from tests.warehouse.roads import ASSET, ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

WEEK = (date(2026, 1, 5), date(2026, 1, 12))
ONE_DAY = (date(2026, 1, 5), date(2026, 1, 6))
FIRST_OF_MONTH = date(2026, 1, 1)


def taken(conn: Connection) -> set[int | None]:
    """The days of January that are noted as changed, which are forgotten by that."""
    gone = conn.execute("DELETE FROM ops.changed_day RETURNING day")
    return {row["day"] and (row["day"] - FIRST_OF_MONTH + timedelta(1)).days for row in gone}


def beats(*days: int) -> bytes:
    """A report of video views with a beat on each of these days of January."""
    return b"event_timestamp\n" + b"".join(b"2026-01-%02d 10:00:00\n" % day for day in days)


def labs(*launches: str) -> bytes:
    """A file of lab sessions that were launched then."""
    return b"User ID,Launch Time,Start Time\n" + b"".join(
        f"{n},{at}\n".encode() for n, at in enumerate(launches)
    )


def test_a_report_changes_the_days_on_which_rows_came_or_went(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, beats(5, 6, 7), 1, days=WEEK)
    assert taken(warehouse) == {5, 6, 7}, "not the empty days of the window"
    load(warehouse, VIDEOVIEW, beats(5, 7, 7, 8), 2, days=WEEK, accept_shrink=True)
    assert taken(warehouse) == {6, 7, 8}
    load(warehouse, VIDEOVIEW, beats(5, 7, 7, 8), 3, days=WEEK)
    load(warehouse, VIDEOVIEW, beats(5), 1, days=WEEK)
    assert taken(warehouse) == set(), "it is the same, or older"
    load(warehouse, VIDEOVIEW, beats(5, 6, 7), 1, days=WEEK, reload=True, accept_shrink=True)
    assert taken(warehouse) == {6, 7, 8}
    load(warehouse, ASSET, b"video_name\nA\n", 1, days=ONE_DAY)
    assert taken(warehouse) == {5}


def test_a_file_changes_the_days_of_its_rows_before_and_after(warehouse: Connection) -> None:
    day_before = "2026-01-04 23:50:00,2026-01-05 00:10:00"
    load(warehouse, LAB_SESSIONS, labs(day_before, ",2026-01-05 09:00:00"), 1, days=ONE_DAY)
    assert taken(warehouse) == {4, 5}
    load(warehouse, LAB_SESSIONS, labs(",2026-01-06 09:00:00", ","), 2, days=ONE_DAY)
    assert taken(warehouse) == {4, 5, 6, None}
    load(warehouse, ENROLLMENT, b"userid,courseid\n1,2\n", 1)
    assert taken(warehouse) == {None}, "it has no day"


def test_what_is_undone_changes_its_days(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, beats(5, 7), 1, days=WEEK)
    load(warehouse, VIDEOVIEW, beats(7, 8), 2, days=(date(2026, 1, 7), date(2026, 1, 9)))
    load(warehouse, LAB_SESSIONS, labs("2026-01-03 23:50:00,"), 1, days=ONE_DAY)
    load(warehouse, ENROLLMENT, b"userid,courseid\n1,2\n", 1)
    taken(warehouse)
    for delivery, days in ((1, {5, 6, 7, 9, 10, 11}), (2, {8}), (3, {3}), (4, {None})):
        warehouse.execute("SELECT FROM ops.undo(%s)", [delivery])
        assert taken(warehouse) == days, "its window, but for what another brought"


def test_events_change_their_own_days_and_not_the_log_s(warehouse: Connection) -> None:
    def lines(*days: int) -> bytes:
        return b"\n".join(edx.line(d, time=f"2026-01-{d:02}T23:59:59.9Z") for d in days)

    late = edx.load(warehouse, lines(3, 9, 9, 10))
    assert taken(warehouse) == {3, 9, 10}
    edx.load(warehouse, lines(3, 9, 11), "another.log")
    assert taken(warehouse) == {11}, "the others are there"
    edx.load(warehouse, lines(3, 9, 9, 10), reload=True)
    assert taken(warehouse) == {3, 9, 10}
    warehouse.execute("UPDATE edx.event SET event_kind = NULL WHERE time < '2026-01-04Z'")
    assert late.rows_merged == sum(name_events(warehouse).values()) + 2
    assert taken(warehouse) == {3}


def test_a_log_changes_its_days_for_the_users_of_its_rows(warehouse: Connection) -> None:
    def lines(*names: str, user_id: int | None = None) -> bytes:
        return b"\n".join(
            edx.line(f"{n}{names[0]}", username=name, context={"user_id": user_id})
            for n, name in enumerate(names)
        )

    def changed() -> list[list[str] | None]:
        gone = warehouse.execute("DELETE FROM ops.changed_day RETURNING accounts")
        return [accounts and sorted(accounts) for accounts in (row["accounts"] for row in gone)]

    edx.load(warehouse, lines("ada", "bo", "ada", ""), "few.log")
    assert changed() == [["ada", "bo"]]
    one_more = b"\n" + edx.line(9, username="cy")
    edx.load(warehouse, lines("ada", "bo", "ada", "") + one_more, "more.log")
    assert changed() == [["cy"]], "what was there before changes nothing"
    edx.load(warehouse, lines("", ""), "nobody.log")
    assert changed() == [[]]
    edx.load(warehouse, lines("dee", "", user_id=7), "id.log")
    assert changed() == [None], "who is known by an id only"
    edx.load(warehouse, lines(*(f"u{n}" for n in range(1001))), "many.log")
    assert changed() == [None]
