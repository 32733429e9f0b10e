"""A real Airflow API server beside a warehouse whose rows are known: what the pages show."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from psycopg.conninfo import conninfo_to_dict

from include.sandbox.postgres import EmbeddedPostgres, free_port
from tests.activity_page.known import KnownActivity
from tests.conftest import open_database
from tests.coverage.known import KnownLedger

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse"


@dataclass
class Server:
    """An API server, with the users ``admin``, ``viewer``, who may edit nothing, and ``nobody``,
    who may read nothing.

    :param url: where it listens.
    :param warehouse: the fields of its connection ``learning_warehouse``.
    :param log: what it has said.
    """

    url: str
    warehouse: dict[str, Any]
    log: Path

    def session(self, user: str = "admin") -> requests.Session:
        """Somebody who is logged in."""
        session = requests.Session()
        login = {"username": user, "password": PASSWORD}
        answer = session.post(f"{self.url}/auth/token", json=login, timeout=60)
        answer.raise_for_status()
        session.cookies.set("_token", answer.json()["access_token"])
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session

    def connect(self, conn_id: str = "learning_warehouse", **changes: Any) -> None:
        """Make the connection ``learning_warehouse``, or another, in Airflow's own database."""
        self.disconnect(conn_id)
        fields = {"connection_id": conn_id, "conn_type": "postgres"}
        body = {**fields, **self.warehouse, **changes}
        made = self.session().post(f"{self.url}/api/v2/connections", json=body, timeout=60)
        assert made.status_code == 201, made.text

    def disconnect(self, conn_id: str = "learning_warehouse") -> None:
        """Remove it."""
        self.session().delete(f"{self.url}/api/v2/connections/{conn_id}", timeout=60)

    def warehouse_url(self, database: str = "") -> str:
        """The libpq URL of its warehouse, or of another database of the same server."""
        where = self.warehouse
        place = f"{where['login']}@{where['host']}:{where['port']}"
        return f"postgresql://{place}/{database or where['schema']}"


@pytest.fixture(scope="session")
def server(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The API server; its warehouse has the known ledger and activity, as of now."""
    postgres.create_database("covered")
    with closing(open_database(postgres, "covered")) as conn:
        KnownLedger(conn, datetime.now(UTC)).fill()
        KnownActivity(conn, datetime.now(UTC)).fill()
    home = tmp_path_factory.mktemp("api-server")
    users = ("admin", "viewer", "nobody")
    (home / "passwords.json").write_text(json.dumps(dict.fromkeys(users, PASSWORD)))
    port = free_port()
    settings = {
        "CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__FERNET_KEY": os.environ["AIRFLOW__CORE__FERNET_KEY"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,nobody:",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": "a secret of the tests, long enough for a signature of 512 bits, indeed",
        "API_AUTH__JWT_SECRET": "another of them, long enough for a signature of 512 bits as well",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "PYTHON"))}
    environment = {
        **inherited,
        "AIRFLOW_HOME": str(home),
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
    }
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    with (home / "api-server.log").open("wb") as out:
        process = subprocess.Popen(
            [*airflow, "api-server", "--workers", "1"],
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    where = conninfo_to_dict(postgres.url("covered"))
    server = Server(
        f"http://127.0.0.1:{port}",
        {
            "host": where["host"],
            "port": int(str(where["port"])),
            "login": where["user"],
            "schema": where["dbname"],
        },
        home / "api-server.log",
    )
    try:
        _await(server.url, process, home / "api-server.log")
        server.connect()
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers, or has ended."""
    deadline = time.monotonic() + 180
    while process.poll() is None:
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        with suppress(requests.RequestException):
            if requests.get(f"{url}/api/v2/version", timeout=5).ok:
                return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.25)
    pytest.fail(log.read_text()[-4000:])
