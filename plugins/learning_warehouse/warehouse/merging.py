"""From a staging table into the warehouse's, in one transaction: rows, rejects, ledger.

Any merge may be repeated, killed, or meet another one of the same rows, in any order of
deliveries. Knows the four strategies of ``include/sql/merge``; knows neither vendors nor bytes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse import ledger, partitions, staging
from learning_warehouse.warehouse.catalogue import Table, read_table
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery

    Stage = Callable[[Connection, Delivery], int]

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often a merge stages again what a crash of the server emptied."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of a delivery's rows; ``changed`` says whether the table is another now, by this
    merge or, as far as is known, by one that had committed when it was killed."""

    delivery_id: int
    dataset: str
    name: str
    rows_read: int = 0
    rows_merged: int = 0
    rows_duplicate: int = 0
    rows_superseded: int = 0
    rows_filtered: int = 0
    rows_rejected: int = 0
    changed: bool = False

    @property
    def rows_staged(self) -> int:
        """The rows that its staging table holds."""
        return self.rows_read - self.rows_rejected - self.rows_filtered


class _Held(PermanentFailure):
    """The delivery would shrink some parts of what stands by more than half."""

    def __init__(self, sentence: str, delivery_id: int, parts: list[str]) -> None:
        super().__init__(sentence)
        self.delivery_id = delivery_id
        self.parts = parts


def merge(
    conn: Connection,
    staged_id: int,
    dataset: Dataset,
    stage: Stage,
    *,
    reload: bool = False,
    accept_shrink: bool = False,
) -> Merged:
    """Merge what one attempt staged.

    :param staged_id: the attempt's line in ``ops.staged``.
    :param stage: stages the delivery again where a crash of the server emptied the table.
    :param reload: merge it even if it was merged before, or a newer delivery stands.
    :param accept_shrink: merge it even if a day or file loses more than half of its rows.
    :returns: the counts; those recorded before where it was merged already.
    :raises PermanentFailure: it is held, for it would shrink what stands.
    """
    for _ in range(ATTEMPTS):
        if dataset.strategy == "append_once":
            _ensure_partitions(conn, staged_id, dataset)
        merged = _merge_staged(conn, staged_id, dataset, reload=reload, accept_shrink=accept_shrink)
        if isinstance(merged, Merged):
            return merged
        log.warning(
            "The staging table of %s is gone, empty or outdated: staging again", merged.name
        )
        staged_id = stage(conn, merged)
    raise TransientFailure(
        f"{dataset.table}: the staging table was emptied {ATTEMPTS} times between stage and merge; "
        "look why the warehouse's server restarts, then clear this task."
    )


def _merge_staged(
    conn: Connection, staged_id: int, dataset: Dataset, *, reload: bool, accept_shrink: bool
) -> Merged | Delivery:
    """:returns: the counts, or the delivery that has to be staged again."""
    try:
        with conn.transaction():
            staged = _locked(conn, staged_id)
            if dataset.strategy != "append_once":
                conn.execute(statement("merge/lock"), {"dataset": dataset.table})
            delivery = conn.execute(
                statement("merge/lock_delivery"), {"delivery_id": staged["delivery_id"]}
            ).fetchone()
            assert delivery is not None
            if staged["merged_at"] or (delivery["status"] == "merged" and not reload):
                log.info("%s was merged before: nothing to do", delivery["name"])
                _finish_staged(conn, staged)
                recorded = _recorded(delivery)
                by_this = staged["merged_at"] is not None and recorded.rows_merged > 0
                return replace(recorded, changed=by_this)
            if not _is_intact(conn, staged, dataset):
                return ledger.find(conn, delivery["delivery_id"])
            merged = _merge_rows(
                conn, staged, delivery, dataset, reload=reload, accept_shrink=accept_shrink
            )
            _record(conn, staged, merged)
    except _Held as held:
        conn.execute(
            statement("merge/hold"),
            {"delivery_id": held.delivery_id, "problem": str(held), "parts": held.parts},
        )
        raise
    log.info(
        "Merged %s: %d of %d rows (%d duplicate, %d superseded, %d filtered, %d rejected)",
        merged.name, merged.rows_merged, merged.rows_read, merged.rows_duplicate,
        merged.rows_superseded, merged.rows_filtered, merged.rows_rejected,
    )  # fmt: skip
    return merged


