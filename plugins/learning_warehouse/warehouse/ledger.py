"""The ledger of deliveries: what a vendor handed over, and what became of it.

Knows the tables of ``ops``; knows no vendor, no bytes and no rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, NamedTuple

from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from learning_warehouse.warehouse.connection import Connection

LONGEST_HEADER = 200
"""Characters of a header that are recorded: all can be a part of a key."""


class Task(NamedTuple):
    """The task that loads, as the ledger names it."""

    dag_id: str
    run_id: str
    task_id: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A line of ``ops.delivery``; the table's comments say what each column means."""

    delivery_id: int
    dataset: str
    origin: str
    name: str
    version: str
    made_at: datetime
    first_day: date | None
    end_day: date | None
    uri: str
    size: int | None
    details: dict[str, Any]
    status: str
    problem: str | None
    removed_at: datetime | None

    @property
    def is_loaded(self) -> bool:
        """Whether it is merged, and was not undone since."""
        return self.status == "merged" and not self.details.get("undone")


def deliver(
    conn: Connection,
    *,
    dataset: str,
    origin: str,
    name: str,
    version: str,
    made_at: datetime,
    uri: str,
    size: int | None,
    first_day: date | None = None,
    end_day: date | None = None,
    details: dict[str, Any] | None = None,
) -> Delivery:
    """Enter a delivery into the ledger, or find the line that it has there already.

    :param made_at: when the vendor made it; must know its zone.
    :param uri: ``s3://bucket/key`` of its bytes, unchanged.
    :param size: bytes at that place.
    """
    line = {
        "dataset": dataset, "origin": origin, "name": name, "version": version, "made_at": made_at,
        "first_day": first_day, "end_day": end_day, "uri": uri, "size": size, "details": details,
    }  # fmt: skip
    (delivery,) = deliver_all(conn, [line])
    return delivery


def deliver_all(conn: Connection, lines: Sequence[Mapping[str, Any]]) -> list[Delivery]:
    """Enter deliveries, as ``deliver`` does with one, by one statement.

    :param lines: of each what ``deliver`` takes; no two are the same version of a name.
    :returns: them, in this order.
    """
    from psycopg.types.json import Jsonb

    said = [{**line, "details": line.get("details") or {}} for line in lines]
    values = {"lines": Jsonb(said, dumps=partial(json.dumps, default=methodcaller("isoformat")))}
    rows = conn.execute(statement("ops/ledger", "deliver"), values)
    entered = {_key(row): Delivery(**row) for row in rows}
    return [entered[_key(line)] for line in lines]


def _key(line: Mapping[str, Any]) -> tuple[str, ...]:
    return line["dataset"], line["origin"], line["name"], line["version"]


def find_all(conn: Connection, delivery_ids: Sequence[int]) -> list[Delivery]:
    """The deliveries with these ids, in their order.

    :raises LookupError: the ledger lacks one of them.
    """
    rows = conn.execute(statement("ops/ledger", "find"), {"deliveries": list(delivery_ids)})
    found = {row["delivery_id"]: Delivery(**row) for row in rows}
    for delivery_id in delivery_ids:
        if delivery_id not in found:
            raise LookupError(f"ops.delivery has no line {delivery_id}")
    return [found[delivery_id] for delivery_id in delivery_ids]


def find(conn: Connection, delivery_id: int) -> Delivery:
    """The delivery with that id.

    :raises LookupError: the ledger has no such line.
    """
    (found,) = find_all(conn, [delivery_id])
    return found


def versions(
    conn: Connection, *, dataset: str, origin: str, names: Iterable[str]
) -> dict[tuple[str, str], Delivery]:
    """What the ledger knows of these names: (name, version) → delivery."""
    rows = conn.execute(
        statement("ops/ledger", "versions"),
        {"dataset": dataset, "origin": origin, "names": list(names)},
    )
    return {(row["name"], row["version"]): Delivery(**row) for row in rows}


def of_listed(
    conn: Connection, *, dataset: str, origin: str, listed: Mapping[str, str]
) -> dict[tuple[str, str], Delivery]:
    """What decides what is to be done with files: (name, version) → delivery.

    Of each name the listed version, the latest, the latest that is loaded, and what waits.

    :param listed: the version that is listed of each name.
    """
    rows = conn.execute(
        statement("ops/ledger", "of_listed"),
        {
            "dataset": dataset,
            "origin": origin,
            "names": list(listed),
            "versions": list(listed.values()),
        },
    )
    return {(row["name"], row["version"]): Delivery(**row) for row in rows}


