"""The page's application: who may see what of it, and the headers it answers with.

Only the API server of Airflow 3 imports this. Every answer is for people who are logged in and may
read the DAG of at least one source; they see what is of these sources. What rejected rows say is
for those who may edit the source's DAGs.

Knows HTTP and HTML; what there is to say, ``reading`` knows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as StarletteHTTPException

from learning_warehouse.coverage.asked import Asked, asked_in
from learning_warehouse.coverage.readers import Readers
from learning_warehouse.coverage.reading import read_page, read_texts
from learning_warehouse.coverage.sources import SOURCES, Source
from learning_warehouse.coverage.trend import HEIGHT, points
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps.links import FRAMED

log = logging.getLogger(__name__)

ROOM = Path(__file__).parent

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

User = Annotated[BaseUser, Depends(get_user)]


def sources_for(request: Request, user: User) -> list[Source]:
    """The sources whose DAGs a user may read.

    :raises HTTPException: 403, there is none.
    """
    sources = [source for source in SOURCES if _may("GET", source, request, user)]
    if not sources:
        raise HTTPException(403, "This page is for users who may read the DAGs that it shows.")
    return sources


Sources = Annotated[list[Source], Depends(sources_for)]


@dataclass(frozen=True)
class Editor:
    """Who asks, and which DAGs they may edit.

    :param name: as Airflow calls them.
    :param schemas: those of the sources all of whose DAGs they may edit.
    """

    name: str
    schemas: frozenset[str]


def editor_for(request: Request, user: User) -> Editor:
    """Who asks; most readers may edit nothing."""
    editable = [source.schema for source in SOURCES if _may("PUT", source, request, user)]
    return Editor(user.get_name(), frozenset(editable))


def _may(method: Any, source: Source, request: Request, user: BaseUser) -> bool:
    """Whether a user may do so with all DAGs of a source: it has some."""
    try:
        for dag_id in source.dag_ids:
            requires_access_dag(method, param_dag_id=dag_id)(request, user)
    except HTTPException:
        return False
    return bool(source.dag_ids)


def create_app() -> FastAPI:
    """The page's application."""
    app = FastAPI(
        title="Learning warehouse: coverage",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(sources_for)],
    )
    pages = _pages()
    readers = Readers()

    @app.exception_handler(StarletteHTTPException)
    def refuse(request: Request, refusal: StarletteHTTPException) -> Response:
        sentences = {401: "You are not logged in: log in to Airflow, then open this page again."}
        sentence = sentences.get(refusal.status_code, refusal.detail)
        return _sentence(pages, refusal.status_code, sentence)

    @app.get("/")
    async def show(
        sources: Sources,
        editor: Annotated[Editor, Depends(editor_for)],
        asked: Annotated[Asked, Depends(asked_in)],
    ) -> Response:
        """The page, with what there is to say of what the query names."""

        def read() -> str:
            page = read_page(sources, asked, now=datetime.now(UTC))
            page["editable"] = editor.schemas
            page["texts"] = _texts(page, editor) if asked.texts else {}
            return pages.get_template("page.html").render(page)

        try:
            text = await readers.read(read)
        except (PermanentFailure, TransientFailure) as failure:
            return _sentence(pages, 503, str(failure))
        return HTMLResponse(text, headers=HEADERS)

    @app.get("/open")
    def open_framed(request: Request) -> Response:
        """On to the page inside Airflow's frame; the browser keeps what is behind a ``#``."""
        base = request.url.path.removesuffix(f"/{FRAMED}")
        page = request.url.path.removesuffix("open")
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{base}/plugin/coverage{page}{query}", 307, headers=HEADERS)

    for name, kind in {
        "coverage.css": "text/css",
        "coverage.js": "text/javascript",
        "icon.svg": "image/svg+xml",
    }.items():
        app.add_api_route(f"/{name}", _file(name, kind))
    return app


def _texts(page: dict[str, Any], editor: Editor) -> dict[tuple[int, int], dict[str, Any]]:
    """What the rejected rows say that the page tells of, as far as the reader may know it; who read
    them is logged.
    """
    tables = {line["delivery_id"]: line["dataset"] for line in page["lines"]}
    if chosen := page["chosen"]:
        table = chosen["row"].dataset.table
        tables.update((line["delivery_id"], table) for line in chosen["deliveries"])
    places = [
        place
        for delivery, of_delivery in page["places"].items()
        if tables[delivery].split(".")[0] in editor.schemas
        for place in of_delivery
    ]
    if not places:
        return {}
    read = sorted({place["delivery_id"] for place in places})
    log.info("%r reads rejected rows of the deliveries %s", editor.name, read)
    return read_texts(places)


def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(ROOM),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(utc=_utc, ago=_ago, count=_count, share=_share, part=_part, points=points)
    pages.globals["height"] = HEIGHT
    return pages


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


def _share(share: float) -> str:
    """In percent, with two digits that count."""
    return f"{100 * share:.2g} %" if share < 1 else "100 %"


def _part(text: str) -> str:
    """As a part of a path."""
    return quote(text, safe="")
