"""The tables of activity beside the days of courses, as the campus knows them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.activity import (
    SITTING,
    Play,
    edx_events,
    is_counted,
    players,
    union,
    videos_played,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.sandbox.campus import Campus


def true_videos(campus: Campus) -> Iterator[dict[str, Any]]:
    """The rows of ``activity.video``, of what all tables tell."""
    plays: dict[Any, list[Play]] = defaultdict(list)
    for play in (*videos_played(campus), *players(campus), *_beats(campus)):
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


TRUTHS = {
    "session": true_sessions,
    "video": true_videos,
    "problem_day": true_problem_days,
}
