"""What to do about a day, or about all gaps: the commands, and what there is to know about them.

Knows the Params of the DAGs; runs nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from learning_warehouse.coverage.grid import State
from learning_warehouse.days import HEALED_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learning_warehouse.coverage.grid import Cell, Row
    from learning_warehouse.pages.sources import Source

ConfAndNotes = tuple[dict[str, Any] | None, *tuple[str, ...]]
"""Params for a DAG's run, None where no run helps; then sentences on it."""

NOT_OVER = "This day is not over (UTC): it can be loaded from tomorrow on."
HAS_LANDED = (
    "It has landed, so the vendor is not needed: clear the task that failed, or trigger "
    "warehouse_rebuild, which loads all that has landed and is not in the warehouse."
)


@dataclass(frozen=True)
class Command:
    """What starts a run.

    :param conf: the Params for the DAG's run.
    """

    dag_id: str
    conf: dict[str, Any]

    def __str__(self) -> str:
        """For a shell."""
        return f"airflow dags trigger {self.dag_id} --conf {shlex.quote(json.dumps(self.conf))}"


@dataclass(frozen=True)
class Advice:
    """What to do.

    :param commands: the command, once for each DAG of the source, because it is not known which of
        them loads an origin; none where no run helps.
    :param notes: sentences on it.
    """

    heading: str
    commands: tuple[Command, ...]
    notes: tuple[str, ...] = ()


def advice_for(
    row: Row, cell: Cell, deliveries: Iterable[dict[str, Any]], *, yesterday: date
) -> list[Advice]:
    """How to load a cell's day, again if it was loaded before; and what to do about rejected rows.

    No command is among it that would do no more than reject the same rows again.

    :param deliveries: the latest deliveries for it, as the ledger has them.
    :param yesterday: the last day that a run may be for.
    """
    said = list(deliveries)
    advice = []
    conf, *notes = _load(row, cell, said, yesterday)
    only_rejects = conf and conf.get("reload") and cell.rejects
    if not only_rejects:
        heading = "Load it again" if cell.loaded else "Load it"
        advice.append(Advice(heading, _commands(row.source, conf), tuple(notes)))
    if cell.rejects:
        conf, *notes = _rejected(row, cell, said, yesterday)
        advice.append(Advice("Rejected rows: what to do", _commands(row.source, conf), (*notes,)))
    return advice


def advice_for_gaps(rows: Iterable[Row], *, yesterday: date) -> list[Advice]:
    """How to load all gaps of these rows: a command for each DAG of each source that has some.

    :param yesterday: the last day that a run may be for.
    """
    advice = []
    by_source = groupby(rows, key=lambda row: row.source.title)
    for title, of_source in by_source:
        days: list[date] = []
        names: dict[str, None] = {}
        for row in of_source:
            gaps = [cell.day for cell in row.cells if cell.state is State.GAP]
            if not gaps or row.dataset.kind == "snapshot":
                continue
            if row.dataset.kind in ("day", "file"):
                gaps = [day for day in gaps if day <= yesterday]
            days += gaps
            names.update({row.dataset.name: None} if gaps else {})
            source = row.source
        if not days:
            continue
        first, last = min(*days, yesterday), min(max(days), yesterday)
        if source.param is None:
            last = min(last + timedelta(days=HEALED_DAYS), yesterday)
        conf: dict[str, Any] = {"first_day": str(first), "last_day": str(last)}
        if source.param is not None:
            conf[source.param] = list(names)
        heading = f"{title}: {len(days)} gap{'s' if len(days) > 1 else ''}"
        advice.append(Advice(heading, _commands(source, conf)))
    return advice


def _commands(source: Source, conf: dict[str, Any] | None) -> tuple[Command, ...]:
    return tuple(Command(dag_id, conf) for dag_id in source.dag_ids) if conf is not None else ()


