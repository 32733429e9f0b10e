"""Where the fields of a record belong: under which headers, where it has fewer than those.

Knows headers and columns; knows neither bytes nor the database.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.column_types import looks_like

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learning_warehouse.warehouse.catalogue import Match
    from learning_warehouse.warehouse.dataset import Dataset


def fit(
    fields: list[str], match: Match, dataset: Dataset, ended: bool
) -> tuple[dict[str, str], dict[str, object], str | None]:
    """Place the fields of a record under the headers.

    :param ended: whether a line end follows, so that the last value is whole.
    :returns: values by column, what the table has no column for, and the reason to reject it.
    """
    short = len(match.headers) - len(fields)
    if short == 0:
        return (*_place(fields, match), None)
    reason = f"it has {len(fields)} fields where the header has {len(match.headers)}"
    if short < 0:
        return {}, {}, reason
    tail = loose_tail(match, dataset)
    if tail is None:
        return _place_in_one_way(fields, match, dataset, ended, reason)
    if len(fields) <= tail:
        # It has not begun, so that the value before it may be cut off.
        return {}, {}, reason
    placed, extras = _place(fields[:tail], match)
    return placed, extras | leftover(fields[tail:], match.headers[tail:]), None


def leftover(values: list[str], headers: Sequence[str]) -> dict[str, object]:
    """What ``_extras`` says of the last values of a record, which are fewer than their headers."""
    return {
        "_leftover": values,
        "_note": f"{len(headers) - len(values)} of the last {len(headers)} values are missing, it "
        f"is not known which: {', '.join(headers)} stay empty",
    }


def loose_tail(match: Match, dataset: Dataset) -> int | None:
    """Where the columns begin of which the vendor leaves out some; None if the file has none."""
    loose = [i for i, c in enumerate(match.columns) if c and c.name in dataset.loose_tail]
    if loose and all(c is None or c.name in dataset.loose_tail for c in match.columns[loose[0] :]):
        return loose[0]
    return None


def _place_in_one_way(
    fields: list[str], match: Match, dataset: Dataset, ended: bool, reason: str
) -> tuple[dict[str, str], dict[str, object], str | None]:
    """Place a short record where exactly one reading makes sense.

    It may lack what the registry says that its vendor leaves out, or its end, or both. No more than
    one value may be missing at the end: else it was cut off, perhaps in the middle of a value.
    """
    headers = match.headers
    readings: dict[object, tuple[tuple[int, ...], int, list[str]]] = {}
    for gaps, cut in _readings(match, dataset, len(headers) - len(fields)):
        missing = (*gaps, *range(len(headers) - cut, len(headers)))
        aligned = _with_gaps(fields, missing)
        if _makes_sense(aligned, match):
            filled = tuple((h, v) for h, v in zip(headers, aligned, strict=True) if v.strip())
            readings.setdefault(filled, (missing, cut, aligned))
    if len(readings) > 1:
        lacking = " or ".join(
            " and ".join(headers[i] for i in missing) for missing, _, _ in readings.values()
        )
        return {}, {}, f"{reason}: what is missing may be {lacking}"
    for _, cut, aligned in readings.values():
        if cut == 0 or (cut == 1 and (ended or not fields[-1].strip())):
            placed, extras = _place(aligned, match)
            if cut:
                extras["_note"] = f"it ends before {headers[-1]}, which stays empty"
            return placed, extras, None
    return {}, {}, reason


def _readings(match: Match, dataset: Dataset, short: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """What a record may lack that is so many values short.

    :returns: the columns that its vendor leaves out, and how many values are missing at the end.
    """
    optional = [i for i, c in enumerate(match.columns) if c and c.name in dataset.left_out]
    for number in range(min(short, len(optional)) + 1):
        cut = short - number
        for gaps in itertools.combinations(optional, number):
            if all(gap < len(match.headers) - cut for gap in gaps):
                yield gaps, cut


def _place(fields: list[str], match: Match) -> tuple[dict[str, str], dict[str, object]]:
    placed: dict[str, str] = {}
    extras: dict[str, object] = {}
    for value, column, header in zip(fields, match.columns, match.headers, strict=False):
        if column:
            placed[column.name] = value
        elif value:
            extras[header] = value
    return placed, extras


def _with_gaps(fields: list[str], gaps: tuple[int, ...]) -> list[str]:
    rest = iter(fields)
    return ["" if i in gaps else next(rest) for i in range(len(fields) + len(gaps))]


def _makes_sense(fields: list[str], match: Match) -> bool:
    """Whether each value looks like its column's type."""
    return all(
        looks_like(value, column) for value, column in zip(fields, match.columns, strict=True)
    )
