"""A day of 3.6 million video views, as Echo360 writes its report: one gzipped asset."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random
from uuid import UUID

from benchmarks.beside_copy import DAY, Subject, main
from include.sandbox.campus.echo360.videos import BEAT, VIDEOVIEW

PEOPLE = 40_000
COURSES = 1_500
VIDEOS = 30
"""How many each course has."""

MEAN_VIEW = 40
"""Beats that one watches a video."""

FIRST_NAMES = ("Ana", "Chloé", "Deshawn", "Mei", "Mohammed", "Oluwaseun", "Priya", "Sam")
LAST_NAMES = ("Álvarez", "Kowalski", "Nguyen", "O'Brien", "Okafor", "Smith", "van Dijk")
COURSE_NAMES = (
    "Introduction to Data Science",
    "Ethics, Technology, and Society",
    "Organic Chemistry II",
    "Calculus, Linear Algebra, and Their Applications",
    "Principles of Economics, Part 1",
)
TOPICS = (
    "overview",
    "worked examples, continued",
    "the midterm in review",
    "guest lecture",
)


def records(chance: Random, rows: int) -> Iterator[str]:
    """The lines of the file, those of one view together, as the sandbox's campus has them."""
    people = [_person(chance, number) for number in range(PEOPLE)]
    courses = [_course(chance, number) for number in range(COURSES)]
    moments = [
        f'"{DAY:%Y-%m-%d}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.000Z"' for s in range(86_400)
    ]
    while rows > 0:
        videos, after = courses[int(chance.betavariate(1, 3) * COURSES)]
        video, minutes = videos[chance.randrange(VIDEOS)]
        person = people[chance.randrange(PEOPLE)]
        begun = chance.randrange(len(moments))
        beats = moments[begun :: BEAT.seconds][: min(rows, chance.randrange(1, 2 * MEAN_VIEW))]
        for moment in beats:
            yield f"{video}{after},{moment},{minutes},{person}\n"
        rows -= len(beats)


def _person(chance: Random, number: int) -> str:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    role = "Instructor" if number % 50 == 0 else "Student"
    return f'"{_uuid(chance)}","{first}","{last}","student{number}@university.example","{role}"'


def _course(chance: Random, number: int) -> tuple[list[tuple[str, str]], str]:
    """:returns: its videos, each with its minutes, and what follows on a video in a line."""
    identifier = f"{chance.choice(('BIO', 'CHEM', 'DATA', 'ECON', 'ENGL'))}-{100 + number}"
    section, course = _uuid(chance), _uuid(chance)
    name = f"{identifier}: {COURSE_NAMES[number % len(COURSE_NAMES)]}"
    if number % 100 == 0:
        name = f'{identifier}: Reading ""Middlemarch"", Slowly'
    videos = [
        (
            f'"{_uuid(chance)}","Week {video // 2 + 1}: {chance.choice(TOPICS)}",',
            f"{chance.uniform(4, 110):.2f}",
        )
        for video in range(VIDEOS)
    ]
    return (
        videos,
        f'"{section}","{identifier}-{number % 4 + 1:03}","{course}","{identifier}","{name}"',
    )


def _uuid(chance: Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


SUBJECT = Subject(
    called="video views",
    table="echo360.videoview",
    origin="echo360.org",
    headers=tuple(VIDEOVIEW),
    records=records,
    rows=3_600_000,
    gzipped=True,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT))
