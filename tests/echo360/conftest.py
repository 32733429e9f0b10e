"""The sandbox's Echo360, as it is before anybody asked it for anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.echo360.answers import Answers, configure

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox


@pytest.fixture
def echo360(sandbox: Sandbox, connections: dict[str, Any]) -> Iterator[Sandbox]:
    """The sandbox, reset, with Airflow's connections to it."""
    sandbox.reset()
    yield sandbox
    sandbox.reset()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """A server of our own in its place."""
    with Answers() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configure(monkeypatch, host=server.url)
        yield server
        server.is_over.set()
        server.shutdown()
