"""Real parts for the tests: a PostgreSQL server, a database of one's own, the vendors' sandbox.

Airflow's home is a folder of the test run's; no test touches another one. Where several processes
share the tests, each has servers, folders and an Airflow home of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__FERNET_KEY"] = "VlM1Z3bL6yRz0b5hD6bV0m2Hk7B0o8mTjOe1kq9h3aE="
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"

import pytest

from include.sandbox.postgres import EmbeddedPostgres
from tests.clients import read_descriptions_once

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.steps.loading import LoadOperator
    from learning_warehouse.warehouse.connection import Connection


atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

LONGEST = (
    "end_to_end/test_backfill.py",
    "end_to_end/test_demo.py",
    "test_benchmarks.py",
    "end_to_end/test_up.py",
    "end_to_end/test_origins.py",
    "vocareum/test_term.py",
    "vocareum/test_road.py",
    "chaos/test_chaos.py",
    "echo360/test_processes.py",
    "echo360/test_schedule.py",
    "hostile/test_archives.py",
    "edx/test_archives.py",
    "edx/test_families.py",
    "edx/test_campaign.py",
    "activity_page/test_browser.py",
    "coverage/test_browser.py",
)
"""These files go first, so that no process is still at one of them when the others are done."""


pytest_plugins = ("tests.api_server",)

MEMORY = Path("/dev/shm")
ROOM = 8 * 1024**3
"""Bytes that must be free in memory for a server's files to lie there."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """What only some commands of the Makefile ask for.

    ``--backfill-days 7`` backfills a week, which takes Airflow some ten minutes; ``--redis-server``
    names the program with which a week is loaded by Celery's workers.
    """
    parser.addoption("--backfill-days", type=int, default=1)
    parser.addoption("--redis-server")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    root = Path(__file__).parent
    places = {root / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server; its database ``empty_warehouse`` has the tables and no rows.

    Its files lie in memory where there is room: to copy a database takes 0.3 s on a disk.
    """
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    with (
        tempfile.TemporaryDirectory(prefix="postgres-", dir=MEMORY if is_roomy else None) as folder,
        EmbeddedPostgres(Path(folder) / "data", fsync=False) as server,
    ):
        server.create_database("empty_warehouse")
        open_database(server, "empty_warehouse").close()
        yield server


@pytest.fixture
def warehouse_name(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database of the test's own, with the warehouse's tables."""
    import psycopg

    name = f"test_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE empty_warehouse')
    yield name
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres, warehouse_name: str) -> Iterator[Connection]:
    """An open warehouse of the test's own."""
    with closing(open_database(postgres, warehouse_name)) as conn:
        yield conn


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Both vendors' APIs and an S3 server, with empty buckets."""
    from include.sandbox.server import Sandbox

    server = Sandbox(tmp_path_factory.mktemp("sandbox"), empty=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connections(
    sandbox: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, dict[str, Any]]:
    """Airflow's connections to the sandbox and to the test's own warehouse."""
    configured = sandbox.airflow_connections(postgres.url(warehouse_name))
    for conn_id, fields in configured.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
    return configured


@pytest.fixture(scope="session", autouse=True)
def quick_clients() -> None:
    """Clients of S3 are made often."""
    read_descriptions_once()


class OutletEvent:
    """What a task that is executed by hand says of an asset it changed."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}


class XComs:
    """Where a task that is executed by hand leaves its XComs."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what a task pushes."""
        self.pushed[key] = value


def context(**params: Any) -> dict[str, Any]:
    """The context of a run by hand with these Params."""
    return {
        "params": params,
        "ti": XComs(),
        "dag_run": SimpleNamespace(dag_id="dag", run_id="manual__one"),
        "outlet_events": defaultdict(OutletEvent),
    }


def run_load(load: LoadOperator, **params: Any) -> list[dict[str, Any]]:
    """Execute a load by hand; one that changed nothing ends skipped, and has its XCom as well."""
    from airflow.providers.common.compat.sdk import AirflowSkipException

    given = context(**params)
    with suppress(AirflowSkipException):
        load.execute(given)
    merged: list[dict[str, Any]] = given["ti"].pushed["return_value"]
    return merged


def open_database(server: EmbeddedPostgres, name: str) -> Connection:
    """Open a database of the server as a warehouse."""
    from psycopg.conninfo import conninfo_to_dict

    from learning_warehouse.warehouse.connection import open_warehouse

    return open_warehouse(dict(conninfo_to_dict(server.url(name))), called=f"the test {name}")


def data_directory(server: EmbeddedPostgres) -> Path:
    """Where the server keeps its data."""
    return Path(server.data_dir)
