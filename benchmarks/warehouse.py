"""A server of its own for a benchmark, with an empty warehouse, and psql beside it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from include.sandbox.postgres import EmbeddedPostgres, binaries
from learning_warehouse.warehouse.connection import open_warehouse

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
        parameters = dict(conninfo_to_dict(server.url(DATABASE)))
        with closing(open_warehouse(parameters, called="the benchmark")) as warehouse:
            yield server, warehouse


def psql(server: EmbeddedPostgres, command: str) -> float:
    """Run a command with psql.

    :returns: its seconds, psql's start among them.
    """
    begun = time.perf_counter()
    subprocess.run(
        [binaries() / "psql", "-X", "-q", server.url(DATABASE), "-c", command], check=True
    )
    return time.perf_counter() - begun
