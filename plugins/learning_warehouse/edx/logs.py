"""What is loaded from edX, and with which connections.

Read whenever a DAG file is parsed; knows neither tars nor lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning_warehouse.warehouse.dataset import Dataset

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.merging import Stage


EVENTS = Dataset(name="event", table="edx.event", strategy="append_once", clock="time")


def stage_logs_of(conn_id: str) -> Stage:
    """How a tracking log is staged whose bucket has that connection."""

    def stage(conn: Connection, delivery: Delivery, *, skip_heartbeat: bool = False) -> int:
        from learning_warehouse.edx.staging import stage_member

        return stage_member(conn, delivery, skip_heartbeat=skip_heartbeat, conn_id=conn_id)

    return stage
