"""Accounts and people: who the sources speak of, and who is the same person.

Knows the statements of ``include/sql/people``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

LOCK = "people"
"""What is locked while accounts are entered and matched, so that two runs do so one after another.
"""

SOURCES = (("vocareum", True), ("echo360", True), ("edx", True), ("edx", False))
"""Each source, and whether days of everybody are entered or days of a few accounts."""
MOST_DAYS = 31
"""How many days' accounts are entered in one transaction."""

MATCHING = (
    "keys",
    "addresses",
    "forget_conflicts",
    "claimed_twice",
    "shared_addresses",
    "edges",
    "disagreeing",
    "link",
)


def enter_accounts(conn: Connection) -> int:
    """Enter the accounts of all days that merges changed since this was last done.

    Each batch of days is a transaction of its own: what is interrupted goes on with the rest.

    :returns: how many days there were, counted for each source and origin.
    """
    with conn.transaction():
        lock_dataset(conn, LOCK)
        conn.execute(statement("people/to_refresh", "take"))
    days = 0
    for source, everybody in SOURCES:
        seen = statement("people/account", source if everybody else f"{source}_names")
        what = {"what": f"people.account {source}", "everybody": everybody, "limit": MOST_DAYS}
        while True:
            with conn.transaction():
                lock_dataset(conn, LOCK)
                due = conn.execute(statement("people/to_refresh", "batch"), what).fetchall()
                if not due:
                    break
                lines = [(line, name) for line in due for name in line["accounts"] or [None]]
                conn.execute(
                    statement("people/account", "enter").format(seen=seen),
                    {
                        "origins": [line["origin"] for line, _ in lines],
                        "days": [line["day"] for line, _ in lines],
                        "names": [name for _, name in lines],
                    },
                )
            days += len(due)
    if days:
        conn.execute(statement("people/account", "analyze"))
    return days


def match(conn: Connection) -> dict[str, int]:
    """Find out which accounts are one person; of what is as it was no row is written.

    :returns: ``accounts``, ``people``, how many accounts were matched ``by_roster`` and
        ``by_email``, and ``conflicts``.
    """
    with conn.transaction():
        lock_dataset(conn, LOCK)
        for section in MATCHING:
            conn.execute(statement("people/match", section))
        counts = conn.execute(statement("people/match", "counts")).fetchone()
    assert counts is not None
    return counts