def _load(row: Row, cell: Cell, deliveries: list[dict[str, Any]], yesterday: date) -> ConfAndNotes:
    if row.dataset.kind == "log":
        return _of_logs(cell, deliveries, yesterday)
    chosen: dict[str, Any] = {str(row.source.param): [row.dataset.name]}
    if row.dataset.kind == "snapshot":
        return _of_snapshot(cell, chosen, yesterday)
    conf = {"first_day": str(cell.day), "last_day": str(cell.day), **chosen}
    if row.dataset.kind == "state":
        return _of_state(cell, chosen if cell.day > yesterday else conf)
    if cell.day > yesterday:
        return (None, NOT_OVER)
    if cell.state is State.HELD:
        conf["accept_shrink"] = True
    if row.dataset.kind == "file" and cell.state is State.NEWER:
        return (conf, "The run tries again to load the newer version, and any that came since.")
    if cell.loaded and (cell.settled or row.dataset.kind == "file"):
        conf["reload"] = True
    return (conf,)


def _of_snapshot(cell: Cell, chosen: dict[str, Any], yesterday: date) -> ConfAndNotes:
    """Of the report without dates: only what is so now can be had."""
    if cell.waiting or cell.behind:
        return (None, HAS_LANDED)
    if cell.day > yesterday:
        return (chosen, "The report has no dates: the run keeps the present state.")
    return (
        None,
        "The report has no dates: Echo360 reports only the present state, so a past day cannot be "
        "loaded any more.",
    )


def _of_state(cell: Cell, conf: dict[str, Any]) -> ConfAndNotes:
    """Of files without a date: the state at the end of a day, or what the vendor has now."""
    if cell.state is State.HELD:
        return ({**conf, "accept_shrink": True},)
    if cell.loaded and not cell.behind and "first_day" in conf:
        return (
            {**conf, "reload": True},
            "The run replaces the present state with that at the end of this day, until the vendor "
            "writes another version.",
        )
    return (
        conf,
        "The files have no date: the run takes what the vendor has now and was not loaded yet.",
    )


def _of_logs(cell: Cell, deliveries: list[dict[str, Any]], yesterday: date) -> ConfAndNotes:
    """Of tracking logs: the days are those of their delivery, not their own."""
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
    if cell.day > yesterday:
        return (None, NOT_OVER)
    last_day = min(cell.day + timedelta(days=HEALED_DAYS), yesterday)
    return (
        {"first_day": str(cell.day), "last_day": str(last_day)},
        "The days are those of delivery: the run looks through the tars and logs that edX "
        "delivered from this day on, and loads what is new in them.",
    )


def _rejected(
    row: Row, cell: Cell, deliveries: list[dict[str, Any]], yesterday: date
) -> ConfAndNotes:
    if row.dataset.kind != "log":
        days = "" if row.dataset.kind == "snapshot" else " and this day as first_day and last_day"
        return (
            None,
            f"Loading the same bytes again would reject the same rows. Ask {row.source.title} to "
            "deliver them correctly; or, after an upgrade of this package that reads such rows, "
            f"trigger {' or '.join(row.source.dag_ids)} with reload{days}.",
        )
    upgrade = (
        "After an upgrade of this package that reads such lines, this run reads them again; "
        "without one they would be rejected again."
    )
    made = [line["made_at"].astimezone(UTC).date() for line in deliveries if line["rows_rejected"]]
    if max(made, default=yesterday) > yesterday:
        return (
            {"replay_rejects": True},
            upgrade,
            "edX delivered some of these lines today, which a run cannot choose yet: this one "
            "reads all remaining rejected lines again, those of other days too; its other steps "
            "look for new logs.",
        )
    return (
        {**_span(made, cell.day), "replay_rejects": True},
        upgrade,
        "It reads the rejected lines of all logs that edX delivered in these days; its other "
        "steps look for new logs.",
    )


def _delivered_on(delivery: dict[str, Any]) -> date | None:
    """The date in the name of the tar, or of the single log, in which a log is."""
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