def merge_replayed(conn: Connection, staged_id: int, dataset: Dataset) -> Merged:
    """Merge what was staged of a delivery's rejected rows, of a table with ``append_once``.

    They leave ``ops.rejected_row``, and the delivery's counts move with them, in one transaction;
    those that a rival took out of it first are left alone.

    :param staged_id: the attempt's line in ``ops.staged``.
    :returns: what became of the rows that were read again.
    """
    _ensure_partitions(conn, staged_id, dataset)
    with conn.transaction():
        staged = _locked(conn, staged_id)
        delivery = conn.execute(
            statement("merge/lock_delivery"), {"delivery_id": staged["delivery_id"]}
        ).fetchone()
        assert delivery is not None
        names = _names(read_table(conn, dataset.table), dataset, staged)
        conn.execute(statement("merge/replay", "still_rejected").format(**names), delivery)
        accepted = conn.execute(
            statement("merge/replay", "accept").format(**names), delivery
        ).rowcount
        left = staged["rows_rejected"] + staged["rows_filtered"]
        merged = Merged(
            delivery_id=delivery["delivery_id"],
            dataset=dataset.table,
            name=delivery["name"],
            rows_read=accepted + left,
            rows_rejected=left,
        )
        merged = _append_once(conn, names, merged, delivery, reload=False)
        if accepted:
            conn.execute(statement("merge/replay", "count"), vars(merged))
        _finish_staged(conn, staged)
    log.info(
        "Replayed %s: of %d rejected rows %d are merged and %d duplicate; %d stay rejected",
        merged.name, merged.rows_read, merged.rows_merged, merged.rows_duplicate,
        merged.rows_rejected,
    )  # fmt: skip
    return merged


def _locked(conn: Connection, staged_id: int) -> dict[str, Any]:
    staged = conn.execute(statement("merge/lock_staged"), {"staged_id": staged_id}).fetchone()
    if staged is None:
        raise PermanentFailure(
            f"ops.staged has no line {staged_id}: it was swept away; clear the task 'stage' as "
            "well."
        )
    return staged


def _recorded(delivery: dict[str, Any]) -> Merged:
    counts = {key: value for key, value in delivery.items() if key.startswith("rows_")}
    return Merged(
        delivery_id=delivery["delivery_id"],
        dataset=delivery["dataset"],
        name=delivery["name"],
        **counts,
    )


def _is_intact(conn: Connection, staged: dict[str, Any], dataset: Dataset) -> bool:
    """Whether the staging tables are there, with rows where the LOGGED line says so.

    A crash of the server empties an UNLOGGED table whole, and a migration may have given the target
    columns that the staging table lacks.
    """
    name, rejected = staged["table_name"], f"{staged['table_name']}_rejected"
    rows = staged["rows_read"] - staged["rows_rejected"] - staged["rows_filtered"]
    if _has_rows(conn, name, staging.staging_table(name)) != (rows > 0):
        return False
    columns = {column.name for column in read_table(conn, dataset.table).columns}
    if not columns <= {column.name for column in read_table(conn, f"staging.{name}").columns}:
        return False
    return staged["rows_rejected"] == 0 or bool(
        _has_rows(conn, rejected, staging.rejected_table(name))
    )


def _is_there(conn: Connection, name: str) -> bool:
    row = conn.execute(statement("merge/is_there"), {"table": f"staging.{name}"}).fetchone()
    return row is not None and bool(row["is_there"])


