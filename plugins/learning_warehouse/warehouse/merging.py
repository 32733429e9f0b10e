"""From the staging table into the warehouse's, in one transaction for a batch of deliveries: rows,
rejects, ledger.

Any merge may be repeated, killed, or meet another one of the same rows, in any order of
deliveries. Knows the ledger and which strategy a table has; knows neither vendors nor bytes.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.appending import append_once, ensure_partitions, insert_once
from learning_warehouse.warehouse.batches import Held, Merged, Outcome, Removed
from learning_warehouse.warehouse.erasing import without_erased
from learning_warehouse.warehouse.keeping import without_past_days
from learning_warehouse.warehouse.locks import lock_dataset, lock_deliveries, share_dataset
from learning_warehouse.warehouse.replacing import replace
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery, Task
    from learning_warehouse.warehouse.staging_table import Staged, StagingTable

log = logging.getLogger(__name__)


def merge(
    staging: StagingTable,
    batch: Sequence[Staged],
    *,
    by: Task,
    reload: bool = False,
    accept_shrink: bool = False,
) -> Outcome:
    """Merge staged deliveries of one origin, none of which touches a day or file of another.

    :param reload: merge them even if they were merged before, or a newer delivery is current.
    :param accept_shrink: merge them even if a day or file loses more than half of its rows.
    :returns: the counts of each that is merged, by this merge or by one before; and what is not.
    """
    conn, dataset = staging.conn, staging.dataset
    if dataset.strategy == "append_once":
        ensure_partitions(staging)
    with conn.transaction():
        batch = without_erased(staging, batch)
        # A reload deletes rows, and then inserts in the order of the key: it would deadlock with
        # others that insert the same rows meanwhile.
        lock = share_dataset if dataset.strategy == "append_once" and not reload else lock_dataset
        lock(conn, dataset.table)
        lines = {
            line["delivery_id"]: line
            for line in lock_deliveries(conn, [one.delivery.delivery_id for one in batch])
        }
        before = {n for n, line in lines.items() if line["status"] == "merged"}
        due = [one for one in batch if reload or one.delivery.delivery_id not in before]
        gone = {n: line["removed_at"] for n, line in lines.items() if line["removed_at"]}
        removed = [
            Removed(one.delivery, gone[one.delivery.delivery_id])
            for one in due
            if one.delivery.delivery_id in gone
        ]
        due = [one for one in due if one.delivery.delivery_id not in gone]
        due = without_past_days(staging, due)
        if dataset.strategy == "append_once":
            outcome = append_once(staging, due, reload=reload)
        else:
            outcome = replace(staging, due, reload=reload, accept_shrink=accept_shrink)
        # Of a reload that is held the line stays as it was.
        newly_held = [h for h in outcome.held if h.delivery.delivery_id not in before]
        outcome.removed = removed
        _record(staging, outcome.merged, newly_held, by)
    for one in outcome.merged:
        log.info(
            "Merged %s: %d of %d rows (%d duplicate, %d superseded, %d filtered, %d erased, "
            "%d rejected)",
            one.name, one.rows_merged, one.rows_read, one.rows_duplicate, one.rows_superseded,
            one.rows_filtered, one.rows_erased, one.rows_rejected,
        )  # fmt: skip
    if reload:
        outcome.merged = [
            dataclasses.replace(one, changed=one.changed or _has_merged(by, lines[one.delivery_id]))
            for one in outcome.merged
        ]
    else:
        outcome.merged += [merged_before(lines[n], by=by) for n in sorted(before)]
    return outcome


def all_merged_before(
    conn: Connection, dataset: Dataset, delivery_ids: Sequence[int], *, by: Task
) -> list[Merged]:
    """What became of those of these deliveries that had been merged."""
    if not delivery_ids:
        return []
    with conn.transaction():
        if dataset.strategy != "append_once":
            lock_dataset(conn, dataset.table)
        lines = lock_deliveries(conn, delivery_ids)
    return [merged_before(line, by=by) for line in lines if line["status"] == "merged"]


def merged_before(line: dict[str, Any], *, by: Task) -> Merged:
    """What became of a delivery that had been merged.

    :param line: its line of ``ops.delivery``.
    """
    log.info("%s was merged before: nothing to do", line["name"])
    counts = {key: line[key] for key in line if key in Merged.__dataclass_fields__}
    return Merged(**counts, changed=_has_merged(by, line))


def _has_merged(task: Task, line: dict[str, Any]) -> bool:
    """Whether an earlier try of a task merged rows of that delivery, perhaps without reporting
    it."""
    its_task = (line["dag_id"], line["run_id"], line["task_id"])
    return line["status"] == "merged" and its_task == task and line["rows_merged"] > 0


def merge_replayed(staging: StagingTable, staged: Staged) -> Merged:
    """Merge what was staged of a delivery's rejected rows, of a table with ``append_once``.

    They leave ``ops.rejected_row``, and the delivery's counts move with them, in one transaction;
    those that another session took first are skipped.

    :returns: what became of the rows that were read again.
    """
    ensure_partitions(staging)
    conn, line = staging.conn, {"delivery_id": staged.delivery.delivery_id}
    names = staging.names()
    with conn.transaction():
        share_dataset(conn, staging.dataset.table)
        lock_deliveries(conn, [staged.delivery.delivery_id])
        (staged,) = without_past_days(staging, [staged])
        conn.execute(statement("merge/replay", "still_rejected").format(**names), line)
        accepted = conn.execute(statement("merge/replay", "accept").format(**names), line).rowcount
        left = staged.rows_rejected + staged.rows_filtered
        (staged,) = without_erased(staging, [staged])
        (inserted,) = insert_once(staging, [staged]).values() or (0,)
        merged = Merged(
            delivery_id=staged.delivery.delivery_id,
            dataset=staging.dataset.table,
            name=staged.delivery.name,
            rows_read=accepted + left,
            rows_merged=inserted,
            rows_duplicate=accepted - inserted - staged.rows_erased,
            rows_erased=staged.rows_erased,
            rows_rejected=left,
            changed=inserted > 0,
        )
        if accepted:
            conn.execute(statement("merge/ledger", "replayed"), vars(merged))
    log.info(
        "Replayed %s: of %d rejected rows %d are merged, %d duplicate, %d erased; %d stay rejected",
        merged.name, merged.rows_read, merged.rows_merged, merged.rows_duplicate,
        merged.rows_erased, merged.rows_rejected,
    )  # fmt: skip
    return merged


def parts_of(delivery: Delivery, dataset: Dataset) -> set[str]:
    """The days that a delivery may replace; of a table that is not replaced by days, its file."""
    if dataset.strategy == "snapshot":
        return {str(delivery.first_day)}
    if dataset.strategy == "replace_window":
        assert delivery.first_day is not None
        assert delivery.end_day is not None
        days = (delivery.end_day - delivery.first_day).days
        return {str(delivery.first_day + timedelta(days=n)) for n in range(days)}
    return {delivery.name}


def _record(
    staging: StagingTable, merged: Sequence[Merged], held: Sequence[Held], by: Task
) -> None:
    conn = staging.conn
    ids = [one.delivery_id for one in merged] + [h.delivery.delivery_id for h in held]
    conn.execute(statement("merge/ledger", "forget_rejects"), {"deliveries": ids})
    if any(one.rows_rejected for one in merged) or any(h.staged.rows_rejected for h in held):
        reject = statement("merge/ledger", "reject").format(rejected=staging.rejected)
        conn.execute(reject, {"deliveries": ids})
    if merged:
        counts = [key for key in Merged.__dataclass_fields__ if key.startswith("rows_")]
        values = {key: [getattr(one, key) for one in merged] for key in counts}
        values["deliveries"] = [one.delivery_id for one in merged]
        conn.execute(statement("merge/ledger", "merged"), {**values, **by._asdict()})
    for one in held:
        conn.execute(
            statement("merge/ledger", "held"),
            {
                "delivery_id": one.delivery.delivery_id,
                "problem": str(one),
                "parts": one.parts,
                "rows_read": one.staged.rows_read,
                "rows_filtered": one.staged.rows_filtered,
                "rows_erased": one.staged.rows_erased,
                "rows_good": one.staged.rows_good,
                "rows_rejected": one.staged.rows_rejected,
                **by._asdict(),
            },
        )
