"""The protocol by which reports are requested: each once, three in flight, over all runs.

One idempotent function, :func:`advance`, is called by every task that wants reports, as often as it
likes, from any number of processes that may die at any point. What holds them together is a line of
``ops.report_request`` for each request, written before it is submitted, and Echo360's own listing:

1. A window without a line gets one: the intent. So does one that a run loads again.
2. A request in the listing that serves it is adopted: one that its own lost submission made, or
   anybody's that was made when the data was complete; the latter not where it is loaded again.
3. Otherwise, under one lock for the whole institution, it is submitted if a slot is free and no
   report of a run that waits had its last slot longer ago. The line says so before, and has the
   request id at once after.
4. A submission whose outcome is unknown is looked for in the listing before it is repeated.
5. A request that failed is made again after a pause; a window that keeps failing is split, down
   to single days; a day that keeps failing is given up. One whose report has landed cannot fail any
   more.

Knows when to request what; knows neither Airflow, nor SQL, nor what a report holds.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.echo360.hook import Echo360Hook, OutcomeUnknown, Refused
from learning_warehouse.echo360.progress import Progress
from learning_warehouse.echo360.reports import Report
from learning_warehouse.echo360.request_lines import (
    AVAILABLE,
    FAILED,
    PENDING,
    UNLISTED,
    RequestLines,
    lock,
)
from learning_warehouse.echo360.slots import PATIENCE, PAUSE, SLOTS, Slots, pause_left
from learning_warehouse.echo360.windows import Window
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from learning_warehouse.echo360.report_request import ReportRequest
    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a window is requested before it is split or given up."""
LAG = timedelta(seconds=60)
"""How late a new request may appear in the listing."""
SOON_DELETED = timedelta(days=7)
"""The age from which a report should be landed: Echo360 deletes it 14 days after its submission
("Processing and Retention")."""
OUTPUT = {"compression": True, "delimiter": ","}
"""What Echo360 makes of a report by default ("Output")."""


def advance(
    hook: Echo360Hook,
    report: Report,
    windows: Sequence[Window],
    *,
    run: str,
    plan: str | None = None,
    afresh: bool = False,
    reload: bool = False,
    output: Mapping[str, Any] = OUTPUT,
    lag: timedelta = LAG,
    pause: timedelta = PAUSE,
    warehouse_conn_id: str = WAREHOUSE_CONN_ID,
) -> Progress:
    """Do for these windows what can be done now, and return their state.

    :param run: the DAG run that wants them.
    :param plan: the token that its task ``plan`` made: a window is requested once in a plan, and
        again by another plan, of the same run or another, if the first one asked before the data
        was complete, or if what landed is held, was undone or was removed. None: the run's name.
    :param afresh: submit again what Echo360 refused before.
    :param reload: ask again, once in this plan, for what was made before.
    :param output: ``compression`` and ``delimiter`` of what is submitted now.
    :param lag: how late a submitted request may appear in the listing.
    :param pause: for how long a window pauses after its first failure.
    :raises Busy: others have been submitting for too long; nothing was done.
    :raises TransientFailure: the listing cannot be read; nothing was submitted.
    """
    # The lock lives in a transaction on a connection of its own, so that each line is committed as
    # it is written, and a process that dies lets go of the lock.
    with (
        connect(warehouse_conn_id) as conn,
        connect(warehouse_conn_id) as keeper,
        keeper.transaction(),
    ):
        lock(keeper, hook.origin)
        protocol = _Protocol(
            conn,
            hook,
            report,
            windows,
            run=run,
            plan=plan or run,
            afresh=afresh,
            reload=reload,
            output=output,
            lag=lag,
            pause=pause,
        )
        for window in windows:
            protocol.settle(window)
        protocol.look_at_queue()
    log.info("%s: %s", report.name, protocol.progress)
    return protocol.progress


