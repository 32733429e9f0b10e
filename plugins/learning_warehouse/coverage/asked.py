"""What a query asks of the page: a choice of rows and days, and what to tell of besides.

Knows the names of a query's parameters; refuses what no link and no form of the page says.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import HTTPException, Request

from learning_warehouse.coverage.grid import DAYS, RANGES
from learning_warehouse.steps.links import MOST_LINES

LONGEST = 500
"""How many characters a value may have."""


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
    if len(given.multi_items()) > 2 * MOST_LINES:
        raise HTTPException(400, "This address requests too much: open the page from its links.")
    for pair in given.multi_items():
        for text in pair:
            if len(text) > LONGEST or not _is_plain(text):
                raise HTTPException(
                    400,
                    "This address has a value that is too long, or characters that no name has: "
                    "open the page from its links.",
                )
    days = given.get("days") or str(DAYS)
    if days not in map(str, RANGES):
        numbers = ", ".join(map(str, RANGES))
        raise HTTPException(400, f"The map shows one of these numbers of days: {numbers}.")
    return Asked(
        Choice(
            given.get("only_source", ""),
            given.get("only_origin", ""),
            given.get("only_dataset", ""),
            int(days),
        ),
        (given.get("dataset", ""), given.get("origin", ""), given.get("day", "")),
        tuple(int(i) for i in given.getlist("delivery") if re.fullmatch(r"[0-9]{1,18}", i)),
        (given.get("run", ""), given.get("report", "")),
        given.get("rejected") == "show",
    )


def _is_plain(text: str) -> bool:
    """Whether it has neither control characters nor what is no UTF-8 (it arrives as U+FFFD)."""
    odd = ("Cc", "Cs")
    return "\ufffd" not in text and not any(unicodedata.category(c) in odd for c in text)
