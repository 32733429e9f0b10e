"""A page's application: its guard, its headers, its files, and how it says what is wrong.

Only the API server of Airflow 3 imports this. Knows HTTP and HTML; what there is to say, each
page knows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException as StarletteHTTPException

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.pages.guard import sources_for
from learning_warehouse.pages.readers import shared_readers
from learning_warehouse.pages.trend import HEIGHT, points

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM = Path(__file__).parent

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Page:
    """A page with what all pages have.

    :param title: what Airflow's navigation calls it.
    :param room: the folder of its templates, of its ``icon.svg``, and of the style and the script
        that it has besides the shared ones, by the name of the folder.
    """

    def __init__(self, title: str, room: Path) -> None:
        self.app = FastAPI(
            title=f"Learning warehouse: {title.lower()}",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            dependencies=[Depends(sources_for)],
        )
        self.templates = Environment(
            loader=FileSystemLoader([room, ROOM]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters.update(
            utc=_utc, ago=_ago, count=_count, share=_share, part=_part, points=points
        )
        own = sorted(path for path in room.iterdir() if path.suffix in KINDS)
        self.templates.globals.update(
            height=HEIGHT,
            title=title,
            styles=["page.css", *(path.name for path in own if path.suffix == ".css")],
            scripts=["page.js", *(path.name for path in own if path.suffix == ".js")],
        )
        self._readers = shared_readers()
        for path in (ROOM / "page.css", ROOM / "page.js", *own):
            self.app.add_api_route(f"/{path.name}", _file(path))
        self.app.add_exception_handler(StarletteHTTPException, self._refuse)

    async def answer(self, read: Callable[[], str]) -> Response:
        """Answer with what is read in a thread, by few at a time."""
        try:
            text = await self._readers.read(read)
        except (PermanentFailure, TransientFailure) as failure:
            return self._sentence(503, str(failure))
        return HTMLResponse(text, headers=HEADERS)

    def _refuse(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, StarletteHTTPException)
        sentences = {401: "You are not logged in: log in to Airflow, then open this page again."}
        sentence = sentences.get(refusal.status_code, refusal.detail)
        return self._sentence(refusal.status_code, sentence)

    def _sentence(self, status: int, sentence: str) -> Response:
        """A page that says one thing."""
        page = self.templates.get_template("sentence.html").render(sentence=sentence)
        return HTMLResponse(page, status_code=status, headers=HEADERS)


def _file(path: Path) -> Any:
    headers = {**HEADERS, "Cache-Control": "no-cache"}

    def send() -> Response:
        return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)

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
