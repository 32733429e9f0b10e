"""Where in the bucket the files of each dataset lie, and which of them a run is for.

Source: "Directory Structure" of Vocareum's document. In a date, padding is optional.

Read whenever a DAG file is parsed; knows keys and days, and reads no bucket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from learning_warehouse.days import Days
from learning_warehouse.warehouse.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Collection

DAY = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
MONTH = r"(?P<year>\d{4})-(?P<month>\d{1,2})"
COURSE = r"course(?P<course>[^/]+)"

WEEK = 7
PREVIOUS_MONTH = 31
"""Days back from any day that reach into the month before."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of one dataset.

    :param dataset: where their rows go.
    :param prefix: what follows ``org{orgid}/`` in their keys.
    :param pattern: the rest of the key. With a group ``year`` it is a file of a day or a month;
        without one, a file of the state as it is now.
    :param look_back: days before the interval of a scheduled run whose files it also looks at, for
        the vendor rewrites them.
    """

    dataset: Dataset
    prefix: str
    pattern: str
    look_back: int = 0

    @property
    def dated(self) -> bool:
        """Whether a file is that of a day or a month."""
        return "(?P<year>" in self.pattern

    def name_of(self, key: str) -> str:
        """The name of a file in the ledger: its key, but for zeros that pad a date.

        So a day that is delivered once as 2026-1-5 and once as 2026-01-05 is there once.
        """
        folder, _, file = key.rpartition("/")
        return f"{folder}/{re.sub('-0(?=[0-9])', '-', file)}" if self.dated else key

    def covers(self, key: str) -> Days | None:
        """The days that a dated file is of.

        :param key: the key, without ``org{orgid}/``.
        :returns: None where the key is not that of such a file.
        """
        found = re.fullmatch(re.escape(self.prefix) + self.pattern, key)
        if found is None or not self.dated:
            return None
        parts = {part: int(digits) for part, digits in found.groupdict().items()}
        try:
            first = date(parts["year"], parts["month"], parts.get("day", 1))
        except ValueError:
            return None
        if "day" in parts:
            return Days(first, first)
        return Days(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))

    def wanted(self, key: str, days: Days, courses: Collection[str] = ()) -> bool:
        """Whether a run is for the file.

        :param key: the key, without ``org{orgid}/``.
        :param days: the run's days.
        :param courses: ids of the courses whose files it is for; none for all.
        """
        if self.dated:
            covered = self.covers(key)
            return (
                covered is not None
                and covered.first_day <= days.last_day
                and days.first_day <= covered.last_day
            )
        found = re.fullmatch(re.escape(self.prefix) + self.pattern, key)
        if found is None:
            return False
        course = found.groupdict().get("course")
        return not courses or course is None or course in courses


def _dataset(
    name: str, *, left_out: tuple[str, ...] = (), loose_tail: tuple[str, ...] = ()
) -> Dataset:
    return Dataset(
        name=name,
        table=f"vocareum.{name}",
        strategy="replace_file",
        left_out=left_out,
        loose_tail=loose_tail,
    )


REGISTRY = (
    Files(
        dataset=_dataset(
            "lab_sessions",
            loose_tail=("concurrent_labs_count", "disconnects", "latency_time_ms"),
        ),
        prefix="lab_sessions/",
        pattern=rf"lab_sessions_{DAY}\.csv",
        look_back=WEEK,
    ),
    Files(
        dataset=_dataset("aws_cost"),
        prefix="cloud_spend/",
        pattern=rf"aws_cost_{DAY}\.csv",
        look_back=WEEK,
    ),
    Files(
        dataset=_dataset("azure_cost"),
        prefix="cloud_spend/azure/",
        pattern=rf"azure_cost_{DAY}\.csv",
        look_back=WEEK,
    ),
    Files(
        dataset=_dataset("service_spend"),
        prefix="service_spend/",
        pattern=rf"service_spend_{MONTH}\.csv",
        look_back=PREVIOUS_MONTH,
    ),
    Files(
        dataset=_dataset("grades", left_out=("partnerid",)),
        prefix="grades/",
        pattern=rf"{COURSE}/grades\.csv",
    ),
    Files(
        dataset=_dataset("enrollment", left_out=("name",)),
        prefix="enrollment/",
        pattern=rf"{COURSE}/enrollment\.csv",
    ),
    Files(
        dataset=_dataset("course_mapping"),
        prefix="course-asn_mapping/",
        pattern=r"course_mapping\.csv",
    ),
    Files(
        dataset=_dataset("asn_mapping"),
        prefix="course-asn_mapping/",
        pattern=r"asn_mapping\.csv",
    ),
)
