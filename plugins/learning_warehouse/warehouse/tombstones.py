"""By what an erased person is known again: keyed hashes, of which nobody can be read.

The key is in an Airflow connection, so that neither the warehouse nor the landing zone says who was
erased. Knows the key and ``stewardship.tombstone``; knows no table of people.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

from learning_warehouse.conn_ids import STEWARDSHIP_CONN_ID
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.locks import share_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learning_warehouse.warehouse.connection import Connection

LOCK = "stewardship.tombstone"
"""What a merge shares, and a new erasure locks: nothing that was staged before the tombstones were
there is merged after it without a look at them."""

_ADDRESSES = re.compile(r"[\s,;]+")

SHORTEST_KEY = 32
"""Characters."""


class Identity(NamedTuple):
    """What names a person: an account at a source, an address, an id of the institution's.

    :param source: ``edx``, ``echo360``, ``vocareum`` or ``institution``; empty for what is the same
        at all of them.
    :param origin: the site, host or org; ``*`` in the institution's lists, which do not say it.
    :param kind: ``user_id``, ``username``, ``email``, ``institution_id`` or ``name``.
    """

    source: str
    origin: str
    kind: str
    value: str


def named_by(kind: str, source: str, origin: str, value: object) -> set[Identity]:
    """Whom a value names: nobody, where it is empty; of addresses, each of several.

    :param kind: as ``stewardship.column_class.identifies`` has it.
    :param source: of the table, with the origin of the row.
    """
    text = str(value or "").strip().lower()
    of_source, _, of_kind = kind.rpartition(" ")
    if not text:
        return set()
    if of_source:
        return {Identity(of_source, "*", of_kind, text)}
    if kind == "email":
        return {Identity("", "", kind, address) for address in _ADDRESSES.split(text) if address}
    if kind == "name":
        return {Identity("", "", kind, " ".join(text.split()))}
    if kind == "institution_id":
        return {Identity("institution", "", kind, text)}
    return {Identity(source, origin, kind, text)}


class Key:
    """The key of the tombstones.

    :param secret: any text that nobody can guess.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.check = self.digest("the key", "", "", "")
        """The tombstone of nobody, by which another key is told apart."""

    def digest(self, *parts: str) -> bytes:
        """HMAC-SHA-256 of these texts, none of which can run into the next one."""
        return hmac.digest(self._secret, "\0".join(parts).encode(), "sha256")


def key_of(conn_id: str = STEWARDSHIP_CONN_ID) -> Key:
    """The key in an Airflow connection: its password.

    :raises PermanentFailure: there is none, or it can be guessed.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        secret = BaseHook.get_connection(conn_id).password or ""
    except AirflowNotFoundException:
        secret = ""
    if len(secret) < SHORTEST_KEY:
        raise PermanentFailure(
            f"There is no key in the Airflow connection '{conn_id}', by which erased people are "
            f"known again: add one of type generic whose password has {SHORTEST_KEY} characters or "
            "more; where people were erased before, the same as then."
        )
    return Key(secret)


def is_anybody_erased(conn: Connection) -> bool:
    """Whether there are tombstones; no erasure begins until the transaction ends."""
    share_dataset(conn, LOCK)
    row = conn.execute(statement("stewardship/people", "any")).fetchone()
    return bool(row and row["any"])


def erased(conn: Connection, key: Key, identities: Iterable[Identity]) -> dict[Identity, str]:
    """Those of these identities that have a tombstone, and the erasure of each.

    :raises PermanentFailure: the tombstones were made with another key.
    """
    hashes = {key.digest(*one): one for one in identities}
    if not hashes:
        return {}
    rows = conn.execute(
        statement("stewardship/people", "tombstones"), {"hashes": [key.check, *hashes]}
    )
    found = {bytes(row["hash"]): str(row["erasure_id"]) for row in rows}
    if key.check not in found:
        raise PermanentFailure(
            f"The key in the Airflow connection '{STEWARDSHIP_CONN_ID}' is not the one with which "
            "people were erased: restore the earlier one, or erased people would come back."
        )
    return {one: found[digest] for digest, one in hashes.items() if digest in found}
