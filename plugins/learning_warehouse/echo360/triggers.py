"""The wait for Echo360, in the triggerer: it looks at the listing and wakes the sensor.

One reading of the listing serves all that wait in the process. Decides nothing: what a look means
is the protocol's to say.

Airflow stores the path of this module: it stays here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from learning_warehouse.echo360.hook import Echo360Hook
    from learning_warehouse.echo360.report_request import ReportRequest

log = logging.getLogger(__name__)


class _Listing:
    """The last reading of ``/requests``, for whom it is young enough.

    Who looks at the same time waits for one reading, and takes no thread of the triggerer's.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._hook: Echo360Hook | None = None
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="echo360-listing")
        self._begun = float("-inf")
        self._outcome: list[ReportRequest] | Exception = []

    async def since(self, moment: float) -> list[ReportRequest]:
        """What was listed at ``moment`` (of the monotonic clock) or later.

        :raises TransientFailure, PermanentFailure: it could not be read.
        """
        loop = asyncio.get_running_loop()
        outcome = await loop.run_in_executor(self._reader, self._read, moment)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _read(self, moment: float) -> list[ReportRequest] | Exception:
        from learning_warehouse.echo360.hook import Echo360Hook

        if self._begun < moment:
            self._begun = time.monotonic()
            self._hook = self._hook or Echo360Hook(self._conn_id, attempts=2)
            try:
                self._outcome = self._hook.requests()
            except Exception as failure:
                self._hook = None
                self._outcome = failure
        return self._outcome


_listing = cache(_Listing)


class Echo360RequestsTrigger(BaseTrigger):
    """Fires when a request is ready or has failed, or when there is something to submit.

    :param conn_id: the connection of Echo360.
    :param request_ids: the requests that are pending.
    :param poll_interval: seconds between two looks.
    :param deadline: epoch seconds at which it fires whatever was seen.
    :param begun: epoch seconds at which the task began to wait.
    :param seen: epoch seconds at which it last read the listing.
    :param wake_at: epoch seconds at which windows that wait for the outcome of a submission are to
        be taken up again; None if there are none.
    :param wants_slot: whether a window waits for a slot: it fires when one is free.
    """

    def __init__(
        self,
        conn_id: str,
        request_ids: list[str],
        poll_interval: float,
        deadline: float,
        begun: float | None = None,
        seen: float | None = None,
        wake_at: float | None = None,
        wants_slot: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.request_ids = request_ids
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.begun = time.time() if begun is None else begun
        self.seen = self.begun if seen is None else seen
        self.wake_at = wake_at
        self.wants_slot = wants_slot

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """For the metadata database."""
        return (
            "learning_warehouse.echo360.triggers.Echo360RequestsTrigger",
            {
                "conn_id": self.conn_id,
                "request_ids": self.request_ids,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "begun": self.begun,
                "seen": self.seen,
                "wake_at": self.wake_at,
                "wants_slot": self.wants_slot,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, until there is something for the sensor to do."""
        from learning_warehouse.echo360.request_lines import AVAILABLE, FAILED, PENDING
        from learning_warehouse.echo360.slots import SLOTS
        from learning_warehouse.errors import PermanentFailure, TransientFailure

        begun = time.monotonic()
        until = min(self.deadline, self.wake_at or self.deadline)
        waiting = set(self.request_ids)
        while True:
            await asyncio.sleep(min(self.poll_interval, max(0.0, until - time.time())))
            if time.time() >= until:
                yield self._event("it is time to look")
                return
            try:
                moment = max(begun, time.monotonic() - self.poll_interval / 2)
                listed = await _listing(self.conn_id).since(moment)
            except TransientFailure as failure:
                log.warning("%s", failure)
                continue
            except PermanentFailure as failure:
                yield self._event(str(failure))
                return
            except Exception as failure:
                log.exception("The listing of requests could not be read")
                yield self._event(f"the listing could not be read: {type(failure).__name__}")
                return
            status = {request.request_id: request.status for request in listed}
            ended = {r for r in waiting if status.get(r, FAILED[0]) in (AVAILABLE, *FAILED)}
            if ended:
                yield self._event(f"{len(ended)} are no longer pending")
                return
            if self.wants_slot and list(status.values()).count(PENDING) < SLOTS:
                yield self._event("a slot is free")
                return

    def _event(self, reason: str) -> TriggerEvent:
        _, arguments = self.serialize()
        told = {name: arguments[name] for name in ("deadline", "begun", "seen")}
        return TriggerEvent({"reason": reason, **told})  # type: ignore[no-untyped-call]
