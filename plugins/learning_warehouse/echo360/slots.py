"""Echo360's slots, and whose turn it is to take one.

A slot goes to the report and run that had its last one the longest time ago, so that neither a long
range nor a report of many requests keeps the others waiting.

Knows what is in flight, who waits and who pauses; knows neither when a window is requested nor why.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.echo360.request_lines import PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from learning_warehouse.echo360.report_request import ReportRequest
    from learning_warehouse.echo360.request_lines import RequestLines

log = logging.getLogger(__name__)

SLOTS = 3
"""Reports in flight that Echo360 allows an institution ("Limitations")."""
TURN = timedelta(minutes=2)
"""How long a free slot is left to those whose turn it is: they may have ended."""
PATIENCE = timedelta(minutes=15)
"""The longest time for which a submission of unknown outcome is looked for, and holds a slot."""
PAUSE = timedelta(minutes=10)
"""How long a window pauses after its first failure, and six times as long after the second: three
attempts outlast an hour's outage of Echo360."""


def pause_left(line: dict[str, Any], pause: timedelta, now: datetime) -> timedelta:
    """How much longer a window pauses after its last failure.

    :param pause: for how long it does after the first.
    """
    if line["attempt"] == 1:
        return timedelta(0)
    until: datetime = line["written_at"] + pause * 6 ** (line["attempt"] - 2)
    return until - now


class Slots:
    """The slots, as one pass over the windows of a report sees them, under the lock.

    :param now: by the warehouse's clock.
    :param lag: how late a submitted request may appear in the listing.
    """

    def __init__(self, lines: RequestLines, report: str, *, now: datetime, lag: timedelta) -> None:
        self._lines = lines
        self._report = report
        self._now = now
        self._lag = lag

    def has_one_for(self, line: dict[str, Any], listed: Iterable[ReportRequest]) -> bool:
        """Whether a slot is free for a window, and it is its turn; if not, its line says so.

        Who does not take a slot although it is their turn, loses their place.

        :param listed: everybody's requests.
        """
        free = SLOTS - self._in_flight(line, listed)
        waits: dict[str, Any] = {
            "waiting_since": line["waiting_since"] or self._now,
            "yielding_since": None,
        }
        if free > 0:
            before = self._lines.before({**line, **waits})
            waits["yielding_since"] = line["yielding_since"] or self._now
            if len(before) < free:
                return True
            if self._now >= waits["yielding_since"] + TURN:
                self._lines.pass_over(before)
                return True
        if any(line[column] != value for column, value in waits.items()):
            self._lines.change(line, **waits)
        return False

    def look_at_queue(self) -> timedelta:
        """Log how many wait for a slot.

        :returns: for how long no window has got one, while a window of this report waits.
        """
        queue = self._lines.queue(self._report)
        log.info(
            "%d windows of all reports and runs wait for one of %d slots; a slot was last taken "
            "at %s.", queue["windows"], SLOTS, queue["slot_taken_at"],
        )  # fmt: skip
        taken_at, waiting_since = queue["slot_taken_at"], queue["waiting_since"]
        return self._now - max(filter(None, (taken_at, waiting_since)), default=self._now)

    def _in_flight(self, line: dict[str, Any], listed: Iterable[ReportRequest]) -> int:
        """Everybody's pending requests, and ours that the listing does not show yet."""
        known = {r.request_id: r.status for r in listed}
        ours = self._lines.in_flight(
            line, since=self._now - self._lag, earliest_submission=self._now - PATIENCE
        )
        submitted = {id_ for id_ in ours if id_} - known.keys()
        return list(known.values()).count(PENDING) + len(submitted) + ours.count(None)
