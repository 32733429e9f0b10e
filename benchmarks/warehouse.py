"""A server of its own for a benchmark, with an empty warehouse, and what is done there takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from psycopg.conninfo import conninfo_to_dict

from include.sandbox.postgres import EmbeddedPostgres, binaries
from learning_warehouse.warehouse.connection import open_warehouse
from learning_warehouse.warehouse.tombstones import Key

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

DATABASE = "bench"


@contextmanager
def empty_warehouse(state: Path) -> Iterator[tuple[EmbeddedPostgres, Connection]]:
    """Start a server with an empty warehouse, and stop it at the end."""
    server = EmbeddedPostgres(state / "postgres")
    server.stop()
    shutil.rmtree(server.data_dir, ignore_errors=True)
    with server:
        server.create_database(DATABASE)
        with session(server) as warehouse:
            yield server, warehouse


@contextmanager
def session(server: EmbeddedPostgres) -> Iterator[Connection]:
    """Open a session of the warehouse, and close it at the end."""
    parameters = dict(conninfo_to_dict(server.url(DATABASE)))
    with closing(open_warehouse(parameters, called="the benchmark")) as warehouse:
        yield warehouse


def psql(server: EmbeddedPostgres, command: str) -> float:
    """Run a command with psql.

    :returns: its seconds, psql's start among them.
    """
    begun = time.perf_counter()
    subprocess.run(
        [binaries() / "psql", "-X", "-q", server.url(DATABASE), "-c", command], check=True
    )
    return time.perf_counter() - begun


ENTOMB = """
WITH erasure AS (
    INSERT INTO stewardship.erasure (erasure_id, requested_at, due_at)
    VALUES (gen_random_uuid(), now(), now())
    RETURNING erasure_id
)

INSERT INTO stewardship.tombstone (hash, erasure_id)
SELECT h.hash, e.erasure_id
FROM erasure AS e
CROSS JOIN (
    SELECT %(check)s::bytea
    UNION ALL
    SELECT sha256(n::text::bytea) FROM generate_series(1, 10000) AS n
) AS h (hash)
"""


@contextmanager
def many_erased(warehouse: Connection) -> Iterator[None]:
    """Have 10,000 tombstones, of nobody who is loaded."""
    secret = "of the benchmark, and of nothing else"
    os.environ["AIRFLOW_CONN_STEWARDSHIP_KEY"] = json.dumps(
        {"conn_type": "generic", "password": secret}
    )
    warehouse.execute(ENTOMB, {"check": Key(secret).check})
    warehouse.execute("ANALYZE stewardship.tombstone")
    try:
        yield
    finally:
        warehouse.execute("TRUNCATE stewardship.erasure CASCADE")


class Meter:
    """CPU seconds of this process and of a server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        pid = int((Path(server.data_dir) / "postmaster.pid").read_text().split()[0])
        self._postmaster = psutil.Process(pid)
        self.noise: list[float] = []

    def of(self, work: Callable[[], object]) -> float:
        """What a piece of work takes."""
        self.noise.append(_usual_work())
        before = self._spent()
        work()
        return self._spent() - before

    def _spent(self) -> float:
        processes = [self._postmaster, *self._postmaster.children()]
        times = [process.cpu_times() for process in processes]
        ended = self._postmaster.cpu_times()
        server = sum(one.user + one.system for one in times)
        return time.process_time() + server + ended.children_user + ended.children_system


def _usual_work() -> float:
    begun = time.process_time()
    sum(range(3_000_000))
    return time.process_time() - begun