def _has_rows(conn: Connection, name: str, table: Any) -> bool | None:
    if not _is_there(conn, name):
        return None
    row = conn.execute(statement("merge/has_rows").format(staging=table)).fetchone()
    return row["has_rows"] if row else None


def _merge_rows(
    conn: Connection,
    staged: dict[str, Any],
    delivery: dict[str, Any],
    dataset: Dataset,
    *,
    reload: bool,
    accept_shrink: bool,
) -> Merged:
    table = read_table(conn, dataset.table)
    merged = Merged(
        delivery_id=delivery["delivery_id"],
        dataset=dataset.table,
        name=delivery["name"],
        rows_read=staged["rows_read"],
        rows_filtered=staged["rows_filtered"],
        rows_rejected=staged["rows_rejected"],
    )
    names = _names(table, dataset, staged)
    if dataset.strategy == "append_once":
        return _append_once(conn, names, merged, delivery, reload=reload)
    return _replace(
        conn, dataset, names, merged, delivery, reload=reload, accept_shrink=accept_shrink
    )


def _names(table: Table, dataset: Dataset, staged: dict[str, Any]) -> dict[str, Any]:
    """The identifiers that the templates of ``include/sql/merge`` take."""
    from psycopg import sql

    identifiers = {c.name: sql.Identifier(c.name) for c in table.columns}
    return {
        "target": table.identifier,
        "staging": staging.staging_table(staged["table_name"]),
        "columns": sql.SQL(", ").join(identifiers.values()),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
        "clock": identifiers[dataset.clock] if dataset.clock else sql.SQL("NULL"),
    }


# --- replacing ------------------------------------------------------------------------------------


def _replace(
    conn: Connection,
    dataset: Dataset,
    names: dict[str, Any],
    merged: Merged,
    delivery: dict[str, Any],
    *,
    reload: bool,
    accept_shrink: bool,
) -> Merged:
    template = "replace_window" if dataset.strategy == "replace_window" else "replace_whole"
    whole = delivery["first_day"] if dataset.strategy == "snapshot" else delivery["name"]
    values = {**delivery, "part": str(whole), "rows_staged": merged.rows_staged}

    def run(section: str, **parameters: Any) -> Any:
        query = statement(f"merge/{template}", section).format(**names)
        return conn.execute(query, {**values, **parameters})

    parts = run("compare").fetchall()
    mine = delivery["delivery_id"]
    older = [p for p in parts if p["stands_newer"] and p["standing"] != mine and not reload]
    current = [p for p in parts if p not in older]
    confirmed = [p for p in current if p["unchanged"]]
    renewed = [p for p in current if not p["unchanged"]]
    shrinking = [p for p in renewed if p["rows_brought"] * 2 < p["rows_present"]]
    if shrinking and not accept_shrink:
        raise _hold(dataset, delivery, shrinking, reload=reload)
    if renewed:
        run("delete", parts=[p["part"] for p in renewed])
        run("insert", parts=[p["part"] for p in renewed], is_all=renewed == parts)
    conn.execute(
        statement("merge/stand"),
        {
            **values,
            "parts": [p["part"] for p in current],
            "confirmed": [p["part"] for p in confirmed],
        },
    )
    _name_successors(conn, mine, older, renewed)
    brought = [p for p in confirmed if p["standing"] == mine] + renewed
    return replace(
        merged,
        rows_merged=_rows(brought),
        rows_duplicate=_rows([p for p in confirmed if p["standing"] != mine]),
        rows_superseded=_rows(older),
        changed=any(p["rows_brought"] or p["rows_present"] for p in renewed),
    )


def _rows(parts: list[dict[str, Any]]) -> int:
    return sum(p["rows_brought"] for p in parts)


