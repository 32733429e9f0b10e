"""The sandbox's Echo360, as it is before anybody asked it for anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox


@pytest.fixture
def echo360(sandbox: Sandbox, connections: dict[str, Any]) -> Iterator[Sandbox]:
    """The sandbox, reset, with Airflow's connections to it."""
    sandbox.reset()
    yield sandbox
    sandbox.reset()
