"""Where in the bucket the files of each dataset lie, and which of them a run is for.

Source: "Directory Structure" of Vocareum's document. In a date, padding is optional.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.dataset import Dataset

if TYPE_CHECKING:
    from learning_warehouse.window import Days

DAY = r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of one dataset.

    :param dataset: where their rows go.
    :param prefix: what follows ``org{orgid}/`` in their keys.
    :param pattern: the rest of the key; with a group ``year`` it is a file of a day, without one
        it is a file of the state as it is now.
    """

    dataset: Dataset
    prefix: str
    pattern: str

    def wanted(self, key: str, days: Days) -> bool:
        """Whether a run for ``days`` is for the file.

        :param key: the key, without ``org{orgid}/``.
        """
        found = re.fullmatch(re.escape(self.prefix) + self.pattern, key)
        if found is None:
            return False
        parts = found.groupdict()
        if "year" not in parts:
            return True
        try:
            return date(int(parts["year"]), int(parts["month"]), int(parts["day"])) in days
        except ValueError:
            return False


REGISTRY = (
    Files(
        dataset=Dataset(
            name="lab_sessions",
            table="vocareum.lab_sessions",
            strategy="replace_file",
            loose_tail=("concurrent_labs_count", "disconnects", "latency_time_ms"),
        ),
        prefix="lab_sessions/",
        pattern=rf"lab_sessions_{DAY}\.csv",
    ),
    Files(
        dataset=Dataset(
            name="enrollment",
            table="vocareum.enrollment",
            strategy="replace_file",
            left_out=("name",),
        ),
        prefix="enrollment/",
        pattern=r"course[^/]+/enrollment\.csv",
    ),
)
