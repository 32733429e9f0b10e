"""A table as the database's own catalogue declares it: the contract that the loader reads.

Knows columns and their names; knows no file and no vendor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import sql

    from learning_warehouse.warehouse.connection import Connection


def plain(name: str) -> str:
    """A header or column as it is compared: without case, and letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class Column:
    """A column of the vendor's.

    :param type: PostgreSQL's short name of its type or domain: ``timestamptz``, ``identifier``.
    :param required: NOT NULL.
    :param aliases: other spellings, from the ``Also: …`` that ends its comment.
    """

    name: str
    type: str
    required: bool
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """A file's header, matched to a table.

    :param columns: for each header its column, or None where the table has none.
    :param headers: the headers as the file spells them; one without a name is ``column N``.
    """

    columns: tuple[Column | None, ...]
    headers: tuple[str, ...]

    @property
    def unknown(self) -> list[str]:
        """The headers that the table lacks."""
        pairs = zip(self.columns, self.headers, strict=True)
        return [header for column, header in pairs if column is None]


@dataclass(frozen=True)
class Table:
    """A table's columns, without those of lineage, in their order.

    :param has_day: whether its rows know their UTC day, in a column ``_day``.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitioned: bool
    has_day: bool

    @property
    def identifier(self) -> sql.Identifier:
        """The table's name, quoted."""
        from psycopg import sql

        return sql.Identifier(self.schema, self.name)

    @cached_property
    def _by_spelling(self) -> dict[str, Column]:
        aliases = {plain(alias): c for c in self.columns for alias in c.aliases}
        return aliases | {plain(c.name): c for c in self.columns}

    def match(self, headers: Sequence[str], *, where: str) -> Match:
        """Match the headers of a file to the columns by name, or by a spelling of ``Also:``.

        :param where: the file, as a sentence names it.
        :raises PermanentFailure: two headers mean one column.
        """
        named = tuple(h.strip() or f"column {i}" for i, h in enumerate(headers, start=1))
        columns: list[Column | None] = []
        taken: dict[str, str] = {}
        for place, header in enumerate(named, start=1):
            column = self._by_spelling.get(plain(header))
            meant = column.name if column else header
            if meant in taken:
                # A header that is no column's may be a value of a file without a header.
                both = (
                    f"the headers {taken[meant][:100]!r} and {header[:100]!r} both mean {meant!r}"
                    if column
                    else f"the headers of columns {named.index(header) + 1} and {place} are equal"
                )
                raise PermanentFailure(
                    f"{where}: {both} in {self.schema}.{self.name}; ask the vendor which one is "
                    "right; nothing of the file was loaded."
                )
            taken[meant] = header
            columns.append(column)
        return Match(tuple(columns), named)


def read_table(conn: Connection, table: str) -> Table:
    """Read a table's declaration.

    :param table: its name with its schema, such as ``vocareum.lab_sessions``.
    :raises LookupError: there is no such table.
    """
    rows = conn.execute(statement("ops/read_table"), {"table": table}).fetchall()
    if not rows:
        raise LookupError(f"the warehouse has no table {table}")
    schema, _, name = table.partition(".")
    columns = tuple(
        Column(row["name"], row["type"], row["required"], _aliases(row["comment"] or ""))
        for row in rows
        if not row["name"].startswith("_")
    )
    key = tuple(row["name"] for row in rows if row["in_key"])
    has_day = any(row["name"] == "_day" for row in rows)
    return Table(schema, name, columns, key, rows[0]["partitioned"], has_day)


def _aliases(comment: str) -> tuple[str, ...]:
    _, also, spellings = comment.rpartition(" Also: ")
    return tuple(name.strip() for name in spellings.removesuffix(".").split(",")) if also else ()
