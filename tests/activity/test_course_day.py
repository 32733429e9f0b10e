"""A day of a course: what the campus says, however and in whatever order its rows came."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.errors import AdminShutdown

from include.sandbox.campus import Campus, edx
from include.sandbox.campus.activity import true_course_days
from include.sandbox.campus.learning import true_activity
from include.sandbox.truth import course_days, wrong_activity, wrong_course_days
from learning_warehouse.activity.refreshing import mark_all, refresh
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.people.accounts import enter_accounts
from learning_warehouse.people.lists import REGISTRY
from tests.activity import events
from tests.activity.events import bring_up_to_date, video
from tests.conftest import open_database
from tests.edx import loading
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, VOCAREUM, load, rows

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection

CAMPUS = Campus(first_day=date(2026, 1, 5), students=16, courses=2, days=3)
DAY = (date(2026, 1, 5), date(2026, 1, 6))
ROSTER, COURSES = (lists.dataset for lists in REGISTRY)
CUT_OFF = """
CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
CREATE TRIGGER cut_off BEFORE INSERT ON activity.course_day
FOR EACH ROW WHEN (NEW.source = 'echo360') EXECUTE FUNCTION cut_off();
"""
"""Ends the session that computes a day of Echo360: after those of edX, before those of Vocareum."""
REPORT_NAMES = [name for name in REPORTS if name not in ("asset", "assetbydate")]


def current(conn: Connection) -> dict[Any, dict[str, Any]]:
    """What the table says once it is refreshed."""
    bring_up_to_date(conn)
    return course_days(conn)


def report(conn: Connection, name: str, first: date, end: date, version: int = 1) -> None:
    """Load a report of the campus for a window."""
    text = io.StringIO()
    written = csv.DictWriter(text, CAMPUS.echo360_header(name))
    written.writeheader()
    now = datetime(2026, 2, 1, tzinfo=UTC)
    written.writerows(CAMPUS.echo360_rows(name, first, end, now))
    dataset, content = REPORTS[name].dataset, text.getvalue().encode()
    load(conn, dataset, content, version, name=f"{name} {first}", days=(first, end))


def log(conn: Connection, day: date, name: str = "") -> None:
    """Load the campus's tracking logs of a day."""
    for server in edx.SERVERS:
        content = b"\n".join(line.raw for line in edx._lines(CAMPUS, day, server))
        loading.load(conn, content, f"{server}/{name}{day}.log")


def lab_file(conn: Connection, day: date) -> None:
    """Load the campus's file of a day's lab sessions."""
    key = f"lab_sessions/lab_sessions_{day.year}-{day.month}-{day.day}.csv"
    (content,) = [found for name, found in CAMPUS.vocareum_files() if name.endswith(key)]
    load(conn, LAB_SESSIONS, content, name=key, days=(day, day + timedelta(days=1)))


def grades(conn: Connection) -> None:
    """Load the campus's grades."""
    for key, content in CAMPUS.vocareum_files():
        if key.startswith(f"org{CAMPUS.org_id}/grades/"):
            load(conn, VOCAREUM["grades"], content, name=key)


