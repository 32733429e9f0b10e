"""What the landing zone says of each delivery: its line of the ledger, in an object of its own.

A delivery's bytes do not tell when the vendor made them, or which of them belong together. With its
note a warehouse that is lost can be filled again from the landing zone alone. Knows the bucket and
the ledger; knows neither vendors nor what the bytes mean.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from learning_warehouse.landing import key_part
from learning_warehouse.warehouse import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

FOLDER = "ledger"
KEPT = (
    *("dataset", "origin", "name", "version", "made_at"),
    *("first_day", "end_day", "uri", "size", "details"),
)
"""What a note says; the rest of the line is what became of it in one warehouse."""


def key_of(line: Mapping[str, Any]) -> str:
    """Where the note of a delivery lies."""
    parts = line["dataset"], line["origin"], line["name"], line["version"]
    return f"{FOLDER}/{'/'.join(map(key_part, parts))}.json"


def write(zone: LandingZone, line: Mapping[str, Any]) -> None:
    """Write the note of a delivery whose bytes have landed.

    Called before its line of the ledger is committed, there is never a line without a note, and a
    note without a line is that of a delivery which the next try lands again.

    :param line: what ``ledger.deliver`` takes.
    """
    note = {name: line[name] for name in KEPT}
    zone.put(key_of(line), json.dumps(note, default=_as_text, indent=1).encode())


def read_into_ledger(
    conn: Connection, zone: LandingZone, dataset: str
) -> tuple[list[Delivery], int]:
    """Bring ledger and notes together: enter into each what only the other one has.

    The ledger has lines without notes of what landed before there were any.

    :param dataset: the table, with its schema.
    :returns: all deliveries of it that lie in the landing zone, in the order in which the vendor
        made them; and how many of them the ledger did not know.
    """
    known = {key_of(vars(d)): d for d in ledger.landed(conn, dataset=dataset, place=zone.url)}
    noted = set(zone.keys(f"{FOLDER}/{key_part(dataset)}/"))
    for key in known.keys() - noted:
        write(zone, vars(known[key]))
    missing = [_line(zone.get(key)) for key in noted - known.keys()]
    missing.sort(key=lambda line: (line["made_at"], line["version"]))
    with conn.transaction():
        entered = [ledger.deliver(conn, **line) for line in missing]
    in_order = sorted([*known.values(), *entered], key=lambda d: (d.made_at, d.version))
    return in_order, len(entered)


def _as_text(value: date) -> str:
    return value.isoformat()


def _line(note: bytes) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(note)
    line["made_at"] = datetime.fromisoformat(line["made_at"])
    for name in ("first_day", "end_day"):
        line[name] = line[name] and date.fromisoformat(line[name])
    return line
