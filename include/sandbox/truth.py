"""Compares a warehouse with what the campus knows, or with what it was before, row for row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.multirange import Multirange

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

FEW = 5

REJECTED = """
SELECT r.raw
FROM ops.rejected_row AS r
INNER JOIN ops.delivery AS d ON r.delivery_id = d.delivery_id
WHERE d.dataset = %(table)s AND d.origin = coalesce(%(origin)s, d.origin)
"""

ROWS = "SELECT (to_jsonb(r) - '_delivery')::text FROM {} AS r"

LEDGER = {
    "what is current": """
        SELECT jsonb_build_array(dataset, origin, part, made_at, version)::text
        FROM ops.current_part
        WHERE dataset = ANY(%(tables)s)
    """,
    "rejected rows": """
        SELECT
            jsonb_build_array(
                d.dataset, d.origin, d.name, d.version, r._row, r.line, r.raw, r.reason
            )::text
        FROM ops.rejected_row AS r
        INNER JOIN ops.delivery AS d ON r.delivery_id = d.delivery_id
        WHERE d.dataset = ANY(%(tables)s)
    """,
    "deliveries": """
        SELECT
            jsonb_build_array(
                dataset, origin, name, version, first_day, end_day, size, status,
                rows_read, rows_rejected
            )::text
        FROM ops.delivery
        WHERE dataset = ANY(%(tables)s)
    """,
}
"""What the ledger says that does not depend on the order in which deliveries came."""


COURSE_DAYS = """
SELECT
    d.source, a.value, d.course, d.day, d.first_at, d.last_at, d.events, d.active_seconds,
    d.video_seconds, d.attempts, d.correct, d.answers_shown, d.lab_seconds, d.polls, d.posts,
    d.slides
