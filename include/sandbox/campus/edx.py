"""The campus as edX logs it: lines of several servers, in tars that each hold all earlier days.

With what real logs are known for: old and new names, events in strings, lines that are truncated,
prefixed or damaged, and lines that are written twice.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

SERVERS = ("prod-edx-001", "prod-edge-001", "prod-edxapp-003")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
NO_JSON = (
    "tracking log rotated",
    '{"username": "cut", "time": "2026-01-',
    "[1, 2, 3]",
)
MTIME = 1_700_000_000


@dataclass(frozen=True)
class Line:
    """A line of a log, and the event that it must become (None: it must be rejected)."""

    raw: bytes
    event: dict[str, Any] | None


def tars(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """A tar in the middle and one on the last day, each with all days up to its date."""
    for made in sorted({campus.days[len(campus.days) // 2], campus.days[-1]}):
        yield f"{made}-{campus.site}-tracking.tar", _tar(campus, made)


def true_events(campus: Campus) -> Iterator[dict[str, Any]]:
    """Every event once, however often its line was written."""
    seen: set[bytes] = set()
    for day in campus.days:
        for server in SERVERS:
            for line in _lines(campus, day, server):
                if line.event is not None and line.raw not in seen:
                    seen.add(line.raw)
                    yield line.event


def rejected_lines(campus: Campus) -> Iterator[str]:
    """The lines that are no JSON, as often as they are written."""
    for day in campus.days:
        for server in SERVERS:
            for line in _lines(campus, day, server):
                if line.event is None:
                    yield line.raw.decode()


# --- tars -----------------------------------------------------------------------------------------


def _tar(campus: Campus, made: date) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, "exclude.txt", b"nginx\n")
        for server in SERVERS:
            folder = tarfile.TarInfo(server)
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            for day in campus.days:
                if day > made:
                    break
                content = b"".join(line.raw + b"\n" for line in _lines(campus, day, server))
                name = f"{server}/{day}-{campus.site}.log"
                if server == SERVERS[0]:
                    _add(tar, name, content)
                else:
                    _add(tar, f"{name}.gz", gzip.compress(content, mtime=0))
            _add(tar, f"{server}/.tracking_17438.log.gz.JscfpA", b"\x1f\x8b interrupted")
        _add(tar, "nginx/prod-edx-001/error.log.34.gz", gzip.compress(b"oops\n", mtime=0))
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mtime = MTIME
    tar.addfile(member, io.BytesIO(content))


# --- lines ----------------------------------------------------------------------------------------


def _lines(campus: Campus, day: date, server: str) -> Iterator[Line]:
    """What a server logs on a day, in no strict order of time."""
    chance = campus.chance("log", day, server)
    for course in campus.courses:
        for person, begun in campus.active(course, day, "edx"):
            if SERVERS[(person.number + course.number) % len(SERVERS)] != server:
                continue
            for number, line in enumerate(_session(campus, course, person, begun)):
                yield line
                if chance.random() < 0.01:
                    yield line
                if chance.random() < 0.002:
                    yield Line(f"{NO_JSON[number % len(NO_JSON)]} {day} {number}".encode(), None)


def _session(campus: Campus, course: Course, person: Person, begun: datetime) -> Iterator[Line]:
    """What one person does in one sitting."""
    chance = campus.chance("sitting", course.number, person.number, begun)
    session = f"{chance.getrandbits(128):032x}"
    course_id = f"course-v1:UniversityA+C{course.number}+Fall"
    at = begun
    for _ in range(chance.randrange(3, 25)):
        at += timedelta(seconds=chance.randrange(1, 90), microseconds=chance.randrange(10**6))
        if at.date() != begun.date():
            return
        event = {
            "username": "" if chance.random() < 0.05 else person.username,
            "session": session,
            "time": at,
            "ip": f"192.0.2.{chance.randrange(256)}",
            "agent": AGENT,
            "page": f"https://courses.example/courses/{course_id}/courseware/",
            "course_id": course_id,
        }
        make = chance.choice((_implicit, _implicit, _video, _seek, _check, _clicked, _moved))
        yield _line(person, event, make(chance, person, course_id), chance)


def _line(person: Person, common: dict[str, Any], own: dict[str, Any], chance: Any) -> Line:
    """A line as it is written, and the event that it is."""
    own = dict(own)
    status = own.pop("event_status")
    written = {
        **common,
        "time": common["time"].isoformat() if chance.random() < 0.5 else _naive(common["time"]),
        **own,
        "context": {
            "course_id": common["course_id"],
            "org_id": "UniversityA",
            "user_id": _user_id(common["username"], person, chance.randrange(10**6)),
            "path": "/event",
        },
    }
    del written["course_id"]
    raw = json.dumps(written).encode()
    raw = {3: b"\0" * 826, 4: b"Sep  9 00:00:48 localhost "}.get(chance.randrange(300), b"") + raw
    true = {**common, "event_status": status}
    for name in ("event_source", "event_type", "name", "page"):
        if name in own:
            true[name] = own[name]
    return Line(raw, {"name": None, **true})


def _user_id(username: str, person: Person, drawn: int) -> int | None:
    """Most events without a name are of nobody; of some the id tells who it was."""
    return person.edx_id if username or drawn % 50 == 0 else None


def _naive(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat()


def _implicit(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    path = f"/courses/{course_id}/xblock/handler/{chance.randrange(50)}"
    post = json.dumps({"POST": {"position": [str(chance.randrange(9))] * 120}, "GET": {}})
    cut = chance.random() < 0.05
    return {
        "event_source": "server",
        "event_type": path,
        "name": path,
        "event": post[:512] if cut else post,
        "event_status": "truncated" if cut and len(post) > 512 else "json_string",
    }


def _video(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    old, new = chance.choice(
        (("play_video", "edx.video.played"), ("pause_video", "edx.video.paused"),
         ("stop_video", "edx.video.stopped"), ("load_video", "edx.video.loaded"))
    )  # fmt: skip
    event = {"id": "i4x-HarvardX-PH207x-video-Simple_Random_Sample", "code": "FU3fCJNs94Y",
             "currentTime": chance.choice((0, 1.264, 77)), "speed": "1.0"}  # fmt: skip
    return {
        "event_source": "browser",
        "event_type": old,
        "name": new if chance.random() < 0.5 else old,
        "event": json.dumps(event),
        "event_status": "json_string",
    }


def _seek(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    target = chance.random() * 90 if chance.random() < 0.95 else float("nan")
    event = {"id": "video1", "code": "FU3fCJNs94Y", "old_time": chance.randrange(90),
             "new_time": target, "type": "onSlideSeek"}  # fmt: skip
    return {
        "event_source": "mobile",
        "event_type": "edx.video.position.changed",
        "name": "edx.video.position.changed",
        "event": event,
        "event_status": "object",
    }


def _check(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    """A problem of two inputs, as the server marks it or as the browser sends it."""
    inputs = [f"problem_{chance.randrange(9)}_{n}_1" for n in (2, 3)]
    if chance.random() < 0.3:
        return {
            "event_source": "browser",
            "event_type": "problem_check",
            "name": "problem_check",
            "event": "&".join(f"input_{i}=choice_{chance.randrange(4)}" for i in inputs),
            "event_status": "key_value",
        }
    right = [chance.random() < 0.6 for _ in inputs]
    words = ["correct" if r else "incorrect" for r in right]
    event = {
        "problem_id": "i4x://MITx/6.00x/problem/L15:L15_Problem_2",
        "success": "correct" if all(right) else "incorrect",
        "attempts": chance.randrange(1, 4),
        "grade": sum(right),
        "max_grade": len(right),
        "answers": {i: f"choice_{chance.randrange(4)}" for i in inputs},
        "correct_map": {
            i: {"correctness": word, "hint": "", "hintmode": None, "msg": "", "npoints": None,
                "queuestate": None}
            for i, word in zip(inputs, words, strict=True)
        },
        "state": {"seed": 1, "done": True, "note": chance.choice(("fine", "a \0 inside"))},
        "submission": {
            i: {"question": "Which?", "answer": "this", "response_type": "multiplechoiceresponse",
                "input_type": "choicegroup", "correct": r, "variant": ""}
            for i, r in zip(inputs, right, strict=True)
        },
    }  # fmt: skip
    return {
        "event_source": "server",
        "event_type": "problem_check",
        "name": "problem_check",
        "event": event,
        "event_status": "object",
    }


def _clicked(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    return {
        "event_source": "browser",
        "event_type": "page_close",
        "name": "page_close",
        "event": "{}",
        "event_status": "json_string",
    }


def _moved(chance: Any, person: Person, course_id: str) -> dict[str, Any]:
    old = chance.randrange(1, 9)
    event = {"id": "block-v1:sequence", "old": old, "new": old + 1}
    return {
        "event_source": "browser",
        "event_type": "seq_goto",
        "name": "seq_goto",
        "event": json.dumps(json.dumps(event)) if old == 8 else json.dumps(event),
        "event_status": "doubly_encoded" if old == 8 else "json_string",
    }
