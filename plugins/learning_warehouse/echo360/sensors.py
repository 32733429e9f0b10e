"""The task that waits until Echo360 has made its reports.

Between its waits it goes through the protocol again, which requests what the slots did not allow
before, again for what failed, and for the parts of a window that keeps failing. What has been ready
for long is landed meanwhile: Echo360 deletes it after two weeks, and the others may take longer.

Knows how to wait; what is to be done between two waits, the protocol knows.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseSensorOperator, PokeReturnValue

from learning_warehouse.conn_ids import ECHO360_CONN_ID, LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.echo360.pursuing import pursue
from learning_warehouse.echo360.reports import Report
from learning_warehouse.errors import Failures, PermanentFailure, TransientFailure
from learning_warehouse.steps.links import REQUESTS, shown
from learning_warehouse.steps.loading import run_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.echo360.progress import Progress

SHORTEST_INTERVAL = 5.0
"""A trigger that fires before its task is recorded as deferred is lost; it never fires sooner."""


class Echo360ReportSensor(BaseSensorOperator):
    """Waits until each window of a report is covered by a request that is available.

    XCom: the ids of those requests, which cover the windows exactly. Where a window was given up,
    or is not ready in time, the others' ids are pushed, then the task fails and names it; not where
    the listing cannot be read at the end of that time.

    :param report: the report.
    :param windows: its windows, as ``plan`` cut them.
    :param poll_interval: seconds between two looks at Echo360's listing, 5 at least.
    :param patience: for how long a request may be in flight; the time before, while its window
        waits for a slot, does not count. When all that is open has taken too long, the task fails
        for good; cleared, it continues with the same requests, with the same patience.
    :param slot_patience: for how long no slot may become free while a window waits for one.
    :param lag: how late a submitted request may appear in the listing: a submission of unknown
        outcome is not repeated before.
    :param pause: for how long a window pauses after its first failure, six times as long after the
        second.
    :param deferrable: wait in the triggerer, without a worker's slot.
    """

    template_fields: Sequence[str] = ("windows", "poll_interval")
    operator_extra_links = shown(REQUESTS)

    def __init__(
        self,
        *,
        report: Report,
        windows: XComArg | list[dict[str, str]],
        poll_interval: float | str = 30.0,
        patience: timedelta = timedelta(hours=12),
        slot_patience: timedelta = timedelta(hours=24),
        lag: timedelta = timedelta(seconds=60),
        pause: timedelta = timedelta(minutes=10),
        deferrable: bool = True,
        echo360_conn_id: str = ECHO360_CONN_ID,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("mode", "reschedule")
        kwargs.setdefault("poke_interval", 30.0)
        kwargs.setdefault("timeout", patience.total_seconds())  # of one; `execute` counts them
        # A deferred wait has a deadline of its own.
        kwargs.setdefault("execution_timeout", None)
        super().__init__(**kwargs)
        self.report = report
        self.windows: Any = windows
        self.poll_interval = poll_interval
        self.patience = patience
        self.slot_patience = slot_patience
        self.lag = lag
        self.pause = pause
        self.deferrable = deferrable
        self.echo360_conn_id = echo360_conn_id
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> Any:
        """Look, then wait: in the triggerer, or as a sensor does."""
        if not self.deferrable:
            every_window = self.patience * len(self.windows)
            self.timeout = (every_window + self.slot_patience).total_seconds()
            return super().execute(context)
        begun = time.time()
        return self._look(context, begun, seen=begun)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> list[str]:
        """Woken by the trigger: look, and wait again while something is open."""
        self.log.info("Woken: %s", event["reason"])
        return self._look(context, event["begun"], event["seen"])

    def poke(self, context: Context) -> PokeReturnValue:
        """One look, for a sensor that is not deferrable."""
        try:
            progress = self._advance(context)
        except TransientFailure as failure:
            self.log.warning("%s Looking again later.", failure)
            return PokeReturnValue(is_done=False)
        if progress.is_open:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._result(context, progress))

    def _advance(self, context: Context) -> Progress:
        REQUESTS.say_requests(self, context, run=run_name(context), report=self.report.name)
        progress = pursue(
            context,
            self.report,
            self.windows,
            lag=self.lag,
            pause=self.pause,
            echo360_conn_id=self.echo360_conn_id,
            warehouse_conn_id=self.warehouse_conn_id,
        )
        if progress.is_open and progress.aging:
            self._land(progress.aging)
        return progress

    def _land(self, request_ids: list[str]) -> None:
        """Land these before Echo360 deletes them; what fails now, a later look tries again."""
        from learning_warehouse.echo360.hook import Echo360Hook
        from learning_warehouse.echo360.landing import land_requests
        from learning_warehouse.landing import LandingZone

        failures = Failures()
        with failures.apart(self.report.name):
            land_requests(
                Echo360Hook(self.echo360_conn_id),
                LandingZone(self.landing_conn_id),
                self.report,
                request_ids,
                failures,
                warehouse_conn_id=self.warehouse_conn_id,
            )

    def _look(self, context: Context, begun: float, seen: float) -> list[str]:
        """Look; wait while something is open, and where nothing could be seen.

        :param begun: epoch seconds at which this try began to wait.
        :param seen: epoch seconds at which Echo360's listing was last read.
        """
        try:
            progress = self._advance(context)
        except TransientFailure as failure:
            self.log.warning("%s Looking again later.", failure)
            deadline = seen + self.patience.total_seconds()
            if time.time() >= deadline:
                raise PermanentFailure(
                    f"{self.report.name}: Echo360 gave no usable answer for {self.patience}: clear "
                    "this task to wait for the same requests again."
                ) from None
            self._defer([], begun, seen, deadline, wake_after=self._interval)
        if not progress.is_open:
            return self._result(context, progress)
        left = progress.left(
            patience=self.patience,
            slot_patience=self.slot_patience,
            waited=timedelta(seconds=time.time() - begun),
        )
        if not left:
            self._give_up(context, progress)
        wake_after = [pause.total_seconds() for pause in progress.pauses]
        if progress.unknown:
            wake_after.append(self._interval)
        self._defer(
            progress.pending,
            begun,
            time.time(),
            time.time() + left.total_seconds(),
            wake_after=min(wake_after, default=None),
            wants_slot=bool(progress.waiting),
        )
        raise AssertionError("defer does not return")

    @property
    def _interval(self) -> float:
        return max(SHORTEST_INTERVAL, float(self.poll_interval))

    def _give_up(self, context: Context, progress: Progress) -> None:
        context["ti"].xcom_push(key="return_value", value=progress.available)
        if progress.waiting:
            raise PermanentFailure(
                f"{self.report.name}: no slot became free for {self.slot_patience} ({progress}): "
                "check which clients of your institution hold Echo360's slots, then clear this "
                "task to wait again."
            )
        raise PermanentFailure(
            f"{self.report.name}: Echo360 was not ready after {self.patience} in flight "
            f"({progress}): clear this task to wait for the same requests again."
        )

    def _defer(
        self,
        request_ids: list[str],
        begun: float,
        seen: float,
        deadline: float,
        *,
        wake_after: float | None,
        wants_slot: bool = False,
    ) -> None:
        from learning_warehouse.echo360.triggers import Echo360RequestsTrigger

        self.defer(
            trigger=Echo360RequestsTrigger(
                conn_id=self.echo360_conn_id,
                request_ids=request_ids,
                poll_interval=self._interval,
                deadline=deadline,
                begun=begun,
                seen=seen,
                wake_at=None if wake_after is None else time.time() + wake_after,
                wants_slot=wants_slot,
            ),
            method_name="execute_complete",
        )

    def _result(self, context: Context, progress: Progress) -> list[str]:
        if progress.lost:
            context["ti"].xcom_push(key="return_value", value=progress.available)
            raise PermanentFailure(" | ".join(progress.lost))
        return progress.available
