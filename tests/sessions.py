"""Sessions of the warehouse: what is staged in one, and one that ends in the middle."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.connection import Connection


TEMP_TABLES = """
SELECT relname
FROM pg_class
WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'
"""


def rows_staged(conn: Connection) -> int:
    """How many rows lie in the TEMP tables of a session."""
    rows = 0
    for table in conn.execute(TEMP_TABLES).fetchall():
        name = sql.Identifier("pg_temp", table["relname"])
        counted = conn.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(name)).fetchone()
        assert counted is not None
        rows += counted["rows"]
    return rows


@contextmanager
def killed_at(conn: Connection, table: str, what: str = "UPDATE") -> Iterator[None]:
    """Let the server end each session once it has done that to the table, before it commits.

    :param conn: another session.
    :param what: ``INSERT``, ``UPDATE`` or ``DELETE``.
    """
    name = sql.Identifier(*table.split("."))
    conn.execute(
        "CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$"
    )
    conn.execute(
        sql.SQL(
            "CREATE TRIGGER die AFTER {} ON {} FOR EACH STATEMENT EXECUTE FUNCTION public.die()"
        ).format(sql.SQL(what), name)
    )
    try:
        yield
    finally:
        conn.execute("DROP FUNCTION public.die() CASCADE")