class _Protocol:
    """One pass over the windows of a report, under the lock."""

    def __init__(
        self,
        conn: Connection,
        hook: Echo360Hook,
        report: Report,
        windows: Sequence[Window],
        *,
        run: str,
        plan: str,
        afresh: bool,
        reload: bool,
        output: Mapping[str, Any],
        lag: timedelta,
        pause: timedelta,
    ) -> None:
        self.progress = Progress()
        self._conn = conn
        self._lines = RequestLines(conn, hook.origin, report)
        self._hook = hook
        self._report = report
        self._run = run
        self._plan = plan
        self._afresh = afresh
        self._reload = reload
        self._output = output
        self._lag = lag
        self._pause = pause
        self._now = self._lines.now()
        self._listed = {r.request_id: r for r in hook.requests()}
        self._landed = self._lines.landed(windows)
        self._slots = Slots(self._lines, report.name, now=self._now, lag=lag)

    def settle(self, window: Window, whole: int | None = None) -> None:
        """Bring one window, or the parts that replaced it, a step further."""
        line = self._line(window, whole)
        while line["closed_at"] is None:
            following = self._pursue(window, line)
            if following is None:
                return
            line = following
        if line["status"] == AVAILABLE:
            self.progress.available.append(line["request_id"])
            return
        parts = list(window.parts()) if self._report.days else []
        for part in parts:
            self.settle(part, line["line_id"])
        if not parts:
            self.progress.lost.append(
                f"{self._report.name} {window} is given up: Echo360 answered {line['status']} to "
                f"{ATTEMPTS} requests, the last one {line['request_id']}; give that id to "
                "Echo360's support, then run the DAG again for these days."
            )

    def look_at_queue(self) -> None:
        """Log how many wait for a slot, and for how long none has got one."""
        if self.progress.waiting:
            self.progress.slotless = self._slots.look_at_queue()

    # --- the line of a window ---------------------------------------------------------------------

    def _line(self, window: Window, whole: int | None) -> dict[str, Any]:
        """The line that a plan goes by: its own last one, one that it may share, or a new one."""
        line = self._lines.of(window, self._plan)
        if line is None:
            return self._begin(window, whole)
        if self._plan in line["plans"]:
            if not self._is_gone(line):
                return line
            others = {
                "runs": [run for run in line["runs"] if run != self._run],
                "plans": [plan for plan in line["plans"] if plan != self._plan],
            }
            self._lines.change(line, **others)
            return self._line(window, whole)
        status = self._status(line)
        why_again = self._why_again(window, line) if status == AVAILABLE else None
        if why_again is None:
            runs = list(dict.fromkeys([*line["runs"], self._run]))
            return self._lines.change(line, runs=runs, plans=[*line["plans"], self._plan])
        with self._conn.transaction():
            self._lines.change(
                line,
                status=status,
                closed_at=self._now,
                problem=f"requested again by a later run, {why_again}",
            )
            return self._begin(window, whole)

    def _status(self, line: dict[str, Any]) -> str | None:
        """As Echo360 lists it now: the run that submitted it may have died before it looked."""
        if line["request_id"] in self._landed:
            return AVAILABLE
        listed = self._listed.get(line["request_id"])
        status: str | None = listed.status if listed else line["status"]
        return status

    def _why_again(self, window: Window, line: dict[str, Any]) -> str | None:
        """Why another plan does not take the report that a line has; None where it does."""
        if self._reload:
            return "which loads again"
        if not self._is_complete(window, line["created"]):
            return "when there is more data"
        if self._landed.get(line["request_id"]):
            return "because what landed is held, undone or removed"
        return None

    def _is_gone(self, line: dict[str, Any]) -> bool:
        """Whether it gave way to another line, and Echo360 has deleted its report since."""
        was_available = line["closed_at"] is not None and line["status"] == AVAILABLE
        return was_available and self._status(line) in FAILED

    def _is_complete(self, window: Window, created: datetime) -> bool:
        """Whether a request of then has all that one of now would have."""
        if self._report.days is None:
            return created.date() >= window.first_day
        return created >= window.complete_at

    def _begin(self, window: Window, whole: int | None) -> dict[str, Any]:
        return self._lines.intend(
            window, whole, attempt=1, runs=[self._run], plans=[self._plan], reload=self._reload
        )

    # --- what becomes of it -----------------------------------------------------------------------

    def _pursue(self, window: Window, line: dict[str, Any]) -> dict[str, Any] | None:
        """One step of a current line.

        :returns: the line to go on with, or None where there is nothing to do but wait.
        """
        if line["request_id"] is not None:
            return self._look_at(window, line)
        candidates = self._candidates(window)
        if line["submitting_since"] is not None:
            mine = [r for r in candidates if r.request_id not in line["listed_before"]]
            if mine:
                oldest = min(mine, key=lambda r: (r.created or self._now, r.request_id))
                log.info(
                    "%s %s: its submission made %s", self._report.name, window, oldest.request_id
                )
                return self._answered(line, oldest)
            longer = self._lag * 2 ** min(line["submissions"] - 1, 8)
            patience = max(self._lag, min(longer, PATIENCE))
            if self._now < line["submitting_since"] + patience:
                self.progress.unknown.append(window)
                self.progress.in_flight.append(self._now - line["in_flight_since"])
                return None
        elif not line["reload"]:
            serving = [
                (r.created, r.request_id, r)
                for r in candidates
                if r.status in (PENDING, AVAILABLE)
                and r.created
                and self._is_complete(window, r.created)
            ]
            if serving:
                *_, newest = max(serving)
                log.info("%s %s: %s is adopted", self._report.name, window, newest.request_id)
                return self._answered(line, newest)
        return self._submit(window, line, candidates)

    def _look_at(self, window: Window, line: dict[str, Any]) -> dict[str, Any] | None:
        """What Echo360 says of a request that was submitted."""
        request_id = line["request_id"]
        if request_id in self._landed:
            self.progress.available.append(request_id)
            return None
        told = self._listed.get(request_id) or self._hook.request(request_id)
        if told is not None:
            status = told.status
        elif self._now < line["answered_at"] + self._lag:
            status = PENDING
        else:
            status = UNLISTED
        if status not in FAILED and status != line["status"]:
            self._lines.change(line, status=status)
        if status == AVAILABLE:
            self.progress.available.append(request_id)
            if line["created"] < self._now - SOON_DELETED:
                self.progress.aging.append(request_id)
            return None
        if status not in FAILED:
            if status != PENDING:
                log.warning(
                    "Request %s has the unknown status %r: waiting for it.",
                    request_id, status,
                )  # fmt: skip
            self.progress.pending.append(request_id)
            self.progress.in_flight.append(self._now - line["in_flight_since"])
            return None
        log.warning(
            "%s %s: request %s is %s (attempt %d of %d)",
            self._report.name, window, request_id, status, line["attempt"], ATTEMPTS,
        )  # fmt: skip
        with self._conn.transaction():
            closed = self._lines.change(
                line,
                status=status,
                closed_at=self._now,
                problem=f"Echo360 answered {status} to attempt {line['attempt']}",
            )
            if line["attempt"] >= ATTEMPTS:
                return closed
            return self._lines.intend(
                window,
                line["split_from"],
                attempt=line["attempt"] + 1,
                runs=line["runs"],
                plans=line["plans"],
                reload=line["reload"],
            )

    def _candidates(self, window: Window) -> list[ReportRequest]:
        """The listed requests for this window that no line has."""
        listed = [r for r in self._listed.values() if self._is_for(window, r)]
        taken = self._lines.taken([r.request_id for r in listed])
        return [r for r in listed if r.request_id not in taken]

    def _is_for(self, window: Window, request: ReportRequest) -> bool:
        is_ours = request.report in self._report.names
        return is_ours and request.asks_for(self._parameters(window))

    def _parameters(self, window: Window) -> dict[str, str]:
        if self._report.days is None:
            return {}
        return {"start": window.first_day.isoformat(), "end": window.end_day.isoformat()}

    # --- submitting -------------------------------------------------------------------------------

    def _submit(
        self, window: Window, line: dict[str, Any], candidates: list[ReportRequest]
    ) -> dict[str, Any] | None:
        """Take a slot and submit; the line says so before, and has the id at once after."""
        if line["problem"] and not self._afresh:
            self.progress.lost.append(line["problem"])
            return None
        pause = pause_left(line, self._pause, self._now)
        if pause > timedelta(0):
            self.progress.pauses.append(pause)
            return None
        refused_lately = line["refused_at"] and self._now < line["refused_at"] + self._lag
        if refused_lately or not self._slots.has_one_for(line, self._listed.values()):
            self.progress.waiting.append(window)
            return None
        before = line
        name = self._name
        submitting_since = self._lines.now()
        line = self._lines.change(
            line,
            submitting_since=submitting_since,
            submissions=line["submissions"] + 1,
            listed_before=[r.request_id for r in candidates],
            problem=None,
            in_flight_since=line["in_flight_since"] or submitting_since,
            waiting_since=None,
            yielding_since=None,
        )
        undone = ("submissions", "in_flight_since", "waiting_since")
        not_sent = {"submitting_since": None, **{column: before[column] for column in undone}}
        try:
            answer = self._hook.submit(name, self._parameters(window), self._output)
        except OutcomeUnknown as unknown:
            log.warning("%s", unknown)
            self.progress.unknown.append(window)
            self.progress.in_flight.append(self._now - line["in_flight_since"])
            return None
        except Refused as refusal:
            line = self._lines.change(line, **not_sent)
            return self._refused(window, line, refusal)
        except (PermanentFailure, TransientFailure):
            self._lines.change(line, **not_sent)
            raise
        log.info("Submitted %s %s: request %s", self._report.name, window, answer.request_id)
        self._listed[answer.request_id] = answer
        return self._answered(line, answer)

    @cached_property
    def _name(self) -> str:
        """The report's name as ``/reports`` has it."""
        if self._report.also_called is None:
            return self._report.name
        offered = self._hook.reports()
        return next((n for n in self._report.names if n in offered), self._report.name)

    def _refused(
        self, window: Window, line: dict[str, Any], refusal: Refused
    ) -> dict[str, Any] | None:
        """Never decided from words in the answer: a full listing means that no slot was free.

        The listing may lag: only a second refusal, after the lag, is one of the request itself.
        """
        self._listed = {r.request_id: r for r in self._hook.requests()}
        pending = sum(r.status == PENDING for r in self._listed.values())
        no_slot = refusal.status == 429 or pending >= SLOTS
        if no_slot or line["refused_at"] is None:
            log.info("%s %s: no slot is free, it seems (%s)", self._report.name, window, refusal)
            self._lines.change(
                line,
                refused_at=None if no_slot else self._lines.now(),
                waiting_since=line["waiting_since"] or self._now,
            )
            self.progress.waiting.append(window)
            return None
        problem = (
            f"Echo360 refuses the request for {self._report.name} {window} ({refusal}): correct "
            "what it says, then clear the task 'submit'."
        )
        self._lines.change(line, problem=problem, refused_at=None)
        self.progress.lost.append(problem)
        return None

    def _answered(self, line: dict[str, Any], request: ReportRequest) -> dict[str, Any]:
        answered_at = self._lines.now()
        return self._lines.change(
            line,
            request_id=request.request_id,
            status=request.status,
            created=request.created or answered_at,
            submitting_since=None,
            refused_at=None,
            problem=None,
            answered_at=answered_at,
            in_flight_since=line["in_flight_since"] or answered_at,
            waiting_since=None,
            yielding_since=None,
        )