FROM activity.course_day AS d
INNER JOIN people.account AS a USING (account_id)
"""

SESSIONS = "SELECT array_agg('pg_temp_' || s) FROM pg_stat_get_backend_idset() AS s"
TEMP_TABLES = """
SELECT format('%%I.%%I', n.nspname, c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.relpersistence = 't' AND c.relkind = 'r' AND n.nspname <> ALL(%s::text[])
"""


def contents(warehouse_url: str, tables: Sequence[str]) -> dict[str, Counter[str]]:
    """All that a warehouse holds, but for its own ids: each table's rows and the ledger's lines."""
    found: dict[str, Counter[str]] = {}
    with psycopg.connect(warehouse_url, options="-c timezone=UTC") as conn:
        for table in tables:
            query = sql.SQL(ROWS).format(sql.Identifier(*table.split(".")))
            found[table] = Counter(row for (row,) in conn.execute(query))
        for what, lines in LEDGER.items():
            found[what] = Counter(row for (row,) in conn.execute(lines, {"tables": list(tables)}))
    return found


def changes(before: dict[str, Counter[str]], after: dict[str, Counter[str]]) -> list[str]:
    """How a warehouse differs from what it was; none if it does not.

    :param before: its ``contents`` then.
    :param after: its ``contents`` now.
    """
    return [
        sentence
        for what in before
        for sentence in _compare(
            what,
            ["row"],
            Counter({(row,): count for row, count in before[what].items()}),
            Counter({(row,): count for row, count in after[what].items()}),
        )
    ]


def differences(
    warehouse_url: str,
    campus: Campus,
    tables: Iterable[str],
    *,
    origins: Mapping[str, str] | None = None,
    crashed: Collection[str] = (),
) -> list[str]:
    """What is in the warehouse and should not be, and the other way round.

    :param origins: of a warehouse with several campuses this one's ``_origin`` in each schema.
    :param crashed: the TEMP tables that a crash of the server left; it removes them in time.
    :returns: readable sentences; none if the warehouse equals the truth.
    """
    found: list[str] = []
    with psycopg.connect(warehouse_url, options="-c timezone=UTC") as conn:
        for table in tables:
            origin = origins[table.partition(".")[0]] if origins else None
            found += _rows(conn, campus, table, origin)
            found += _rejects(conn, campus, table, origin)
        waiting = conn.execute("SELECT name FROM ops.delivery WHERE status <> 'merged'").fetchall()
        found += [f"{name} was landed and never merged" for (name,) in waiting]
        (sessions,) = conn.execute(SESSIONS).fetchall()
        left = sorted(temp_tables(conn, but_of=sessions[0]) - set(crashed))
        found += [f"the TEMP table {name} was left behind" for name in left]
    return found


def course_days(conn: psycopg.Connection[Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of ``activity.course_day`` as the campus tells them."""
    cursor = conn.cursor(row_factory=dict_row)
    return {
        (row.pop("source"), row.pop("value"), row.pop("course"), row.pop("day")): {
            name: round(float(number), 6) if isinstance(number, int | Decimal) else number
            for name, number in row.items()
        }
        for row in cursor.execute(COURSE_DAYS)
    }


def wrong_course_days(
    true: dict[tuple[Any, ...], dict[str, Any]], found: dict[tuple[Any, ...], dict[str, Any]]
) -> list[str]:
    """How the rows of ``activity.course_day`` differ from those that should be there."""
    columns = ["source", "account", "course", "day", "what"]
    return _compare(
        "activity.course_day",
        columns,
        *(
            Counter((*key, str(sorted(day.items()))) for key, day in days.items())
            for days in (true, found)
        ),
    )


def wrong_activity(
    conn: psycopg.Connection[Any], true_rows: Mapping[str, list[dict[str, Any]]]
) -> list[str]:
    """How the other tables of activity differ from what they should have.

    :param true_rows: by table, as :func:`include.sandbox.campus.learning.true_activity` gives them.
    """
    found: list[str] = []
    for table, rows_of_table in true_rows.items():
        true = [{name: _told(value) for name, value in row.items()} for row in rows_of_table]
        columns = sorted(true[0]) if true else ["source", "account"]
        query = sql.SQL(
            "SELECT t.*, a.value AS account FROM {} AS t "
            "INNER JOIN people.account AS a USING (account_id)"
        ).format(sql.Identifier("activity", table))
        rows = conn.cursor(row_factory=dict_row).execute(query)
        counted = (
            Counter(tuple(row[column] for column in columns) for row in lines)
            for lines in (true, [{n: _told(v) for n, v in row.items()} for row in rows])
        )
        found += _compare(f"activity.{table}", columns, *counted)
    return found


def _told(value: Any) -> Any:
    """A value of a table of activity as it is compared."""
    if isinstance(value, Multirange):
        value = [[part.lower, part.upper] for part in value]
    if isinstance(value, list):
        return str([[round(float(end), 6) for end in part] for part in value])
    return round(float(value), 6) if isinstance(value, int | float | Decimal) else value


def by_person_and_source(
    days: dict[tuple[Any, ...], dict[str, Any]], person_of: Mapping[tuple[str, str], Any]
) -> dict[tuple[Any, str], dict[str, Any]]:
    """What each person did at each source, over all days and courses.

    :param days: rows of ``activity.course_day``.
    :param person_of: whose an account is, by its source and its name, id or address.
    """
    lines: dict[tuple[Any, str], dict[str, Any]] = {}
    for (source, account, _, day), did in sorted(days.items(), key=str):
        line = lines.setdefault(
            (person_of[source, account], source), {"accounts": set(), "days": set()}
        )
        line["accounts"].add(account)
        line["days"].add(day)
        for name, number in did.items():
            if not name.endswith("_at"):
                line[name] = round(line.get(name, 0) + number, 6)
    return lines


def wrong_people(true: dict[Any, dict[str, Any]], found: dict[Any, dict[str, Any]]) -> list[str]:
    """How people differ from what they should be: their accounts, and what they did where.

    :param true: by person and source, as :func:`by_person_and_source` gives it.
    :param found: the same, by other words for the people.
    """
    counted = []
    for lines in (true, found):
        people: dict[Any, list[str]] = {}
        for (person, source), line in lines.items():
            told = {name: sorted(v) if isinstance(v, set) else v for name, v in line.items()}
            people.setdefault(person, []).append(f"{source}: {sorted(told.items())}")
        counted.append(Counter((" | ".join(sorted(told)),) for told in people.values()))
    return _compare("people", ["person"], *counted)


def temp_tables(conn: psycopg.Connection, *, but_of: Sequence[str] = ()) -> set[str]:
    """The TEMP tables of all sessions.

    :param but_of: the schemas in which the TEMP tables of some sessions lie.
    """
    return {name for (name,) in conn.execute(TEMP_TABLES, [list(but_of)])}


def _rows(conn: psycopg.Connection, campus: Campus, table: str, origin: str | None) -> list[str]:
    true: Counter[tuple[Any, ...]] = Counter()
    columns: list[str] = []
    for row in campus.truth(table):
        columns = columns or sorted(row)
        true[tuple(_plain(row[column]) for column in columns)] += 1
    if not columns:
        return [f"{table}: the campus has no rows for it"]
    query = sql.SQL("SELECT {} FROM {} WHERE _origin = coalesce(%s, _origin)").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(*table.split("."))
    )
    loaded = Counter(tuple(map(_plain, row)) for row in conn.execute(query, [origin]))
    if origin is not None:
        return _compare(table, columns, true, loaded)
    strangers = conn.execute(
        sql.SQL("SELECT DISTINCT _origin FROM {} WHERE _origin <> %s").format(
            sql.Identifier(*table.split("."))
        ),
        [campus.origin(table)],
    ).fetchall()
    return [
        *_compare(table, columns, true, loaded),
        *(f"{table}: rows of a stranger, {origin}" for (origin,) in strangers),
    ]


def _rejects(conn: psycopg.Connection, campus: Campus, table: str, origin: str | None) -> list[str]:
    true = Counter((raw,) for raw in campus.rejects(table))
    of_it = {"table": table, "origin": origin}
    found = Counter((raw.strip(),) for (raw,) in conn.execute(REJECTED, of_it))
    return _compare(f"rejects of {table}", ["raw"], true, found)


def _compare(
    what: str, columns: list[str], true: Counter[tuple[Any, ...]], found: Counter[tuple[Any, ...]]
) -> list[str]:
    missing, surplus = true - found, found - true
    if not missing and not surplus:
        return []
    lines = [
        f"{what}: {true.total()} rows should be there and {found.total()} are; "
        f"{missing.total()} are missing, {surplus.total()} are too many"
    ]
    for word, rows in (("missing", missing), ("too many", surplus)):
        for row in list(rows)[:FEW]:
            shown = ", ".join(f"{c}={v!r}" for c, v in zip(columns, row, strict=True))
            lines.append(f"    {word}: {shown}")
    return lines


def _plain(value: Any) -> Any:
    """A value as it is compared: numbers by their value, times in UTC, UUIDs and JSON as text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value)).normalize()
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value) if isinstance(value, UUID) else value
