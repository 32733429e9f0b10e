"""Where the page hangs in Airflow 3's UI.

Every Airflow process imports this at its start, so nothing is imported here: the API server builds
the application when it is first asked for it. On Airflow 2 nobody asks.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/learning_warehouse/coverage"


class Coverage:
    """The page's ASGI application, built at the first request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request on."""
        await _application()(scope, receive, send)


@cache
def _application() -> FastAPI:
    from learning_warehouse.coverage.app import create_app

    return create_app()


FASTAPI_APP: dict[str, Any] = {
    "app": Coverage(),
    "url_prefix": PREFIX,
    "name": "Learning warehouse: coverage",
}

ADDRESS = f"{PREFIX.removeprefix('/')}/"
"""Without a slash before it an address counts from the UI's own, wherever a proxy has put that."""

EXTERNAL_VIEW: dict[str, Any] = {
    "name": "Coverage",
    "href": ADDRESS,
    "destination": "nav",
    "url_route": "coverage",
    "nav_top_level": True,
    "icon": f"{ADDRESS}icon.svg",
}
