"""The map: for each dataset and day, what the ledger says of it.

Knows what each source calls done; knows nothing of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from learning_warehouse.coverage.sources import Dataset, Source
from learning_warehouse.days import Days
from learning_warehouse.echo360.windows import Window
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from learning_warehouse.warehouse.connection import Connection

DAYS = 90
"""How many days the map shows, the last complete UTC day being the last one."""

_STATEMENTS = {
    "day": "coverage/days",
    "snapshot": "coverage/days",
    "file": "coverage/files",
    "state": "coverage/versions",
    "log": "coverage/logs",
}
_SECTIONS = {"state": "made", "log": "logged"}


class State(Enum):
    """What is to be said of a day; a letter, a word and what it means."""

    LOADED = ("•", "loaded", "it is as the vendor has it")
    PROVISIONAL = (
        "P",
        "provisional",
        "loaded, but the vendor may still rewrite it, or has since",
    )
    GAP = ("G", "gap", "missing between loaded days, or delivered and not merged")
    REJECTS = ("R", "rejects", "loaded, except for rejected rows")
    HELD = ("H", "held", "loaded; a later version waits, with less than half of its rows")
    NONE = ("", "nothing", "not loaded so far; of files without a date, no new version")

    @property
    def letter(self) -> str:
        """What its cells show."""
        return self.value[0]

    @property
    def word(self) -> str:
        """What it is called."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """What it means, in a sentence."""
        return self.value[2]


@dataclass
class Cell:
    """A day of a dataset.

    :param loaded: how many deliveries are loaded for it.
    :param waiting: how many have landed and are not merged.
    :param rejects: rejected rows of the loaded ones; a delivery of several days counts for each.
    :param made_at: when the vendor made the latest of them.
    :param covered_until: the last day that they are of.
    :param settled: whether they are what the vendor will have of the day for good.
    """

    day: date
    state: State = State.NONE
    loaded: int = 0
    waiting: int = 0
    rejects: int = 0
    made_at: datetime | None = None
    covered_until: date | None = None
    settled: bool = True


@dataclass
class Row:
    """A dataset of an origin, with a cell for each day.

    :param last_load: the columns of ``coverage/datasets.sql``; None where nothing was ever loaded.
    """

    source: Source
    dataset: Dataset
    origin: str
    cells: list[Cell]
    last_load: dict[str, Any] | None = None
    begun_before: bool = field(default=False, repr=False)

    def cell(self, day: date) -> Cell | None:
        """The cell of that day, if the map shows it."""
        return next((cell for cell in self.cells if cell.day == day), None)

    @property
    def group(self) -> str:
        """Its heading in the map."""
        return f"{self.source.title}, {self.origin}"

    @property
    def newest_day(self) -> date | None:
        """The last day of the map for which something is loaded."""
        return max((cell.day for cell in self.cells if cell.loaded), default=None)


def days_until(now: datetime) -> Days:
    """The days of the map: those that are over."""
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    return Days(yesterday - timedelta(days=DAYS - 1), yesterday)


def read_rows(conn: Connection, sources: Iterable[Source], *, now: datetime) -> list[Row]:
    """Read the map: a row for each dataset of each origin of which the ledger knows.

    :param sources: which sources to show.
    :param now: decides which days there are, and which may still be rewritten.
    """
    days = days_until(now)
    known = {
        (line["dataset"], line["origin"]): line
        for line in conn.execute(statement("coverage/datasets"))
    }
    rows = {}
    for source in sources:
        origins = sorted({origin for table, origin in known if table in source.tables})
        for origin in origins:
            for dataset in source.datasets:
                rows[dataset.table, origin] = Row(
                    source,
                    dataset,
                    origin,
                    [Cell(day) for day in days],
                    known.get((dataset.table, origin)),
                )
    _fill(conn, rows, days)
    held = _held(conn, rows, days)
    for pair, row in rows.items():
        _judge(row, held.get(pair, set()), now)
    return list(rows.values())


def read_deliveries(conn: Connection, row: Row, day: date, *, limit: int) -> list[dict[str, Any]]:
    """The latest deliveries that are for a day of a dataset."""
    section = _SECTIONS.get(row.dataset.kind, "covering")
    values = {
        "dataset": row.dataset.table,
        "origin": row.origin,
        "day": day,
        "limit": limit,
    }
    return conn.execute(statement("coverage/deliveries", section), values).fetchall()


def _fill(conn: Connection, rows: dict[tuple[str, str], Row], days: Days) -> None:
    """Write into the cells what is loaded, and what waits."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for pair, row in rows.items():
        pairs.setdefault(_STATEMENTS[row.dataset.kind], []).append(pair)
    for name, of_kind in pairs.items():
        values = {
            "datasets": [table for table, _ in of_kind],
            "origins": [origin for _, origin in of_kind],
            "first_day": days.first_day,
            "end_day": days.end_day,
        }
        for fact in conn.execute(statement(name), values):
            row = rows[fact["dataset"], fact["origin"]]
            if fact["loaded"]:
                row.begun_before |= fact["first_day"] < days.first_day
            for cell in _cells(row.cells, fact["first_day"], fact["end_day"]):
                cell.waiting += fact["waiting"]
                if not fact["loaded"]:
                    continue
                cell.loaded += fact["loaded"]
                cell.rejects += int(fact["rows_rejected"])
                cell.made_at = max(filter(None, (cell.made_at, fact["made_at"])))
                until = fact["end_day"] - timedelta(days=1)
                cell.covered_until = max(filter(None, (cell.covered_until, until)))


