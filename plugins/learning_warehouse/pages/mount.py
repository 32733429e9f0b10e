"""Where a page hangs in Airflow 3's UI.

Every Airflow process imports this at its start, so nothing heavy is imported here: the API server
builds the application at its first request. On Airflow 2 it never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI


class Mounted:
    """A page's ASGI application, built at the first request.

    :param module: the module whose ``create_app`` builds it.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._app: FastAPI | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand a request on."""
        if self._app is None:
            self._app = import_module(self._module).create_app()
        await self._app(scope, receive, send)


def mounted(title: str, prefix: str, module: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a plugin registers of a page: its application, and its place in the navigation.

    :param title: what the navigation calls it; in small letters, what the UI's address does.
    :param prefix: where it hangs at the API server.
    :param module: the module whose ``create_app`` builds it.
    """
    # Without a slash before it an address counts from the UI's own, wherever a proxy has put that.
    address = f"{prefix.removeprefix('/')}/"
    app = {
        "app": Mounted(module),
        "url_prefix": prefix,
        "name": f"Learning warehouse: {title.lower()}",
    }
    view = {
        "name": title,
        "href": address,
        "destination": "nav",
        "url_route": title.lower(),
        "nav_top_level": True,
        "icon": f"{address}icon.svg",
    }
    return app, view
