"""What the landing zone keeps of erasures, so that a warehouse from an old backup, or a new one,
knows them: a note of each, with the tombstones.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Collection

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.connection import Connection

FOLDER = "erasure/tombstones/"


def write(
    zone: LandingZone,
    erasure_id: str,
    requested_at: datetime,
    due_at: datetime,
    hashes: Collection[bytes],
) -> None:
    """Write the note of an erasure; one that is there already is added to."""
    key = f"{FOLDER}{erasure_id}.json"
    if key in set(zone.keys(key)):
        earlier = json.loads(zone.get(key))
        hashes = {*hashes, *map(bytes.fromhex, earlier["tombstones"])}
        requested_at = datetime.fromisoformat(earlier["requested_at"])
        due_at = datetime.fromisoformat(earlier["due_at"])
    note = {
        "erasure_id": erasure_id,
        "requested_at": requested_at.isoformat(),
        "due_at": due_at.isoformat(),
        "tombstones": sorted(one.hex() for one in hashes),
    }
    zone.put(key, json.dumps(note, indent=1).encode())


def read_into_warehouse(conn: Connection, zone: LandingZone) -> int:
    """Enter the tombstones that only the landing zone has.

    :returns: how many erasures the warehouse did not know in full; they are open in it.
    """
    from learning_warehouse.warehouse.locks import lock_dataset
    from learning_warehouse.warehouse.tombstones import LOCK

    keys = list(zone.keys(FOLDER))
    notes = [json.loads(zone.get(key)) for key in keys]
    rows = conn.execute(statement("stewardship/erasure", "known"))
    known = {row["erasure_id"]: row["tombstones"] for row in rows}
    missing = [n for n in notes if known.get(n["erasure_id"], 0) < len(n["tombstones"])]
    for note in missing:
        with conn.transaction():
            lock_dataset(conn, LOCK)
            conn.execute(statement("stewardship/erasure", "enter"), note)
            bury(conn, note["erasure_id"], [bytes.fromhex(one) for one in note["tombstones"]])
    return len(missing)


def bury(conn: Connection, erasure_id: str, hashes: Collection[bytes]) -> None:
    """Enter tombstones of an erasure."""
    values = {"erasure_id": erasure_id, "hashes": list(hashes)}
    conn.execute(statement("stewardship/erasure", "bury"), values)
