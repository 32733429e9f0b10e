"""The tasks from plan to load, one after another, against the sandbox."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from learning_warehouse.echo360.assets import open_asset
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.echo360.operators import (
    Echo360SubmitOperator,
    LandEcho360ReportsOperator,
)
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.sensors import Echo360ReportSensor
from learning_warehouse.echo360.staging import assets_of, open_assets
from learning_warehouse.echo360.triggers import Echo360RequestsTrigger
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.warehouse import ledger
from tests.conftest import context as task_context
from tests.conftest import run_load
from tests.echo360.runs import Run, first_event

if TYPE_CHECKING:
    from collections.abc import Collection

    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

VIDEOVIEW = REPORTS["videoview"]
WEEK = {"first_day": "2026-01-05", "end_day": "2026-01-12"}
NEXT_WEEK = {"first_day": "2026-01-12", "end_day": "2026-01-19"}


def run_context(run_type: str = "manual", run_id: str = "one", **params: Any) -> dict[str, Any]:
    run = SimpleNamespace(dag_id="echo360_reports", run_id=run_id, run_type=run_type)
    return {**task_context(**params), "dag_run": run}


def submit(*windows: dict[str, str]) -> list[dict[str, str]]:
    operator = Echo360SubmitOperator(task_id="submit", report=VIDEOVIEW, windows=list(windows))
    return operator.execute(run_context())


def wait(*windows: dict[str, str], context: dict[str, Any] | None = None) -> Any:
    sensor = Echo360ReportSensor(
        task_id="wait", report=VIDEOVIEW, windows=list(windows), poll_interval=5
    )
    return sensor.execute(context or run_context())


def land(*request_ids: str, context: dict[str, Any] | None = None) -> list[int]:
    operator = LandEcho360ReportsOperator(
        task_id="land", report=VIDEOVIEW, request_ids=list(request_ids)
    )
    return operator.execute(context or run_context())


# --- wait -----------------------------------------------------------------------------------------


def test_the_sensor_does_not_defer_for_what_is_ready(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    assert len(wait(WEEK)) == 1


def test_the_sensor_defers_and_is_woken(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=3600)
    submit(WEEK)
    with pytest.raises(TaskDeferred) as deferred:
        wait(WEEK)
    _, arguments = deferred.value.trigger.serialize()
    echo360.set_faults(echo360_build_seconds=0)
    event = fire(Echo360RequestsTrigger(**{**arguments, "poll_interval": 0.01}))
    sensor = Echo360ReportSensor(task_id="wait", report=VIDEOVIEW, windows=[WEEK])
    assert sensor.execute_complete(run_context(), event) == arguments["request_ids"]


def test_a_sensor_that_does_not_defer_looks_by_itself(echo360: Sandbox) -> None:
    """As where no triggerer runs."""
    echo360.set_faults(echo360_build_seconds=0.3, api_500=1)
    sensor = Echo360ReportSensor(
        task_id="wait", report=VIDEOVIEW, windows=[WEEK], deferrable=False,
        mode="poke", poke_interval=0.05,
    )  # fmt: skip
    (request_id,) = sensor.execute(run_context())
    told = Echo360Hook().request(request_id)
    assert told is not None
    assert told.status == "Available"


def test_the_trigger_fires_at_its_deadline(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=3600)
    submit(WEEK)
    (waiting,) = Echo360Hook().requests()
    event = fire(Echo360RequestsTrigger("echo360", [waiting.request_id], 0.01, time.time() - 1))
    sensor = Echo360ReportSensor(
        task_id="wait", report=VIDEOVIEW, windows=[WEEK], patience=timedelta(0)
    )
    with pytest.raises(PermanentFailure, match="clear this task"):
        sensor.execute_complete(run_context(), event)


def test_the_trigger_sleeps_until_a_slot_is_free(echo360: Sandbox) -> None:
    """It woke the sensor at each look, though others held all slots for hours."""
    echo360.set_faults(echo360_build_seconds=3600)
    for day in ("2026-01-12", "2026-01-13", "2026-01-14"):
        Echo360Hook().submit("videoview", {"start": day, "end": "2026-01-15"}, {})
    submit(WEEK)
    with pytest.raises(TaskDeferred) as deferred:
        wait(WEEK)
    _, arguments = deferred.value.trigger.serialize()
    assert (arguments["wake_at"], arguments["wants_slot"]) == (None, True)
    hurried = {**arguments, "poll_interval": 0.01}
    until = time.time() + 0.5
    assert fire(Echo360RequestsTrigger(**{**hurried, "deadline": until})) == {
        "reason": "it is time to look",
        "deadline": until,
        "begun": arguments["begun"],
        "seen": arguments["seen"],
    }
    echo360.set_faults(echo360_build_seconds=0)
    assert fire(Echo360RequestsTrigger(**hurried))["reason"] == "a slot is free"


def test_one_look_serves_all_that_wait(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=3600)
    submit(WEEK)
    (waiting,) = Echo360Hook().requests()
    looked = echo360.counts()["echo360 listings"]
    triggers = [
        Echo360RequestsTrigger("echo360", [waiting.request_id], 2.0, time.time() + 3)
        for _ in range(5)
    ]

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*map(first_event, triggers))

    events = asyncio.run(all_of_them())
    assert {event["reason"] for event in events} == {"it is time to look"}
    assert echo360.counts()["echo360 listings"] == looked + 1


def test_a_window_that_is_late_does_not_hold_back_the_others(echo360: Sandbox) -> None:
    echo360.set_clock("2026-01-20T08:00:00Z")
    submit(WEEK)
    echo360.set_clock("2026-01-20T08:00:01Z")
    late = {"first_day": "2026-01-12", "end_day": "2026-01-13"}
    submit(WEEK, late)
    context = run_context()
    sensor = Echo360ReportSensor(
        task_id="wait", report=VIDEOVIEW, windows=[WEEK, late], patience=timedelta(0)
    )
    woken = {"reason": "late", "begun": time.time() - 1, "seen": time.time() - 1}
    with pytest.raises(PermanentFailure, match="1 available, 1 pending"):
        sensor.execute_complete(context, woken)
    assert len(context["ti"].pushed["return_value"]) == 1


def test_only_time_in_flight_uses_up_patience(
    echo360: Sandbox, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the 15 requests of a day those failed that had waited for a slot all the time."""
    echo360.set_faults(echo360_build_seconds=3600)
    for day in ("2026-01-12", "2026-01-13", "2026-01-14"):
        Echo360Hook().submit("notes", {"start": day, "end": "2026-01-15"}, {})
    submit(WEEK)
    sensor = Echo360ReportSensor(task_id="wait", report=VIDEOVIEW, windows=[WEEK])
    day_ago = time.time() - 23 * 3600
    woken = {"reason": "late", "begun": day_ago, "seen": day_ago}
    ago = "UPDATE ops.report_request SET {} = now() - interval '{} hours'"
    warehouse.execute(ago.format("waiting_since", 23))
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute_complete(run_context(), woken)
    assert 3000 < deferred.value.trigger.deadline - time.time() < 3601
    warehouse.execute(ago.format("waiting_since", 25))
    woken["begun"] -= 3600
    with pytest.raises(PermanentFailure, match=r"no slot became free for 1 day.*clear this task"):
        sensor.execute_complete(run_context(), woken)
    with pytest.raises(TaskDeferred):
        sensor.execute(run_context())
    echo360.reset()
    submit(WEEK)
    warehouse.execute(ago.format("in_flight_since", 13))
    echo360.set_faults(echo360_build_seconds=3600)
    with pytest.raises(PermanentFailure, match="not ready after 12:00:00 in flight"):
        sensor.execute_complete(run_context(), woken)
    echo360.set_faults(api_429=99)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(PermanentFailure, match="gave no usable answer for 12:00:00"):
        sensor.execute_complete(run_context(), woken)
    with pytest.raises(TaskDeferred):
        sensor.execute_complete(run_context(), {**woken, "seen": time.time() - 3600})


