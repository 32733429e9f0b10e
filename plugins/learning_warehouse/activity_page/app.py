"""The page's application: what it answers, and who sees the learners.

They are shown to those who may edit the DAG that finds out who they are, and each time is logged.
What there is to say, ``reading`` knows.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from learning_warehouse.activity_page.asked import Asked, asked_in
from learning_warehouse.activity_page.charts import HEIGHT, WEEKDAYS
from learning_warehouse.activity_page.reading import LEARNERS, read_page
from learning_warehouse.pages.application import Page
from learning_warehouse.pages.guard import MayEdit, Sources

log = logging.getLogger(__name__)

PEOPLE = "people"
"""The schema of what tells who is who: who may edit its DAG may see the learners."""


def create_app() -> FastAPI:
    """The page's application."""
    page = Page("Activity", Path(__file__).parent)
    page.templates.filters.update(amount=_amount, short=_short)
    page.templates.globals.update(bar_height=HEIGHT, most_learners=LEARNERS, weekdays=WEEKDAYS)

    @page.app.get("/")
    async def show(
        sources: Sources,
        editor: MayEdit,
        asked: Annotated[Asked, Depends(asked_in)],
    ) -> Response:
        """The page, with what there is to say of what the query names."""
        may = PEOPLE in editor.schemas
        chosen = replace(asked, learners=asked.learners and may)

        def read() -> str:
            known = read_page(sources, chosen, now=datetime.now(UTC))
            if chosen.course and chosen.learners:
                log.info("%r reads the learners of the course %r", editor.name, chosen.course)
            return page.templates.get_template("page.html").render(known, may=may)

        return await page.answer(read)

    return page.app


def _amount(number: float) -> str:
    """With one digit behind the point, if it is small, and a thin space between thousands."""
    text = f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:,.1f}"
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}")


def _short(day: date) -> str:
    """A day of a year that is known, such as 7 Sep."""
    return f"{day.day} {day:%b}"
