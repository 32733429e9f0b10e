"""A run for each UTC day, started when the vendor is ready with it.

The data interval of a run is its day, [00:00, 24:00), so that a backfill by dates means what it
says. Only the start is later; a later cron would shift the intervals.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DagRunInfo
from airflow.timetables.interval import CronDataIntervalTimetable

if TYPE_CHECKING:
    from airflow.timetables.base import DataInterval, TimeRestriction


class UTCDays(CronDataIntervalTimetable):
    """A run for each UTC day.

    :param start_after: how long after the day's close its run starts.
    """

    def __init__(self, *, start_after: timedelta = timedelta(0)) -> None:
        super().__init__("0 0 * * *", "UTC")
        self.start_after = start_after

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"each UTC day, {self.start_after} after its close"

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

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """The next day, and when its run may start."""
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        if info is None or info.data_interval is None:
            return info
        return DagRunInfo(
            run_after=info.data_interval.end + self.start_after, data_interval=info.data_interval
        )
