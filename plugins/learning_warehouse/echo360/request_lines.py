"""The lines of ``ops.report_request``: what was asked of Echo360, and what became of it.

Knows the table and its lock; decides nothing, and asks Echo360 nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.echo360.windows import Window
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.limits import milliseconds
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from learning_warehouse.echo360.reports import Report
    from learning_warehouse.warehouse.connection import Connection

ROOM = "echo360/report_request"
"""Where the statements stand."""

LOCK_PATIENCE = timedelta(minutes=1)
"""How long to wait for others to have submitted."""
PENDING, AVAILABLE = "Pending", "Available"
FAILED = ("Expired", "Failed", "Missing")
UNLISTED = "Missing"
"""What a request is taken for that Echo360 does not know any more."""


class Busy(TransientFailure):
    """Others have been submitting for too long."""


def lock(conn: Connection, origin: str) -> None:
    """Be the only one to submit to this host until the transaction of ``conn`` is over.

    The transaction waits for Echo360 meanwhile.

    :raises Busy: others have been submitting for too long.
    """
    from psycopg.errors import LockNotAvailable

    values = {"milliseconds": milliseconds(LOCK_PATIENCE)}
    conn.execute(statement(ROOM, "lock_patience"), values)
    try:
        lock_dataset(conn, f"ops.report_request {origin}")
    except LockNotAvailable:
        raise Busy(
            f"Other tasks have been submitting to {origin} for {LOCK_PATIENCE}: the next try may "
            "find them done."
        ) from None


class RequestLines:
    """The lines of one report of one institution, each as a dict of the table's columns.

    :param origin: Echo360's host, as the ledger has it.
    """

    def __init__(self, conn: Connection, origin: str, report: Report) -> None:
        self._conn = conn
        self._origin = origin
        self._report = report

    def of(self, window: Window, plan: str) -> dict[str, Any] | None:
        """The last line of a window that the plan has a part in; else its current one, if any."""
        found = self._execute("of_window", **self._key(window), plan=plan)
        return found[0] if found else None

    def intend(
        self,
        window: Window,
        split_from: int | None,
        *,
        attempt: int,
        runs: list[str],
        plans: list[str],
        reload: bool,
    ) -> dict[str, Any]:
        """A new line, before anything is submitted."""
        return self._execute(
            "intend",
            **self._key(window),
            split_from=split_from,
            attempt=attempt,
            runs=runs,
            plans=plans,
            reload=reload,
        )[0]

    def change(self, line: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Write changes of a line down.

        :returns: the line as it is now.
        """
        return self._execute("change", **{**line, **changes})[0]

    def taken(self, request_ids: Sequence[str]) -> set[str]:
        """Those of these requests that a line of the institution has."""
        rows = self._execute("taken", origin=self._origin, request_ids=list(request_ids))
        return {row["request_id"] for row in rows}

    def in_flight(
        self, line: dict[str, Any], *, since: datetime, earliest_submission: datetime
    ) -> list[str | None]:
        """The requests of other lines that may be in flight and not listed; None for an unknown id.

        :param since: those that were submitted after it may not be listed yet.
        :param earliest_submission: those of unknown outcome that are older count no more.
        """
        rows = self._execute(
            "in_flight",
            origin=self._origin,
            line_id=line["line_id"],
            since=since,
            earliest_submission=earliest_submission,
        )
        return [row["request_id"] for row in rows]

    def before(self, line: dict[str, Any]) -> list[int]:
        """Whose turn comes before this line's: a line of each report and run that waits for a slot
        and had its last one longer ago.
        """
        return [row["line_id"] for row in self._execute("before", **line)]

    def pass_over(self, line_ids: Sequence[int]) -> None:
        """Take the place in the queue from the reports and runs of these lines."""
        self._conn.execute(statement(ROOM, "pass_over"), {"line_ids": list(line_ids)})

    def queue(self, report: str) -> dict[str, Any]:
        """``windows``: how many wait for a slot, of all reports and runs; ``waiting_since``: since
        when one of this report does; ``slot_taken_at``: when a slot was last taken, if one was.
        """
        return self._execute("queue", origin=self._origin, report=report)[0]

    def landed(self, windows: Sequence[Window]) -> dict[str, bool]:
        """The requests whose reports have landed, and whether that is spent for another run."""
        rows = self._execute(
            "landed",
            dataset=self._report.dataset.table,
            origin=self._origin,
            report=self._report.name,
            first_day=min(window.first_day for window in windows),
            end_day=max(window.end_day for window in windows),
        )
        return {row["request_id"]: row["is_spent"] for row in rows}

    def now(self) -> datetime:
        """By the warehouse's clock: those of two workers may be hours apart."""
        (row,) = self._execute("now")
        now: datetime = row["now"]
        return now

    def _key(self, window: Window) -> dict[str, Any]:
        return {
            "origin": self._origin,
            "report": self._report.name,
            "first_day": window.first_day,
            "end_day": window.end_day,
        }

    def _execute(self, section: str, **parameters: Any) -> list[dict[str, Any]]:
        return self._conn.execute(statement(ROOM, section), parameters).fetchall()


def find(conn: Connection, origin: str, request_id: str) -> tuple[Window, datetime, list[str]]:
    """The window of a request, when Echo360 made it, and the runs that it serves.

    :raises PermanentFailure: no line has it.
    """
    row = conn.execute(
        statement(ROOM, "find"), {"origin": origin, "request_id": request_id}
    ).fetchone()
    if row is None:
        raise PermanentFailure(
            f"ops.report_request does not know the request {request_id} of {origin}: clear the "
            "task 'submit' as well."
        )
    return Window(row["first_day"], row["end_day"]), row["created"], row["runs"]
