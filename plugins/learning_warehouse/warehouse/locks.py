"""What a merge locks, in one order for all: the row of its table, then the lines of its deliveries.

They are locks of rows that only the loader's login may take: an advisory lock could be taken, and
kept, by anybody who reads the warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.warehouse.connection import Connection


def lock_dataset(conn: Connection, name: str) -> None:
    """Wait for other merges of a table, and hold back later ones until the transaction ends.

    :param name: the table with its schema, or whatever else is to be done by one at a time.
    """
    _lock(conn, name, "dataset")


def share_dataset(conn: Connection, name: str) -> None:
    """Wait until no other session has locked a table, and let none lock it until the transaction
    ends; others may share it meanwhile.
    """
    _lock(conn, name, "share")


def _lock(conn: Connection, name: str, section: str) -> None:
    for step in ("enter", section):
        conn.execute(statement("merge/locks", step), {"dataset": name})


def lock_deliveries(conn: Connection, delivery_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Lock lines of ``ops.delivery``, by their ids.

    :returns: the lines, as they are now.
    """
    values = {"deliveries": list(delivery_ids)}
    return conn.execute(statement("merge/locks", "deliveries"), values).fetchall()
