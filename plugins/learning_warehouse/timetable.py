"""A run for each UTC day, started when the vendor is ready with it.

The data interval of a run is its day, [00:00, 24:00), so that a backfill by dates means what it
says. Only the start is later.

Knows UTC days; knows no vendor. Airflow stores the path of this module: it stays here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction

DAY = timedelta(days=1)


class UTCDays(Timetable):
    """A run for each UTC day.

    :param start_after: how long after the day's close its run starts.
    """

    description = "A run for each UTC day, once it is over"

    def __init__(self, *, start_after: timedelta = timedelta(0)) -> None:
        self.start_after = start_after

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        hours, minutes = divmod(self.start_after.total_seconds() // 60, 60)
        return f"{hours:02.0f}:{minutes:02.0f} UTC, for the day before"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UTCDays) and self.start_after == other.start_after

    def __hash__(self) -> int:
        return hash(self.start_after)

    def serialize(self) -> dict[str, Any]:
        """For the metadata database."""
        return {"start_after": self.start_after.total_seconds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> UTCDays:
        """From the metadata database."""
        return cls(start_after=timedelta(seconds=data["start_after"]))

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """The last day that was over then."""
        end = _midnight(run_after)
        return DataInterval(end - DAY, end)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """The next day, and when its run may start; without catchup none before yesterday."""
        starts = []
        if restriction.earliest is not None:
            starts.append(_midnight(restriction.earliest + DAY - timedelta.resolution))
        if not restriction.catchup:
            starts.append(_midnight(pendulum.now("UTC")) - DAY)
        if last_automated_data_interval is not None:
            # The DAG may have had another schedule: no day is skipped, none has a second run.
            last_start, last_end = last_automated_data_interval
            starts += [_midnight(last_start) + DAY, _midnight(last_end)]
        if not starts:
            return None
        start = max(starts)
        if restriction.latest is not None and start > restriction.latest:
            return None
        end = start + DAY
        return DagRunInfo(run_after=end + self.start_after, data_interval=DataInterval(start, end))


def _midnight(moment: pendulum.DateTime) -> pendulum.DateTime:
    """The beginning of its UTC day."""
    return moment.in_timezone("UTC").start_of("day")
