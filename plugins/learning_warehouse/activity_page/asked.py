"""What a query asks of the page: how many weeks, a course and its week, its learners.

Knows the names of a query's parameters; refuses what no link and no form of the page says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from learning_warehouse.pages.query import check, number

WEEKS = 12
"""How many weeks the page shows by default; the present one is the last."""

RANGES = (4, WEEKS, 26)
"""The numbers of weeks that one can choose."""

MOST_VALUES = 20


@dataclass(frozen=True)
class Asked:
    """What the query requests; what is empty chooses nothing.

    :param weeks: how many weeks.
    :param course: a course, as a link of the page calls it.
    :param week: the Monday of the course's week.
    :param learners: whether to tell of the course's learners.
    :param page: which page of them, from 1.
    """

    weeks: int = WEEKS
    course: str = ""
    week: str = ""
    learners: bool = False
    page: int = 1

    def query(self, **more: object) -> str:
        """The query of a link that keeps what was chosen.

        :param more: what it says besides, or instead.
        """
        own = {
            "weeks": self.weeks if self.weeks != WEEKS else "",
            "course": self.course,
            "week": self.week,
            "learners": "show" if self.learners else "",
        }
        said = {name: value for name, value in {**own, **more}.items() if value != ""}
        return urlencode(said)


def asked_in(request: Request) -> Asked:
    """What a query requests.

    :raises HTTPException: 400, no link of the page says so.
    """
    given = request.query_params
    check(given, most=MOST_VALUES)
    page = given.get("page", "")
    return Asked(
        number(given, "weeks", RANGES, WEEKS, "weeks"),
        given.get("course", ""),
        given.get("week", ""),
        given.get("learners") == "show",
        int(page) if re.fullmatch(r"[1-9][0-9]{0,5}", page) else 1,
    )
