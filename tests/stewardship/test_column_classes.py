"""Every column has a class, and says so in the data dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

COLUMNS = """
    SELECT format('%I.%I', n.nspname, c.relname) AS relation, a.attname AS name
    FROM pg_attribute AS a
    INNER JOIN pg_class AS c ON a.attrelid = c.oid
    INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
    WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT c.relispartition
        AND c.relname !~ 'yoyo'
        AND a.attnum > 0
        AND NOT a.attisdropped
"""


def test_no_column_without_a_class_and_no_class_without_a_column(warehouse: Connection) -> None:
    there = {tuple(row.values()) for row in warehouse.execute(COLUMNS)}
    said = {
        tuple(row.values())
        for row in warehouse.execute("SELECT relation, name FROM stewardship.column_class")
    }
    assert there - said == set(), "CALL stewardship.classify in the migration that makes them"
    assert said - there == set()


def test_addresses_and_ids_of_people_are_direct_everywhere(warehouse: Connection) -> None:
    """The column's type or its name says so."""
    doubtful = """
        SELECT c.relation, c.name
        FROM stewardship.column_class AS c
        INNER JOIN pg_attribute AS a
            ON a.attrelid = c.relation::regclass AND a.attname = c.name
        WHERE c.class <> 'direct'
            AND (
                format_type(a.atttypid, NULL) = 'ops.email'
                OR c.name ~ '(^|_)(user_?id|username|(person|account)_id|email|(first|last)_name)$'
            )
    """
    assert warehouse.execute(doubtful).fetchall() == []


def test_a_class_for_a_column_that_is_not_there_is_refused(warehouse: Connection) -> None:
    from psycopg.errors import RaiseException

    with pytest.raises(RaiseException, match=r"No relation like edx\.% has a column usernam\."):
        warehouse.execute("CALL stewardship.classify('direct', 'edx.%', 'username usernam')")


def test_whoever_is_in_a_table_can_be_erased_from_it(warehouse: Connection) -> None:
    """Each table that is loaded and names people says by what; each address is one of these."""
    forgotten = """
        SELECT c.relation, min(c.name) AS name
        FROM stewardship.column_class AS c
        INNER JOIN pg_class AS r ON r.oid = c.relation::regclass
        INNER JOIN pg_attribute AS d ON d.attrelid = r.oid AND d.attname = '_delivery'
        INNER JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = c.name
        WHERE r.relkind IN ('r', 'p') AND c.class = 'direct'
        GROUP BY c.relation
        HAVING count(c.identifies) = 0
            OR bool_or(format_type(a.atttypid, NULL) = 'ops.email' AND c.identifies IS NULL)
    """
    assert warehouse.execute(forgotten).fetchall() == [], "CALL stewardship.identify"
