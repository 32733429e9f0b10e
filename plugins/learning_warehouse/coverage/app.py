"""The page's application: who may see it, what it reads, and the headers it answers with.

Only the API server of Airflow 3 imports this. Every answer is for people who are logged in and may
read the DAG of at least one source; they see what is of these sources.

Knows HTTP and HTML; what is to be said of a day, ``grid`` knows.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as StarletteHTTPException

from learning_warehouse.coverage.commands import commands_for
from learning_warehouse.coverage.grid import (
    Row,
    State,
    days_until,
    looked_at_until,
    read_deliveries,
    read_rows,
)
from learning_warehouse.coverage.sources import SOURCES, Source
from learning_warehouse.echo360.windows import Window
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps.links import MOST_LINES
from learning_warehouse.warehouse.connection import connect_to_read
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

ROOM = Path(__file__).parent
MOST_REJECTS = 50
MOST_CHANGES = 50
MOST_OF_A_CELL = 20
LETTERS = 400
"""How much of a rejected row the page shows."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

User = Annotated[BaseUser, Depends(get_user)]


@dataclass(frozen=True)
class Asked:
    """What the query asks to be told besides the map.

    :param cell: table, origin and day of the cell that is looked at.
    :param deliveries: ids of lines of the ledger.
    :param requests: a run, as ``ops.report_request`` names it, and a report.
    """

    cell: tuple[str, str, str]
    deliveries: tuple[int, ...]
    requests: tuple[str, str]


def asked_in(
    dataset: str = "",
    origin: str = "",
    day: str = "",
    delivery: Annotated[list[str] | None, Query()] = None,
    run: str = "",
    report: str = "",
) -> Asked:
    """What a query asks for; what is no id is left out."""
    ids = tuple(int(line) for line in delivery or () if re.fullmatch(r"[0-9]{1,18}", line))
    return Asked((dataset, origin, day), ids, (run, report))


def sources_for(request: Request, user: User) -> list[Source]:
    """The sources whose DAGs a user may read.

    :raises HTTPException: 403, there is none.
    """
    sources = [
        source
        for source in SOURCES
        if source.dag_ids and all(_may_read(request, user, dag_id) for dag_id in source.dag_ids)
    ]
    if not sources:
        raise HTTPException(403, "This page is for those who may read the DAGs it tells of.")
    return sources


def _may_read(request: Request, user: BaseUser, dag_id: str) -> bool:
    try:
        requires_access_dag("GET", param_dag_id=dag_id)(request, user)
    except HTTPException:
        return False
    return True


Sources = Annotated[list[Source], Depends(sources_for)]


def create_app() -> FastAPI:
    """The page's application."""
    app = FastAPI(
        title="Learning warehouse: coverage",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(sources_for)],
    )
    pages = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(utc=_utc, ago=_ago, count=_count)

    @app.exception_handler(StarletteHTTPException)
    def refuse(request: Request, refusal: StarletteHTTPException) -> Response:
        sentences = {401: "You are not logged in: log in to Airflow, then open this page again."}
        sentence = sentences.get(refusal.status_code, refusal.detail)
        return _sentence(pages, refusal.status_code, sentence)

    @app.get("/")
    def show(sources: Sources, asked: Annotated[Asked, Depends(asked_in)]) -> Response:
        """The page, with what there is to say of what the query names."""
        try:
            page = read_page(sources, asked, now=datetime.now(UTC))
        except (PermanentFailure, TransientFailure) as failure:
            return _sentence(pages, 503, str(failure))
        return HTMLResponse(pages.get_template("page.html").render(page), headers=HEADERS)

    for name, kind in {
        "coverage.css": "text/css",
        "coverage.js": "text/javascript",
        "icon.svg": "image/svg+xml",
    }.items():
        app.add_api_route(f"/{name}", _file(name, kind))
    return app


