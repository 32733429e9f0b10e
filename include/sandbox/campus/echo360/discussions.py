"""Questions asked in a course, and the answers of others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.echo360.identity import (
    COURSE,
    USER,
    course_facts,
    prefixed,
    user_facts,
)

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

QANDA = {
    "questionid": "question_id", "question": "question", **COURSE,
    "question_userid": "question_user_id", "question_firstname": "question_first_name",
    "question_lastname": "question_last_name", "question_email": "question_email",
    "question_role": "question_role", "answerid": "answer_id", "answer": "answer",
    "event_timestamp": "event_timestamp", "answer_userid": "answer_user_id",
    "answer_firstname": "answer_first_name", "answer_lastname": "answer_last_name",
    "answer_email": "answer_email", "answer_role": "answer_role",
}  # fmt: skip
QANDA2 = {
    "entity": "entity", "action": "action", "questionid": "question_id", "question": "question",
    **COURSE,
    "questionUserId": "question_user_id", "questionFirstName": "question_first_name",
    "questionLastName": "question_last_name", "questionEmail": "question_email",
    "questionRole": "question_role", "answerid": "answer_id", "answer": "answer",
    "eventTimestamp": "event_timestamp", "answerUserId": "answer_user_id",
    "answerFirstName": "answer_first_name", "answerLastName": "answer_last_name",
    "answerEmail": "answer_email", "answerRole": "answer_role",
}  # fmt: skip
DAYS = 2
"""On how many days after it was asked a question may still be answered."""

QUESTIONS = (
    'What does "significant" mean here?',
    "Is it a, b or c | or d?",
    "The code fails:\n\n\tdf[\"x\"] = 'a,b'\n\nwhy?",
    "Pourquoi ΔG < 0 ? 😀",
    "第3页的公式对吗?",
    "Due on Friday,\r\nor on Monday?",
)
ANSWERS = (
    'See the "syllabus", page 2.',
    "b | c, never d",
    "Because:\n1. the tab\t2. the comma, \"and\" the quote ''",
    "Oui: à condition que T soit élevée…",
    '""',
    "+1 👍",
)


def qanda2(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Every question, every response, and each change of one."""
    for course in campus.courses:
        for person, begun in campus.active(course, day, "ask"):
            chance = campus.chance("question", course.number, day, person.number)
            if chance.random() < 0.5:
                yield from _thread(campus, course, person, begun, chance)


def qanda(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """The same questions and responses; version 1 does not tell of deletions, nor what was done."""
    for row in qanda2(campus, day):
        if row["action"] != "Deleted":
            yield {column: row[column] for column in QANDA.values()}


def _thread(
    campus: Campus, course: Course, person: Person, begun: datetime, chance: Random
) -> Iterator[dict[str, Any]]:
    asker = user_facts(campus, course, person)
    nobody = prefixed("answer", dict.fromkeys(USER.values()))
    asked = {
        "question_id": campus.uuid("question", course.number, person.number, begun),
        **course_facts(campus, course),
        **prefixed("question", asker),
    }
    question = chance.choice(QUESTIONS)
    action = ""
    for action, at, text in _history(begun, question, QUESTIONS, chance):
        question = text or question
        no_answer = {"entity": "Question", "action": action, "answer_id": None, "answer": None}
        yield {**asked, "question": text, **no_answer, "event_timestamp": at, **nobody}
    if action == "Deleted":
        return
    replied = begun
    for number in range(chance.randrange(4)):
        replied += timedelta(seconds=int(chance.expovariate(1 / 7200)) % 36_000 + 60)
        other = user_facts(campus, course, chance.choice(course.people))
        answer = chance.choice(ANSWERS)
        for action, at, text in _history(replied, answer, ANSWERS, chance):
            yield {
                "entity": "Response",
                "action": action,
                **asked,
                "question": question,
                "answer_id": campus.uuid("response", asked["question_id"], number),
                "answer": text,
                "event_timestamp": at,
                **prefixed("answer", other),
            }


def _history(
    at: datetime, text: str, others: tuple[str, ...], chance: Random
) -> Iterator[tuple[str, datetime, str | None]]:
    """What was done with a text, when, and how it reads then."""
    yield "Created", at, text
    if chance.random() < 0.15:
        at += timedelta(seconds=chance.randrange(10, 900))
        yield "Updated", at, chance.choice(others)
    if chance.random() < 0.04:
        yield "Deleted", at + timedelta(seconds=chance.randrange(10, 3600)), None