def _cells(cells: Sequence[Cell], first_day: date, end_day: date) -> Sequence[Cell]:
    """Those of these days; the cells follow one another day by day."""
    start = (first_day - cells[0].day).days
    return cells[max(start, 0) : max((end_day - cells[0].day).days, 0)]


def _held(
    conn: Connection, rows: dict[tuple[str, str], Row], days: Days
) -> dict[tuple[str, str], set[date]]:
    """The days of which a later version is held."""
    values = {"datasets": sorted({table for table, _ in rows}), "first_day": days.first_day}
    held: dict[tuple[str, str], set[date]] = {}
    for line in conn.execute(statement("coverage/held"), values):
        of_it = held.setdefault((line["dataset"], line["origin"]), set())
        if line["day"] is not None:
            of_it.add(line["day"])
        else:
            of_it.update(Days(line["first_day"], line["end_day"] - timedelta(days=1)))
    return held


def _judge(row: Row, held: set[date], now: datetime) -> None:
    """Say of each cell what is the matter with it."""
    loaded = [cell.day for cell in row.cells if cell.loaded]
    first = row.cells[0].day if row.begun_before else min(loaded, default=None)
    last = max(loaded, default=None)
    for cell in row.cells:
        cell.settled = is_settled(row.dataset, cell, now)
        between = first is not None and last is not None and first <= cell.day <= last
        if cell.day in held:
            cell.state = State.HELD
        elif cell.waiting or (not cell.loaded and between and row.dataset.kind != "state"):
            cell.state = State.GAP
        elif not cell.loaded:
            cell.state = State.NONE
        elif cell.rejects:
            cell.state = State.REJECTS
        elif not cell.settled:
            cell.state = State.PROVISIONAL
        else:
            cell.state = State.LOADED


def is_settled(dataset: Dataset, cell: Cell, now: datetime) -> bool:
    """Whether what is loaded for a day is what the vendor will have of it for good."""
    if cell.made_at is None or cell.covered_until is None:
        return True
    if dataset.kind == "day":
        return cell.made_at >= Window.of(cell.day).complete_at
    if dataset.kind == "file":
        return now >= looked_at_until(dataset, cell.covered_until)
    return True


def looked_at_until(dataset: Dataset, last_day: date) -> datetime:
    """When the last day is over on which a scheduled run looks at a file.

    :param last_day: the last day that the file is of.
    """
    return datetime.combine(last_day + timedelta(days=dataset.look_back + 2), time(), UTC)
