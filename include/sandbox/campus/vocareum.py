"""The campus as Vocareum writes it: lab sessions of a day, enrollment of a course.

With what its files are known for: a blank after each delimiter on some days, records short at the
tail or in the middle, masked ids, a session that runs over midnight in the files of both days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

LAB_SESSIONS = (
    "User ID", "User Email", "Course ID", "Course Name", "Assignment ID", "Assignment Name",
    "Part ID", "Part Name", "Lab Type", "Start Time", "End Time", "Duration (min)", "Log", "Tags",
    "Launch Time", "Init Time", "Launch To Ready Duration (mins)", "Concurrent Labs Count",
    "Disconnects", "Latency Time (ms)",
)  # fmt: skip
ENROLLMENT = (
    "userid", "courseid", "role", "name", "email", "client_key", "client_userid", "dropped",
    "organization_terms_agreed", "organization_terms_agreed_date_utc",
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TAIL = ("concurrent_labs_count", "disconnects", "latency_time_ms")
IMPOSSIBLE = "Feb-30-2022 9:40:20 pm UTC"


def files(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """All files of the org, and some of its neighbour, whose number begins like its own."""
    root = f"org{campus.org_id}"
    for day in campus.days:
        key = f"{root}/lab_sessions/lab_sessions_{day.year}-{day.month}-{day.day}.csv"
        yield key, _lab_sessions_file(campus, day)
    for course in campus.courses:
        content = _enrollment_file(campus, course)
        yield f"{root}/enrollment/course{course.number}/enrollment.csv", content
        yield f"{root}4/enrollment/course{course.number}/enrollment.csv", content


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


def true_enrollment(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each person of each course."""
    for course in campus.courses:
        for person in course.people:
            yield _enrolled(campus, course, person)


def rejected_enrollment(campus: Campus) -> Iterator[str]:
    """A record without a user in every second course."""
    for course in campus.courses:
        if course.number % 2:
            yield _nobody(course)


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
    part = 760000 + course.number % 100 * 10 + chance.randrange(3)
    started = launched + wait
    masked = chance.random() < 0.05
    return {
        "user_id": f"{person.number // 100}xxx" if masked else str(person.number),
        "user_email": person.email,
        "course_id": str(course.number),
        "course_name": course.name,
        "assignment_id": str(part - 3),
        "assignment_name": f"lab-{part % 10:02}-api",
        "part_id": str(part),
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


def _enrolled(campus: Campus, course: Course, person: Person) -> dict[str, Any]:
    chance = campus.chance("enrolled", course.number, person.number)
    agreed = chance.random() < 0.5
    day = campus.days[0] - timedelta(days=chance.randrange(90))
    return {
        "userid": str(person.number),
        "courseid": str(course.number),
        "role": "teacher" if person == course.people[0] else "student",
        "name": None if chance.random() < 0.1 else person.name,
        "email": person.email,
        "client_key": "demokey",
        "client_userid": str(person.number * 7),
        "dropped": chance.random() < 0.1,
        "organization_terms_agreed": True if agreed else None,
        "organization_terms_agreed_date_utc": _at_nine(day) if agreed else None,
    }


def _at_nine(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T09:00:00+00:00")


# --- files ----------------------------------------------------------------------------------------


def _lab_sessions_file(campus: Campus, day: date) -> bytes:
    delimiter = ", " if day.toordinal() % 3 == 0 else ","
    lines = [delimiter.join(f'"{header}"' for header in LAB_SESSIONS)]
    for session in _sessions(campus, day):
        values = [_value(v) for k, v in session.items() if k != "short"]
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


def _enrollment_file(campus: Campus, course: Course) -> bytes:
    delimiter = ", " if course.number % 2 == 0 else ","
    lines = [delimiter.join(ENROLLMENT)]
    for person in course.people:
        row = _enrolled(campus, course, person)
        lines.append(
            delimiter.join(
                _value(value) for name, value in row.items() if name != "name" or value is not None
            )
        )
    if course.number % 2:
        lines.append(_nobody(course))
    return ("\n".join(lines) + "\n").encode()


def _nobody(course: Course) -> str:
    return f",{course.number},student,Nobody,nobody@university.example,demokey,0,0,,"


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return f'"{_vendor_time(value)}"'
    text = str(value)
    if not isinstance(value, str) or text.replace("-", "").replace("@", "").isalnum():
        return text
    return '"' + text.replace('"', '""') + '"'


def _vendor_time(time: datetime) -> str:
    """As in the document: ``Feb-23-2022 9:40:20 pm UTC``, whatever the locale."""
    half = "am" if time.hour < 12 else "pm"
    clock = f"{(time.hour - 1) % 12 + 1}:{time:%M:%S}"
    return f"{MONTHS[time.month - 1]}-{time:%d-%Y} {clock} {half} UTC"
