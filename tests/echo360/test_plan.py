"""What a run requests: which reports, in which windows, and what it leaves out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from learning_warehouse.days import HEALED_DAYS, Days
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.echo360.operators import Echo360PlanOperator
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.windows import Window
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse import ledger
from tests.echo360.runs import Run

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

TODAY = datetime.now(UTC).date()
YEAR = Days(TODAY - timedelta(days=365), TODAY - timedelta(days=1))
DAY = TODAY - timedelta(days=20)


def plan(
    run_type: str = "manual", day: date | None = None, **given: Any
) -> dict[str, list[Window]]:
    context = Run("one", run_type=run_type, day=day, **given).context()
    planned = Echo360PlanOperator(task_id="plan").execute(context)
    return {name: list(map(Window.from_json, windows)) for name, windows in planned.items()}


def days(first: date, last: date) -> dict[str, str]:
    return {"first_day": str(first), "last_day": str(last)}


def before(day: date, count: int) -> date:
    return day - timedelta(days=count)


def load(
    warehouse: Connection, report: str, day: date, *, hours: int = 48, current: bool = True
) -> int:
    """Deliver a day, and make it current, as it was some hours after its close."""
    delivery = ledger.deliver(
        warehouse,
        dataset=REPORTS[report].dataset.table,
        origin=Echo360Hook().origin,
        name=f"{report} {day}",
        version=str(hours),
        made_at=datetime.combine(day, time(), UTC) + timedelta(days=1, hours=hours),
        uri="s3://landing-zone/nowhere",
        size=0,
    )
    if current:
        warehouse.execute(
            "INSERT INTO ops.current_part (dataset, origin, part, delivery_id, made_at, version) "
            "SELECT dataset, origin, %s, delivery_id, made_at, version FROM ops.delivery "
            "WHERE delivery_id = %s",
            [str(day), delivery.delivery_id],
        )
    return delivery.delivery_id


def ask(warehouse: Connection, report: str, day: date, *, run: str) -> None:
    """Let a run have requested a day."""
    warehouse.execute(
        "INSERT INTO ops.report_request (origin, report, first_day, end_day, runs) "
        "VALUES (%s, %s, %s, %s, %s)",
        [Echo360Hook().origin, report, day, before(day, -1), [run]],
    )


# --- a run by hand --------------------------------------------------------------------------------


def test_a_year_costs_53_requests_a_report(echo360: Sandbox, warehouse: Connection) -> None:
    planned = plan(**days(YEAR.first_day, YEAR.last_day))
    cost = {name: len(windows) for name, windows in planned.items()}
    assert cost == {**dict.fromkeys(REPORTS, 53), "assetbydate": 365, "asset": 1}


def test_windows_are_adjacent(echo360: Sandbox, warehouse: Connection) -> None:
    planned = plan(**days(before(DAY, 9), DAY))
    assert planned["videoview"] == [
        Window(before(DAY, 9), before(DAY, 2)),
        Window(before(DAY, 2), before(DAY, -1)),
    ]
    assert planned["asset"] == [Window.of(TODAY)]


def test_only_what_was_asked_for(echo360: Sandbox, warehouse: Connection) -> None:
    planned = plan(reports=["asset"])
    assert {name for name, windows in planned.items() if windows} == {"asset"}


def test_assetbydate_reaches_back_a_year(
    echo360: Sandbox, warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    planned = plan(**days(before(TODAY, 800), YEAR.last_day))
    assert planned["assetbydate"][0] == Window.of(before(TODAY, 365))
    assert len(planned["assetbydate"]) == 365
    assert "has no data before" in caplog.text
    assert planned["notes"][0].first_day == before(TODAY, 800)
    assert plan(**days(before(TODAY, 800), before(TODAY, 700)))["assetbydate"] == []


def test_what_is_complete_is_not_asked_for_again(echo360: Sandbox, warehouse: Connection) -> None:
    week = days(before(DAY, 6), DAY)
    for day in Days(before(DAY, 6), before(DAY, 3)):
        load(warehouse, "notes", day)
    load(warehouse, "notes", before(DAY, 2), hours=47)
    assert plan(**week)["notes"] == [Window(before(DAY, 2), before(DAY, -1))]
    assert plan(**week, reload=True)["notes"] == [Window(before(DAY, 6), before(DAY, -1))]
    for day in Days(before(DAY, 1), DAY):
        load(warehouse, "notes", day)
    assert plan(**week)["notes"] == [Window.of(before(DAY, 2))]


def test_a_backfill_asks_for_its_day_and_no_report_without_dates(
    echo360: Sandbox, warehouse: Connection
) -> None:
    planned = plan("backfill", DAY)
    assert planned.pop("asset") == []
    assert set(map(tuple, planned.values())) == {(Window.of(DAY),)}


def test_a_last_day_before_the_first(echo360: Sandbox, warehouse: Connection) -> None:
    with pytest.raises(PermanentFailure, match="before the first day"):
        plan(**days(DAY, before(DAY, 1)))


# --- a scheduled run ------------------------------------------------------------------------------


def test_the_first_scheduled_run_asks_for_three_days(
    echo360: Sandbox, warehouse: Connection
) -> None:
    planned = plan("scheduled", DAY)
    assert planned["videoview"] == [Window(before(DAY, 2), before(DAY, -1))]
    assert planned["assetbydate"] == [Window.of(before(DAY, n)) for n in (2, 1, 0)]


def test_a_scheduled_run_asks_for_what_was_not_complete(
    echo360: Sandbox, warehouse: Connection
) -> None:
    for n in (6, 5, 4, 3, 2):
        load(warehouse, "notes", before(DAY, n))
    load(warehouse, "notes", before(DAY, 1), hours=8)
    assert plan("scheduled", DAY)["notes"] == [Window(before(DAY, 1), before(DAY, -1))]


def test_a_scheduled_run_takes_up_what_was_left_undone(
    echo360: Sandbox, warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    for report in ("notes", "assetbydate"):
        ask(warehouse, report, before(DAY, 12), run="echo360_reports scheduled__a_while_ago")
        for n in (12, 11, 8):
            load(warehouse, report, before(DAY, n))
    planned = plan("scheduled", DAY)
    assert planned["notes"] == [
        Window(before(DAY, 10), before(DAY, 3)),
        Window(before(DAY, 3), before(DAY, -1)),
    ]
    assert [w.first_day for w in planned["assetbydate"]] == [
        before(DAY, n) for n in (10, 9, 7, 6, 5, 4, 3, 2, 1, 0)
    ]
    assert f"notes: 7 days before {before(DAY, 2)} were missed and are loaded now" in caplog.text


def test_a_scheduled_run_says_what_is_too_far_back(
    echo360: Sandbox, warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    long_ago = before(DAY, HEALED_DAYS + 9)
    ask(warehouse, "notes", long_ago, run="echo360_reports scheduled__long_ago")
    load(warehouse, "notes", long_ago)
    (first, *_) = plan("scheduled", DAY)["notes"]
    assert first.first_day == before(DAY, HEALED_DAYS)
    days_between = f"8 days from {before(long_ago, -1)} to {before(DAY, HEALED_DAYS + 1)}"
    assert f"notes: {days_between} are not loaded" in caplog.text


def test_days_before_the_schedule_began_are_nobodys_to_take_up(
    echo360: Sandbox, warehouse: Connection
) -> None:
    """A day that was loaded on trial made the next scheduled run request all days since."""
    ask(warehouse, "notes", before(DAY, 12), run="echo360_reports manual__on_trial")
    load(warehouse, "notes", before(DAY, 12))
    assert plan("scheduled", DAY)["notes"] == [Window(before(DAY, 2), before(DAY, -1))]


def test_a_scheduled_run_whose_days_are_complete_asks_for_nothing(
    echo360: Sandbox, warehouse: Connection
) -> None:
    """Cleared days later, its plan failed."""
    for n in (2, 1, 0):
        load(warehouse, "notes", before(DAY, n))
    assert plan("scheduled", DAY)["notes"] == []


def test_a_day_in_trouble_is_asked_for_alone(echo360: Sandbox, warehouse: Connection) -> None:
    """One day that was held or given up kept the others of its window out, run after run."""
    for n in (2, 1, 0):
        ask(warehouse, "notes", before(DAY, n), run="echo360_reports scheduled__yesterday")
    warehouse.execute(
        "UPDATE ops.report_request SET attempt = 3, status = 'Failed', closed_at = now() "
        "WHERE first_day = %s",
        [before(DAY, 1)],
    )
    held = load(warehouse, "confused", before(DAY, 9), current=False)
    warehouse.execute(
        "UPDATE ops.delivery SET status = 'held', details = %s WHERE delivery_id = %s",
        [Jsonb({"shrinks": [str(before(DAY, 2))]}), held],
    )
    planned = plan("scheduled", DAY)
    assert planned["notes"] == [Window.of(before(DAY, n)) for n in (2, 1, 0)]
    assert planned["confused"] == [
        Window.of(before(DAY, 2)),
        Window(before(DAY, 1), before(DAY, -1)),
    ]


# --- what Echo360 offers --------------------------------------------------------------------------


def test_what_is_not_offered_is_skipped_with_a_sentence(
    echo360: Sandbox, warehouse: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    echo360.set_faults(reports_are=[{"name": "notes"}, {"name": "qandav2"}])
    planned = plan(**days(DAY, DAY))
    assert {name for name, windows in planned.items() if windows} == {"notes", "qanda2"}
    assert "polling: Echo360 does not offer it" in capsys.readouterr().out


def test_a_new_report_and_a_new_parameter_are_recorded(
    echo360: Sandbox, warehouse: Connection
) -> None:
    required = [{"name": name, "required": True} for name in ("start", "end", "timezone")]
    offered = [{"name": "notes", "parameters": required}, {"name": "sentiment"}]
    echo360.set_faults(reports_are=offered)
    for _ in range(2):
        assert plan(**days(DAY, DAY))["notes"]
    recorded = warehouse.execute(
        "SELECT dataset, header, change FROM ops.schema_change ORDER BY dataset"
    ).fetchall()
    assert [tuple(row.values()) for row in recorded] == [
        ("echo360.notes", "parameter timezone", "new"),
        ("echo360.sentiment", "report", "new"),
    ]
