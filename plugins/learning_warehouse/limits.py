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
"""The same where a table is changed: whoever wants to read it queues behind."""

IDLE = timedelta(hours=1)
"""A transaction in which the warehouse is told nothing, because a vendor or a bucket is slow."""


def milliseconds(time: timedelta) -> int:
    """As PostgreSQL's settings have it."""
    return int(time.total_seconds() * 1000)
