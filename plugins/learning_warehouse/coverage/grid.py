"""The map: for each dataset and day, what the ledger says of it.

Knows what each source calls done; knows nothing of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from learning_warehouse.days import Days
from learning_warehouse.echo360.windows import Window
from learning_warehouse.pages.sources import Dataset, Source
from learning_warehouse.params import REJECT_SHARE
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from learning_warehouse.warehouse.connection import Connection

DAYS = 90
"""How many days the map shows by default; today (UTC) is the last one."""

RANGES = (30, DAYS, 365)
"""The numbers of days that one can choose."""

_STATEMENTS = {
    "day": "coverage/days",
    "snapshot": "coverage/days",
    "file": "coverage/files",
    "state": "coverage/versions",
    "log": "coverage/logs",
}
_SECTIONS = {"state": "made", "log": "logged"}


class Mark(Enum):
    """What the map says of a day: a letter, a word and what it means."""

    @property
    def letter(self) -> str:
        """What its cells show."""
        return str(self.value[0])

    @property
    def word(self) -> str:
        """What it is called."""
        return str(self.value[1])

    @property
    def meaning(self) -> str:
        """What it means, in a sentence."""
        return str(self.value[2])


class State(Mark):
    """What the warehouse has of a day."""

    LOADED = ("•", "loaded", "loaded, as the vendor has it")
    PROVISIONAL = (
        "P",
        "provisional",
        "loaded, but the vendor may still rewrite it, or has since",
    )
    GAP = ("G", "gap", "missing between loaded days, or delivered and not merged")
    NEWER = ("N", "newer version waits", "loaded; a newer version came and could not be loaded")
    HELD = ("H", "held", "loaded; a newer version waits, with less than half of its rows")
    NONE = ("", "nothing", "not loaded so far; of files without a date, no new version")


class Rejects(Mark):
    """How many rows of what is loaded for a day were rejected, beside its state."""

    FEW = ("r", "few rejects", f"at most {REJECT_SHARE:.0%} of the rows were rejected")
    MANY = ("R", "many rejects", f"more than {REJECT_SHARE:.0%} of the rows were rejected")


@dataclass
class Cell:
    """A day of a dataset.

    :param loaded: how many deliveries are loaded for it.
    :param waiting: how many have landed, are not merged, and have no older version that is current.
    :param behind: how many have landed, are not merged, and have one.
    :param rows: rows of the loaded ones; a delivery of several days is spread over them.
    :param read: rows that were read for them; a delivery of several days counts for each.
    :param rejects: rejected rows of these.
    :param made_at: when the vendor made the latest of them.
    :param covered_until: the last day that they are of.
    :param settled: whether they are what the vendor will have of the day for good.
    """

    day: date
    state: State = State.NONE
    loaded: int = 0
    waiting: int = 0
    behind: int = 0
    rows: float = 0
    read: int = 0
    rejects: int = 0
    made_at: datetime | None = None
    covered_until: date | None = None
    settled: bool = True

    @property
    def share(self) -> float:
        """Which share of its rows was rejected."""
        return self.rejects / max(self.read, 1)

    @property
    def rejected(self) -> Rejects | None:
        """Whether that is much; None where no row was."""
        if not self.rejects:
            return None
        return Rejects.MANY if self.share > REJECT_SHARE else Rejects.FEW

    @property
    def letters(self) -> str:
        """What the map shows."""
        return self.state.letter + (self.rejected.letter if self.rejected else "")

    @property
    def words(self) -> str:
        """The same in words."""
        return self.state.word + (f", {self.rejected.word}" if self.rejected else "")


@dataclass
class Row:
    """A dataset of an origin, with a cell for each day.

    :param last_load: the columns of ``coverage/datasets.sql``; None where nothing was ever loaded.
    :param total: the columns of ``coverage/totals.sql``: all that is current, whatever its day;
        None where nothing is.
    """

    source: Source
    dataset: Dataset
    origin: str
    cells: list[Cell]
    last_load: dict[str, Any] | None = None
    total: dict[str, Any] | None = None
    begun_before: bool = field(default=False, repr=False)

    def cell(self, day: date) -> Cell | None:
        """The cell of that day, if the map shows it."""
        return next((cell for cell in self.cells if cell.day == day), None)

    @property
    def group(self) -> str:
        """Its heading in the map."""
        return f"{self.source.title}, {self.origin}"

    @property
    def name(self) -> str:
        """What labels call it."""
        return f"{self.dataset.name} of {self.origin}"

    @property
    def most(self) -> float:
        """The rows of the day that has most."""
        return max(cell.rows for cell in self.cells)

    @property
    def last_day(self) -> date | None:
        """The last day for which something is loaded, no later than today."""
        last = self.total["last_day"] if self.total else None
        return min(last, self.cells[-1].day) if last else None


def days_until(now: datetime, number: int = DAYS) -> Days:
    """The days of the map, of which today (UTC) is the last one."""
    today = now.astimezone(UTC).date()
    return Days(today - timedelta(days=number - 1), today)


def read_rows(
    conn: Connection,
    sources: Iterable[Source],
    *,
    now: datetime,
    number: int = DAYS,
    table: str = "",
    origin: str = "",
) -> list[Row]:
    """Read the map: a row for each dataset of each origin of which the ledger knows.

    :param sources: which sources to show.
    :param now: decides which days there are, and which may still be rewritten.
    :param number: how many days.
    :param table: show this one alone.
    :param origin: show this one alone.
    """
    days = days_until(now, number)
    known = {
        (line["dataset"], line["origin"]): line
        for line in conn.execute(statement("coverage/datasets"))
    }
    rows = {}
    for source in sources:
        origins = sorted({of_it for known_table, of_it in known if known_table in source.tables})
        for of_it in origins:
            for dataset in source.datasets:
                if table in ("", dataset.table) and origin in ("", of_it):
                    last_load = known.get((dataset.table, of_it))
                    cells = [Cell(day) for day in days]
                    rows[dataset.table, of_it] = Row(source, dataset, of_it, cells, last_load)
    _fill(conn, rows, days)
    _total(conn, rows)
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
            span = (fact["end_day"] - fact["first_day"]).days
            for cell in _cells(row.cells, fact["first_day"], fact["end_day"]):
                cell.waiting += fact["waiting"]
                cell.behind += fact["behind"]
                if not fact["loaded"]:
                    continue
                cell.loaded += fact["loaded"]
                cell.rows += float(fact["rows_merged"]) / span
                cell.read += int(fact["rows_read"])
                cell.rejects += int(fact["rows_rejected"])
                cell.made_at = max(filter(None, (cell.made_at, fact["made_at"])))
                until = fact["end_day"] - timedelta(days=1)
                cell.covered_until = max(filter(None, (cell.covered_until, until)))


def _total(conn: Connection, rows: dict[tuple[str, str], Row]) -> None:
    """Write into the rows what is current of them, whatever its day."""
    kinds = {row.dataset.table: row.dataset.kind for row in rows.values()}
    values = {
        "datasets": list(kinds),
        "by_day": [table for table, kind in kinds.items() if kind in ("day", "snapshot")],
        "origins": [row.origin for row in rows.values() if row.dataset.kind == "log"],
    }
    for section in ("parts", "logs"):
        for total in conn.execute(statement("coverage/totals", section), values):
            if row := rows.get((total["dataset"], total["origin"])):
                row.total = total


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
    """Say of each cell what is the matter with it.

    Today is the last day, so it is never between loaded ones. Neither is a day without a version of
    files that tell the present state a gap, nor a past day without a snapshot: it cannot be made
    later.
    """
    loaded = [cell.day for cell in row.cells if cell.loaded]
    first = row.cells[0].day if row.begun_before else min(loaded, default=None)
    last = max(loaded, default=None)
    for cell in row.cells:
        cell.settled = is_settled(row.dataset, cell, now)
        between = (
            row.dataset.kind not in ("state", "snapshot")
            and first is not None
            and last is not None
            and first <= cell.day <= last
        )
        if cell.day in held:
            cell.state = State.HELD
        elif cell.waiting or (between and not cell.loaded):
            cell.state = State.GAP
        elif cell.behind:
            cell.state = State.NEWER
        elif not cell.loaded:
            cell.state = State.NONE
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
