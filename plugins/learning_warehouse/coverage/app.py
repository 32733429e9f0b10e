"""The page's application: what it answers, and who reads what rejected rows say.

That is for those who may edit the source's DAGs. What there is to say, ``reading`` knows.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from learning_warehouse.coverage.asked import Asked, asked_in
from learning_warehouse.coverage.reading import read_page, read_texts
from learning_warehouse.pages.application import HEADERS, Page
from learning_warehouse.pages.guard import Editor, MayEdit, Sources
from learning_warehouse.steps.links import FRAMED

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """The page's application."""
    page = Page("Coverage", Path(__file__).parent)

    @page.app.get("/")
    async def show(
        sources: Sources,
        editor: MayEdit,
        asked: Annotated[Asked, Depends(asked_in)],
    ) -> Response:
        """The page, with what there is to say of what the query names."""

        def read() -> str:
            known = read_page(sources, asked, now=datetime.now(UTC))
            known["editable"] = editor.schemas
            known["texts"] = _texts(known, editor) if asked.texts else {}
            return page.templates.get_template("page.html").render(known)

        return await page.answer(read)

    @page.app.get("/open")
    def open_framed(request: Request) -> Response:
        """On to the page inside Airflow's frame; the browser keeps what is behind a ``#``."""
        base = request.url.path.removesuffix(f"/{FRAMED}")
        path = request.url.path.removesuffix("open")
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{base}/plugin/coverage{path}{query}", 307, headers=HEADERS)

    return page.app


def _texts(known: dict[str, Any], editor: Editor) -> dict[tuple[int, int], dict[str, Any]]:
    """What the rejected rows say that the page tells of, as far as the reader may know it; who read
    them is logged.
    """
    tables = {line["delivery_id"]: line["dataset"] for line in known["lines"]}
    if chosen := known["chosen"]:
        table = chosen["row"].dataset.table
        tables.update((line["delivery_id"], table) for line in chosen["deliveries"])
    places = [
        place
        for delivery, of_delivery in known["places"].items()
        if tables[delivery].split(".")[0] in editor.schemas
        for place in of_delivery
    ]
    if not places:
        return {}
    read = sorted({place["delivery_id"] for place in places})
    log.info("%r reads rejected rows of the deliveries %s", editor.name, read)
    return read_texts(places)
