"""Days that are not kept any more: a merge leaves their rows out.

``ops.kept_since`` has the first day of each table that is kept; housekeeping moves it forward and
removes what was before. A late line, a reload or a rebuild brings nothing back. Knows staged
rows; what is removed of the table itself, housekeeping knows.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.warehouse.staging_table import Staged, StagingTable


def without_past_days(staging: StagingTable, batch: Sequence[Staged]) -> list[Staged]:
    """Take the rows of days that are not kept any more out of the staging table.

    To be called in the transaction of the merge, when it has locked the table.

    :returns: the batch, with these rows counted as filtered.
    """
    rule = "by_file" if staging.dataset.strategy == "replace_file" else "by_row"
    query = statement("merge/kept_since", rule).format(**staging.names())
    values = {
        "dataset": staging.dataset.table,
        "deliveries": [one.delivery.delivery_id for one in batch],
    }
    gone = {row["delivery_id"]: row["rows"] for row in staging.conn.execute(query, values)}
    return [
        dataclasses.replace(
            one, rows_filtered=one.rows_filtered + gone.get(one.delivery.delivery_id, 0)
        )
        for one in batch
    ]
