"""What no query of a page may have: too much, or what no name has."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from fastapi import HTTPException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import QueryParams

LONGEST = 500
"""How many characters a value may have."""


def check(given: QueryParams, *, most: int) -> None:
    """Refuse what no link and no form of a page says.

    :param most: how many values a query may have.
    :raises HTTPException: 400, it says so.
    """
    if len(given.multi_items()) > most:
        raise HTTPException(400, "This address requests too much: open the page from its links.")
    for pair in given.multi_items():
        for text in pair:
            if len(text) > LONGEST or not _is_plain(text):
                raise HTTPException(
                    400,
                    "This address has a value that is too long, or characters that no name has: "
                    "open the page from its links.",
                )


def number(given: QueryParams, name: str, choices: Sequence[int], default: int, unit: str) -> int:
    """The number that a query chooses.

    :param unit: what there are so many of.
    :raises HTTPException: 400, it is none of the choices.
    """
    chosen = given.get(name) or str(default)
    if chosen not in map(str, choices):
        numbers = ", ".join(map(str, choices))
        raise HTTPException(400, f"The page shows one of these numbers of {unit}: {numbers}.")
    return int(chosen)


def _is_plain(text: str) -> bool:
    """Whether it has neither control characters nor what is no UTF-8 (it arrives as U+FFFD)."""
    odd = ("Cc", "Cs")
    return "\ufffd" not in text and not any(unicodedata.category(c) in odd for c in text)
