"""What there is to see in a course: videos, slide decks, interactive media, live lectures."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course

VIDEOS = ("Welcome", 'What is "learning", really?', "Now and today,\nin one lecture")
PRESENTATIONS = ("Syllabus", 'Week 1: "models", data', "Übung | Exercise", "第二周:复习")
INTERACTIVE = ('Quiz: "true", false or both?', "Lab safety,\npart\t2")


class Medium(NamedTuple):
    """Something to be seen.

    :param size: minutes of a video, slides of a presentation.
    """

    number: int
    id: str
    name: str
    size: int


def videos(campus: Campus, course: Course) -> list[Medium]:
    """The recorded lectures of a course."""
    return [
        Medium(n, campus.uuid("video", course.number, n), name, 50 + n)
        for n, name in enumerate(VIDEOS)
    ]


def presentations(campus: Campus, course: Course) -> list[Medium]:
    """The slide decks of a course."""
    return [
        Medium(n, campus.uuid("presentation", course.number, n), name, 12 + 7 * n)
        for n, name in enumerate(PRESENTATIONS)
    ]


def interactive(campus: Campus, course: Course) -> list[Medium]:
    """The videos of a course that ask something."""
    return [
        Medium(n, campus.uuid("interactive", course.number, n), name, 8 + 5 * n)
        for n, name in enumerate(INTERACTIVE)
    ]


def live_lecture(campus: Campus, course: Course, day: date) -> Medium:
    """What a course streams on a day."""
    return Medium(0, campus.uuid("live", course.number, day), f"{course.name}, {day}", 90)
