"""Lines of tracking logs in the proportions and lengths of real ones: 88 of 100 are requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

BEGUN = datetime(2026, 1, 5, tzinfo=UTC)
PEOPLE = 5_000
COURSES = 40
COURSES_OF_A_PERSON = 3
BLOCKS = 200
"""How many each course has."""

AGENTS = (
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/58.0.3029.110 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_12_5) AppleWebKit/603.2.4 (KHTML, like Gecko) "
    "Version/10.1.1 Safari/603.2.4",
    "Mozilla/5.0 (X11; Linux x86_64; rv:53.0) Gecko/20100101 Firefox/53.0",
)
HANDLERS = (
    "transcript/translation/en",
    "problem_get",
    "render_self_assessment",
    "render_peer_assessment",
    "save_user_state",
)
PATHS = ("/notifier_api/v1/users/", "/xmodule/xmodule.js", "/event", "/dashboard", "/jsi18n/")
Fields = dict[str, Any]


def lines(chance: Random, count: int) -> Iterator[bytes]:
    """So many lines with their line ends, the same for the same chance, roughly in their order."""
    at = BEGUN
    blocks = [f"{chance.getrandbits(128):032x}" for _ in range(BLOCKS)]
    for _ in range(count):
        at += timedelta(microseconds=chance.randrange(1, 2_000_000))
        person = chance.randrange(PEOPLE)
        number = (person + chance.randrange(COURSES_OF_A_PERSON)) % COURSES
        course = f"course-v1:UniversityA+C{number:03}+2026"
        block = f"{course.replace('course', 'block')}+type@video+block@{chance.choice(blocks)}"
        share = chance.random()
        if share < 0.88:
            own = _request(chance, course, block)
        elif share < 0.95:
            own = _video(chance, block)
        elif share < 0.98:
            own = _moved(chance, block)
        else:
            own = _check(chance, block)
        late = timedelta(seconds=chance.expovariate(1 / 3))
        line = {
            "username": f"learner_{person:08x}",
            "ip": f"10.{person % 256}.{person // 256}.7",
            "agent": AGENTS[person % len(AGENTS)],
            "host": "courses.university.example",
            "referer": f"https://courses.university.example/courses/{course}/courseware/",
            "accept_language": "en-US;q=0.6,en;q=0.4",
            "time": (at - late).isoformat(),
            "page": None,
            **own,
            "context": {
                "course_user_tags": {},
                "user_id": person,
                "org_id": "UniversityA",
                "course_id": course,
                "path": own["event_type"] if share < 0.88 else "/event",
            },
        }
        yield json.dumps(line).encode() + b"\n"


def _request(chance: Random, course: str, block: str) -> Fields:
    if chance.random() < 0.6:
        path = chance.choice(PATHS)
        sent: Fields = {"POST": {}, "GET": {}}
    else:
        path = f"/courses/{course}/xblock/{block}/handler/{chance.choice(HANDLERS)}"
        sent = {"POST": {}, "GET": {"videoId": [f"{chance.getrandbits(40):x}"]}}
    return {"event_source": "server", "event_type": path, "event": json.dumps(sent)}


def _video(chance: Random, block: str) -> Fields:
    kind = chance.choice(("play_video", "pause_video", "load_video", "stop_video"))
    event = {"id": block, "code": f"{chance.getrandbits(40):x}",
             "currentTime": round(chance.random() * 900, 3), "speed": "1.0"}  # fmt: skip
    return {"event_source": "browser", "event_type": kind, "name": kind,
            "session": f"{chance.getrandbits(128):032x}", "event": json.dumps(event)}  # fmt: skip


def _moved(chance: Random, block: str) -> Fields:
    old = chance.randrange(1, 9)
    event = {"id": block, "old": old, "new": old + 1}
    return {"event_source": "browser", "event_type": "seq_next", "name": "seq_next",
            "session": f"{chance.getrandbits(128):032x}", "event": json.dumps(event)}  # fmt: skip


def _check(chance: Random, block: str) -> Fields:
    inputs = [f"{block[-32:]}_{n}_1" for n in range(2, 2 + chance.randrange(1, 5))]
    right = [chance.random() < 0.6 for _ in inputs]
    words = ["correct" if r else "incorrect" for r in right]
    event = {
        "problem_id": block,
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
        "state": {"seed": 1, "done": True, "input_state": {i: {} for i in inputs}},
        "submission": {
            i: {"question": "Which of these is right?", "answer": "this one", "variant": "",
                "response_type": "multiplechoiceresponse", "input_type": "choicegroup",
                "correct": r}
            for i, r in zip(inputs, right, strict=True)
        },
    }  # fmt: skip
    return {"event_source": "server", "event_type": "problem_check", "event": event}