def test_it_is_what_the_campus_says_after_any_order_and_a_rebuild(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    truth = true_course_days(CAMPUS)
    first, second, third = CAMPUS.days
    after = third + timedelta(days=4)
    for day in (third, first):
        log(warehouse, day)
        lab_file(warehouse, day)
    for name in REPORT_NAMES:
        report(warehouse, name, second, after)
    assert current(warehouse) != truth
    log(warehouse, second)
    log(warehouse, first, "again-")
    lab_file(warehouse, second)
    for name in REPORT_NAMES:
        report(warehouse, name, first, second)
    grades(warehouse)
    found = current(warehouse)
    assert wrong_course_days(truth, found) == []
    assert wrong_activity(warehouse, true_activity(CAMPUS)) == []
    assert refresh(warehouse) == 0, "nothing has changed"
    mark_all(warehouse)
    enter_accounts(warehouse)
    warehouse.execute(CUT_OFF)
    with closing(open_database(postgres, warehouse_name)) as conn, pytest.raises(AdminShutdown):
        refresh(conn)
    warehouse.execute("DROP FUNCTION cut_off CASCADE")
    with ThreadPoolExecutor() as threads, closing(open_database(postgres, warehouse_name)) as conn:
        done = list(threads.map(refresh, (warehouse, conn)))
    assert sum(done) > 0
    assert rows(warehouse, "ops.to_refresh", "count(*)") == [(0,)]
    assert course_days(warehouse) == found
    taken_back = rows(warehouse, "ops.delivery WHERE dataset <> 'edx.event'", "delivery_id")
    for (delivery,) in taken_back:
        warehouse.execute("SELECT FROM ops.undo(%s)", [delivery])
    assert {key[0] for key in current(warehouse)} == {"edx"}


def one(conn: Connection, lines: list[dict[str, Any]]) -> dict[date, tuple[float, ...]]:
    """Of a user's events: each day's events, active seconds, video seconds and attempts."""
    events.log(conn, lines)
    return {
        key[3]: (day["events"], day["active_seconds"], day["video_seconds"], day["attempts"])
        for key, day in current(conn).items()
    }


def test_time_counts_where_it_begins_and_is_split_at_midnight(warehouse: Connection) -> None:
    days = one(
        warehouse,
        [
            {"time": "2026-01-05T23:40:00Z"},
            {"time": "2026-01-05T23:50:00Z"},
            {"time": "2026-01-06T00:15:00Z"},
            {"time": "2026-01-06T00:45:00Z"},
            {"time": "2026-01-06T00:46:00Z", "event_source": "task"},
            {"time": "2026-01-06T00:47:00Z", "event_type": "/event", "name": "/event"},
            {"time": "2026-01-06T00:48:00Z", "username": "", "context": {}},
        ],
    )
    assert days == {date(2026, 1, 5): (2, 1200, 0, 0), date(2026, 1, 6): (2, 900, 0, 0)}


def test_a_video_counts_what_was_played(warehouse: Connection) -> None:
    (day,) = one(
        warehouse,
        [
            video("10:00:00", "play_video", currentTime=0, speed="2.0"),
            video("10:00:10", "seek_video", old_time=20, new_time=500),
            video("10:00:11", "seek_video", old_time=500, new_time=100),
            video("10:00:21", "speed_change_video", current_time=120, new_speed="1.0"),
            video("10:00:26", "pause_video", currentTime=125),
            video("10:00:30", "seek_video", old_time=125, new_time=900),
            video("10:10:00", "play_video", currentTime=0, speed="fast"),
            {"time": "2026-01-05T10:10:40Z", "event_type": "page_close", "name": "page_close"},
            video("11:30:00", "play_video", currentTime=0),
        ],
    ).values()
    assert day[2] == 20 + 20 + 5 + 40, "the last play has no end, and counts nothing"


def test_an_attempt_that_was_logged_under_both_names_counts_once(warehouse: Connection) -> None:
    checks = [
        {
            "time": f"2013-06-0{day}T10:00:0{second}Z",
            "event_source": "server",
            "event_type": name,
            "name": name,
            "event": {"problem_id": "p", "success": "correct"},
        }
        for day, second, name in (
            (1, 0, "problem_check"), (1, 1, "save_problem_check"), (1, 9, "save_problem_check"),
        )
    ]  # fmt: skip
    (day,) = one(warehouse, checks).values()
    assert day[3] == 2


def test_a_view_in_two_sections_counts_for_each(warehouse: Connection) -> None:
    beats = "userid,courseIdentifier,event_timestamp\n" + "".join(
        f"u,{course},2026-01-05 10:00:{second}\n" for course in "AB" for second in ("00", "30")
    )
    load(warehouse, VIDEOVIEW, beats.encode(), days=DAY)
    seconds = {key[2]: day["video_seconds"] for key, day in current(warehouse).items()}
    assert seconds == {"A": 60, "B": 60}


def teach(conn: Connection) -> None:
    """A course at all three sources, with staff and students."""
    labs = "User ID,User Email,Course ID,Launch Time,Start Time\n" + "".join(
        f"{user},,7,2026-01-05 09:00:00,2026-01-05 09:00:00\n" for user in (1, 2)
    )
    load(conn, LAB_SESSIONS, labs.encode(), days=DAY)
    load(conn, ENROLLMENT, b"userid,courseid,role\n1,7,teacher\n2,7,student\n2,8,teacher\n")
    beats = "userid,role,courseIdentifier,event_timestamp\n" + "".join(
        f"{user},C20150,2026-01-05 10:00:00\n"
        for user in ("e1,Instructor", "e2,Student", "e2,", "e3,Instructor", "e4,")
    )
    load(conn, VIDEOVIEW, beats.encode(), days=DAY)
    course = {"course_id": "course-v1:U+C20150+Fall"}
    lines = [
        loading.line(name, username=name, time="2026-01-05T10:00:00Z", context=course)
        for name in ("ada", "tom")
    ]
    loading.load(conn, b"\n".join(lines))


def test_staff_are_told_by_their_role_and_left_out_of_the_view(warehouse: Connection) -> None:
    teach(warehouse)
    roster = b"edx_username,echo360_user_id,role\ntom,,Teaching Assistant\n,e3,student\n"
    load(warehouse, ROSTER, roster)
    current(warehouse)
    with_account = "INNER JOIN people.account USING (account_id)"
    assert dict(rows(warehouse, f"activity.course_day {with_account}", "value, role")) == {
        **dict.fromkeys(("1", "2", "ada", "tom", "e4")),
        **{"e1": "Instructor", "e2": "Student", "e3": "Instructor"},
    }
    view = f"activity.person_course_day {with_account}"
    assert sorted(rows(warehouse, view, "value, role")) == [
        ("2", "student"), ("ada", None), ("e2", "Student"), ("e3", "student"), ("e4", None),
    ]  # fmt: skip


def test_courses_are_proposed_until_they_are_listed(warehouse: Connection) -> None:
    teach(warehouse)
    load(warehouse, VOCAREUM["course_mapping"], b"Course ID,Course Name\n7,C 20150 Physics\n")
    current(warehouse)
    columns = "source, course, other_source, other_course, shared"
    edx = "course-v1:U+C20150+Fall"
    assert set(rows(warehouse, "people.course_proposal", columns)) == {
        ("echo360", "C20150", "edx", edx, "number"),
        ("echo360", "C20150", "vocareum", "7", "number"),
        ("edx", edx, "vocareum", "7", "number"),
    }
    listed = f"course,edx course id,vocareum course id\nPhysics,{edx},\nPhysics,,7\n"
    load(warehouse, COURSES, listed.encode())
    found = rows(warehouse, "people.course_proposal", "source, other_source")
    assert found == [("echo360", "edx"), ("echo360", "vocareum")]
    view = rows(warehouse, "activity.person_course_day", "source, listed_course")
    assert set(view) == {("edx", "Physics"), ("vocareum", "Physics"), ("echo360", None)}
