"""The TEMP tables of a session, into which COPY puts what deliveries hold until it is merged.

A delivery is staged in a transaction of its own: one that fails leaves no row. Several small ones
may lie there together until they are merged. Nothing staged outlives the session, so that a kill or
a crash leaves nothing behind.

Knows the table that is loaded; knows neither what the bytes look like nor where they come from.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.catalogue import read_table
from learning_warehouse.warehouse.column_types import text_column, value_of_text
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from learning_warehouse.warehouse.catalogue import Column, Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.ledger import Delivery

    Reader = Callable[[Table, Delivery], AbstractContextManager["Incoming"]]
    """Opens a delivery that is for a table."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What was read of a delivery.

    :param size: bytes, unpacked.
    :param new: what it has and the table lacks.
    :param missing: the table's columns that it lacks.
    """

    delivery: Delivery
    rows_read: int
    rows_rejected: int = 0
    rows_filtered: int = 0
    rows_erased: int = 0
    size: int = 0
    new: Sequence[str] = ()
    missing: Sequence[str] = ()

    @property
    def rows_good(self) -> int:
        """The rows that its staging table holds."""
        return self.rows_read - self.rows_rejected - self.rows_filtered - self.rows_erased


@dataclass(frozen=True, kw_only=True)
class SmallFile:
    """A file whose records COPY can take beside those of others.

    :param staged: what was read of it, if COPY takes all of its records.
    :param records: for COPY, each with the delivery and its ordinal before it.
    :param incoming: stages the file by itself.
    """

    staged: Staged
    file: DelimitedFile
    records: bytes
    incoming: Incoming


class Incoming(Protocol):
    """A delivery whose bytes are open."""

    @property
    def unknown_headers(self) -> Sequence[str]:
        """Its headers that the table has no column for."""

    @property
    def small(self) -> SmallFile | None:
        """What can be copied together with others; None where it is staged by itself."""

    def stage(self, staging: StagingTable) -> Staged:
        """Put its rows into the staging table, in a transaction of its own."""


class StagingTable:
    """The TEMP table for rows on their way to a dataset's table, and that for rejected rows.

    The first has the columns, types and NOT NULLs of the table. ``_delivery`` fills itself, and
    ``_row`` counts from 1 unless it is given; of a snapshot the clock column is the delivery's day.

    :raises PermanentFailure: the login may not make TEMP tables.
    """

    def __init__(self, conn: Connection, dataset: Dataset) -> None:
        from psycopg import sql
        from psycopg.errors import InsufficientPrivilege

        self.conn = conn
        self.dataset = dataset
        self.table = read_table(conn, dataset.table)
        self.unknown_headers: tuple[str, ...] = ()
        self.deliveries: set[int] = set()
        """Whose rows it holds."""
        name = f"{self.table.name[:30]}_{secrets.token_hex(8)}"  # No other session has this name.
        self.rows = sql.Identifier("pg_temp", name)
        self.rejected = sql.Identifier("pg_temp", f"{name}_rejected")
        self.name = name
        self._certain: Any = None
        self._most_unknown = 0
        self._as_text: list[Column] = []
        self._holds_dead_rows = False  # Only TRUNCATE takes them out of a TEMP table.
        try:
            self._run("create", target=self.table.identifier)
        except InsufficientPrivilege:
            login, database = conn.info.user, conn.info.dbname
            raise PermanentFailure(
                f"The login '{login}' may not create TEMP tables, which staging needs: "
                f'allow it (GRANT TEMPORARY ON DATABASE "{database}" TO "{login}").'
            ) from None
        if dataset.strategy == "snapshot":
            self._run("take_day", clock=sql.Identifier(dataset.clock or ""))

    @contextmanager
    def filling(self, *deliveries: Delivery) -> Iterator[None]:
        """A transaction in which rows are put into the tables.

        :param deliveries: whose they are. Of several, each row has to say whose it is.
        """
        begin = {
            "rows": f"pg_temp.{self.name}",
            "delivery_id": str(deliveries[0].delivery_id),
            "day": str(deliveries[0].first_day),
        }
        if self._holds_dead_rows and not self.deliveries:
            self.empty()
        self._holds_dead_rows = True
        with self.conn.transaction():
            self.conn.execute(statement("staging/table", "begin"), begin)
            yield
        self._holds_dead_rows = False
        self.deliveries.update(delivery.delivery_id for delivery in deliveries)

    def take_unknown(self, headers: Sequence[str]) -> None:
        """Have a column of text for each of these headers; to be called while there are no rows."""
        from psycopg import sql

        for number in range(self._most_unknown, len(headers)):
            self._run("take_unknown", column=sql.Identifier(f"_unknown_{number}"))
            self._most_unknown = number + 1
        self.unknown_headers = tuple(headers)

    def take_as_text(self, columns: Sequence[Column]) -> None:
        """Have a column of text beside each of these; what is in it is cast at the merge."""
        for column in columns:
            if column not in self._as_text:
                self._run("take_as_text", column=text_column(column))
                self._as_text.append(column)

    def columns_for(self, file: DelimitedFile) -> list[Any]:
        """Where the values of a file go, in the order of its headers."""
        from psycopg import sql

        unknown = iter(self._unknown_columns())
        return [
            next(unknown)
            if column is None
            else text_column(column)
            if column in file.as_text
            else sql.Identifier(column.name)
            for column in file.layout.match.columns
        ]

    def count_from(self, ordinal: int) -> None:
        """Let the next row that COPY brings have this ordinal."""
        values = {"rows": f"pg_temp.{self.name}", "ordinal": ordinal}
        self.conn.execute(statement("staging/table", "count_from"), values)

    def _unknown_columns(self) -> list[Any]:
        """The columns for the unknown headers, in their order."""
        from psycopg import sql

        return [sql.Identifier(f"_unknown_{n}") for n in range(len(self.unknown_headers))]

    def refuse_unless(self, certain: Any) -> None:
        """Let COPY refuse rows for which this SQL expression is false; None takes all."""
        if certain != self._certain:
            if self._certain is not None:
                self._run("refuse_nothing")
                self._certain = None
            if certain is not None:
                self._run("refuse", certain=certain)
            self._certain = certain

    def _extras(self) -> Any:
        """The SQL expression of a row's ``_extras``, with those of the unknown headers, which the
        statement gets as its parameter ``unknown_headers``.
        """
        from psycopg import sql

        if not self.unknown_headers:
            return sql.Identifier("_extras")
        return statement("staging/table", "extras").format(
            columns=sql.SQL(", ").join(self._unknown_columns())
        )

    def names(self) -> dict[str, Any]:
        """The identifiers and expressions that the templates of ``include/sql/merge`` take."""
        from psycopg import sql

        clock = self.dataset.clock
        columns = [sql.Identifier(column.name) for column in self.table.columns]
        return {
            "target": self.table.identifier,
            "staging": self.rows,
            "rejected": self.rejected,
            "columns": sql.SQL(", ").join(columns),
            "values": sql.SQL(", ").join(
                value_of_text(column) if column in self._as_text else sql.Identifier(column.name)
                for column in self.table.columns
            ),
            "extras": self._extras(),
            "key": sql.SQL(", ").join(map(sql.Identifier, self.table.key)),
            "clock": sql.Identifier(clock) if clock else sql.SQL("NULL"),
        }

    def empty(self) -> None:
        """Take out all rows."""
        self._run("empty")
        self.deliveries.clear()
        self._holds_dead_rows = False

    def _run(self, section: str, **names: Any) -> None:
        query = statement("staging/table", section)
        self.conn.execute(query.format(rows=self.rows, rejected=self.rejected, **names))
