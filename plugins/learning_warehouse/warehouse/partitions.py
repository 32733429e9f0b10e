"""The months of a table that is partitioned by time: made when rows for them come.

A partition is made apart and then attached, with a CHECK that already says what it holds: readers
of the table never wait. Attaching needs a short lock; it is given up after some seconds and the
task tried again, rather than queueing in front of everybody's queries.

Knows months and locks; knows no rows.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import TransientFailure
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection


def partition_of(table: Table, month: date) -> Any:
    """The quoted name of the partition for the month that begins on ``month``."""
    from psycopg import sql

    return sql.Identifier(table.schema, _name(table, month))


def ensure_months(conn: Connection, table: Table, clock: str, months: list[date]) -> None:
    """Make and attach the partitions that ``table`` does not have yet.

    To be called outside a transaction: each partition is one of its own.

    :param clock: the column by which the table is partitioned.
    :param months: the first days of the months.
    :raises TransientFailure: somebody holds the table for longer than the lock time-out.
    """
    from psycopg import sql
    from psycopg.errors import LockNotAvailable

    rows = conn.execute(
        statement("merge/partitions", "list"), {"table": f"{table.schema}.{table.name}"}
    )
    there = {row["name"] for row in rows}
    for month in months:
        if _name(table, month) in there:
            continue
        names = {
            "target": table.identifier,
            "partition": partition_of(table, month),
            "clock": sql.Identifier(clock),
            "bounds": sql.Identifier(f"{_name(table, month)}_bounds"),
            "month": sql.SQL("{}::timestamptz").format(sql.Literal(month)),
            "next_month": sql.SQL("{}::timestamptz").format(sql.Literal(_next(month))),
        }
        try:
            _make(conn, table, month, names)
        except LockNotAvailable:
            raise TransientFailure(
                f"{table.schema}.{table.name} is locked by another session, so that no partition "
                f"for {month:%Y-%m} can be attached: end the statement that holds the lock "
                "(pg_stat_activity); the next try continues."
            ) from None


def _make(conn: Connection, table: Table, month: date, names: dict[str, Any]) -> None:
    dataset = f"partitions of {table.schema}.{table.name}"
    with conn.transaction():
        conn.execute(statement("merge/partitions", "lock_timeout"))
        lock_dataset(conn, dataset)
        there = conn.execute(
            statement("merge/partitions", "is_there"),
            {"table": f"{table.schema}.{_name(table, month)}"},
        ).fetchone()
        if there is not None and there["is_there"]:
            return
        for step in ("create", "attach", "drop_bounds"):
            conn.execute(statement("merge/partitions", step).format(**names))


def _name(table: Table, month: date) -> str:
    return f"{table.name}_{month:%Y_%m}"


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
