"""The campaign in short, with a fixed seed; ``make fuzz`` is the long one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.campaign import run
from tests.fuzz.readers import readers

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

INPUTS = 5000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each input would be in the log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_nothing_crashes_hangs_or_gets_lost(warehouse: Connection) -> None:
    for reader in readers(warehouse):
        told = run(reader, inputs=INPUTS * reader.share // 1000, first_seed=20_260_101)
        assert told.inputs >= INPUTS * reader.share // 1000
