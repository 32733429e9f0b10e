"""Rejected lines of tracking logs, read again with the rules of today.

A line that was no event once may be one now: its time was ahead, or the reader has learned a new
form. Knows the ledger; how a line is read and merged, ``staging`` and ``merging``
know.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, Asset, BaseOperator

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.days import days_of, names_days
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.errors import Failures
from learning_warehouse.steps.links import LEDGER, shown
from learning_warehouse.steps.loading import hand_on_counts
from learning_warehouse.warehouse.connection import connect, connected
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.batches import Merged
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.staging_table import StagingTable


class ReplayRejectsOperator(BaseOperator):
    """Reads rejected lines again, log by log, where the Param ``replay_rejects`` is set.

    All that are left; where the Params name days, those of the logs that edX put into the bucket
    in these days, in a tar or as single files. What is an event now goes to ``edx.event`` as a line
    of its log and leaves ``ops.rejected_row``; what is none stays there. Reads the Params
    ``skip_heartbeat`` (a line that it leaves out stays rejected) and ``dry_run`` (nothing is read
    again) too.

    XCom: for each log what became of the lines that were read again.
    """

    operator_extra_links = shown(LEDGER)

    def __init__(self, *, warehouse_conn_id: str = WAREHOUSE_CONN_ID, **kwargs: Any) -> None:
        self.asset = Asset(EVENTS.table)
        super().__init__(outlets=[self.asset], **kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Replay log by log."""
        from learning_warehouse.warehouse.staging_table import StagingTable

        given = context["params"]
        if not given.get("replay_rejects"):
            raise AirflowSkipException("The Param replay_rejects is not set.")
        with connect(self.warehouse_conn_id) as conn:
            left = self._left(conn, context)
        lines = sum(left.values())
        self.log.info("%d rejected lines are left of %d logs", lines, len(left))
        if given.get("dry_run"):
            raise AirflowSkipException(f"A dry run: {lines} rejected lines would be read again.")
        LEDGER.say_lines(self, context, list(left))
        merged: list[dict[str, Any]] = []
        failures = Failures()
        skip_heartbeat = bool(given.get("skip_heartbeat"))
        staging: StagingTable | None = None
        with connected(self.warehouse_conn_id) as warehouse:
            for delivery_id in left:
                with failures.apart(f"delivery {delivery_id}"):
                    conn = warehouse()
                    if staging is None or staging.conn is not conn:
                        staging = StagingTable(conn, EVENTS)
                    counts = replay(staging, delivery_id, skip_heartbeat=skip_heartbeat)
                    merged.append(asdict(counts))
        return hand_on_counts(context, self.asset, merged, failures)

    def _left(self, conn: Connection, context: Context) -> dict[int, int]:
        """Delivery id → how many rejected lines it has."""
        days = days_of(context) if names_days(context["params"]) else None
        rows = conn.execute(
            statement("edx/replay"),
            {
                "dataset": EVENTS.table,
                "first_day": days and days.first_day,
                "end_day": days and days.end_day,
            },
        )
        return {row["delivery_id"]: row["rows_rejected"] for row in rows}


def replay(staging: StagingTable, delivery_id: int, *, skip_heartbeat: bool = False) -> Merged:
    """Read the rejected lines of a log again, and merge those that are events now.

    :param staging: an empty one of ``edx.event``; it is empty again afterwards.
    """
    from learning_warehouse.edx.staging import stage_rejects
    from learning_warehouse.warehouse import ledger, merging

    delivery = ledger.find(staging.conn, delivery_id)
    try:
        staged = stage_rejects(staging, delivery, skip_heartbeat=skip_heartbeat)
        return merging.merge_replayed(staging, staged)
    finally:
        if not staging.conn.closed:
            staging.empty()
