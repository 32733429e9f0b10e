"""The tables of activity: what others get wrong, each by its input."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from learning_warehouse.echo360.reports import REPORTS
from tests.activity.events import bring_up_to_date, event, log, video
from tests.edx import loading
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VOCAREUM, load, rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection


def test_a_part_of_a_video_is_watched_once_and_played_as_often_as_it_was(
    warehouse: Connection,
) -> None:
    log(
        warehouse,
        [
            video("10:00:00", "play_video", currentTime=0, speed="2.0"),
            video("10:00:10", "seek_video", old_time=20, new_time=500),
            video("10:00:11", "seek_video", old_time=500, new_time=10),
            video("10:00:16", "pause_video", currentTime=20),
            video("10:01:00", "speed_change_video", current_time=20, new_speed=1e6),
            video("10:02:00", "play_video", currentTime=90, duration=100),
            event("10:05:00", "problem_check"),
            video("11:30:00", "play_video", currentTime=3),
        ],
    )
    bring_up_to_date(warehouse)
    columns = "watched::text, unique_seconds::int, played_seconds::int, round(speed, 1)::text"
    assert rows(warehouse, "activity.video", columns) == [("{[0,20),[90,100)}", 30, 40, "2.0")]


def test_an_answer_that_was_shown_before_it_was_correct_is_told(warehouse: Connection) -> None:
    def check(at: str, problem: str, success: str, grade: Any = 0) -> dict[str, Any]:
        inside = {"problem_id": problem, "success": success, "grade": grade, "max_grade": 3}
        return event(at, "problem_check", **inside)

    log(
        warehouse,
        [
            check("2026-01-04T23:59:50Z", "p", "incorrect", 1),
            event("00:00:05", "showanswer", problem_id="p"),
            check("00:00:20", "p", "correct", 3),
            check("00:01:00", "p", "incorrect", "NaN"),
            event("00:02:00", "showanswer", problem_id="p"),
            check("10:00:00", "q", "correct", 3),
            {**check("10:00:00", "q", "correct"), "event_source": "browser"},
            event("10:02:00", "showanswer", problem_id="q"),
            event("10:05:00", "showanswer", problem_id="r"),
        ],
    )
    bring_up_to_date(warehouse)
    columns = (
        "problem, attempts, first_is_correct, seconds_to_correct::int, score::int, answers_shown, "
        "was_shown_before_correct"
    )
    assert rows(warehouse, "activity.person_problem", columns) == [
        ("p", 3, False, 30, 3, 2, True),
        ("q", 1, True, 0, 3, 1, False),
        ("r", 0, None, None, None, 1, False),
    ]


def test_a_session_goes_on_past_midnight_until_two(warehouse: Connection) -> None:
    pages = [
        *(f"2026-01-05T{at}:00Z" for at in ("10:00", "10:29", "10:59", "23:10", "23:35")),
        *(f"2026-01-06T0{hour}:{minute}:00Z" for hour in range(4) for minute in ("00", "25", "50")),
    ]
    log(warehouse, [{"time": at, "session": "one login"} for at in pages])
    bring_up_to_date(warehouse)
    columns = (
        "day::text, to_char(begun, 'HH24:MI-') || to_char(ended, 'HH24:MI') AS at, events, "
        "active_seconds::int"
    )
    found = [
        ("2026-01-05", "10:00-10:29", 2, 1740),
        ("2026-01-05", "10:59-10:59", 1, 0),
        ("2026-01-05", "23:10-01:50", 8, 2 * 3600 + 50 * 60),
        ("2026-01-06", "02:00-03:50", 6, 110 * 60),
    ]
    assert rows(warehouse, "activity.person_session", columns) == found
    late = [{"time": at} for at in ("2026-01-05T10:45:00Z", "2026-01-06T04:10:00Z")]
    log(warehouse, late)
    bring_up_to_date(warehouse)
    assert rows(warehouse, "activity.person_session", columns) == [
        ("2026-01-05", "10:00-10:59", 4, 59 * 60),
        found[2],
        ("2026-01-06", "02:00-04:10", 7, 130 * 60),
    ]


def test_late_events_of_one_user_leave_the_others_as_they_are(warehouse: Connection) -> None:
    def play(user: str, at: str) -> dict[str, Any]:
        return {**video(f"10:{at}", "play_video", currentTime=0), "username": user}

    def stop(user: str, at: str, position: int) -> dict[str, Any]:
        return {**video(f"10:{at}", "stop_video", currentTime=position), "username": user}

    def told(table: str, column: str) -> list[Any]:
        table = f"activity.{table} INNER JOIN people.account USING (account_id)"
        return rows(warehouse, table, f"value, {column}::int")

    log(warehouse, [play("ada", "00:00"), play("bob", "00:00"), stop("bob", "00:07", 7)])
    bring_up_to_date(warehouse)
    before = rows(warehouse, "activity.video", "xmin::text, account_id")
    late = [stop("ada", "00:05", 5), {**event("10:01:00", "showanswer"), "username": "ada"}]
    loading.load(warehouse, b"\n".join(loading.line(n, **one) for n, one in enumerate(late)))
    bring_up_to_date(warehouse)
    for table, column in (("video", "played_seconds"), ("course_day", "video_seconds")):
        assert told(table, column) == [("ada", 5), ("bob", 7)]
    assert told("course_day", "answers_shown") == [("ada", 1), ("bob", 0)]
    assert set(before) <= set(rows(warehouse, "activity.video", "xmin::text, account_id"))


def test_labs_that_overlap_count_once_and_costs_have_their_course(warehouse: Connection) -> None:
    load(warehouse, VOCAREUM["asn_mapping"], b"course id,assignment id,part id\n7,8,9\n")
    labs = (
        b"User ID,Course ID,Assignment ID,Part ID,Launch Time,Start Time,End Time,Disconnects\n"
        b"1,7,8,9,2026-01-05 23:00:00,2026-01-05 23:00:00,2026-01-06 00:30:00,2\n"
        b"1,7,8,9,2026-01-05 23:30:00,2026-01-05 23:30:00,2026-01-06 01:00:00,1\n"
        b"1,7,8,9,2026-01-05 23:45:00,2026-01-05 23:45:00,,\n"
    )
    load(warehouse, LAB_SESSIONS, labs, days=(date(2026, 1, 5), date(2026, 1, 6)))
    for day, cost in ((5, "1.5"), (8, "2.25")):
        days = date(2026, 1, day), date(2026, 1, day + 1)
        content = f"AWS Account ID,User ID,Part ID,Cost\na,1,9,{cost}\n".encode()
        load(warehouse, VOCAREUM["aws_cost"], content, name=f"cost {day}", days=days)
    bring_up_to_date(warehouse)
    columns = "day::text, sessions, seconds::int, without_end, disconnects"
    assert rows(warehouse, "activity.person_lab", columns) == [
        ("2026-01-05", 3, 3600, 1, 3), ("2026-01-06", 0, 3600, 0, 0),
    ]  # fmt: skip
    found = rows(warehouse, "activity.person_lab_cost", "source_course, day::text, cost::text")
    assert found == [("7", "2026-01-05", "1.5"), ("7", "2026-01-08", "0.75")]
    (week,) = rows(warehouse, "activity.course_week", "week::text, lab_hours::int, cost::text")
    assert week == ("2026-01-05", 2, "2.25")


def test_a_grade_is_that_of_the_last_submission_whatever_its_rubrics(warehouse: Connection) -> None:
    header = b"courseid,asnid,maxscore,userid,asnscore,isoverride,partid,rubricid,submission\n"
    grades = b"7,8,10,1,4,0,9,a,1\n7,8,10,1,6,1,9,a,2\n7,8,10,1,6,1,9,b,2\n"
    grades += b"7,8,10,1731xxx,9,0,9,a,1\n"
    load(warehouse, VOCAREUM["grades"], header + grades)
    load(warehouse, ENROLLMENT, b"userid,courseid,role,dropped\n1,7,student,0\n2,7,student,1\n")
    bring_up_to_date(warehouse)
    columns = "assignment, score::int, max_score::int, submissions, is_overridden"
    assert rows(warehouse, "activity.person_assignment", columns) == [("8", 6, 10, 2, True)]
    assert rows(warehouse, "activity.person_course", "active_days, reasons") == [
        (0, ["enrolled, and never active"]), (0, []),
    ]  # fmt: skip


def test_enrollment_and_grades_of_edx_are_those_of_the_user_with_that_id(
    warehouse: Connection,
) -> None:
    course = "course-v1:U+C+1"

    def told(at: str, kind: str, who: str = "ada", user_id: Any = "7", **inside: Any) -> Any:
        happened = event(at, kind, course_id=course, user_id=user_id, **inside)
        context = {"user_id": {"ada": 7, "staff": 1, "gone": 9}[who], "course_id": course}
        return {**happened, "username": who, "context": context}

    def graded(at: str, earned: float, block: str = "b", possible: int = 4) -> Any:
        points = {"weighted_graded_earned": earned, "weighted_graded_possible": possible}
        kind = "edx.grades.subsection.grade_calculated"
        return told(at, kind, "staff", block_id=block, **points)

    log(
        warehouse,
        [
            told("09:00:00", "edx.course.enrollment.activated", user_id=7, mode="audit"),
            told("09:10:00", "edx.course.enrollment.mode_changed", mode="verified"),
            told("09:20:00", "edx.course.enrollment.activated", "staff", 9, mode="honor"),
            told("09:30:00", "edx.course.enrollment.deactivated", "gone", 9, mode="honor"),
            told("09:40:00", "edx.course.enrollment.activated", "staff", 404, mode="honor"),
            graded("10:00:00", 1),
            graded("10:05:00", 3.5),
            graded("10:06:00", 0, "ungraded", 0),
            told("10:07:00", "edx.grades.subsection.score_overridden", "staff", block_id="b"),
            graded("10:08:00", 2, "c"),
        ],
    )
    bring_up_to_date(warehouse)
    joined = "INNER JOIN people.account USING (account_id) WHERE value <> 'staff'"
    columns = "value, is_enrolled, mode, active_days"
    assert rows(warehouse, f"activity.course {joined}", columns) == [
        ("ada", True, "verified", 1), ("gone", False, "honor", 1),
    ]  # fmt: skip
    columns = "value, assignment, score::text, max_score::text, is_overridden, source_course"
    found = rows(warehouse, f"activity.person_assignment {joined}", columns)
    assert found == [("ada", "b", "3.5", "4", True, course), ("ada", "c", "2", "4", False, course)]


def test_attendance_is_the_union_of_classroom_and_stream(warehouse: Connection) -> None:
    steps = (
        ("09:00", "CLASSROOM", "JOIN"), ("09:05", "LIVE_STREAM", "JOIN"),
        ("09:45", "LIVE_STREAM", "LEAVE"), ("09:50", "CLASSROOM", "LEAVE"),
        ("10:00", "LIVE_STREAM", "LEAVE"), ("15:00", "CLASSROOM", "JOIN"),
        ("15:10", "LIVE_STREAM", "JOIN"), ("15:30", "LIVE_STREAM", "LEAVE"),
    )  # fmt: skip
    content = "mediaId,userId,scope,event,eventTimestamp\n" + "".join(
        f"m,u,{scope},{event},2026-01-05 {at}:00\n" for at, scope, event in steps
    )
    days = date(2026, 1, 5), date(2026, 1, 6)
    load(warehouse, REPORTS["liveviews"].dataset, content.encode(), days=days)
    bring_up_to_date(warehouse)
    columns = "joins, seconds::int, stream_seconds::int"
    found = rows(warehouse, "activity.person_attendance", columns)
    assert found == [(4, (50 + 30) * 60, (40 + 20) * 60)]


def test_a_segment_of_a_video_has_its_viewers(warehouse: Connection) -> None:
    log(
        warehouse,
        [
            video("10:00:00", "play_video", currentTime=0),
            video("10:00:12", "pause_video", currentTime=12),
            video("10:01:00", "play_video", currentTime=3),
            video("10:01:05", "pause_video", currentTime=8),
            video("10:02:00", "play_video", currentTime=1e9),
            video("10:02:05", "pause_video", currentTime=1e9 + 5),
        ],
    )
    bring_up_to_date(warehouse)
    found = rows(warehouse, "activity.video_segment", "from_second, viewers, views")
    assert found == [(0, 1, 1), (10, 1, 1), (5, 1, 1)]
