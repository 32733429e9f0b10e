"""Scheduled runs, day after day, of a vendor that is late: the warehouse heals by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.campus import Campus
from include.sandbox.truth import differences
from learning_warehouse import s3
from learning_warehouse.echo360.reports import REPORTS
from tests.echo360.runs import Run

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

FIRST_DAY = datetime.now(UTC).date() - timedelta(days=30)
CAMPUS: dict[str, Any] = {
    "first_day": FIRST_DAY, "days": 6, "students": 8, "courses": 1, "late": True
}  # fmt: skip
DOWN_ON = FIRST_DAY + timedelta(days=3)
TABLES = [r.dataset.table for r in REPORTS.values() if r.days is not None]


@pytest.fixture(scope="module")
def late_vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose Echo360 knows some rows late, and corrects some."""
    from include.sandbox.server import Sandbox

    server = Sandbox(tmp_path_factory.mktemp("late_vendor"), **CAMPUS)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def vendor(
    late_vendor: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sandbox]:
    """The sandbox as nobody has asked it for anything, and Airflow's connections to it."""
    late_vendor.reset()
    late_vendor.set_faults(echo360_build_seconds=0)
    configured = late_vendor.airflow_connections(postgres.url(warehouse_name))
    for conn_id, fields in configured.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
    s3._client.cache_clear()
    yield late_vendor
    s3._client.cache_clear()


def scheduled(vendor: Sandbox, day: date) -> Run:
    """The scheduled run of a day, at the time at which it starts."""
    vendor.set_clock(f"{day + timedelta(days=1)}T08:00:00Z")
    return Run(f"scheduled__{day}", run_type="scheduled", day=day).execute()


def submitted(vendor: Sandbox) -> Counter[str]:
    """How often each request was made."""
    start = "echo360 submitted "
    counts = vendor.counts().items()
    return Counter({what.removeprefix(start): n for what, n in counts if what.startswith(start)})


@pytest.mark.timeout(900)
def test_late_rows_corrections_and_an_outage_heal(
    vendor: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
) -> None:
    """A day is whole 48 hours after its close, so the last one is after two more runs."""
    for ordinal in range(CAMPUS["days"] + 2):
        day = FIRST_DAY + timedelta(days=ordinal)
        vendor.set_faults(outage=day == DOWN_ON)
        run = scheduled(vendor, day)
        assert bool(run.failures) == (day == DOWN_ON), run.failures
    assert differences(postgres.url(warehouse_name), Campus(**CAMPUS), TABLES) == []


def test_a_scheduled_day_costs_a_request_a_report_and_three_for_assetbydate(
    vendor: Sandbox,
) -> None:
    day = FIRST_DAY + timedelta(days=3)
    for before in (2, 1):
        scheduled(vendor, day - timedelta(days=before))
    seen = submitted(vendor)
    assert not scheduled(vendor, day).failures
    made = Counter(what.split()[0] for what in (submitted(vendor) - seen).elements())
    assert made == {**dict.fromkeys(REPORTS, 1), "assetbydate": 3}


@pytest.mark.parametrize(
    ("assets", "output"),
    [
        (1, {"compression": False}),
        (3, {"delimiter": "|"}),
        (3, {"delimiter": "\t", "compression": False}),
    ],
)
def test_whatever_form_a_report_has(
    vendor: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    assets: int,
    output: dict[str, Any],
) -> None:
    vendor.set_faults(assets=assets)
    run = Run("one", **all_days(), **output).execute("videoview", "pollingv2", "notes")
    assert not run.failures
    tables = ["echo360.videoview", "echo360.pollingv2", "echo360.notes"]
    assert differences(postgres.url(warehouse_name), Campus(**CAMPUS), tables) == []


def test_an_empty_report_over_days_that_held_rows_is_held(
    vendor: Sandbox, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    Run("one", **all_days()).execute("notes")
    vendor.set_faults(assets=0)
    emptied = Run("two", reload=True, **all_days()).execute("notes")
    assert "is held, because it would shrink" in emptied.failures["notes.load"]
    found = differences(postgres.url(warehouse_name), Campus(**CAMPUS), ["echo360.notes"])
    assert len(found) == 1, "what is held waits"
    accepted = Run("three", accept_shrink=True, reload=True, **all_days()).execute("notes")
    assert not accepted.failures
    (difference, *_) = differences(
        postgres.url(warehouse_name), Campus(**CAMPUS), ["echo360.notes"]
    )
    assert "and 0 are" in difference


def all_days() -> dict[str, str]:
    """Params for all of the campus's days."""
    last_day = FIRST_DAY + timedelta(days=CAMPUS["days"] - 1)
    return {"first_day": str(FIRST_DAY), "last_day": str(last_day)}


@pytest.mark.timeout(900)
def test_a_year_in_one_run(
    vendor: Sandbox, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    """The year in which the campus had its six days: it costs what the trigger form says.

    Of the reports that are asked for by the week, one is run.
    """
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    year = {"first_day": str(yesterday - timedelta(days=364)), "last_day": str(yesterday)}
    run = Run("year", **year).execute("videoview", "assetbydate", "asset")
    assert not run.failures
    planned = {report: len(windows) for report, windows in run.xcoms["plan"].items()}
    assert planned == {**dict.fromkeys(REPORTS, 53), "assetbydate": 365, "asset": 1}
    made = Counter(what.split()[0] for what in submitted(vendor).elements())
    assert made == {report: planned[report] for report in ("videoview", "assetbydate", "asset")}
    tables = ["echo360.videoview", "echo360.assetbydate"]
    assert differences(postgres.url(warehouse_name), Campus(**CAMPUS), tables) == []
