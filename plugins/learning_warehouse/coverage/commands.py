"""What loads a day of a dataset again: the command, and what there is to know about it.

Knows the Params of the DAGs; runs nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.coverage.grid import State
from learning_warehouse.days import HEALED_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learning_warehouse.coverage.grid import Cell, Row

ConfAndNotes = tuple[dict[str, Any], *tuple[str, ...]]
"""Params for a DAG's run, then sentences on what the run does."""


@dataclass(frozen=True)
class Command:
    """What loads a day again.

    :param conf: the Params for the DAG's run.
    :param notes: sentences on what the run does.
    """

    dag_id: str
    conf: dict[str, Any]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For a shell."""
        return f"airflow dags trigger {self.dag_id} --conf {shlex.quote(json.dumps(self.conf))}"


def commands_for(
    row: Row, cell: Cell, deliveries: Iterable[dict[str, Any]], *, yesterday: date
) -> list[Command]:
    """The command that loads a cell's day, again if it was loaded before; one for each DAG of its
    source, for the ledger does not say which of them loads an origin.

    :param deliveries: the latest deliveries for it, as the ledger has them.
    :param yesterday: the last day that a run may be for.
    """
    conf, *notes = _conf(row, cell, list(deliveries), yesterday)
    return [Command(dag_id, conf, tuple(notes)) for dag_id in row.source.dag_ids]


def _conf(row: Row, cell: Cell, deliveries: list[dict[str, Any]], yesterday: date) -> ConfAndNotes:
    if row.dataset.kind == "log":
        return _of_logs(cell, deliveries, yesterday)
    chosen = {str(row.source.param): [row.dataset.name]}
    if row.dataset.kind == "snapshot":
        return (
            chosen,
            "The report has no dates: Echo360 tells what is so now, and a past day cannot be had "
            "any more.",
        )
    days = {"first_day": str(cell.day), "last_day": str(cell.day)}
    conf: dict[str, Any] = {**days, **chosen}
    if row.dataset.kind == "state":
        return _of_state(cell, conf)
    if cell.state is State.HELD:
        conf["accept_shrink"] = True
    if cell.loaded and (cell.settled or row.dataset.kind == "file"):
        conf["reload"] = True
    return (conf,)


def _of_state(cell: Cell, conf: dict[str, Any]) -> ConfAndNotes:
    """Of files without a date: the state at the end of a day, or what the vendor has now."""
    if cell.state is State.HELD:
        return ({**conf, "accept_shrink": True},)
    if cell.loaded:
        return (
            {**conf, "reload": True},
            "The run puts the state at the end of this day in place of the present one, until "
            "the vendor writes another version.",
        )
    return (
        conf,
        "The files have no date: the run takes what the vendor has now and was not loaded yet.",
    )


def _of_logs(cell: Cell, deliveries: list[dict[str, Any]], yesterday: date) -> ConfAndNotes:
    """Of tracking logs: the days are those of their delivery, not their own."""
    if cell.state is State.REJECTS:
        made = [
            line["made_at"].astimezone(UTC).date() for line in deliveries if line["rows_rejected"]
        ]
        if max(made, default=yesterday) > yesterday:
            return (
                {"replay_rejects": True},
                "edX delivered some of these lines today, which is no day for a run yet: this one "
                "reads all rejected lines again that are left, those of other days too; its other "
                "steps look for new logs.",
            )
        return (
            {**_span(made, cell.day), "replay_rejects": True},
            "The run reads the rejected lines again of all logs that edX delivered in these "
            "days; its other steps look for new logs.",
        )
    if cell.state is State.LOADED:
        delivered = [day for line in deliveries if (day := _delivered_on(line))]
        conf = {**_span(delivered, cell.day), "reload": True}
        note = (
            "The days are those in the names of the tars and logs that brought this one; every "
            "log in such a tar is read again."
        )
        if max(delivered, default=yesterday) > yesterday:
            return conf, note, "edX delivered it today: the run can be started tomorrow (UTC)."
        return conf, note
    last_day = min(cell.day + timedelta(days=HEALED_DAYS), yesterday)
    return (
        {"first_day": str(cell.day), "last_day": str(last_day)},
        "The days are those of delivery: the run looks through the tars and logs that edX "
        "delivered from this day on, and loads what is new in them.",
    )


def _delivered_on(delivery: dict[str, Any]) -> date | None:
    """The date in the name of the tar, or of the log by itself, that a log lies in."""
    name = str(delivery["tar"] or delivery["uri"]).rpartition("/")[2]
    found = re.search(r"\d{4}-\d\d-\d\d", name)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def _span(days: list[date], otherwise: date) -> dict[str, str]:
    """Params for a run over these days."""
    first_day, last_day = min(days, default=otherwise), max(days, default=otherwise)
    return {"first_day": str(first_day), "last_day": str(last_day)}
