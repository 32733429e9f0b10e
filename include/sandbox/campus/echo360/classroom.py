"""The classroom: slides seen, slides not understood, notes taken, live lectures joined and left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.echo360 import media
from include.sandbox.campus.echo360.identity import (
    COURSE,
    PLAYER_USER,
    USER,
    course_facts,
    no_course,
    player_user_facts,
    user_facts,
)

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

PRESENTATION = {
    "presentationID": "presentation_id", "presentationName": "presentation_name", **COURSE,
    "event_timestamp": "event_timestamp", **USER, "slide_count": "slide_count",
}  # fmt: skip
CONFUSED = {
    "PresentationID": "presentation_id", "PresentationName": "presentation_name", **COURSE,
    "event_timestamp": "event_timestamp", **USER,
}  # fmt: skip
NOTES = {
    "PresentationID": "presentation_id", "PresentationName": "presentation_name", **COURSE,
    "content": "content", "note_count": "note_count", "event_timestamp": "event_timestamp", **USER,
}  # fmt: skip
LIVEVIEWS = {
    "mediaId": "media_id", "mediaName": "media_name", **PLAYER_USER, "scope": "scope",
    "event": "event", "eventTimestamp": "event_timestamp",
}  # fmt: skip
SENTENCES = (
    'He said "entropy", twice.',
    "p = 0,05 | not 0.5",
    "see:\tpage 12\n- first\n- second",
    "Énergie libre → ΔG < 0 🙂",
    r"C:\data\new, \n is no line end",
)


def presentation(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Slide decks opened, some of them outside of their course."""
    for course in campus.courses:
        decks = media.presentations(campus, course)
        where = course_facts(campus, course)
        for person, begun in campus.active(course, day, "slides"):
            chance = campus.chance("presentation", course.number, day, person.number)
            for number in range(chance.randrange(1, 4)):
                deck = chance.choice(decks)
                yield {
                    "presentation_id": deck.id,
                    "presentation_name": deck.name,
                    **(where if chance.random() > 0.05 else no_course()),
                    "event_timestamp": begun + timedelta(minutes=number * 11),
                    **user_facts(campus, course, person),
                    "slide_count": deck.size,
                }


def confused(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Slides marked as confusing."""
    for course in campus.courses:
        decks = media.presentations(campus, course)
        for person, begun in campus.active(course, day, "confused"):
            chance = campus.chance("flags", course.number, day, person.number)
            deck = chance.choice(decks)
            for number in range(chance.randrange(3)):
                yield {
                    "presentation_id": deck.id,
                    "presentation_name": deck.name,
                    **course_facts(campus, course),
                    "event_timestamp": begun + timedelta(seconds=number * chance.randrange(200)),
                    **user_facts(campus, course, person),
                }


def notes(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Notes as they were after each change; a note that was cleared has no content."""
    for course in campus.courses:
        decks = media.presentations(campus, course)
        for person, begun in campus.active(course, day, "notes"):
            chance = campus.chance("note", course.number, day, person.number)
            deck = chance.choice(decks)
            content: dict[str, Any] | None = {"version": 2, "ops": []}
            for number in range(chance.randrange(1, 4)):
                content = None if chance.random() < 0.05 else _longer(content, chance)
                yield {
                    "presentation_id": deck.id,
                    "presentation_name": deck.name,
                    **course_facts(campus, course),
                    "content": content,
                    "note_count": _words(content),
                    "event_timestamp": begun + timedelta(seconds=number * 95),
                    **user_facts(campus, course, person),
                }


def _longer(content: dict[str, Any] | None, chance: Random) -> dict[str, Any]:
    added: dict[str, Any] = {"insert": chance.choice(SENTENCES) + "\n"}
    if chance.random() < 0.3:
        added["attributes"] = {"bold": True, "size": chance.choice((None, 12, 13.5))}
    return {"version": 2, "ops": [*(content["ops"] if content else ()), added]}


def _words(content: dict[str, Any] | None) -> int:
    return sum(len(op["insert"].split()) for op in content["ops"]) if content else 0


def liveviews(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Who came into the classroom, showed and hid the stream, and left."""
    for course in campus.courses:
        lecture = media.live_lecture(campus, course, day)
        for person, begun in campus.active(course, day, "live"):
            chance = campus.chance("seat", course.number, day, person.number)
            who = player_user_facts(campus, course, person)
            for at, scope, event in _visit(begun, chance):
                yield {
                    "media_id": lecture.id,
                    "media_name": lecture.name,
                    **who,
                    "scope": scope,
                    "event": event,
                    "event_timestamp": at,
                }


def _visit(begun: datetime, chance: Random) -> Iterator[tuple[datetime, str, str]]:
    """Whoever just closes the window leaves both scopes at once, half a minute or more later."""
    yield begun, "CLASSROOM", "JOIN"
    at = begun + timedelta(milliseconds=chance.randrange(500, 90_000))
    for _ in range(chance.randrange(3)):
        at += timedelta(milliseconds=chance.randrange(2_000, 60_000))
        yield at, "LIVE_STREAM", "JOIN"
        at += timedelta(milliseconds=chance.randrange(60_000, 2_400_000))
        if chance.random() < 0.2:
            at += timedelta(seconds=chance.randrange(32, 63))
            yield at, "LIVE_STREAM", "LEAVE"
            break
        yield at, "LIVE_STREAM", "LEAVE"
        at += timedelta(milliseconds=chance.randrange(1_000, 90_000))
    yield at, "CLASSROOM", "LEAVE"
