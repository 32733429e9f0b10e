"""DAG runs of Echo360 without a scheduler: the DAG's tasks, one after another.

As in Airflow, a task's XCom is what the next one gets, a task that failed leaves what it pushed,
and a deferred one sits in its trigger, which here looks sooner.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from learning_warehouse.echo360.operators import (
    Echo360PlanOperator,
    Echo360SubmitOperator,
    LandEcho360ReportsOperator,
)
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.sensors import Echo360ReportSensor
from learning_warehouse.echo360.staging import assets_of
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.steps.loading import LoadOperator

SOON = 0.02


def interval_of(day: date | None) -> dict[str, datetime]:
    """The data interval of a day's scheduled run; a run by hand has none."""
    if day is None:
        return {}
    begun = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {"data_interval_start": begun, "data_interval_end": begun + timedelta(days=1)}


class Run:
    """One run.

    :param day: the day of its data interval; without it, it has none.
    :param saved: where its XComs outlive the process.
    :param lag: how late a request may appear in the listing.
    :param given: its Params.
    """

    def __init__(
        self,
        run_id: str,
        *,
        run_type: str = "manual",
        day: date | None = None,
        saved: Path | None = None,
        lag: timedelta = timedelta(seconds=60),
        **given: Any,
    ) -> None:
        self.run_id = run_id
        self.run_type = run_type
        self.day = day
        self.saved = saved
        self.lag = lag
        self.given = given
        self.task = ""
        self.xcoms: dict[str, Any] = {}
        self.failures: dict[str, str] = {}
        if saved is not None and saved.exists():
            self.xcoms = json.loads(saved.read_text())

    def execute(self, *reports: str) -> Run:
        """Execute what is not done yet: the plan, then all that the reports need."""
        plan = self._do("plan", Echo360PlanOperator(task_id="plan").execute)
        if self.failures:
            return self
        for name in reports or REPORTS:
            self._report(name, plan.get(name) or [])
        return self

    def _report(self, name: str, windows: list[dict[str, str]]) -> None:
        report = REPORTS[name]
        submit = Echo360SubmitOperator(task_id="submit", report=report, windows=windows)
        submitted = self._do(f"{name}.submit", submit.execute)
        ready = self._do(f"{name}.wait", lambda context: self._wait(name, submitted, context))
        land = LandEcho360ReportsOperator(task_id="land", report=report, request_ids=ready)
        landed = self._do(f"{name}.land", land.execute)
        load = LoadOperator(
            task_id="load", dataset=report.dataset, deliveries=landed, reader=assets_of(report)
        )
        self._do(f"{name}.load", load.execute)

    def _do(self, task: str, execute: Any) -> Any:
        if task in self.xcoms:
            return self.xcoms[task]
        self.task = task
        context = self.context()
        try:
            result = execute(context)
        except AirflowSkipException:
            result = context["ti"].pushed
        except (PermanentFailure, TransientFailure) as failure:
            self.failures[task] = str(failure)
            return context["ti"].pushed
        self.xcoms[task] = result
        if self.saved is not None:
            unfinished = self.saved.with_suffix(".new")
            unfinished.write_text(json.dumps(self.xcoms))
            unfinished.rename(self.saved)
        return result

    def _wait(self, name: str, windows: list[dict[str, str]] | None, context: Any) -> Any:
        if not windows:
            raise AirflowSkipException("skipped with its upstream")
        sensor = Echo360ReportSensor(
            task_id="wait",
            report=REPORTS[name],
            windows=windows,
            lag=self.lag,
            pause=timedelta(0),
        )
        try:
            return sensor.execute(context)
        except TaskDeferred as deferred:
            trigger = deferred.trigger
        while True:
            event = asyncio.run(first_event(hurried(trigger)))
            try:
                return sensor.execute_complete(context, event)
            except TaskDeferred as deferred:
                trigger = deferred.trigger

    def context(self) -> Any:
        pushed = XCom()
        return {
            "params": self.given,
            "ti": pushed,
            "dag_run": SimpleNamespace(
                dag_id="echo360_reports", run_id=self.run_id, run_type=self.run_type
            ),
            "outlet_events": defaultdict(SimpleNamespace),
            **interval_of(self.day),
        }


class XCom:
    """Where a task leaves its XCom before it fails or is skipped."""

    def __init__(self) -> None:
        self.pushed: Any = None

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep it."""
        self.pushed = value


def hurried(trigger: Any, soon: float = SOON) -> Any:
    """The trigger, looking sooner."""
    _, arguments = trigger.serialize()
    wake_at = arguments["wake_at"] and time.time() + soon
    return type(trigger)(**{**arguments, "poll_interval": soon, "wake_at": wake_at})


async def first_event(trigger: Any) -> Any:
    """What a trigger says when it fires."""
    async for event in trigger.run():
        return event.payload
    raise AssertionError("a trigger ends with an event")
