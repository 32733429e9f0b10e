"""What a query asks of the page: a choice of rows and days, and what to tell of besides.

Knows the names of a query's parameters; refuses what no link and no form of the page says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from learning_warehouse.coverage.grid import DAYS, RANGES
from learning_warehouse.pages.query import check, number
from learning_warehouse.steps.links import MOST_LINES


@dataclass(frozen=True)
class Choice:
    """Which rows and days the map shows; what is empty chooses nothing.

    :param source: the schema of a source.
    :param origin: an origin.
    :param dataset: a table with its schema.
    :param days: how many days.
    """

    source: str = ""
    origin: str = ""
    dataset: str = ""
    days: int = DAYS

    def query(self, **more: object) -> str:
        """The query of a link that keeps the choice.

        :param more: what it says besides.
        """
        own = {
            "only_source": self.source,
            "only_origin": self.origin,
            "only_dataset": self.dataset,
            "days": self.days if self.days != DAYS else "",
        }
        said = {name: value for name, value in {**own, **more}.items() if value != ""}
        return urlencode(said, doseq=True)


@dataclass(frozen=True)
class Asked:
    """What the query requests.

    :param choice: of the map.
    :param cell: table, origin and day of the cell that is looked at.
    :param deliveries: ids of lines of the ledger.
    :param requests: a run, as ``ops.report_request`` names it, and a report.
    :param texts: whether to say what rejected rows say.
    """

    choice: Choice
    cell: tuple[str, str, str]
    deliveries: tuple[int, ...]
    requests: tuple[str, str]
    texts: bool


def asked_in(request: Request) -> Asked:
    """What a query requests, without values that are not ids.

    :raises HTTPException: 400, no link of the page says so.
    """
    given = request.query_params
    check(given, most=2 * MOST_LINES)
    days = number(given, "days", RANGES, DAYS, "days")
    return Asked(
        Choice(
            given.get("only_source", ""),
            given.get("only_origin", ""),
            given.get("only_dataset", ""),
            days,
        ),
        (given.get("dataset", ""), given.get("origin", ""), given.get("day", "")),
        tuple(int(i) for i in given.getlist("delivery") if re.fullmatch(r"[0-9]{1,18}", i)),
        (given.get("run", ""), given.get("report", "")),
        given.get("rejected") == "show",
    )
