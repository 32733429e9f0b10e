"""A made-up university: what its people did, what the three vendors would serve of it, and the
truth about it.

Deterministic by seed and sized by parameters. The truth is told from the facts, before they are
written in a vendor's format; nothing here knows the loader, and the loader nothing of this.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from include.sandbox.campus import echo360, edx, vocareum

Row = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody, with an account at two sources at least."""

    number: int
    first_name: str
    last_name: str

    @property
    def name(self) -> str:
        """First name and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def username(self) -> str:
        """The name by which edX knows them."""
        return f"{self.first_name}{self.number}".lower()

    @property
    def email(self) -> str:
        """Their address."""
        return f"{self.username}@university.example"

    @property
    def echo360_email(self) -> str:
        """The address that Echo360 knows: of some an earlier one, of a few one that they share."""
        if self.number % 20 in (7, 8):
            return echo360.identity.SHARED_ADDRESS
        return f"{self.username}@old.example" if self.number % 9 == 4 else self.email

    @property
    def edx_id(self) -> int:
        """Their id at edX."""
        return self.number * 3

    def has_account_at(self, what: str) -> bool:
        """Some have none at edX, some none for labs."""
        return self.number % 8 != {"edx": 5, "lab": 6}.get(what)


@dataclass(frozen=True)
class Course:
    """A course, its people, and when they are busy."""

    number: int
    name: str
    people: tuple[Person, ...]
    deadline: int
    """The weekday (0 is Monday) on whose evening its work is due."""


FIRST_NAMES = ("Ada", "Bo", "Chloé", "Dmitri", "Esra", "Fatou", "Gökçe", "Hana", "Iker", "Jun")
LAST_NAMES = ("Abel", "Brandt", "Curie", "Diop", "Eco", "Ferrer", "Gupta", "O'Hara", 'de "Vries"')
SUBJECTS = ("Cloud Computing", "Data, Models and Decisions", "Physics I", "History of Science")


class Campus:
    """A university for some days.

    :param first_day: its first UTC day.
    :param activity: how much of the usual happens, from 0 to 1.
    :param org_id: its Vocareum org.
    :param site: its edX site.
    :param late: whether Echo360 knows and corrects some of a day only in the 48 hours after it.
    """

    def __init__(
        self,
        *,
        first_day: date,
        seed: int = 7,
        students: int = 60,
        courses: int = 4,
        days: int = 7,
        activity: float = 1.0,
        org_id: str = "123",
        site: str = "UniversityA",
        late: bool = False,
    ) -> None:
        self.seed = seed
        self.students = students
        self.number_of_courses = courses
        self.days = [first_day + timedelta(days=n) for n in range(days)]
        self.activity = activity
        self.org_id = org_id
        self.site = site
        self.late = late
        self._uuids: dict[tuple[object, ...], str] = {}

    def chance(self, *what: object) -> random.Random:
        """A source of chance that is the same for the same things, in every process."""
        return random.Random("/".join(map(str, (self.seed, *what))))

    def uuid(self, *what: object) -> str:
        """A UUID that is the same for the same things."""
        known = self._uuids.get(what)
        if known is None:
            bits = self.chance("uuid", *what).getrandbits(128)
            known = self._uuids[what] = str(uuid.UUID(int=bits, version=4))
        return known

    @cached_property
    def people(self) -> list[Person]:
        """Everybody."""
        chance = self.chance("people")
        return [
            Person(173100 + n, chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES))
            for n in range(self.students)
        ]

    @cached_property
    def courses(self) -> list[Course]:
        """All courses, each with a part of the people."""
        found = []
        for n in range(self.number_of_courses):
            chance = self.chance("course", n)
            size = max(2, len(self.people) * 2 // 3)
            people = tuple(chance.sample(self.people, min(size, len(self.people))))
            name = f"{SUBJECTS[n % len(SUBJECTS)]} {2026 + n // len(SUBJECTS)}"
            found.append(Course(20150 + n, name, people, chance.randrange(5)))
        return found

    def active(self, course: Course, day: date, what: str) -> Iterator[tuple[Person, datetime]]:
        """Who did something for a course on a day, and when they began.

        Only those who have an account for it. Few on weekends; on the evening of the deadline more
        than half, and late.
        """
        due = day.weekday() == course.deadline
        share = 0.6 if due else 0.1 if day.weekday() >= 5 else 0.3
        there = self.chance("there", what, course.number, day)
        for person in course.people:
            if there.random() >= self.activity or not person.has_account_at(what):
                continue
            chance = self.chance(what, course.number, day, person.number)
            if chance.random() < share:
                hour = chance.triangular(8, 24, 22.5 if due else 15)
                begun = datetime(day.year, day.month, day.day, tzinfo=UTC)
                yield person, begun + timedelta(seconds=int(hour * 3600) % 86400)

    @cached_property
    def newcomers(self) -> dict[tuple[int, date], list[Person]]:
        """By course and day: who worked in the course's labs for the first time."""
        found: dict[tuple[int, date], list[Person]] = {}
        for course in self.courses:
            known: set[Person] = set()
            for day in self.days:
                new = [p for p, _ in self.active(course, day, "lab") if p not in known]
                known.update(new)
                found[course.number, day] = new
        return found

    # --- what the vendors serve ---

    def vocareum_files(self) -> Iterator[tuple[str, bytes]]:
        """Keys and contents of the analytics bucket, a neighbour org's among them."""
        return vocareum.files(self)

    def echo360_header(self, report: str) -> list[str]:
        """The columns of a report."""
        return echo360.HEADERS[report]

    def echo360_rows(
        self, report: str, first_day: date | None, end_day: date | None, now: datetime
    ) -> Iterable[Row]:
        """The rows of a report for a window, by the columns of its header, as of ``now``."""
        return echo360.rows(self, report, first_day, end_day, now)

    def edx_tars(self) -> Iterator[tuple[str, bytes]]:
        """Keys and contents of the bucket of tracking logs."""
        return edx.tars(self)

    # --- the truth ---

    def truth(self, table: str) -> Iterator[Row]:
        """The rows that a table must hold when all days are loaded, by its columns."""
        truths = {
            **vocareum.TRUTHS,
            **echo360.TRUTHS,
            "edx.event": edx.true_events,
        }
        return truths[table](self)

    def rejects(self, table: str) -> list[str]:
        """The raw text of the records that must be rejected on the way into a table."""
        rejected = {
            **vocareum.REJECTS,
            "edx.event": edx.rejected_lines,
        }
        return list(rejected[table](self)) if table in rejected else []

    def origin(self, table: str) -> str | None:
        """The ``_origin`` of a table's rows, where it does not depend on an address."""
        source = table.partition(".")[0]
        return {"vocareum": f"org{self.org_id}", "edx": self.site}.get(source)
