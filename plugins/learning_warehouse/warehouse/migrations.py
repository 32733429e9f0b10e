"""Brings the warehouse's tables up to date with ``include/sql/migrations``, through yoyo.

One query when there is nothing to do; otherwise under the lock of a row that readers cannot take,
so that the first steps of several runs may all come here at once. yoyo's own lock is a row that a
killed process leaves behind, so it is broken under ours, which goes with its transaction.

Knows a connection that is open; knows neither how it was opened nor what a migration says.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.limits import DDL_LOCK, milliseconds
from learning_warehouse.warehouse.sql import SQL_DIRECTORY, statement

if TYPE_CHECKING:
    from psycopg import Connection

log = logging.getLogger(__name__)

MIGRATIONS = SQL_DIRECTORY / "migrations"


def migrate(conn: Connection[dict[str, Any]]) -> None:
    """Apply the migrations that ``conn``'s database does not have yet.

    :raises PermanentFailure: its login may not.
    :raises TransientFailure: somebody holds a table that is to be changed.
    """
    from psycopg.errors import InsufficientPrivilege, LockNotAvailable

    try:
        _migrate(conn)
    except InsufficientPrivilege as refusal:
        login, database = conn.info.user, conn.info.dbname
        raise PermanentFailure(
            f"The login '{login}' may not set up the warehouse ({refusal.diag.message_primary}): "
            f'allow it (GRANT CREATE, TEMPORARY ON DATABASE "{database}" TO "{login}"), or use the '
            "login that owns the tables."
        ) from None
    except LockNotAvailable:
        raise TransientFailure(
            "The warehouse could not be migrated, because another session has locked one of its "
            "tables: end the statement that holds the lock (pg_stat_activity); the next try "
            "continues."
        ) from None


def _migrate(conn: Connection[dict[str, Any]]) -> None:
    wanted = {path.stem for path in MIGRATIONS.glob("*.sql")}
    if wanted <= _applied(conn):
        return
    conn.execute(statement("ops/migrations", "create_lock"))
    with conn.transaction():
        for section in ("never_idle", "lock"):
            conn.execute(statement("ops/migrations", section))
        if not wanted <= _applied(conn):
            _apply(conn)


def _applied(conn: Connection[dict[str, Any]]) -> set[str]:
    from psycopg.errors import UndefinedTable

    try:
        with conn.transaction():
            applied = conn.execute(statement("ops/migrations", "applied"))
            return {row["migration_id"] for row in applied}
    except UndefinedTable:
        return set()


def _apply(conn: Connection[dict[str, Any]]) -> None:
    from yoyo import read_migrations
    from yoyo.backends import get_backend_class
    from yoyo.connections import DatabaseURI

    logging.getLogger("yoyo").setLevel(logging.WARNING)
    info = conn.info
    backend = get_backend_class("postgresql+psycopg")(
        DatabaseURI(
            scheme="postgresql+psycopg",
            username=info.user,
            password=info.password or None,
            hostname=info.host,
            port=info.port,
            database=info.dbname,
            args={
                "schema": "ops",
                "options": f"-c lock_timeout={milliseconds(DDL_LOCK)}",
                **_tls(conn),
            },
        ),
        "_yoyo_migration",
    )
    try:
        backend.init_database()
        backend.break_lock()
        migrations = backend.to_apply(read_migrations(str(MIGRATIONS)))
        for migration in migrations:
            log.info("Migrating the warehouse: %s", migration.id)
        backend.apply_migrations(migrations)
    finally:
        backend.connection.close()


def _tls(conn: Connection[dict[str, Any]]) -> dict[str, str]:
    return {k: v for k, v in conn.info.get_parameters().items() if k.startswith(("ssl", "target_"))}
