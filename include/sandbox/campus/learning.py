"""The tables of activity beside the days of courses, as the campus knows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime, time
from itertools import chain
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.activity import (
    DAY,
    SITTING,
    Play,
    edx_events,
    end_of_lab,
    is_counted,
    lab_sessions,
    players,
    union,
    videos_played,
)

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

LAB = ("sessions", "seconds", "without_end", "disconnects")


def true_videos(campus: Campus, tables: Collection[str]) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.video``, of what these tables tell together."""
    plays: dict[Any, list[Play]] = defaultdict(list)
    for play in chain(*(told(campus) for table, told in PLAYS.items() if table in tables)):
        if play.seconds:
            key = play.source, play.account, play.course, play.video, play.at.date()
            plays[key].append(play)
    for (source, account, course, video, day), of_it in plays.items():
        parts = union(part for play in of_it for part in play.parts)
        yield {
            "source": source,
            "account": account,
            "course": course,
            "video": video,
            "day": day,
            "first_at": min(play.at for play in of_it),
            "watched": [list(part) for part in parts] or None,
            "unique_seconds": sum(end - start for start, end in parts) if parts else None,
            "played_seconds": sum(play.seconds for play in of_it),
        }


def _beats(campus: Campus) -> Iterator[Play]:
    for row in campus.truth("echo360.videoview"):
        if row["user_id"]:
            course, at = row["course_identifier"], row["event_timestamp"]
            yield Play("echo360", row["user_id"], course, row["video_id"], at, 30, ())


PLAYS: dict[str, Callable[[Campus], Iterable[Play]]] = {
    "edx.event": videos_played,
    "echo360.viewsessions": players,
    "echo360.videoview": _beats,
}
"""The tables that tell of videos."""


def true_problem_days(campus: Campus) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.problem_day``."""
    checks: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for event in edx_events(campus):
        if event["event_type"] == "problem_check" and event["event_source"] == "server":
            problem = event["inside"]["problem_id"]
            checks[event["user"], event["course_id"], problem, event["time"].date()].append(event)
    for (account, course, problem, day), of_it in checks.items():
        of_it.sort(key=lambda event: event["time"])
        right = [event["time"] for event in of_it if event["inside"]["success"] == "correct"]
        yield {
            "source": "edx",
            "account": account,
            "course": course,
            "problem": problem,
            "day": day,
            "first_at": of_it[0]["time"],
            "last_at": of_it[-1]["time"],
            "attempts": len(of_it),
            "correct": len(right),
            "first_is_correct": of_it[0]["inside"]["success"] == "correct",
            "correct_at": min(right, default=None),
            "score": max(event["inside"]["grade"] for event in of_it),
            "max_score": 2,
            "answers_shown": 0,
        }


def true_sessions(campus: Campus) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.session``: nobody at the campus is up after midnight."""
    by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in edx_events(campus):
        if is_counted(event):
            by_account[event["user"]].append(event)
    for account, done in by_account.items():
        done.sort(key=lambda event: event["time"])
        open_ones: dict[str, list[dict[str, Any]]] = {}
        for number, event in enumerate(done):
            following = done[number + 1 : number + 2]
            gap = following[0]["time"] - event["time"] if following else SITTING
            event["active"] = gap.total_seconds() if gap < SITTING else 0
            course = event["course_id"]
            if course in open_ones and event["time"] - open_ones[course][-1]["time"] >= SITTING:
                yield _session(account, open_ones.pop(course))
            open_ones.setdefault(course, []).append(event)
        for session in open_ones.values():
            yield _session(account, session)


def _session(account: str, of_it: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "source": "edx",
        "account": account,
        "course": of_it[0]["course_id"],
        "day": of_it[0]["time"].date(),
        "begun": of_it[0]["time"],
        "ended": of_it[-1]["time"],
        "events": len(of_it),
        "active_seconds": sum(event["active"] for event in of_it),
    }


def true_labs(campus: Campus) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.lab``."""
    days: dict[Any, dict[str, float]] = defaultdict(lambda: dict.fromkeys(LAB, 0))
    runs: dict[Any, list[tuple[datetime, datetime]]] = defaultdict(list)
    for account, row in lab_sessions(campus):
        place = account, row["course_id"], row["assignment_id"], row["part_id"]
        day = days[*place, row["launch_time"].date()]
        day["sessions"] += 1
        day["disconnects"] += row["disconnects"] or 0
        if row["end_time"]:
            runs[place].append((row["start_time"], end_of_lab(row)))
        else:
            day["without_end"] += 1
    for place, of_it in runs.items():
        for start, end in union(of_it):
            at = start
            while at < end:
                midnight = datetime.combine(at.date() + DAY, time(), UTC)
                seconds = (min(end, midnight) - at).total_seconds()
                days[*place, at.date()]["seconds"] += seconds
                at = midnight
    for (account, course, assignment, part, on), day in days.items():
        yield {
            "source": "vocareum",
            "account": account,
            "course": course,
            "assignment": assignment,
            "part": part,
            "day": on,
            **day,
        }


def true_assignments(campus: Campus) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.assignment``: the grades of who has an id."""
    last: dict[Any, dict[str, Any]] = {}
    for row in campus.truth("vocareum.grades"):
        key = row["userid"], row["courseid"], row["asnid"]
        before = last.get(key, row)["submission"] or 0
        if row["userid"].isdigit() and (row["submission"] or 0) >= before:
            last[key] = row
    for (account, course, assignment), row in last.items():
        yield {
            "account": account,
            "course": course,
            "assignment": assignment,
            "score": row["asnscore"],
            "max_score": row["maxscore"],
            "submissions": row["submission"],
        }


ROWS: dict[str, tuple[str, Callable[[Campus], Iterable[dict[str, Any]]]]] = {
    "lab": ("vocareum.lab_sessions", true_labs),
    "assignment": ("vocareum.grades", true_assignments),
    "session": ("edx.event", true_sessions),
    "problem_day": ("edx.event", true_problem_days),
}
"""Tables of activity: which of the sources' tables tells of them, and what."""


def true_activity(
    campus: Campus, tables: Collection[str] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table of activity but ``course_day``.

    :param tables: the sources' tables that are loaded, unless all are.
    """
    if tables is None:
        tables = {*PLAYS, *(told_by for told_by, _ in ROWS.values())}
    return {
        "video": list(true_videos(campus, tables)),
        **{
            table: list(rows(campus)) if told_by in tables else []
            for table, (told_by, rows) in ROWS.items()
        },
    }
