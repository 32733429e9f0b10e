"""Two weeks of a term: the same warehouse whichever way its days are loaded."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.campus import Campus
from include.sandbox.truth import differences
from tests.vocareum.conftest import BUCKET, FILES, credentials, load, put

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox

TABLES = [files.dataset.table for files in FILES.values()]


@pytest.fixture(scope="module")
def campus() -> Campus:
    """Two months' files, fourteen courses, a hundred people in each.

    What its files are known for comes back every twelve days and every twelve courses.
    """
    return Campus(first_day=date(2026, 1, 27), students=150, courses=14, days=14, activity=0.02)


@pytest.fixture(scope="module")
def vendor_files(campus: Campus) -> list[tuple[str, bytes]]:
    """What the vendor has of it."""
    return list(campus.vocareum_files())


@pytest.mark.parametrize("by_days", [False, True], ids=["in one run", "by shuffled days"])
def test_a_term(
    bucket: Any,
    sandbox: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    campus: Campus,
    vendor_files: list[tuple[str, bytes]],
    by_days: bool,
) -> None:
    for key, content in vendor_files:
        put(bucket, key, content)
    sealed = credentials()
    term = {"first_day": str(campus.days[0]), "last_day": str(campus.days[-1])}
    runs = [{"first_day": str(day), "last_day": str(day)} for day in campus.days]
    random.Random(7).shuffle(runs)
    for run in runs if by_days else [term]:
        for files in FILES.values():
            load(files, sealed=sealed, **run)
    assert differences(postgres.url(warehouse_name), campus, TABLES) == []
    sandbox.reset()
    again = [load(files, sealed=credentials(), **term) for files in FILES.values()]
    assert again == [[]] * len(FILES), "a second run finds nothing new"
    assert sandbox.counts().get(f"s3 GET object {BUCKET}", 0) == 0
