"""Everything that the page says, read in one transaction; what rejected rows say, in another.

Knows what to read; what is to be said of a day, ``grid`` knows.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from learning_warehouse.coverage.commands import advice_for, advice_for_gaps
from learning_warehouse.coverage.grid import (
    RANGES,
    Rejects,
    Row,
    State,
    days_until,
    looked_at_until,
    read_deliveries,
    read_rows,
)
from learning_warehouse.echo360.windows import Window
from learning_warehouse.pages.readers import open_loader, open_reader, opened
from learning_warehouse.steps.links import MOST_LINES
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from learning_warehouse.coverage.asked import Asked
    from learning_warehouse.coverage.grid import Cell
    from learning_warehouse.pages.sources import Source
    from learning_warehouse.warehouse.connection import Connection

MOST_REJECTS = 50
MOST_CHANGES = 50
MOST_OF_A_CELL = 20
MOST_TRIES = 5
LETTERS = 400
"""How much of a rejected row the page shows."""

LATEST_ROWS = 2000
"""Of how many of the latest rejected rows it names the deliveries."""


def read_page(sources: list[Source], asked: Asked, *, now: datetime) -> dict[str, Any]:
    """Everything that the page says, but for what rejected rows say.

    :param sources: which sources to tell of.
    :raises PermanentFailure: the warehouse is not configured, or has no tables.
    :raises TransientFailure: the warehouse does not answer.
    """
    with opened(open_reader) as conn:
        return _read(conn, sources, asked, now)


def read_texts(places: Iterable[dict[str, Any]]) -> dict[tuple[int, int], dict[str, Any]]:
    """What rejected rows say, by delivery and row.

    :param places: their ``delivery_id`` and ``_row``.
    :raises PermanentFailure: the warehouse is not configured, or has no tables.
    :raises TransientFailure: the warehouse does not answer.
    """
    wanted = [(place["delivery_id"], place["_row"]) for place in places]
    values = {
        "deliveries": [delivery for delivery, _ in wanted],
        "rows": [row for _, row in wanted],
        "letters": LETTERS,
    }
    with opened(open_loader) as conn:
        texts = conn.execute(statement("coverage/rejects", "texts"), values).fetchall()
    return {(text["delivery_id"], text["_row"]): text for text in texts}


def _read(conn: Connection, sources: list[Source], asked: Asked, now: datetime) -> dict[str, Any]:
    choice = asked.choice
    chosen = [source for source in sources if choice.source in ("", source.schema)]
    days = list(days_until(now, choice.days))
    rows = read_rows(
        conn, chosen, now=now, number=choice.days, table=choice.dataset, origin=choice.origin
    )
    schemas = [source.schema for source in sources]
    lines = _read_lines(conn, schemas, asked.deliveries)
    cell = _read_cell(conn, rows, asked.cell, now)
    told = [*lines, *(cell["deliveries"] if cell else ())]
    cells = [cell for row in rows for cell in row.cells]
    return {
        "now": now,
        "asked": asked,
        "choice": choice,
        "ranges": RANGES,
        "sources": sources,
        "origins": _origins(conn, sources),
        "days": days,
        "days_90": days_until(now).first_day,
        "months": [
            {"name": f"{first:%B %Y}", "days": len(list(of_month))}
            for first, of_month in groupby(days, key=lambda day: day.replace(day=1))
        ],
        "rows": rows,
        "marks": [*State, *Rejects],
        "tally": Counter(cell.state for cell in cells) + Counter(cell.rejected for cell in cells),
        "gaps": advice_for_gaps(rows, yesterday=days[-2]),
        "chosen": cell,
        "lines": lines,
        "requests": _read_requests(conn, schemas, *asked.requests),
        "tries": _read_tries(conn, told),
        "places": _read_places(conn, told),
        "rejects": conn.execute(
            statement("coverage/rejects", "latest"),
            {"schemas": schemas, "rows": LATEST_ROWS, "limit": MOST_REJECTS},
        ).fetchall(),
        "latest_rows": LATEST_ROWS,
        "changes": conn.execute(
            statement("coverage/schema_changes"),
            {"schemas": schemas, "letters": LETTERS, "limit": MOST_CHANGES},
        ).fetchall(),
        "most_changes": MOST_CHANGES,
    }


def _origins(conn: Connection, sources: list[Source]) -> list[str]:
    """The origins that may be chosen."""
    tables = {table for source in sources for table in source.tables}
    known = conn.execute(statement("coverage/datasets"))
    return sorted({line["origin"] for line in known if line["dataset"] in tables})


def _read_cell(
    conn: Connection, rows: list[Row], chosen: tuple[str, str, str], now: datetime
) -> dict[str, Any] | None:
    """What there is to say of one cell; None where the map does not have it."""
    table, origin, day = chosen
    row = next((r for r in rows if (r.dataset.table, r.origin) == (table, origin)), None)
    try:
        cell = row.cell(date.fromisoformat(day)) if row else None
    except ValueError:
        cell = None
    if row is None or cell is None:
        return None
    deliveries = read_deliveries(conn, row, cell.day, limit=MOST_OF_A_CELL)
    yesterday = days_until(now).last_day - timedelta(days=1)
    moving_until = None
    if row.dataset.kind == "day":
        moving_until = Window.of(cell.day).complete_at
    elif row.dataset.kind == "file" and cell.covered_until:
        moving_until = looked_at_until(row.dataset, cell.covered_until)
    return {
        "row": row,
        "cell": cell,
        "deliveries": deliveries,
        "most": MOST_OF_A_CELL,
        "moving_until": moving_until,
        "waits": [line for line in deliveries if _waits(row, cell, line)],
        "advice": advice_for(row, cell, deliveries, yesterday=yesterday),
    }


def _waits(row: Row, cell: Cell, line: dict[str, Any]) -> bool:
    """Whether a delivery is why a day is a gap, or has a newer version."""
    if line["status"] not in ("landed", "held") or not (cell.waiting or cell.behind):
        return False
    by_file = row.dataset.kind in ("state", "log")
    return by_file or not cell.made_at or bool(line["made_at"] >= cell.made_at)


def _read_lines(
    conn: Connection, schemas: list[str], deliveries: tuple[int, ...]
) -> list[dict[str, Any]]:
    """These lines of the ledger, as far as they belong to the sources that are shown."""
    if not deliveries:
        return []
    values = {"deliveries": list(deliveries), "schemas": schemas, "limit": MOST_LINES}
    return conn.execute(statement("coverage/lines", "deliveries"), values).fetchall()


def _read_requests(
    conn: Connection, schemas: list[str], run: str, report: str
) -> list[dict[str, Any]]:
    """A run's requests for a report."""
    if not run:
        return []
    values = {"run": run, "report": report, "schemas": schemas, "limit": MOST_LINES}
    return conn.execute(statement("coverage/lines", "requests"), values).fetchall()


def _read_tries(
    conn: Connection, lines: Collection[dict[str, Any]]
) -> dict[int, list[dict[str, Any]]]:
    """The latest failed tries of each delivery, the latest first."""
    values = {"deliveries": _ids(lines), "limit": MOST_TRIES}
    tries: dict[int, list[dict[str, Any]]] = {}
    for one in conn.execute(statement("coverage/tries"), values):
        tries.setdefault(one["delivery_id"], []).append(one)
    return tries


def _read_places(
    conn: Connection, lines: Collection[dict[str, Any]]
) -> dict[int, list[dict[str, Any]]]:
    """Where rejected rows of each delivery are."""
    rejected = [line for line in lines if line["rows_rejected"]]
    values = {"deliveries": _ids(rejected), "limit": MOST_REJECTS}
    places: dict[int, list[dict[str, Any]]] = {}
    for one in conn.execute(statement("coverage/rejects", "places"), values):
        places.setdefault(one["delivery_id"], []).append(one)
    return places


def _ids(lines: Collection[dict[str, Any]]) -> list[int]:
    return sorted({line["delivery_id"] for line in lines})
