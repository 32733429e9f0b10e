"""What Echo360 knows when: the data of a day is complete 48 hours after its close.

Until then some rows are missing and some are as they were first written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

DELAY = timedelta(hours=48)
MISSING = 0.10
"""The share of a day's rows that become known only after its close."""

WRONG = 0.05
"""The share that is corrected only after its close."""

CORRECTED = (
    "section_number", "presentation_name", "video_name", "media_name", "first_name", "role",
    "user_role", "question_role", "answer_role",
)  # fmt: skip


def known(
    campus: Campus, report: str, day: date, rows: Iterable[dict[str, Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    """All rows of a day as they are known at a time, which makes a difference if data is late."""
    if not campus.late:
        yield from rows
        return
    closed = datetime.combine(day + timedelta(days=1), time(), UTC)
    chance = campus.chance("late", report, day)
    for row in rows:
        fate, delay, column = chance.random(), chance.random(), chance.random()
        is_settled = now >= closed + delay * DELAY
        if row["event_timestamp"] > now or (fate < MISSING and not is_settled):
            continue
        is_right = fate < MISSING or fate >= MISSING + WRONG or is_settled
        yield row if is_right else _as_first_written(row, column)


def _as_first_written(row: dict[str, Any], chance: float) -> dict[str, Any]:
    columns = [column for column in CORRECTED if row.get(column)]
    column = columns[int(chance * len(columns))]
    return {**row, column: "Guest" if column.endswith("role") else f"{row[column]} (old)"}
