"""What each account did in each course on each day, as the campus knows it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from include.sandbox.campus import edx

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from include.sandbox.campus import Campus

Key = tuple[str, str, str | None, date]
"""Source, the account's name, id or address, course, UTC day."""

DAY, SITTING = timedelta(days=1), timedelta(minutes=30)
COUNTS = ("events", "attempts", "correct", "answers_shown", "posts", "polls", "slides")
SECONDS = ("active_seconds", "video_seconds", "lab_seconds")


REPORTS = {
    "videoview": "beat",
    "presentation": "slides",
    "confused": "confused",
    "notes": "notes",
    "liveviews": "live",
    "viewsessions": "player",
    "polling": "polls",
    "pollingv2": "polls",
    "qanda": "posts",
    "qanda2": "posts",
}
"""What a row of each of Echo360's reports tells."""


class Day:
    """An account's day in a course."""

    def __init__(self) -> None:
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.numbers: dict[str, float] = dict.fromkeys((*COUNTS, *SECONDS), 0)
        self.told: dict[str, set[str]] = defaultdict(set)


def true_course_days(
    campus: Campus, tables: Collection[str] | None = None
) -> dict[Key, dict[str, Any]]:
    """Each account's days in each course on which it did something.

    :param tables: the tables that are loaded, unless all are.
    """
    days: dict[Key, Day] = defaultdict(Day)
    has_edx = tables is None or "edx.event" in tables
    reports = {
        report: what
        for report, what in REPORTS.items()
        if tables is None or f"echo360.{report}" in tables
    }
    for older, newer in (("polling", "pollingv2"), ("qanda", "qanda2")):
        if newer in reports:  # It has all that the older version of the report has.
            reports.pop(older, None)
    deeds_of = {"edx": _edx(campus) if has_edx else (), "echo360": _echo360(campus, reports)}
    for source, deeds in deeds_of.items():
        by_account: dict[str, list[tuple[datetime, str | None, str, str]]] = defaultdict(list)
        for value, at, course, what, which in set(deeds):
            by_account[value].append((at, course, what, which))
        for value, done in by_account.items():
            done.sort(key=lambda deed: (deed[0], deed[2:]))
            for at, course, what, which in done:
                _count(days[source, value, course, at.date()], at, what, which)
            for (at, course, *_), (following, *_) in pairwise(done):
                if following - at < SITTING:
                    _spread(days, (source, value, course), "active_seconds", at, following)
    played = list(videos_played(campus) if has_edx else ())
    if "viewsessions" in reports:
        played += players(campus)
    for play in played:
        day = days[play.source, play.account, play.course, play.at.date()]
        day.numbers["video_seconds"] += play.seconds
    if tables is None or "vocareum.lab_sessions" in tables:
        _labs(campus, days)
    return {
        key: {
            "first_at": day.first_at,
            "last_at": day.last_at,
            **{name: round(float(number), 6) for name, number in day.numbers.items()},
        }
        for key, day in days.items()
        if any(day.numbers.values())
    }


def _count(day: Day, at: datetime, what: str, which: str) -> None:
    day.first_at = min(filter(None, (day.first_at, at)))
    day.last_at = max(filter(None, (day.last_at, at)))
    day.numbers["events"] += 1
    if what == "beat":
        day.numbers["video_seconds"] += 30
    elif what in ("polls", "posts"):
        day.told[what].add(which)
        day.numbers[what] = len(day.told[what])
    else:
        for one in what.split("+"):
            if one in day.numbers:
                day.numbers[one] += 1


def _spread(
    days: dict[Key, Day], who: tuple[str, str, str | None], what: str, at: datetime, end: datetime
) -> None:
    """Seconds on the days on which they went by."""
    while at < end:
        midnight = datetime.combine(at.date() + DAY, time(), UTC)
        days[*who, at.date()].numbers[what] += (min(end, midnight) - at).total_seconds()
        at = midnight


def edx_events(campus: Campus) -> Iterator[dict[str, Any]]:
    """edX's events as they are written, each once, with what is in them."""
    seen = set()
    for day in campus.days:
        for server in edx.SERVERS:
            for line in edx._lines(campus, day, server):
                if line.event is not None and line.raw not in seen:
                    seen.add(line.raw)
                    written = json.loads(line.raw[line.raw.index(b"{") :])
                    user = written["username"] or written["context"]["user_id"]
                    if user:
                        yield {**line.event, "user": str(user), "inside": written["event"]}


def is_counted(event: dict[str, Any]) -> bool:
    """Whether it is more than a request that a page makes by itself."""
    return not re.search(r"/(handler|xblock)(/|$)", event["event_type"])


def _edx(campus: Campus) -> Iterator[tuple[str, datetime, str | None, str, str]]:
    for number, event in enumerate(edx_events(campus)):
        kind = event["event_type"]
        if not is_counted(event):
            continue
        what = ["event"]
        if kind == "problem_check" and event["event_source"] == "server":
            what = ["attempts"]
            if event["inside"]["success"] == "correct":
                what.append("correct")
        who = event["user"], event["time"], event["course_id"]
        yield *who, "+".join(what), str(number)


