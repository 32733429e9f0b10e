"""What a login must be allowed to load the warehouse, and what another may do that reads it.

The logins give passwords, and the server knows no role but those of the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import dict_row

from include.sandbox.postgres import EmbeddedPostgres
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.vocareum.operators import (
    LandVocareumFilesOperator,
    VocareumCredentialsOperator,
)
from learning_warehouse.warehouse.connection import connect
from tests.conftest import context, run_load
from tests.echo360.runs import Run
from tests.edx.bucket import Bucket, load_logs
from tests.edx.bucket import tar as tar_of
from tests.edx.loading import line
from tests.logins import PASSWORD, ask_for_password, new_login
from tests.vocareum.conftest import BUCKET, empty
from tests.warehouse import roads

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

ROOT = Path(__file__).resolve().parents[2]
WAREHOUSE = "warehouse"
FOR_THE_LOADER, FOR_READERS, AFTERWARDS = (
    block.encode()
    for block in re.findall(r"```sql\n(.*?)```", (ROOT / "SECURITY.md").read_text(), re.S)
)
"""What SECURITY.md tells an administrator to do."""
IN_OPS = {
    "current_part": 6,
    "delivery": 28,
    "failed_try": 6,
    "rejected_row": 4,
    "report_request": 24,
    "schema_change": 6,
}
"""The tables of ops of which a reader sees something, and how many columns."""
DATA = ("vocareum", "echo360", "edx", "activity")
READER = "learning_warehouse_reader"
DAY = {"first_day": "2026-01-05", "last_day": "2026-01-05"}
ENROLLMENT = next(files for files in REGISTRY if files.dataset.name == "enrollment")
LONG = b"userid,courseid,role,name,email\n" + b"".join(
    b"%d,1,student,Al,%d@example.org\n" % (n, n) for n in range(150_000)
)
"""Many blocks long."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, with an empty database and another's schema in it."""
    with EmbeddedPostgres(tmp_path / "postgres", fsync=False) as server:
        server.create_database(WAREHOUSE)
        with opened(server, "airflow") as admin:
            admin.execute("CREATE SCHEMA finance")
            admin.execute("CREATE TABLE finance.salary (amount numeric)")
        yield server


def opened(server: EmbeddedPostgres, login: str) -> Any:
    """The warehouse as a login has it, closed afterwards."""
    return closing(
        psycopg.connect(
            server.url(WAREHOUSE), user=login, password=PASSWORD, autocommit=True,
            row_factory=dict_row,
        )
    )  # fmt: skip


@pytest.fixture
def loader(
    server: EmbeddedPostgres, connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> str:
    """The loader as SECURITY.md has an administrator make it; Airflow's connection has it."""
    with opened(server, "airflow") as admin:
        admin.execute(FOR_THE_LOADER)
    login = "learning_warehouse_loader"
    ask_for_password(server, login)
    fields = {
        **connections["learning_warehouse"],
        "port": server.port,
        "schema": WAREHOUSE,
        "login": login,
        "password": PASSWORD,
    }
    monkeypatch.setenv("AIRFLOW_CONN_LEARNING_WAREHOUSE", json.dumps(fields))
    return login


def new_reader(server: EmbeddedPostgres, role: str) -> str:
    """A login that is a member of a role, and nothing else."""
    login = new_login(server)
    with opened(server, "airflow") as admin:
        admin.execute(f"GRANT CONNECT ON DATABASE {WAREHOUSE} TO {login}")
        admin.execute(f"GRANT {role} TO {login}")
    return login


def load_all(sandbox: Sandbox, conn: Connection) -> None:
    """Load something of each source, over the roads that the DAGs go."""
    sandbox.reset()
    client = sandbox.client()
    empty(client)
    key = "org123/enrollment/course1/enrollment.csv"
    client.put_object(Bucket=BUCKET, Key=key, Body=LONG)
    land = LandVocareumFilesOperator(
        task_id="land",
        files=ENROLLMENT,
        credentials=VocareumCredentialsOperator(task_id="credentials").execute(context()),
    )
    landed = land.execute(context(**DAY))
    run_load(LoadOperator(task_id="load", dataset=ENROLLMENT.dataset, deliveries=landed))

    sandbox.set_faults(echo360_build_seconds=0)
    run = Run("a run", **DAY).execute("videoview", "asset")
    assert run.failures == {}
    beat = b"event_timestamp,duration_Minute\n2026-01-05 10:00:00,50\n"
    roads.load(conn, roads.VIDEOVIEW, beat, version=23, days=(date(2026, 1, 5), date(2026, 1, 6)))

    bucket = Bucket(client)
    for end in ("", ".gz"):
        content = tar_of({f"prod{end}/tracking.log": line(1) + b"\nno event"}, end)
        bucket.put(f"2026-01-05-UniversityA-tracking.tar{end}", content)
    load_logs(bucket.unpack())


def counted(conn: Any, table: str) -> int:
    """How many rows a table has."""
    query = sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(*table.split(".")))
    number: int = conn.execute(query).fetchone()["n"]
    return number


def relations(conn: Any) -> list[str]:
    """All tables, partitions and views of the sources."""
    query = """
        SELECT format('%%I.%%I', relnamespace::regnamespace, relname) AS name
        FROM pg_class
        WHERE relnamespace::regnamespace::text = ANY (%s) AND relkind IN ('r', 'p', 'v')
    """
    return [row["name"] for row in conn.execute(query, [list(DATA)])]


