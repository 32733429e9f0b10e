"""The kinds of events: which there are none for, and new ones for rows that are already there.

Knows ``edx.event_alias`` as SQL; how a load gives a line its kind, ``events`` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.warehouse.connection import connect
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection

MOST_KINDS = 50
"""How many event types a log lists."""


def unknown_kinds(conn: Connection, deliveries: Sequence[int]) -> str | None:
    """The explicit events without a kind that these deliveries brought, with their counts."""
    rows = conn.execute(
        statement("edx/kinds", "unknown"), {"deliveries": list(deliveries)}
    ).fetchall()
    if not rows:
        return None
    listed = [f"{row['rows']:>9} {row['event_type'][:200]!r}" for row in rows[:MOST_KINDS]]
    if len(rows) > MOST_KINDS:
        listed.append(f"and {len(rows) - MOST_KINDS} more")
    total = sum(row["rows"] for row in rows)
    return "\n".join(
        [f"{total} events have no kind: edx.event_alias does not know their types", *listed]
    )


class NameEventsOperator(BaseOperator):
    """Gives events that are already there the kinds of today, where the Param ``name_events`` asks.

    Month by month, each in a transaction of its own: what is interrupted is done again, and goes on
    where it was. Loads of edX's logs wait while a month is renamed.

    XCom: for each partition that had some, how many events got another kind.
    """

    def __init__(self, *, warehouse_conn_id: str = WAREHOUSE_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Go through the months."""
        if not context["params"].get("name_events"):
            raise AirflowSkipException("The Param name_events is not set.")
        with connect(self.warehouse_conn_id) as conn:
            named = name_events(conn)
        for partition, count in named.items():
            self.log.info("%s: %d events got another kind", partition, count)
        if not named:
            self.log.info("All events have their present kinds.")
        return named


def name_events(conn: Connection) -> dict[str, int]:
    """Give all events the kinds of today: how many got another one, by partition."""
    from psycopg import sql

    from learning_warehouse.warehouse.locks import lock_dataset

    months = conn.execute(statement("merge/partitions", "list"), {"table": EVENTS.table})
    named = {}
    for month in sorted(row["name"] for row in months.fetchall()):
        with conn.transaction():
            lock_dataset(conn, EVENTS.table)
            partition = sql.Identifier("edx", month)
            query = statement("edx/kinds", "name").format(partition=partition)
            (counted,) = conn.execute(query).fetchall()
        if counted["rows"]:
            named[month] = counted["rows"]
    return named
