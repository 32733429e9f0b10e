"""Erased people are left out of what is loaded, and removed from what was.

Both look at the same columns in the same way: those that ``stewardship.column_class`` says identify
somebody. A row that is about an erased person goes; of one that mentions them, the columns of that
side are emptied. Knows tables and tombstones; knows no source.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import secrets
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from learning_warehouse.warehouse.mentions import without_mentions
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.tombstones import (
    Identity,
    erased,
    is_anybody_erased,
    key_of,
    named_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.staging_table import Staged, StagingTable

    LookUp = Callable[[Iterable[Identity]], dict[Identity, str]]

log = logging.getLogger(__name__)

ROW, TEXT = "row", "text"
"""The sides of whoever a row is about, and of whoever its texts mention."""

TEXTS_AT_A_TIME = 1000

JSON = ("event", "context", "_extras")
"""Columns of texts that are JSON."""

OF_LISTS = (
    "email", "institution_id", "edx username", "edx user_id", "vocareum user_id", "echo360 user_id",
)  # fmt: skip
"""By what the institution's lists name people."""


class _Column(NamedTuple):
    name: str
    identifies: str | None
    side: str


class People:
    """The columns of a table that name people.

    :param look_up: tells of identities which are those of erased people, and the erasure of each.
    :param table: with its schema.
    :param rows: the table, or a staging table for it: an SQL identifier.
    :param origin: SQL for the origin of its rows.
    :param scope: SQL that is true for the rows to look at.
    :param values: the parameters of these two.
    """

    def __init__(
        self, conn: Connection, look_up: LookUp, table: str, rows: Any, *, origin: Any, scope: Any,
        values: dict[str, Any],
    ) -> None:  # fmt: skip
        self._conn = conn
        self._look_up = look_up
        self._source = table.partition(".")[0]
        said = conn.execute(statement("stewardship/people", "columns"), {"table": table})
        columns = [_Column(**row) for row in said]
        self._columns = [column for column in columns if column.side != TEXT]
        self._texts = [column.name for column in columns if column.side == TEXT]
        self._identifying = [column for column in self._columns if column.identifies]
        self._names = {"rows": rows, "origin": origin, "scope": scope}
        self._values = values

    def find(self) -> dict[str, dict[Any, str]]:
        """Of each column the values that name an erased person, and the erasure."""
        from psycopg import sql

        if not self._identifying:
            return {}

        columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in self._identifying)
        named: defaultdict[Identity, set[tuple[str, Any]]] = defaultdict(set)
        for row in self._run("values", columns=columns):
            for column in self._identifying:
                kind, value = column.identifies or "", row[column.name]
                for one in named_by(kind, self._source, row["_origin"], value):
                    named[one].add((column.name, value))
        found: defaultdict[str, dict[Any, str]] = defaultdict(dict)
        for one, erasure in self._look_up(named).items():
            for name, value in named[one]:
                found[name][value] = erasure
        return dict(found)

    def remove(
        self, found: dict[str, dict[Any, str]], *, only_count: bool = False
    ) -> tuple[Counter[int], Counter[str]]:
        """Remove the rows that are about these people, and empty what mentions them.

        :param found: as :meth:`find` gives it.
        :param only_count: leave everything as it is.
        :returns: how many rows went of each delivery; and how many of each erasure, those included
            that were emptied.
        """
        from psycopg import sql

        of_delivery: Counter[int] = Counter()
        of_erasure: Counter[str] = Counter()
        sides = {c.side for c in self._identifying if found.get(c.name)}
        all_sides = {c.side for c in self._identifying}
        steps: list[tuple[str, Any, set[str]]] = []
        if ROW in sides:
            steps.append(("delete", self._named(found, ROW), {ROW}))
        elif sides and ROW not in all_sides and len(all_sides) > 1:
            steps.append(("delete", self._names_nobody_else(found, all_sides), sides))
        steps += [("empty", self._named(found, side), {side}) for side in sorted(sides - {ROW})]
        for step, named, of_sides in steps:
            columns = [c for c in self._identifying if c.side in of_sides and found.get(c.name)]
            some = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
            going = step == "delete" and not only_count
            groups = self._run("delete" if going else "count", columns=some, named=named)
            for group in groups.fetchall():
                erasures = (found[c.name].get(group[c.name]) for c in columns)
                of_erasure[next(filter(None, erasures))] += group["rows"]
                if going:
                    of_delivery[group["_delivery"]] += group["rows"]
            if step == "empty" and not only_count:
                emptied = sql.SQL(", ").join(
                    sql.SQL("{} = NULL").format(sql.Identifier(c.name))
                    for c in self._columns
                    if c.side in of_sides
                )
                self._run("empty", emptied=emptied, named=named)
        return of_delivery, of_erasure

    def _names_nobody_else(self, found: dict[str, dict[Any, str]], sides: set[str]) -> Any:
        """SQL that is true where each side is one of these people, or nobody."""
        from psycopg import sql

        parts = []
        for side in sorted(sides):
            nobody = sql.SQL(" AND ").join(
                sql.SQL("{} IS NULL").format(sql.Identifier(c.name))
                for c in self._identifying
                if c.side == side
            )
            parts.append(sql.SQL("({} OR ({}))").format(self._named(found, side), nobody))
        return sql.SQL("({}) AND {}").format(self.named(found), sql.SQL(" AND ").join(parts))

    def redact(self, *, only_count: bool = False) -> Counter[str]:
        """Take erased people out of what texts of others mention; to be called after the rows
        about them are gone.

        :returns: how many rows mentioned people of each erasure.
        """
        from psycopg import sql

        of_erasure: Counter[str] = Counter()
        if not self._texts:
            return of_erasure
        columns = sql.SQL(", ").join(
            sql.SQL("{0}::text AS {0}").format(sql.Identifier(name)) for name in self._texts
        )
        may = statement(f"{self._source}/mentions", "may")
        with self._conn.cursor(f"texts_{secrets.token_hex(4)}") as cursor:
            cursor.itersize = TEXTS_AT_A_TIME
            query = statement("stewardship/people", "texts")
            cursor.execute(query.format(**self._names, columns=columns, may=may), self._values)
            while rows := cursor.fetchmany(TEXTS_AT_A_TIME):
                of_erasure += self._redact(rows, only_count)
        return of_erasure

    def _redact(self, rows: list[dict[str, Any]], only_count: bool) -> Counter[str]:
        from psycopg import sql

        named: set[Identity] = set()
        hits: set[Identity] = set()

        def cleaned(row: dict[str, Any], is_erased: Callable[[str, str], bool]) -> dict[str, str]:
            texts = {name: row[name] for name in self._texts if row[name]}
            clean = {
                name: without_mentions(text, name in JSON, is_erased)
                for name, text in texts.items()
            }
            return {name: text for name, text in clean.items() if text != texts[name]}

        for row in rows:

            def note(kind: str, value: str, origin: str = row["_origin"]) -> bool:
                named.update(named_by(kind, self._source, origin, value))
                return False

            cleaned(row, note)
        found = self._look_up(named)
        of_erasure: Counter[str] = Counter()
        for row in rows if found else ():
            hits.clear()

            def is_erased(kind: str, value: str, origin: str = row["_origin"]) -> bool:
                mine = named_by(kind, self._source, origin, value) & found.keys()
                hits.update(mine)
                return bool(mine)

            changed = cleaned(row, is_erased)
            if not changed:
                continue
            of_erasure[found[min(hits)]] += 1
            if not only_count:
                sets = sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
                    for name in changed
                )
                query = statement("stewardship/people", "rewrite")
                values = {**changed, "tableoid": row["tableoid"], "ctid": row["ctid"]}
                self._conn.execute(query.format(**self._names, changed=sets), values)
        return of_erasure

    def named(self, found: dict[str, dict[Any, str]]) -> Any:
        """SQL that is true for the rows that name these people on any side."""
        from psycopg import sql

        sides = sorted({column.side for column in self._identifying if found.get(column.name)})
        return sql.SQL(" OR ").join(self._named(found, side) for side in sides)

    def _named(self, found: dict[str, dict[Any, str]], side: str) -> Any:
        from psycopg import sql

        said = [
            sql.SQL("{} IN ({})").format(
                sql.Identifier(c.name), sql.SQL(", ").join(map(sql.Literal, found[c.name]))
            )
            for c in self._identifying
            if c.side == side and found.get(c.name)
        ]
        # IS TRUE: a row whose other columns are empty is not named, rather than unknown.
        return sql.SQL("(({}) IS TRUE)").format(
            sql.SQL(" OR ").join(said or [sql.Composed([sql.SQL("FALSE")])])
        )

    def _run(self, section: str, **names: Any) -> Any:
        query = statement("stewardship/people", section).format(**self._names, **names)
        return self._conn.execute(query, self._values)


