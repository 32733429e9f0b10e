"""Appending: rows are inserted that are not there yet, by the table's key (append_once).

Knows the statements of ``include/sql/merge/append_once.sql``; ``merging`` writes the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning_warehouse.warehouse import partitions
from learning_warehouse.warehouse.batches import Outcome, merged, values_of
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.warehouse.staging_table import Staged, StagingTable


def ensure_partitions(staging: StagingTable) -> None:
    """Make the partitions for what was staged, outside of the transaction that fills them."""
    if not staging.table.partitioned:
        return
    assert staging.dataset.clock is not None
    query = statement("merge/append_once", "months").format(**staging.names())
    rows = staging.conn.execute(query, {"dataset": staging.dataset.table})
    months = [row["month"] for row in rows]
    partitions.ensure_months(staging.conn, staging.table, staging.dataset.clock, months)


def append_once(staging: StagingTable, due: Sequence[Staged], *, reload: bool) -> Outcome:
    """Insert what is not there yet; with ``reload`` after taking out what they had brought."""
    days_taken_out = 0
    if reload:
        query = statement("merge/append_once", "take_out").format(**staging.names())
        days_taken_out = staging.conn.execute(query, values_of(staging, due)).rowcount
    inserted = insert_once(staging, due)
    outcome = Outcome()
    for one in due:
        new = inserted.get(one.delivery.delivery_id, 0)
        outcome.merged.append(
            merged(
                staging,
                one,
                rows_merged=new,
                rows_duplicate=one.rows_good - new,
                changed=new > 0 or days_taken_out > 0,
            )
        )
    return outcome


def insert_once(staging: StagingTable, due: Sequence[Staged]) -> dict[int, int]:
    """:returns: of each delivery how many rows were not there yet."""
    from psycopg.errors import UniqueViolation
    from psycopg.sql import Composed

    if not due:
        return {}
    names, values = staging.names(), values_of(staging, due)

    def run(*sections: str) -> dict[int, int]:
        parts = [statement("merge/append_once", section).format(**names) for section in sections]
        rows = staging.conn.execute(Composed(parts), values)
        return {row["delivery_id"]: row["rows"] for row in rows}

    staging.conn.execute(statement("merge/append_once", "memory"))
    try:
        with staging.conn.transaction():
            return run("insert", "counts")
    except UniqueViolation:
        return run("insert", "or_leave", "counts")
