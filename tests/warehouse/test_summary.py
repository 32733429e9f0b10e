"""What a run says at its end."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.operators import SummaryOperator
from tests.warehouse.roads import VIDEOVIEW, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

HEADER = b"event_timestamp,duration_Minute\n"
RUN = SimpleNamespace(
    dag_id="echo360_reports", run_id="manual__1", start_date=datetime(2026, 1, 9, tzinfo=UTC)
)


class Tasks:
    """Says of the run's tasks how they ended."""

    def __init__(self, **states: str) -> None:
        self._states = states

    def get_task_states(self, **_: Any) -> dict[str, dict[str, str]]:
        return {RUN.run_id: self._states}


def summarised(merges: list[Any], **states: str) -> list[dict[str, Any]]:
    context: Any = {"dag_run": RUN, "ti": Tasks(**states), "params": {}}
    return SummaryOperator(task_id="summarise", merges=merges).execute(context)


pytestmark = pytest.mark.usefixtures("connections")


def test_it_tells_days_requests_and_rows(warehouse: Connection) -> None:
    merges = []
    for version, day in ((1, 5), (2, 7)):
        days = (date(2026, 1, day), date(2026, 1, day + 2))
        rows = f"2026-01-{day:02} 10:00:00,50\nnever,50\n".encode()
        merged = load(warehouse, VIDEOVIEW, HEADER + rows, version, name=str(days), days=days)
        merges.append([asdict(merged)])
        warehouse.execute(
            "INSERT INTO ops.report_request (origin, report, first_day, end_day, runs, request_id)"
            " VALUES ('here', 'videoview', %s, %s, %s, %s)",
            (*days, ["echo360_reports manual__1"], f"request {version}"),
        )
    (row_of_it,) = summarised([*merges, None])
    assert row_of_it == {
        "dataset": "echo360.videoview",
        "first_day": "2026-01-05",
        "last_day": "2026-01-08",
        "requests": 2,
        "deliveries": 2,
        "rows_read": 4,
        "rows_merged": 2,
        "rows_duplicate": 0,
        "rows_superseded": 0,
        "rows_filtered": 0,
        "rows_rejected": 2,
    }


def test_a_run_with_a_failed_step_ends_failed(warehouse: Connection) -> None:
    with pytest.raises(PermanentFailure, match=r"videoview\.wait failed: read the last line"):
        summarised([None], **{"videoview.wait": "failed", "videoview.land": "skipped"})


def test_nothing_new(warehouse: Connection) -> None:
    assert summarised([None, []]) == []
