"""What Vocareum writes of labs: the sessions of a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.vocareum.courses import parts
from include.sandbox.campus.vocareum.writing import masked, value_text

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

LAB_SESSIONS = (
    "User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name",
    "Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", "Log", "Tags",
    "Launch Time", "Init Time", "Launch To Ready Duration (mins)", "Concurrent Labs Count",
    "Disconnects", "Latency Time (ms)",
)  # fmt: skip
TAIL = ("concurrent_labs_count", "disconnects", "latency_time_ms")
IMPOSSIBLE = "Feb-30-2022 9:40:20 pm UTC"


def files(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """Keys, without the org, and contents."""
    for day in campus.days:
        key = f"lab_sessions/lab_sessions_{day.year}-{day.month}-{day.day}.csv"
        yield key, _lab_sessions_file(campus, day)


def true_lab_sessions(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each record of each daily file."""
    for day in campus.days:
        for session in _sessions(campus, day):
            short = dict.fromkeys(TAIL) if session["short"] else {}
            yield {k: v for k, v in session.items() if k != "short"} | short


def rejected_lab_sessions(campus: Campus) -> Iterator[str]:
    """A record with an impossible date, and one that is too long, on every third day."""
    for day in campus.days:
        yield from _wrong_sessions(day)


# --- facts ----------------------------------------------------------------------------------------


def _sessions(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """The records of a day's file: of those who began on it, and of those still at it."""
    for course in campus.courses:
        for begun in (day - timedelta(days=1), day):
            if begun not in campus.days:
                continue
            for person, launched in campus.active(course, begun, "lab"):
                session = _session(campus, course, person, launched)
                ended_on = session["end_time"].date()
                if begun < day and ended_on < day:
                    continue
                if begun == day and ended_on > day:
                    session |= {"end_time": None, "duration_min": None, "log": " START successful"}
                yield session


def _session(campus: Campus, course: Course, person: Person, launched: datetime) -> dict[str, Any]:
    chance = campus.chance("session", course.number, person.number, launched)
    wait = timedelta(seconds=chance.randrange(3, 240))
    length = timedelta(seconds=int(chance.expovariate(1 / 4500)) + 30)
    part = chance.choice(parts(course.number))
    started = launched + wait
    hidden = chance.random() < 0.05
    return {
        "user_id": masked(person) if hidden else str(person.number),
        "user_email": person.email,
        "course_id": str(course.number),
        "course_name": course.name,
        "assignment_id": part.assignment_id,
        "assignment_name": part.assignment_name,
        "part_id": part.id,
        "part_name": 'the "assignment", part' if chance.random() < 0.1 else "assignment-part",
        "lab_type": chance.choice(("Cloud", "Container", "Databricks", "VM")),
        "start_time": started,
        "end_time": started + length,
        "duration_min": Decimal(f"{length.total_seconds() / 60:.11f}"),
        "log": " START successful; CFN creation successful; END successful (Session Timer Expires)",
        "tags": None,
        "launch_time": launched,
        "init_time": started + timedelta(seconds=2),
        "launch_to_ready_duration_mins": Decimal(f"{(wait.total_seconds() + 2) / 60:.15f}"),
        "concurrent_labs_count": chance.randrange(5),
        "disconnects": chance.randrange(3),
        "latency_time_ms": Decimal(chance.randrange(20, 400)),
        "short": chance.random() < 0.1,
    }


# --- files ----------------------------------------------------------------------------------------


def _lab_sessions_file(campus: Campus, day: date) -> bytes:
    delimiter = ", " if day.toordinal() % 3 == 0 else ","
    lines = [delimiter.join(f'"{header}"' for header in LAB_SESSIONS)]
    for session in _sessions(campus, day):
        values = [value_text(v) for k, v in session.items() if k != "short"]
        if session["short"]:
            values[-3:] = ["180"]
        lines.append(delimiter.join(values))
    lines += _wrong_sessions(day)
    end = "\r\n" if day.toordinal() % 3 == 1 else "\n"
    return (end.join(lines) + end).encode("utf-8-sig" if day.toordinal() % 2 else "utf-8")


def _wrong_sessions(day: date) -> list[str]:
    if day.toordinal() % 3:
        return []
    start = ["1731", "a@university.example", "1", "x", "2", "x", "3", "x", "Cloud"]
    impossible = [*start, IMPOSSIBLE, *[""] * 10]
    too_long = [*start, *[""] * 12]
    return [",".join(impossible), ",".join(too_long)]
