"""What is loaded from edX, and with which connections.

Read whenever a DAG file is parsed; knows neither tars nor lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning_warehouse.warehouse.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader


EVENTS = Dataset(name="event", table="edx.event", strategy="append_once", clock="time")


def logs_of(conn_id: str) -> Callable[..., Reader]:
    """What reads the tracking logs of the bucket with that connection."""

    def reader(deliveries: Sequence[Delivery], *, skip_heartbeat: bool = False) -> Reader:
        from learning_warehouse.edx.staging import log_reader

        return log_reader(deliveries, skip_heartbeat=skip_heartbeat, conn_id=conn_id)

    return reader
