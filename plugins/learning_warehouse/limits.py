"""For how long a task, and what it does in the warehouse, may take.

Read whenever a DAG file is parsed; knows nothing else.
"""

from __future__ import annotations

from datetime import timedelta

TASK = timedelta(hours=12)
"""A try of a task, and each of its statements in the warehouse. Echo360's deferred wait is no part
of it."""

LOCK = timedelta(minutes=10)
"""The wait for a lock in the warehouse."""

DDL_LOCK = timedelta(seconds=5)
"""The same where a table is changed: its readers have to wait meanwhile."""

IDLE = timedelta(hours=1)
"""A transaction that sends no statement, because a vendor or a bucket is slow."""


def milliseconds(time: timedelta) -> int:
    """As PostgreSQL's settings have it."""
    return int(time.total_seconds() * 1000)
