"""What a warehouse that is filled from the landing zone has to know of requests to Echo360.

Knows the table of requests; asks Echo360 nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.echo360.reports import Report
    from learning_warehouse.steps.rebuild import Remember
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery


def remember_requests(report: Report) -> Remember:
    """How the lines of ``ops.report_request`` are restored of those that have landed.

    Without them the next scheduled run would not know since when it looks for what is missing, and
    a request of today would be made again.
    """

    def remember(conn: Connection, landed: Sequence[Delivery]) -> None:
        from learning_warehouse.warehouse.sql import statement

        newest = {(delivery.origin, delivery.name): delivery.version for delivery in landed}
        with conn.transaction():
            for delivery in landed:
                is_newest = newest[delivery.origin, delivery.name] == delivery.version
                conn.execute(
                    statement("echo360/remember"),
                    {
                        "origin": delivery.origin,
                        "report": report.name,
                        "first_day": delivery.first_day,
                        "end_day": delivery.end_day,
                        "runs": delivery.details.get("runs", []),
                        "request_id": delivery.version,
                        "created": delivery.made_at,
                        "closed_at": None if is_newest else delivery.made_at,
                    },
                )

    return remember