def without_erased(staging: StagingTable, batch: Sequence[Staged]) -> list[Staged]:
    """Take erased people out of what was staged, rejected rows too, before it is compared and
    merged; to be called in the transaction that merges it.

    :returns: the deliveries, with the rows that are left.
    :raises PermanentFailure: the key of the tombstones is missing, or another one.
    """
    from psycopg import sql

    conn = staging.conn
    if not batch or not is_anybody_erased(conn):
        return list(batch)
    look_up = partial(erased, conn, key_of())
    deliveries = [one.delivery.delivery_id for one in batch]
    origin = batch[0].delivery.origin
    people = People(
        conn, look_up, staging.dataset.table, staging.rows,
        origin=sql.SQL("%(origin)s"),
        scope=sql.SQL("_delivery = ANY(%(deliveries)s)"),
        values={"origin": origin, "deliveries": deliveries},
    )  # fmt: skip
    gone, _ = people.remove(people.find())
    people.redact()
    rejects: Counter[int] = Counter()
    if any(one.rows_rejected for one in batch):
        rejects = _forget_rejected(staging, look_up, origin, deliveries)
    for one in batch:
        if rows := gone[one.delivery.delivery_id] + rejects[one.delivery.delivery_id]:
            log.warning(
                "%s: %d rows are of people who were erased, and are not loaded: take them off the "
                "list, or see docs/stewardship.md if one of them is back.", one.delivery.name, rows,
            )  # fmt: skip
    return [
        dataclasses.replace(
            one,
            rows_erased=gone[one.delivery.delivery_id] + rejects[one.delivery.delivery_id],
            rows_rejected=one.rows_rejected - rejects[one.delivery.delivery_id],
        )
        for one in batch
    ]


