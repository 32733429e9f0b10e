"""Keeps the tables of activity current: the days that changed are computed again.

A file of ``include/sql/activity`` says how a source's days are computed: what is needed of its rows
is read once, and the definition of each table is one SELECT from that. Knows which days there are
to do; what is computed of them, the definitions know.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

TABLES = {
    "edx": ("video", "problem_day", "session", "course_day"),
    "echo360": ("video", "course_day"),
    "vocareum": ("lab", "course_day"),
}
"""Which tables of the schema ``activity`` have days of a source, in the order in which they are
computed: a day of a course sums up what those before it say.
"""
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


def refresh(conn: Connection) -> int:
    """Compute the days that are due, each batch of them in one transaction with the note of it.

    What is interrupted goes on with the rest; of two runs at once each takes other batches, one
    after another.

    :returns: how many days were computed, counted for each source and origin.
    """
    done = 0
    for (source, everybody), most in MOST_DAYS.items():
        what = {"what": f"activity {source}", "everybody": everybody, "limit": most}
        while True:
            with conn.transaction():
                lock_dataset(conn, f"activity {source}")
                query = statement("people/to_refresh", "batch")
                conn.execute(statement("merge/append_once", "memory"))
                due = conn.execute(query, what).fetchall()
                if not due:
                    break
                _compute(conn, source, due)
            done += len(due)
            log.info("Computed the activity at %s of %d days", source, done)
    return done


def _compute(conn: Connection, source: str, due: list[dict[str, Any]]) -> None:
    from psycopg import sql

    from learning_warehouse.warehouse.catalogue import read_table

    values = {
        "source": source,
        "origins": [line["origin"] for line in due],
        "days": [line["day"] for line in due],
        "accounts": None,
    }
    if due[0]["accounts"] is not None:
        values["accounts"] = sorted({name for line in due for name in line["accounts"]})

    def run(query: sql.SQL | sql.Composed) -> None:
        conn.execute(query, values, prepare=False)  # A plan for these accounts, or for everybody.

    conn.execute(statement(f"activity/{source}", "prepare"))
    run(statement(f"activity/{source}", "read"))
    conn.execute(statement("activity/refresh", "analyze"))
    for table in TABLES[source]:
        names = [column.name for column in read_table(conn, f"activity.{table}").columns]
        parts = {
            "table": sql.Identifier("activity", table),
            "columns": sql.SQL(", ").join(map(sql.Identifier, [*names, "_origin"])),
            "definition": statement(f"activity/{source}", table),
        }
        for section in ("delete", "insert"):
            run(statement("activity/refresh", section).format(**parts))
    for table in TABLES[source]:
        query = statement("activity/refresh", "forget")
        conn.execute(
            query.format(table=sql.Identifier("activity", table)), {"dataset": f"activity.{table}"}
        )
