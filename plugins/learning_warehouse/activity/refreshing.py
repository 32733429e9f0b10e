"""Keeps the tables of activity current: the days that changed are computed again.

The definition of a table is one SELECT for each source, in ``include/sql/activity``. Knows which
days there are to do; what is computed of them, the definition knows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

COURSE_DAY = "course_day"
MOST_DAYS = {
    ("edx", True): 1,
    ("edx", False): 1,
    ("echo360", True): 7,
    ("vocareum", True): 31,
}
"""How many days of a source are computed in one transaction, of everybody (True) or of the few
accounts whose rows changed; memory goes with it.
"""


def mark_all(conn: Connection) -> None:
    """Have all days computed again: those that have rows, and those that had."""
    conn.execute(statement("activity/refresh", "all"))


def refresh(conn: Connection, table: str) -> int:
    """Compute the days that are due, each batch of them in one transaction with the note of it.

    What is interrupted goes on with the rest; of two runs at once each takes other batches, one
    after another.

    :param table: a table of the schema ``activity``, such as ``course_day``.
    :returns: how many days were computed, counted for each source and origin.
    """
    done = 0
    for (source, everybody), most in MOST_DAYS.items():
        what = {"what": f"activity.{table} {source}", "everybody": everybody, "limit": most}
        while True:
            with conn.transaction():
                lock_dataset(conn, f"activity.{table}")
                query = statement("people/to_refresh", "batch")
                conn.execute(statement("merge/append_once", "memory"))
                due = conn.execute(query, what).fetchall()
                if not due:
                    break
                _compute(conn, table, source, due)
            done += len(due)
            log.info("Computed activity.%s of %s for %d days", table, source, done)
    return done


def _compute(conn: Connection, table: str, source: str, due: list[dict[str, Any]]) -> None:
    from psycopg import sql

    from learning_warehouse.warehouse.catalogue import read_table

    names = [column.name for column in read_table(conn, f"activity.{table}").columns]
    values = {
        "source": source,
        "origins": [line["origin"] for line in due],
        "days": [line["day"] for line in due],
        "accounts": None,
    }
    if due[0]["accounts"] is not None:
        values["accounts"] = sorted({name for line in due for name in line["accounts"]})
    parts = {
        "table": sql.Identifier("activity", table),
        "columns": sql.SQL(", ").join(map(sql.Identifier, [*names, "_origin"])),
        "definition": statement(f"activity/{table}", source),
    }
    for section in ("delete", "insert"):
        query = statement("activity/refresh", section).format(**parts)
        conn.execute(query, values, prepare=False)  # A plan for these accounts, or for everybody.
