"""Replacing: of a UTC day or a file the newest delivery's rows are current (replace_window,
replace_file, snapshot).

Knows the statements of ``include/sql/merge/replace*.sql``; ``merging`` writes the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.batches import Held, Outcome, merged, values_of
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from learning_warehouse.warehouse.staging_table import Staged, StagingTable

    Part = dict[str, Any]
    """A UTC day or a file: what a delivery brings for it, beside what is current."""


def replace(
    staging: StagingTable, due: Sequence[Staged], *, reload: bool, accept_shrink: bool
) -> Outcome:
    """Replace what is current by what these deliveries bring, unless it is older or would shrink
    it too far.
    """
    by_window = staging.dataset.strategy == "replace_window"
    strategy = "merge/replace_window" if by_window else "merge/replace_whole"
    values = values_of(staging, due)
    names = staging.names()
    names["is_renewed"] = statement(strategy, "is_renewed").format(**names)

    def run(name: str, section: str, **parameters: Any) -> Any:
        query = statement(name, section).format(**names)
        return staging.conn.execute(query, {**values, **parameters})

    parts = run(strategy, "compare").fetchall() if due else []
    older: list[Part] = []
    confirmed: list[Part] = []
    renewed: list[Part] = []
    for p in parts:
        if p["is_older"] and p["current"] != p["delivery_id"] and not reload:
            older.append(p)
        else:
            (confirmed if p["unchanged"] else renewed).append(p)
    outcome = Outcome()
    if not accept_shrink:
        shrinking = _by_delivery(p for p in renewed if p["rows_brought"] * 2 < p["rows_present"])
        outcome.held = [
            _held(staging, one, shrinking[one.delivery.delivery_id], reload=reload)
            for one in due
            if one.delivery.delivery_id in shrinking
        ]
        due = [one for one in due if one.delivery.delivery_id not in shrinking]
        older, confirmed, renewed = (
            [p for p in some if p["delivery_id"] not in shrinking]
            for some in (older, confirmed, renewed)
        )
    replaced = [p for p in renewed if p["current"] is not None]
    if staging.table.has_day:
        run("merge/changed_day", "rows", changed=[p["current"] for p in replaced])
    if replaced:
        run(
            strategy,
            "delete",
            parts=[p["part"] for p in replaced],
            replaced=[p["current"] for p in replaced],
        )
    if renewed:
        run(
            "merge/replace",
            "insert",
            parts=[p["part"] for p in renewed],
            renewed=[p["delivery_id"] for p in renewed],
            is_all=values["is_all"] and len(renewed) == len(parts),
        )
        changed = [p for p in renewed if p["rows_brought"] or p["rows_present"]]
        if staging.table.has_day:
            days = "rows"
        else:
            days = "files" if staging.dataset.strategy == "replace_file" else "parts"
        run(
            "merge/changed_day",
            days,
            parts=[p["part"] for p in changed],
            changed=[p["delivery_id"] for p in changed],
        )
    if confirmed or renewed:
        made = {one.delivery.delivery_id: one.delivery for one in due}
        run(
            "merge/replace",
            "make_current",
            parts=[p["part"] for p in confirmed + renewed],
            deliveries=[p["current"] for p in confirmed] + [p["delivery_id"] for p in renewed],
            made_at=[made[p["delivery_id"]].made_at for p in confirmed + renewed],
            versions=[made[p["delivery_id"]].version for p in confirmed + renewed],
        )
    if replaced or older:
        run(
            "merge/replace",
            "name_successors",
            replaced=[p["current"] for p in replaced] + [p["delivery_id"] for p in older],
            successors=[p["delivery_id"] for p in replaced] + [p["current"] for p in older],
        )
    superseded, kept, brought = map(_by_delivery, (older, confirmed, renewed))
    for one in due:
        mine = one.delivery.delivery_id
        outcome.merged.append(
            merged(
                staging,
                one,
                rows_merged=_rows(p for p in kept[mine] if p["current"] == mine)
                + _rows(brought[mine]),
                rows_duplicate=_rows(p for p in kept[mine] if p["current"] != mine),
                rows_superseded=_rows(superseded[mine]),
                changed=any(p["rows_brought"] or p["rows_present"] for p in brought[mine]),
            )
        )
    return outcome


def _by_delivery(parts: Iterable[Part]) -> defaultdict[int, list[Part]]:
    grouped = defaultdict(list)
    for part in parts:
        grouped[part["delivery_id"]].append(part)
    return grouped


def _rows(parts: Iterable[Part]) -> int:
    return sum(p["rows_brought"] for p in parts)


def _held(staging: StagingTable, one: Staged, shrinking: list[Part], *, reload: bool) -> Held:
    dataset, delivery = staging.dataset, one.delivery
    losses = ", ".join(
        f"{p['part']} from {p['rows_present']} to {p['rows_brought']} rows" for p in shrinking[:5]
    )
    parts = [p["part"] for p in shrinking]
    if one.rows_rejected > one.rows_good:
        # Accepted, it would take good rows away for rows that cannot be read.
        return Held(
            f"{delivery.name} is held, because {one.rows_rejected} of its {one.rows_read} rows "
            f"were rejected ({_first_reason(staging, one)}), and without them it would shrink "
            f"{losses}: look at it in the landing zone. If it is damaged, ask the vendor for a "
            "good version, which the next run loads; if not, this package cannot read it yet.",
            one,
            parts,
        )
    days: list[Any] = [
        delivery.first_day,
        delivery.end_day and delivery.end_day - timedelta(days=1),
    ]
    if dataset.strategy == "replace_window":
        days = [parts[0], parts[-1]]
    again = ["accept_shrink"]
    if dataset.strategy == "replace_window":
        again.append("reload")  # A day that is complete is not requested again without.
    if all(days):
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        again += [f"first_day {days[0]}", f"last_day {min(str(days[1]), str(yesterday))}"]
    if reload:
        again = ["the Params of this run and accept_shrink"]
    return Held(
        f"{delivery.name} is held, because it would shrink {losses}: look at it in the landing "
        f"zone and, if it is right, run again for {dataset.name} alone with {', '.join(again)}.",
        one,
        parts,
    )


def _first_reason(staging: StagingTable, one: Staged) -> str:
    query = statement("merge/replace", "first_reason").format(rejected=staging.rejected)
    row = staging.conn.execute(query, {"delivery_id": one.delivery.delivery_id}).fetchone()
    assert row is not None
    return f"line {row['line']}: {row['reason']}"
