"""The campaign of damaged lines in short, with fixed seeds; ``make fuzz`` is the long one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from learning_warehouse.edx.events import COLUMNS, EventReader
from tests.edx import campaign

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [11, 12])
def test_no_damaged_line_stops_a_log_or_is_lost(warehouse: Connection, seed: int) -> None:
    totals = campaign.run(warehouse, seed=seed, lines=10_000, log=2_500)
    assert totals["read"] == totals["merged"] + totals["duplicate"] + totals["rejected"]
    assert min(totals["merged"], totals["duplicate"], totals["rejected"]) > 1000
    assert totals["rows of edx.problem_response"] > 100


def test_the_same_seed_makes_the_same_lines() -> None:
    lines = list(campaign.damaged_lines(7, 100))
    assert lines == list(campaign.damaged_lines(7, 100))
    assert lines != list(campaign.damaged_lines(8, 100))


def test_both_ways_agree_on_damaged_lines() -> None:
    """But for what the quick way lets through because COPY refuses it."""
    reader = EventReader({}, now=NOW)
    compared = 0
    for content in campaign.damaged_lines(13, 20_000):
        if b"\n" in content:
            continue
        quick = reader.read([content])
        careful = reader.read([content], care="all")
        if not quick.rows or b"\r" in content or reader.read([content], care="suspects") != quick:
            continue
        compared += 1
        both = [block.rows[0].split("\t") for block in (quick, careful)]
        fields = [dict(zip(COLUMNS, row, strict=True)) for row in both]
        for row in fields:
            row["time"] = datetime.fromisoformat(row["time"]).replace(tzinfo=UTC).isoformat()
            del row["repairs"]
        assert fields[0] == fields[1]
    assert compared > 2000
