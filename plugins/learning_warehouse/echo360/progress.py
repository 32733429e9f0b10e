"""The state of the windows of one report after a pass through the protocol.

Knows windows; knows neither Echo360 nor who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learning_warehouse.echo360.windows import Window


@dataclass
class Progress:
    """The state of the windows of one report.

    :param available: the ids of the requests that are ready.
    :param pending: the ids of those that Echo360 is working on.
    :param waiting: windows that wait for a free slot.
    :param unknown: windows whose submission has no known outcome yet.
    :param pauses: for how long each window that failed pauses before its next attempt.
    :param lost: a sentence for each window that there will be no report for.
    :param aging: of the available, those that Echo360 will delete soon and that have not landed.
    :param in_flight: for how long each of the pending and unknown has been in flight.
    :param slotless: for how long no window of any report or run has got a slot, while these wait.
    """

    available: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    waiting: list[Window] = field(default_factory=list)
    unknown: list[Window] = field(default_factory=list)
    pauses: list[timedelta] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    aging: list[str] = field(default_factory=list)
    in_flight: list[timedelta] = field(default_factory=list)
    slotless: timedelta = timedelta(0)

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for."""
        return bool(self.pending or self.waiting or self.unknown or self.pauses)

    def left(
        self, *, patience: timedelta, slot_patience: timedelta, waited: timedelta
    ) -> timedelta:
        """How much longer to wait for what is open; nothing where all of it has taken too long.

        :param patience: for how long a request may be in flight.
        :param slot_patience: for how long no slot may become free.
        :param waited: for how long somebody has been waiting: no more is counted.
        """
        left = [patience - min(flight, waited) for flight in self.in_flight] + self.pauses
        if self.waiting:
            left.append(slot_patience - min(self.slotless, waited))
        return min((one for one in left if one > timedelta(0)), default=timedelta(0))

    def __str__(self) -> str:
        return (
            f"{len(self.available)} available, {len(self.pending)} pending, "
            f"{len(self.waiting)} waiting for a slot, {len(self.unknown)} of unknown outcome, "
            f"{len(self.pauses)} pausing after a failure, {len(self.lost)} given up"
        )