def newest(
    conn: Connection, *, dataset: str, origin: str, made_before: datetime | None
) -> list[Delivery]:
    """Of each name the version that the vendor made last.

    :param made_before: leave out what the vendor made at that time or later.
    """
    values = {"dataset": dataset, "origin": origin, "made_before": made_before}
    return [Delivery(**row) for row in conn.execute(statement("ops/ledger", "newest"), values)]


def first_day(conn: Connection, *, dataset: str, origin: str) -> date | None:
    """The earliest day that anything was delivered for; None if nothing was."""
    row = conn.execute(statement("ops/ledger", "first_day"), {"dataset": dataset, "origin": origin})
    found = row.fetchone()
    return found["first_day"] if found else None


def latest(lines: Iterable[Delivery]) -> dict[str, Delivery]:
    """Of each name the line of the version that the vendor made last."""
    return {line.name: line for line in sorted(lines, key=_age)}


def outdated(lines: Iterable[Delivery]) -> set[int]:
    """The ids of those lines of whose name a later version is loaded."""
    of_all = list(lines)
    loaded = latest(line for line in of_all if line.is_loaded)
    return {
        line.delivery_id
        for line in of_all
        if line.name in loaded and _age(line) < _age(loaded[line.name])
    }


def _age(line: Delivery) -> tuple[datetime, str]:
    return line.made_at, line.version


def landed(conn: Connection, *, dataset: str, place: str) -> list[Delivery]:
    """What lies in a bucket.

    :param place: what its URIs begin with, as in ``s3://bucket/``.
    """
    values = {"dataset": dataset, "place": place}
    return [Delivery(**row) for row in conn.execute(statement("ops/ledger", "landed"), values)]


def current_days(
    conn: Connection, *, dataset: str, origin: str, first_day: date, end_day: date
) -> dict[date, datetime]:
    """Which days of a table replaced by days are loaded, and when the vendor made what is current.

    :param first_day: the first of the days that are looked at.
    :param end_day: the day after the last one.
    """
    values = {"dataset": dataset, "origin": origin, "first_day": first_day, "end_day": end_day}
    rows = conn.execute(statement("ops/ledger", "current_days"), values)
    return {row["day"]: row["made_at"] for row in rows}


def note_failed_try(
    conn: Connection, delivery_ids: Sequence[int], sentence: str, *, by: Task
) -> None:
    """Record why a try to load these deliveries failed.

    :param by: the task that tried.
    """
    values = {"deliveries": list(delivery_ids), "sentence": sentence, **by._asdict()}
    conn.execute(statement("ops/ledger", "note_failed_try"), values)


def note_replaced(
    conn: Connection, *, dataset: str, origins: Iterable[str], is_appended: bool
) -> list[dict[str, Any]]:
    """Record which versions will never be merged, because a newer one is.

    :param is_appended: whether the table is appended to, and no delivery takes another's place.
    :returns: ``delivery_id`` and ``name`` of each.
    """
    values = {"dataset": dataset, "origins": list(origins), "is_appended": is_appended}
    return conn.execute(statement("ops/ledger", "note_replaced"), values).fetchall()


def note_schema_changes(
    conn: Connection,
    *,
    dataset: str,
    origin: str,
    changes: Mapping[tuple[str, str], int | None],
) -> list[tuple[str, str]]:
    """Record what the table does not know, and what the vendor did not send.

    :param changes: a header and its change, as the comments in ``ops.schema_change`` have it, to
        the delivery in which it was seen. Of a very long header the beginning is recorded.
    :returns: those that were not recorded before.
    """
    if not changes:
        return []
    noted = conn.execute(
        statement("ops/ledger", "note_schema_changes"),
        {
            "dataset": dataset,
            "origin": origin,
            "headers": [header[:LONGEST_HEADER] for header, _ in changes],
            "changes": [change for _, change in changes],
            "deliveries": list(changes.values()),
        },
    )
    return [(row["header"], row["change"]) for row in noted]
