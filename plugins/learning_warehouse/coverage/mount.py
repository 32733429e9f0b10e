"""Where the page hangs in Airflow 3's UI.

Every Airflow process imports this at its start, so nothing is imported here but the address: the
API server builds the application at its first request. On Airflow 2 it never does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from learning_warehouse.steps.links import ADDRESS, PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI


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

EXTERNAL_VIEW: dict[str, Any] = {
    "name": "Coverage",
    "href": ADDRESS,
    "destination": "nav",
    "url_route": "coverage",
    "nav_top_level": True,
    "icon": f"{ADDRESS}icon.svg",
}
