"""Erased people in the warehouse: their rows are listed for them, or removed.

Each table is a transaction of its own, and all that it needs are the tombstones: what is killed is
done again from its beginning. Knows tables by ``stewardship.column_class``; knows no source.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.erasing import People, named_in
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.tombstones import named_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.erasing import LookUp


def tables(conn: Connection) -> list[str]:
    """The tables whose rows name people."""
    return [row["name"] for row in conn.execute(statement("stewardship/erasure", "tables"))]


def listed(conn: Connection, look_up: LookUp, table: str) -> tuple[int, Iterator[bytes]] | None:
    """The rows of a table that name people who are looked up, as lines of JSON.

    :returns: how many there are, and the lines; None if there are none.
    """
    people = _people(conn, look_up, table)
    found = people.find()
    if not found:
        return None
    _, counts = people.remove(found, only_count=True)
    query = statement("stewardship/erasure", "listed").format(
        table=_identifier(table), named=people.named(found)
    )

    def lines() -> Iterator[bytes]:
        with conn.transaction(), conn.cursor("listed") as cursor:
            for row in cursor.execute(query):
                yield row["line"].encode() + b"\n"

    return sum(counts.values()), lines()


def erase(conn: Connection, look_up: LookUp) -> Counter[str]:
    """Remove erased people from all tables.

    :returns: how many rows went, or lost a mention, by table.
    """
    removed: Counter[str] = Counter()
    for table in tables(conn):
        with conn.transaction():
            lock_dataset(conn, table)
            people = _people(conn, look_up, table)
            of_delivery, of_erasure = people.remove(people.find())
            of_erasure += people.redact()
            _move(conn, "move_merged", of_delivery)
            _count(conn, table, of_erasure)
        removed[table] += sum(of_erasure.values())
    removed["ops.rejected_row"] += _erase_rejected(conn, look_up)
    _erase_headers(conn, look_up)
    removed.update(_erase_accounts(conn, look_up))
    return +removed


def _erase_rejected(conn: Connection, look_up: LookUp) -> int:
    with conn.transaction():
        texts: dict[tuple[str, str], dict[tuple[int, int], str]] = {}
        for row in conn.execute(statement("stewardship/erasure", "rejected")):
            at = row["delivery_id"], row["_row"]
            texts.setdefault((row["dataset"], row["origin"]), {})[at] = row["raw"]
        named = {
            at: erasure
            for (table, origin), some in texts.items()
            for at, erasure in named_in(look_up, table, origin, some).items()
        }
        values = {"deliveries": [d for d, _ in named], "rows": [n for _, n in named]}
        gone = conn.execute(statement("stewardship/erasure", "forget_rejected"), values)
        _move(conn, "move_rejected", Counter(row["delivery_id"] for row in gone))
        _count(conn, "ops.rejected_row", Counter(named.values()))
    return len(named)


def _erase_headers(conn: Connection, look_up: LookUp) -> None:
    """A file without a header may have had a row in its place."""
    with conn.transaction():
        headers: dict[tuple[str, str], dict[str, str]] = {}
        for row in conn.execute(statement("stewardship/erasure", "headers")):
            headers.setdefault((row["dataset"], row["origin"]), {})[row["header"]] = row["header"]
        for (table, origin), some in headers.items():
            named = named_in(look_up, table, origin, some)
            values = {"dataset": table, "origin": origin, "headers": list(named)}
            conn.execute(statement("stewardship/erasure", "forget_headers"), values)


def _erase_accounts(conn: Connection, look_up: LookUp) -> Counter[str]:
    """Forget the accounts, with what they did in ``activity`` and who they were matched with."""
    removed: Counter[str] = Counter()
    with conn.transaction():
        lock_dataset(conn, "people")
        lines = conn.execute(statement("stewardship/erasure", "all_accounts")).fetchall()
        named = {
            n: one
            for n, line in enumerate(lines)
            for one in named_by(line["kind"], line["source"], line["_origin"], line["value"])
        }
        addresses = {
            row["address"]: one
            for row in conn.execute(statement("stewardship/erasure", "all_addresses"))
            for one in named_by("email", "", "", row["address"])
        }
        found = look_up({*named.values(), *addresses.values()})
        gone = {n: found[one] for n, one in named.items() if one in found}
        accounts = {lines[n]["account_id"]: erasure for n, erasure in gone.items()}
        values = {
            "accounts": list(accounts),
            "addresses": [address for address, one in addresses.items() if one in found],
            "names": [lines[n]["value"] for n in gone],
        }
        for row in conn.execute(statement("stewardship/erasure", "marts")).fetchall():
            table = row["name"]
            query = statement("stewardship/erasure", "forget_marts").format(
                table=_identifier(table)
            )
            of_erasure: Counter[str] = Counter()
            for group in conn.execute(query, values):
                of_erasure[accounts[group["account_id"]]] += group["rows"]
            _count(conn, table, of_erasure)
            removed[table] += sum(of_erasure.values())
        for section in ("conflicts", "addresses", "accounts", "changed", "to_refresh"):
            conn.execute(statement("stewardship/erasure", f"forget_{section}"), values)
        _count(conn, "people.account", Counter(accounts.values()))
    removed["people.account"] += len(accounts)
    return removed


def settle(conn: Connection) -> None:
    """Let statistics and dead rows of what was erased go: ``ANALYZE`` and ``VACUUM FULL``.

    VACUUM FULL locks each table while it writes it again.
    """
    for row in conn.execute(statement("stewardship/erasure", "settle")).fetchall():
        vacuum = statement("stewardship/erasure", "vacuum")
        conn.execute(vacuum.format(table=_identifier(row["name"])))


def _people(conn: Connection, look_up: LookUp, table: str) -> People:
    from psycopg import sql

    return People(
        conn, look_up, table, _identifier(table),
        origin=sql.Identifier("_origin"), scope=sql.SQL("TRUE"), values={},
    )  # fmt: skip


def _identifier(table: str) -> Any:
    from psycopg import sql

    return sql.Identifier(*table.split("."))


def _move(conn: Connection, section: str, of_delivery: Mapping[int, int]) -> None:
    values = {"deliveries": list(of_delivery), "rows": list(of_delivery.values())}
    conn.execute(statement("stewardship/erasure", section), values)


def _count(conn: Connection, place: str, of_erasure: Mapping[str, int]) -> None:
    if of_erasure:
        conn.execute(
            statement("stewardship/erasure", "count"),
            {"place": place, "erasures": list(of_erasure), "rows": list(of_erasure.values())},
        )