def fire(trigger: Echo360RequestsTrigger) -> dict[str, Any]:
    return asyncio.run(first_event(trigger))


def test_a_window_given_up_does_not_hold_back_the_others(echo360: Sandbox) -> None:
    given = {"first_day": "2026-01-05", "last_day": "2026-01-07"}
    echo360.set_faults(echo360_build_seconds=0, poisoned_day="2026-01-06")
    run = Run("one", **given).execute("videoview")
    assert "2026-01-06/2026-01-07 is given up" in run.failures["videoview.wait"]
    assert len(run.xcoms["videoview.load"]) == 2
    echo360.set_faults(poisoned_day=None)
    again = Run("two", **given).execute("videoview")
    assert not again.failures
    assert len(again.xcoms["videoview.load"]) == 1


def test_what_is_ready_is_landed_before_it_is_deleted(
    echo360: Sandbox, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once was requested again, where the other windows took longer than two weeks."""
    echo360.set_clock(f"{datetime.now(UTC) - timedelta(days=8)}")
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    (ready,) = wait(WEEK)
    echo360.set_clock(f"{datetime.now(UTC)}")
    echo360.set_faults(echo360_build_seconds=3600)
    with monkeypatch.context() as patch, pytest.raises(TaskDeferred):
        patch.delenv("AIRFLOW_CONN_LANDING_ZONE")
        wait(WEEK, NEXT_WEEK)
    assert warehouse.execute("SELECT FROM ops.delivery").fetchall() == []
    with pytest.raises(TaskDeferred):
        wait(WEEK, NEXT_WEEK)
    (delivery,) = warehouse.execute("SELECT delivery_id, version FROM ops.delivery").fetchall()
    assert delivery["version"] == ready
    echo360.set_clock(f"{datetime.now(UTC) + timedelta(days=10)}")
    echo360.set_faults(echo360_build_seconds=0)
    found = wait(WEEK, NEXT_WEEK)
    assert found[0] == ready
    assert land(*found)[0] == delivery["delivery_id"]
    assert echo360.counts()["echo360 submissions"] == 2


# --- land, load -----------------------------------------------------------------------------------


def test_a_report_lands_unchanged_and_is_one_delivery(
    echo360: Sandbox, warehouse: Connection
) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    (request_id,) = wait(WEEK)
    (delivery_id,) = land(request_id)
    assert land(request_id) == [delivery_id]
    delivery = ledger.find(warehouse, delivery_id)
    assert (delivery.name, delivery.version) == ("videoview 2026-01-05/2026-01-12", request_id)
    assert (delivery.first_day, delivery.end_day) == (date(2026, 1, 5), date(2026, 1, 12))
    bucket, _, key = delivery.uri.removeprefix("s3://").partition("/")
    stored = echo360.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    told = Echo360Hook().request(request_id)
    assert told is not None
    with open_asset(told.links[0], ["127.0.0.1"]) as asset:
        assert asset.read() == stored
    assert f"/videoview/2026-01-05_2026-01-12/{request_id}/1-" in delivery.uri


def test_a_snapshot_is_of_the_day_on_which_it_was_made(
    echo360: Sandbox, warehouse: Connection
) -> None:
    echo360.set_clock("2026-01-20T23:59:59Z")
    echo360.set_faults(echo360_build_seconds=0)
    assert not Run("one").execute("asset").failures
    delivery = warehouse.execute("SELECT name, first_day FROM ops.delivery").fetchone()
    assert delivery == {"name": "asset 2026-01-20/2026-01-21", "first_day": date(2026, 1, 20)}


def test_a_report_without_rows_is_merged(echo360: Sandbox, warehouse: Connection) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    (delivery_id,) = land(*wait(WEEK))
    told = load(delivery_id)
    assert (told["rows_read"], told["changed"]) == (0, False)


def test_an_expired_link_is_fetched_anew(
    echo360: Sandbox, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    (request_id,) = wait(WEEK)
    opened: list[str] = []

    def open_late(url: str, trusted_hosts: Collection[str]) -> BinaryIO:
        """Come to the first link eight days after it was given."""
        if not opened:
            echo360.set_clock(f"{datetime.now(UTC) + timedelta(days=8)}")
        opened.append(url)
        return open_asset(url, trusted_hosts)

    monkeypatch.setattr("learning_warehouse.echo360.landing.open_asset", open_late)
    assert len(land(request_id)) == 1
    assert len(set(opened)) == 2


def test_assets_without_links_are_no_empty_report(echo360: Sandbox, warehouse: Connection) -> None:
    """A week that had rows was loaded as empty."""
    echo360.set_faults(echo360_build_seconds=0, no_links=1)
    submit(WEEK)
    ready = wait(WEEK)
    with pytest.raises(TransientFailure, match="has 1 assets at Echo360, but no links"):
        land(*ready)
    assert warehouse.execute("SELECT FROM ops.delivery").fetchall() == []
    assert len(land(*ready)) == 1


def test_an_expired_request_is_named(echo360: Sandbox, warehouse: Connection) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    submit(WEEK)
    (request_id,) = wait(WEEK)
    echo360.set_clock(f"{datetime.now(UTC) + timedelta(days=15)}")
    with pytest.raises(PermanentFailure, match=f"{request_id} is Expired"):
        land(request_id)


def test_a_request_that_nobody_intended_is_named(echo360: Sandbox, warehouse: Connection) -> None:
    with pytest.raises(PermanentFailure, match=r"ops\.report_request does not know"):
        land("00000000-0000-0000-0000-000000000000")


def put(*contents: bytes) -> list[str]:
    zone = LandingZone()
    return [
        zone.put_stream(f"test/{ordinal}-asset", io.BytesIO(content))[0]
        for ordinal, content in enumerate(contents)
    ]


def deliver(warehouse: Connection, uris: list[str]) -> int:
    return ledger.deliver(
        warehouse,
        dataset="echo360.videoview",
        origin="echo360.org",
        name="videoview 2026-01-05/2026-01-12",
        version="r",
        made_at=datetime(2026, 1, 15, tzinfo=UTC),
        uri="s3://landing-zone/test/",
        size=None,
        first_day=date(2026, 1, 5),
        end_day=date(2026, 1, 12),
        details={"assets": uris},
    ).delivery_id


def load(delivery_id: int) -> dict[str, Any]:
    operator = LoadOperator(
        task_id="load",
        dataset=VIDEOVIEW.dataset,
        deliveries=[delivery_id],
        reader=assets_of(VIDEOVIEW),
    )
    (told,) = run_load(operator)
    return told


def report(*events: tuple[str, str], header: str = '"event_timestamp","user email"\n') -> bytes:
    text = io.StringIO(header)
    text.seek(0, io.SEEK_END)
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(events)
    return text.getvalue().encode()


def test_several_assets_are_one_delivery(echo360: Sandbox, warehouse: Connection) -> None:
    first = gzip.compress(report(("2026-01-05 10:00:00", "a@example.org")))
    second = report(("2026-01-06T10:00:00Z", "b@example.org")).rstrip()
    third = b"\n\r\n" + report(("2026-01-07T10:00:00Z", "c@example.org"))
    uris = put(first, b"", second, report(), b"\n", third)
    assert load(deliver(warehouse, uris))["rows_merged"] == 3
    rows = warehouse.execute("SELECT email FROM echo360.videoview ORDER BY event_timestamp")
    assert [row["email"] for row in rows] == ["a@example.org", "b@example.org", "c@example.org"]


@pytest.mark.parametrize("marked", [(0,), (1,), (0, 1)])
def test_a_byte_order_mark_before_an_asset_is_no_part_of_its_header(
    echo360: Sandbox, warehouse: Connection, marked: tuple[int, ...]
) -> None:
    assets = [report((f"2026-01-0{n} 10:00:00", f"{n}@example.org")) for n in (5, 6)]
    uris = put(*(b"\xef\xbb\xbf" * (n in marked) + asset for n, asset in enumerate(assets)))
    assert load(deliver(warehouse, uris))["rows_merged"] == 2


def test_no_assets_are_no_rows(echo360: Sandbox, warehouse: Connection) -> None:
    assert load(deliver(warehouse, []))["rows_read"] == 0


def test_assets_with_different_headers_stop_the_report(
    echo360: Sandbox, warehouse: Connection
) -> None:
    uris = put(report(), report(header='"user email","event_timestamp"\n'))
    with pytest.raises(PermanentFailure, match="another header"):
        open_assets(uris).read()


def test_equal_rows_are_kept(echo360: Sandbox, warehouse: Connection) -> None:
    watched = [("2026-01-05 10:00:00", "a@example.org")] * 3
    load(deliver(warehouse, put(report(*watched))))
    counted = warehouse.execute("SELECT count(*) AS rows FROM echo360.videoview").fetchone()
    assert counted == {"rows": 3}
