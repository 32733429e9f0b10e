"""Finds the statements under ``include/sql``; knows nothing of what they do."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from learning_warehouse.places import INCLUDE

if TYPE_CHECKING:
    from psycopg import sql

SQL_DIRECTORY = INCLUDE / "sql"


@cache
def statement(name: str, section: str | None = None) -> sql.SQL:
    """A statement of ``include/sql``.

    :param name: its file without ``.sql``, such as ``ops/deliver``.
    :param section: for a file of several statements, the one under the line ``-- section: NAME``.
    :returns: the statement, whose ``{placeholders}`` take identifiers and whose ``%(names)s`` are
        bound when it is executed.
    """
    from psycopg import sql

    text = (SQL_DIRECTORY / f"{name}.sql").read_text(encoding="utf-8")
    if section is not None:
        sections = dict(part.split("\n", 1) for part in text.split("-- section: ")[1:])
        text = sections[section]
    contents: Any = text
    return sql.SQL(contents)
