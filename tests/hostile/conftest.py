"""A process that each module's hostile input is read in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.bounded import Bounded


@pytest.fixture(scope="module")
def bounded() -> Iterator[Bounded]:
    """Does work within bounds of memory and time."""
    process = Bounded()
    yield process
    process.end()
