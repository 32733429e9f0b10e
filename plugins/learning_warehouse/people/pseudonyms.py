"""The task that keeps the pseudonyms of people for research.

Knows purposes and people; what research sees of them, the views of the schema ``research`` say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.warehouse.connection import connect
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection

PURPOSE = "^[a-z][a-z0-9_]{0,62}$"
"""What a purpose may be called: it is the name of a role."""

SMALLEST_CELL = 10
"""Of fewer people than this nothing is summed up, unless the purpose has another number."""


class PseudonymsOperator(BaseOperator):
    """Gives each person a random pseudonym for each purpose, and takes away what is discarded.

    Reads the Params ``discard_purpose``, ``open_purpose`` and ``smallest_cell``, in this order:
    with one name for both, everybody gets another pseudonym.

    XCom: for each purpose how many people have a pseudonym; without a purpose the task ends
    skipped.
    """

    def __init__(self, *, warehouse_conn_id: str = WAREHOUSE_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Discard, open, and bring up to date."""
        given = context["params"]
        with connect(self.warehouse_conn_id) as conn:
            if purpose := given.get("discard_purpose"):
                if discard(conn, purpose):
                    self.log.info("The pseudonyms of %s are discarded.", purpose)
                else:
                    self.log.warning("There is no purpose %s, or it is discarded already.", purpose)
            people = refresh(
                conn, given.get("open_purpose"), given.get("smallest_cell") or SMALLEST_CELL
            )
        if not people:
            raise AirflowSkipException("There is no purpose that has pseudonyms.")
        for purpose, count in people.items():
            self.log.info("%s: %d people have a pseudonym", purpose, count)
        return people


def discard(conn: Connection, purpose: str) -> bool:
    """Throw away who the pseudonyms of a purpose are, from the table's file too.

    Done again, it goes on where it was interrupted.

    :returns: whether there was such a purpose.
    """
    with conn.transaction():
        lock_dataset(conn, "stewardship.pseudonym")
        gone = conn.execute(statement("people/pseudonyms", "discard"), {"purpose": purpose})
    conn.execute(statement("people/pseudonyms", "wipe"))
    return gone.rowcount > 0


def refresh(conn: Connection, purpose: str | None, smallest_cell: int) -> dict[str, int]:
    """Give a pseudonym to each person who has none, for each purpose.

    :param purpose: one to open, or whose smallest cell is to be changed.
    :returns: for each purpose how many people have one.
    """
    values = {"purpose": purpose, "smallest_cell": smallest_cell}
    with conn.transaction():
        lock_dataset(conn, "stewardship.pseudonym")
        for section in (*(["open"] if purpose else []), "forget", "add"):
            conn.execute(statement("people/pseudonyms", section), values)
        counts = conn.execute(statement("people/pseudonyms", "counts")).fetchall()
    return {row["purpose"]: row["people"] for row in counts}