def test_a_login_without_other_rights_loads_each_source(
    server: EmbeddedPostgres, sandbox: Sandbox, loader: str
) -> None:
    with closing(connect()) as conn:
        load_all(sandbox, conn)
        for table in ("vocareum.enrollment", "echo360.videoview", "edx.event"):
            assert counted(conn, table) > 0, table
        assert counted(conn, "ops.rejected_row") == 2
        roles = conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER])
        assert roles.fetchall() == []


def test_it_needs_no_schemas_of_its_own_making_later_on(
    server: EmbeddedPostgres, sandbox: Sandbox, loader: str
) -> None:
    """Once the schemas are there, the right to make them may be taken away."""
    connect().close()
    with opened(server, "airflow") as admin:
        admin.execute(AFTERWARDS)
        admin.execute("DELETE FROM ops._yoyo_migration WHERE migration_id = '0007_readers'")
    with closing(connect()) as conn:
        load_all(sandbox, conn)
        assert counted(conn, "ops._yoyo_migration") == len(
            list((ROOT / "include" / "sql" / "migrations").glob("*.sql"))
        )


def test_it_can_neither_drop_nor_read_what_is_not_its_own(
    server: EmbeddedPostgres, loader: str
) -> None:
    with closing(connect()) as conn:
        for statement in (
            "DROP SCHEMA finance CASCADE",
            "DROP TABLE finance.salary",
            "SELECT * FROM finance.salary",
            "CREATE TABLE finance.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE ROLE somebody",
            "CREATE DATABASE another",
            f"DROP DATABASE {WAREHOUSE}_of_somebody",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "COPY vocareum.enrollment TO PROGRAM 'cat'",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            with pytest.raises((InsufficientPrivilege, psycopg.errors.InvalidCatalogName)):
                conn.execute(statement.encode())


def test_a_login_that_may_not_set_up_the_warehouse_is_told(
    server: EmbeddedPostgres, loader: str
) -> None:
    with opened(server, "airflow") as admin:
        admin.execute(AFTERWARDS)
    with pytest.raises(PermanentFailure, match=r"may not set up the warehouse .*GRANT CREATE"):
        connect()
    with opened(server, "airflow") as admin:
        admin.execute(f"GRANT CREATE ON DATABASE {WAREHOUSE} TO {loader}")
    connect().close()


def test_a_login_that_may_make_roles_makes_that_of_readers(
    server: EmbeddedPostgres, loader: str
) -> None:
    with opened(server, "airflow") as admin:
        admin.execute(f"ALTER ROLE {loader} CREATEROLE")
    connect().close()
    with opened(server, new_reader(server, READER)) as conn:
        assert counted(conn, "vocareum.enrollment") == 0


@pytest.mark.parametrize("made", ["before", "after"])
def test_a_reader_reads_and_writes_nothing(
    server: EmbeddedPostgres, sandbox: Sandbox, loader: str, made: str
) -> None:
    """Whether an administrator makes its role before the tables are there, or somebody later."""
    role = READER if made == "before" else "analysts"
    with opened(server, "airflow") as admin:
        admin.execute(FOR_READERS if made == "before" else f"CREATE ROLE {role}")
    with closing(connect()) as conn:
        if made == "after":
            conn.execute("CALL ops.let_read('analysts')")
        load_all(sandbox, conn)
        everything = relations(conn)
    assert "edx.event_2017_05" in everything, "a partition that is younger than the rights"

    with opened(server, new_reader(server, role)) as conn:
        for name in everything:
            conn.execute(f"SELECT * FROM {name} LIMIT 1".encode())
        for name in ("delivery", "current_part", "schema_change", "report_request"):
            conn.execute(f"SELECT * FROM ops.{name}".encode())
        where = conn.execute("SELECT delivery_id, _row, line, rejected_at FROM ops.rejected_row")
        assert len(where.fetchall()) == 2

        readable = conn.execute(
            "SELECT table_name AS name, count(*) AS columns FROM information_schema.columns "
            "WHERE table_schema = 'ops' GROUP BY table_name"
        )  # Of tables, and their columns, one sees there what one may read.
        assert {row["name"]: row["columns"] for row in readable} == IN_OPS

        defined = conn.execute("SELECT proname FROM pg_proc WHERE prosecdef")
        assert defined.fetchall() == [], "none has the rights of who made it"

        writes = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
        for name in [*everything, "ops.delivery", "ops.rejected_row", "ops._yoyo_migration"]:
            query = "SELECT has_table_privilege(%s, %s) AS may"
            assert conn.execute(query, [name, writes]).fetchone() == {"may": False}, name
        for statement in (
            "SELECT raw FROM ops.rejected_row",
            "SELECT reason FROM ops.rejected_row",
            "SELECT FROM ops.dataset_lock FOR UPDATE",
            "SELECT FROM ops.migration_lock FOR UPDATE",
            "SELECT lo_creat(-1)",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, 'x')",
            "CREATE TEMP TABLE mine ()",
            "BEGIN; LOCK ops.dataset_lock",
            "SELECT * FROM ops._yoyo_log",
            "SELECT * FROM finance.salary",
            "SELECT * FROM people.roster",
            "SELECT * FROM people.account_address",
            "SELECT * FROM people.link",
            "DELETE FROM edx.event",
            "DROP VIEW edx.link_click",
            "CALL ops.let_read('public')",
            "SELECT ops.undo(1)",
            *(f"CREATE TABLE {schema}.mine ()" for schema in (*DATA, "ops", "public")),
        ):
            with pytest.raises(InsufficientPrivilege):
                conn.execute(statement.encode())
            conn.rollback()