def read_page(sources: list[Source], asked: Asked, *, now: datetime) -> dict[str, Any]:
    """Everything that the page says.

    :param sources: which sources to tell of.
    :raises PermanentFailure: the warehouse is not configured, or has no tables.
    :raises TransientFailure: the warehouse does not answer.
    """
    import psycopg
    from psycopg.errors import InsufficientPrivilege, UndefinedTable

    try:
        with closing(connect_to_read()) as conn, conn.transaction():
            return _read(conn, sources, asked, now)
    except (UndefinedTable, InsufficientPrivilege) as error:
        log.warning("%s", error)
        raise PermanentFailure(
            "The warehouse has no tables that the connection 'learning_warehouse' may read: "
            "trigger one of the DAGs, whose first step makes them."
        ) from None
    except psycopg.OperationalError as error:
        log.warning("%s", error)
        raise TransientFailure(
            "The warehouse did not answer in time: look how busy its server is, then load this "
            "page again."
        ) from None


def _read(conn: Connection, sources: list[Source], asked: Asked, now: datetime) -> dict[str, Any]:
    rows = read_rows(conn, sources, now=now)
    schemas = [source.schema for source in sources]
    bounds = {"schemas": schemas, "letters": LETTERS}
    rejects = statement("coverage/rejects", "latest")
    changes = statement("coverage/schema_changes")
    days = list(days_until(now))
    return {
        "now": now,
        "days": days,
        "months": [
            {"name": f"{first:%B %Y}", "days": len(list(of_month))}
            for first, of_month in groupby(days, key=lambda day: day.replace(day=1))
        ],
        "sources": sources,
        "rows": rows,
        "states": list(State),
        "tally": Counter(cell.state for row in rows for cell in row.cells),
        "chosen": _read_cell(conn, rows, asked.cell, now),
        "lines": _read_lines(conn, schemas, asked.deliveries),
        "requests": _read_requests(conn, schemas, *asked.requests),
        "asked": asked,
        "rejects": conn.execute(rejects, {**bounds, "limit": MOST_REJECTS}).fetchall(),
        "most_rejects": MOST_REJECTS,
        "changes": conn.execute(changes, {**bounds, "limit": MOST_CHANGES}).fetchall(),
        "most_changes": MOST_CHANGES,
    }


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
    moving_until = None
    if row.dataset.kind == "day":
        moving_until = Window.of(cell.day).complete_at
    elif row.dataset.kind == "file" and cell.covered_until:
        moving_until = looked_at_until(row.dataset, cell.covered_until)
    of_cell = {
        "deliveries": [line["delivery_id"] for line in deliveries if line["rows_rejected"]],
        "letters": LETTERS,
        "limit": MOST_OF_A_CELL,
    }
    return {
        "row": row,
        "cell": cell,
        "deliveries": deliveries,
        "most": MOST_OF_A_CELL,
        "moving_until": moving_until,
        "commands": commands_for(row, cell, deliveries, yesterday=days_until(now).last_day),
        "rejects": conn.execute(statement("coverage/rejects", "of_deliveries"), of_cell).fetchall(),
    }


def _read_lines(
    conn: Connection, schemas: list[str], deliveries: tuple[int, ...]
) -> list[dict[str, Any]]:
    """These lines of the ledger, as far as they are of the sources that are told of."""
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


def _sentence(pages: Environment, status: int, sentence: str) -> Response:
    """A page that says one thing."""
    page = pages.get_template("sentence.html").render(sentence=sentence)
    return HTMLResponse(page, status_code=status, headers=HEADERS)


def _file(name: str, kind: str) -> Any:
    def send() -> Response:
        return FileResponse(
            ROOM / name, media_type=kind, headers={**HEADERS, "Cache-Control": "no-cache"}
        )

    return send


def _utc(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"


def _ago(when: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    minutes = max(int((now - when).total_seconds() // 60), 0)
    for unit, length in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            number = minutes // length
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"


def _count(number: int) -> str:
    """With a thin space between thousands."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