def _echo360(
    campus: Campus, reports: dict[str, str]
) -> Iterator[tuple[str, datetime, str | None, str, str]]:
    for report, what in reports.items():
        for number, row in enumerate(campus.truth(f"echo360.{report}")):
            if what in ("polls", "posts"):
                if row.get("action") == "Deleted":
                    continue
                which = row["answer_id"] or row["question_id"]
            else:
                which = str(number)
            if row.get("session_status", "SESSION_BEGIN") != "SESSION_BEGIN":
                continue
            user = row.get("user_id") or row.get("answer_user_id") or row.get("question_user_id")
            if user:
                course = row.get("course_identifier") or row.get("course_code")
                yield user, row["event_timestamp"], course, what, which


@dataclass(frozen=True)
class Play:
    """What was played at once of a video.

    :param parts: from where to where, in seconds from the beginning of the video.
    """

    source: str
    account: str
    course: str | None
    video: str
    at: datetime
    seconds: float
    parts: tuple[tuple[float, float], ...]


def videos_played(campus: Campus) -> Iterator[Play]:
    """What was played of edX's videos: from each play to the next event of the video."""
    by_account: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in edx_events(campus):
        if is_counted(event):
            by_account[event["user"]].append(event)
    for user, events in by_account.items():
        events.sort(key=lambda event: event["time"])
        for n, event in enumerate(events):
            if event["event_type"] != "play_video":
                continue
            inside = json.loads(event["inside"])
            later = [e for e in events[n + 1 :] if e["time"] < _end(event) + timedelta(hours=3)]
            same = [
                e
                for e in later
                if e["course_id"] == event["course_id"]
                and e["event_type"].endswith("_video")
                and json.loads(e["inside"])["id"] == inside["id"]
            ]
            seconds = 0.0
            position = json.loads(same[0]["inside"])["currentTime"] if same else 0
            tells = same and same[0]["event_type"] not in ("load_video", "play_video")
            if tells and position >= inside["currentTime"]:
                gone = (same[0]["time"] - event["time"]).total_seconds()
                seconds = min(position - inside["currentTime"], gone)
            elif later and later[0]["time"] - event["time"] < SITTING:
                seconds = (later[0]["time"] - event["time"]).total_seconds()
            parts = ((inside["currentTime"], inside["currentTime"] + seconds),)
            yield Play("edx", user, event["course_id"], inside["id"], event["time"], seconds, parts)


def _end(event: dict[str, Any]) -> datetime:
    return datetime.combine(event["time"].date() + DAY, time(), UTC)


def players(campus: Campus) -> Iterator[Play]:
    """What was played in Echo360's player, on the day on which the session began."""
    begun: dict[str, datetime] = {}
    for row in campus.truth("echo360.viewsessions"):
        begun[row["session_id"]] = min(
            begun.get(row["session_id"], row["event_timestamp"]), row["event_timestamp"]
        )
    for row in campus.truth("echo360.viewsessions"):
        if row["session_status"] != "SESSION_BEGIN" and row["user_id"]:
            parts = tuple((start / 1000, end / 1000) for start, end in row["intervals_played"])
            seconds = sum(end - start for start, end in parts)
            at, media = begun[row["session_id"]], row["media_id"]
            yield Play("echo360", row["user_id"], row["course_code"], media, at, seconds, parts)


def lab_sessions(campus: Campus) -> Iterator[tuple[str, dict[str, Any]]]:
    """The account and the row of each lab.

    One is in the files of two days where it is not over on the first: the later counts.
    """
    sessions: dict[Any, dict[str, Any]] = {}
    for row in campus.truth("vocareum.lab_sessions"):
        user = row["user_id"] if row["user_id"].isdigit() else row["user_email"]
        sessions[user, row["part_id"], row["launch_time"]] = row
    for (user, *_), row in sessions.items():
        yield user, row


def _labs(campus: Campus, days: dict[Key, Day]) -> None:
    runs: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for user, row in lab_sessions(campus):
        launched = row["launch_time"]
        _count(days["vocareum", user, row["course_id"], launched.date()], launched, "lab", "")
        if row["end_time"]:
            runs[user, row["course_id"]].append((row["start_time"], end_of_lab(row)))
    for (user, course), of_it in runs.items():
        for start, end in union(of_it):
            _spread(days, ("vocareum", user, course), "lab_seconds", start, end)


def end_of_lab(row: dict[str, Any]) -> datetime:
    """Its end, at the latest that of the day after its launch."""
    end: datetime = row["end_time"]
    return min(end, datetime.combine(row["launch_time"].date() + 2 * DAY, time(), UTC))


def union(runs: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """What several stretches cover, from the first to the last."""
    united: list[tuple[Any, Any]] = []
    for start, end in sorted(runs):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((start, end))
    return united