def _hold(
    dataset: Dataset, delivery: dict[str, Any], shrinking: list[dict[str, Any]], *, reload: bool
) -> _Held:
    losses = ", ".join(
        f"{p['part']} from {p['rows_present']} to {p['rows_brought']} rows" for p in shrinking[:5]
    )
    parts = [p["part"] for p in shrinking]
    days = [delivery["first_day"], delivery["end_day"] and delivery["end_day"] - timedelta(days=1)]
    if dataset.strategy == "replace_window":
        days = [parts[0], parts[-1]]
    again = ["accept_shrink"]
    if dataset.strategy == "replace_window":
        again.append("reload")  # A day that is complete is not asked for without.
    if all(days):
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        again += [f"first_day {days[0]}", f"last_day {min(str(days[1]), str(yesterday))}"]
    if reload:
        again = ["the Params of this run and accept_shrink"]
    return _Held(
        f"{delivery['name']} is held, for it would shrink {losses}: look at it in the landing zone "
        f"and, if the vendor means it, run again for {dataset.name} alone with {', '.join(again)}.",
        delivery["delivery_id"],
        parts,
    )


def _name_successors(
    conn: Connection, mine: int, older: list[dict[str, Any]], renewed: list[dict[str, Any]]
) -> None:
    """Let a line of which nothing stands any more, this one or another, name its successor."""
    pairs = [(p["standing"], mine) for p in renewed if p["standing"] is not None]
    pairs += [(mine, p["standing"]) for p in older]
    if pairs:
        conn.execute(
            statement("merge/name_successors"),
            {"replaced": [a for a, _ in pairs], "successors": [b for _, b in pairs]},
        )


# --- appending ------------------------------------------------------------------------------------


def _ensure_partitions(conn: Connection, staged_id: int, dataset: Dataset) -> None:
    """Make the partitions for what was staged, before and outside the transaction that fills them.

    A staging table that is gone has none to make: the merge stages it again and comes back.
    """
    table = read_table(conn, dataset.table)
    if not table.partitioned:
        return
    assert dataset.clock is not None
    staged = conn.execute(statement("merge/find_staged"), {"staged_id": staged_id}).fetchone()
    if staged is None or not _is_there(conn, staged["table_name"]):
        return
    query = statement("merge/append_once", "months").format(**_names(table, dataset, staged))
    months = [row["month"] for row in conn.execute(query)]
    partitions.ensure_months(conn, table, dataset.clock, months)


def _append_once(
    conn: Connection,
    names: dict[str, Any],
    merged: Merged,
    delivery: dict[str, Any],
    *,
    reload: bool,
) -> Merged:
    from psycopg.errors import UniqueViolation
    from psycopg.sql import Composed

    def run(*sections: str) -> int:
        parts = [statement("merge/append_once", section).format(**names) for section in sections]
        return conn.execute(Composed(parts), delivery).rowcount

    taken_out = run("take_out") if reload else 0
    run("memory")
    try:
        with conn.transaction():
            inserted = run("insert")
    except UniqueViolation:
        inserted = run("insert", "or_leave")
    return replace(
        merged,
        rows_merged=inserted,
        rows_duplicate=merged.rows_staged - inserted,
        changed=inserted > 0 or taken_out > 0,
    )


# --- the ledger's side ----------------------------------------------------------------------------


def _record(conn: Connection, staged: dict[str, Any], merged: Merged) -> None:
    delivery = {"delivery_id": merged.delivery_id}
    conn.execute(statement("merge/forget_rejects"), delivery)
    if merged.rows_rejected:
        rejected = staging.rejected_table(staged["table_name"])
        conn.execute(statement("merge/reject").format(rejected=rejected), delivery)
    counts = {key: value for key, value in vars(merged).items() if key.startswith("rows_")}
    conn.execute(statement("merge/finish_delivery"), {**delivery, **counts})
    _finish_staged(conn, staged)


def _finish_staged(conn: Connection, staged: dict[str, Any]) -> None:
    staging.drop_staged(conn, staged["table_name"])
    conn.execute(statement("merge/finish_staged"), {"staged_id": staged["staged_id"]})