def _forget_rejected(
    staging: StagingTable, look_up: LookUp, origin: str, deliveries: list[int]
) -> Counter[int]:
    """:returns: how many rejected rows of each delivery name an erased person, and are gone."""
    query = statement("stewardship/people", "rejected").format(rejected=staging.rejected)
    rows = staging.conn.execute(query, {"deliveries": deliveries}).fetchall()
    texts = {(row["_delivery"], row["_row"]): row["raw"] for row in rows}
    named = sorted(named_in(look_up, staging.dataset.table, origin, texts))
    forget = statement("stewardship/people", "forget").format(rejected=staging.rejected)
    staging.conn.execute(forget, {"in": [d for d, _ in named], "rows": [n for _, n in named]})
    return Counter(delivery_id for delivery_id, _ in named)


_WORD = re.compile(r"[^\s,;|\"'{}\[\]()<>=&?/:\\]{2,320}")
_ID = re.compile(r'"(?:\w*_)?id\\?"\s*:\s*\\?"?(\d+)')
_SHORT_NUMBER = re.compile(r"\d{1,3}")


def named_in(look_up: LookUp, table: str, origin: str, texts: Mapping[Any, str]) -> dict[Any, str]:
    """Texts in which a word is what names an erased person, such as rejected rows.

    A number of up to three digits counts only as the value of a JSON field that ends in ``id``.

    :param table: for which they came.
    :param texts: by whatever they are known by.
    :returns: of each that does, the erasure.
    """
    source = table.partition(".")[0]
    kinds = OF_LISTS if source == "people" else ("user_id", "username", "email")
    named: defaultdict[Identity, set[Any]] = defaultdict(set)
    for known_by, raw in texts.items():
        text = unquote(raw)
        words = {w for w in _WORD.findall(text) if not _SHORT_NUMBER.fullmatch(w)}
        for word in words | set(_ID.findall(text)):
            for kind in kinds:
                for one in named_by(kind, source, origin, word):
                    named[one].add(known_by)
    return {known_by: erasure for one, erasure in look_up(named).items() for known_by in named[one]}
