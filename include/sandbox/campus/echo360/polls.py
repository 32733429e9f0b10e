"""Polls in slide decks and in interactive media, and what was answered, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from include.sandbox.campus.echo360 import media
from include.sandbox.campus.echo360.identity import COURSE, USER, course_facts, user_facts

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course

POLLING = {
    "presentation_id": "presentation_id", "presentation_name": "presentation_name",
    "sectionId": "section_id", "sectionNumber": "section_number", "courseId": "course_id",
    "courseidentifier": "course_identifier", "courseName": "course_name",
    "activity_id": "activity_id", "activity_prompt": "activity_prompt",
    "activity_content": "activity_content", "solution": "solution",
    "event_timestamp": "event_timestamp", "answer_id": "answer_id", "answer": "answer",
    "isCorrect": "is_correct", **USER,
}  # fmt: skip
POLLINGV2 = {
    "mediaId": "media_id", "mediaName": "media_name", "sectionId": "section_id",
    "sectionNumber": "section_number", "courseId": "course_id", "lmsCourseId": "lms_course_id",
    "courseIdentifier": "course_identifier", "lmsCourseIdentifier": "lms_course_identifier",
    "courseName": "course_name", "lmsCourseName": "lms_course_name", "pollId": "poll_id",
    "pollPrompt": "poll_prompt", "pollContent": "poll_content", "solution": "solution",
    "action": "action", "eventTimestamp": "event_timestamp", "answerId": "answer_id",
    "answer": "answer", "userId": "user_id", "firstName": "first_name", "lastName": "last_name",
    "email": "email", "role": "role",
}  # fmt: skip
DAYS = 1
"""A poll may be deleted on the day after its answers."""


class Question(NamedTuple):
    """What a poll asks.

    :param content: the record of possible responses, if there is any to be had.
    """

    prompt: str
    content: list[dict[str, Any]] | None
    solution: str | None
    answers: tuple[str, ...]
    is_editable: bool


class Poll(NamedTuple):
    """A question as it was asked in a medium on a day."""

    id: str
    medium: media.Medium
    is_in_presentation: bool
    question: Question
    deleted: datetime | None


def _choices(*texts: str) -> list[dict[str, Any]]:
    return [{"id": n, "text": text, "image": None} for n, text in enumerate(texts)]


QUESTIONS = (
    Question(
        'Which of these is "big" data, really?',
        _choices('"All of it"', "a few TB, compressed", "none | I do not know"),
        '"All of it"',
        ('"All of it"', "a few TB, compressed", "none | I do not know"),
        True,
    ),
    Question(
        "Mark the valve in the picture.",
        None,
        '{"x": 10.5, "y": 20, "width": 30}',
        ('{"x": 12, "y": 21}', '{"x": 99.5, "y": 3}'),
        False,
    ),
    Question(
        "In your words:\n\t1. what is ΔG?\n\t2. why?",
        None,
        None,
        ("free energy,\nbecause…", "ΔG = ΔH - TΔS", 'it is\t"Gibbs"\r\nI think', "不知道 🤷"),
        True,
    ),
    Question(
        "Quelle réponse est juste ?",
        _choices("Vrai", "Faux\n(toujours)", "L'une, ou l'autre"),
        "Vrai",
        ("Vrai", "Faux\n(toujours)"),
        False,
    ),
    Question("How many, to the nearest 0.5?", [], "12.5", ("12.5", "12,5", "-3"), True),
)


def pollingv2(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Every response, each change of one, and the responses that went with their poll."""
    for course in campus.courses:
        for poll, facts in _responses(campus, course, day):
            yield {
                "media_id": poll.medium.id,
                "media_name": poll.medium.name,
                **_courses(campus, course),
                "poll_id": poll.id,
                "poll_prompt": poll.question.prompt,
                "poll_content": poll.question.content,
                "solution": poll.question.solution,
                **facts,
            }


def polling(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """The responses in presentations; version 1 does not tell of deletions."""
    for course in campus.courses:
        for poll, facts in _responses(campus, course, day):
            if not poll.is_in_presentation or facts["action"] == "Deleted":
                continue
            solution, answer = poll.question.solution, facts["answer"]
            yield {
                "presentation_id": poll.medium.id,
                "presentation_name": poll.medium.name,
                **course_facts(campus, course),
                "activity_id": poll.id,
                "activity_prompt": poll.question.prompt,
                "activity_content": poll.question.content,
                "solution": solution,
                "is_correct": None if solution is None else str(answer == solution).lower(),
                **{column: value for column, value in facts.items() if column != "action"},
            }


def _courses(campus: Campus, course: Course) -> dict[str, Any]:
    """A course for Echo360 and, for every second one, for the LMS."""
    facts = {column: course_facts(campus, course)[column] for column in COURSE.values()}
    has_lms = course.number % 2 == 0
    return {
        **facts,
        "lms_course_id": f"_{course.number}_1" if has_lms else None,
        "lms_course_identifier": f"LMS-{course.number}" if has_lms else None,
        "lms_course_name": f"{course.name} (LMS)" if has_lms else None,
    }


def _responses(campus: Campus, course: Course, day: date) -> Iterator[tuple[Poll, dict[str, Any]]]:
    polls = list(_polls(campus, course, day))
    for person, begun in campus.active(course, day, "poll"):
        chance = campus.chance("respond", course.number, day, person.number)
        at = begun
        for poll in chance.sample(polls, chance.randrange(1, len(polls) + 1)):
            at += timedelta(seconds=chance.randrange(5, 90))
            for action, when, answer in _history(poll, at, chance):
                yield (
                    poll,
                    {
                        "action": action,
                        "event_timestamp": when,
                        "answer_id": campus.uuid("answer", poll.id, person.number),
                        "answer": answer,
                        **user_facts(campus, course, person),
                    },
                )


def _polls(campus: Campus, course: Course, day: date) -> Iterator[Poll]:
    """Two in a slide deck and one in an interactive medium."""
    chance = campus.chance("polls", course.number, day)
    deck = chance.choice(media.presentations(campus, course))
    video = chance.choice(media.interactive(campus, course))
    questions = chance.sample(QUESTIONS, 3)
    morning = datetime.combine(day + timedelta(days=1), time(7, 30), UTC)
    for number, (medium, question) in enumerate(zip((deck, deck, video), questions, strict=True)):
        poll_id = campus.uuid("poll", course.number, day, number)
        deleted = morning if chance.random() < 0.1 else None
        yield Poll(poll_id, medium, medium is deck, question, deleted)


def _history(
    poll: Poll, at: datetime, chance: Random
) -> Iterator[tuple[str, datetime, str | None]]:
    yield "Created", at, chance.choice(poll.question.answers)
    if poll.question.is_editable and chance.random() < 0.2:
        later = at + timedelta(seconds=chance.randrange(3, 60))
        yield "Updated", later, chance.choice(poll.question.answers)
    if poll.deleted:
        yield "Deleted", poll.deleted, None
