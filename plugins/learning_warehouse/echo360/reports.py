"""The registry of Echo360's reports.

A report's columns are in its CREATE TABLE; here is what the table cannot say.

Read whenever a DAG file is parsed; knows neither the API nor the warehouse.
"""

from __future__ import annotations

from datetime import timedelta

from learning_warehouse.warehouse.dataset import Dataset

DELIMITERS = {",": "comma", "\t": "tab", "|": "pipe"}
"""What may separate the values of a report ("Output")."""


class Report:
    """A report that Echo360 makes on request.

    :param days: the longest window, in days, of one request; None for a report without dates,
        which tells what is so at the time of the request.
    :param reach: how far back it may be requested, from the time of the request; None where no
        limit is known.
    :param also_called: another name by which ``/reports`` may list it.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        days: int | None,
        reach: timedelta | None = None,
        also_called: str | None = None,
    ) -> None:
        self.dataset = dataset
        self.days = days
        self.reach = reach
        self.also_called = also_called

    @property
    def name(self) -> str:
        """The report's name in Echo360's document."""
        return self.dataset.name

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it may have."""
        return (self.name, self.also_called) if self.also_called else (self.name,)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of a request for it."""
        return ("start", "end") if self.days else ()


def _dated(name: str, *, also_called: str | None = None) -> Report:
    """A report of events, each at its ``event_timestamp``."""
    dataset = Dataset(
        name=name,
        table=f"echo360.{name}",
        strategy="replace_window",
        clock="event_timestamp",
    )
    return Report(dataset=dataset, days=7, also_called=also_called)


_REPORTS = (
    Report(
        dataset=Dataset(
            name="asset", table="echo360.asset", strategy="snapshot", clock="snapshot_day"
        ),
        days=None,
    ),
    Report(
        dataset=Dataset(
            name="assetbydate", table="echo360.assetbydate", strategy="snapshot", clock="day"
        ),
        days=1,
        reach=timedelta(days=365),
    ),
    _dated("presentation"),
    _dated("videoview"),
    _dated("liveviews"),
    _dated("viewsessions"),
    _dated("viewsessiondetails"),
    _dated("confused"),
    _dated("polling"),
    _dated("pollingv2"),
    _dated("qanda"),
    _dated("qanda2", also_called="qandav2"),
    _dated("notes"),
)

REPORTS = {report.name: report for report in _REPORTS}
