"""What the steps run in: a PostgreSQL server, the vendors' sandbox, a proxy before each of them.

One set serves the schedules of a process, one after another; each begins with a fresh warehouse.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from datetime import UTC, date, datetime, timedelta
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from include.sandbox.campus import Campus
from include.sandbox.postgres import EmbeddedPostgres
from include.sandbox.s3 import ASSET_BUCKET, VENDOR_BUCKET
from include.sandbox.server import EDX_BUCKET, LANDING_BUCKET, Sandbox
from include.sandbox.truth import temp_tables
from learning_warehouse.echo360 import slots
from learning_warehouse.echo360.sensors import Echo360ReportSensor
from tests.chaos.proxy import Proxies
from tests.conftest import open_database

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("echo360_reports", "edx_tracking_logs", "vocareum_lab_analytics")
DISK = "96m"
"""How large the disk of the warehouse is, where one can be mounted."""
BUILD_SECONDS = 0.05
LEFT = "pg_temp://"
"""Before the name of a TEMP table, in ``fired_file``."""
LAG = timedelta(seconds=2)
"""How late a request may appear in Echo360's listing; it does not take half a second."""


def first_day() -> date:
    """Of the campus: the same all month, and near enough for reports that reach back a year."""
    month = datetime.now(UTC).date().replace(day=1)
    return (month - timedelta(days=40)).replace(day=1)


class KnownCampus(Campus):
    """A campus that has to think only once."""

    def __init__(self, **made_of: Any) -> None:
        super().__init__(**made_of)
        self.truth = cache(lambda table: list(Campus.truth(self, table)))
        self.rejects = cache(lambda table: Campus.rejects(self, table))


class Surroundings:
    """Everything around the steps, started and stopped as a context.

    ``fired`` counts what went wrong here; what happens in a step's process is a line of
    ``fired_file``. ``outdated`` has the files of which the vendor shows an older version, and what
    it will replace them with: (bucket, key) → content.

    :param state: a folder for its data.
    :param campus: what the campus is made of.
    """

    def __init__(self, state: Path, campus: dict[str, Any]) -> None:
        self.state = state
        self.campus = KnownCampus(**campus)
        self.fired: Counter[str] = Counter()
        self.fired_file = state / "fired"
        self.outdated: dict[tuple[str, str], bytes] = {}
        self.outdated_at = 0.0
        self.database = ""
        self.server = EmbeddedPostgres(state / "postgres" / "data", fsync=False)
        self.sandbox = Sandbox(state / "sandbox", **campus)
        self.proxies: Proxies
        self.has_disk = False
        self._disk = state / "disk"
        self._locks: list[_Lock] = []

    def __enter__(self) -> Surroundings:
        self.server.start()
        self.server.create_database("empty_warehouse")
        open_database(self.server, "empty_warehouse").close()
        self._mount()
        self.sandbox.start()
        ports = {"postgres": self.server.port}
        ports["api"], ports["s3"] = (
            urlsplit(url).port or 0 for url in (self.sandbox.api_url, self.sandbox.s3_url)
        )
        self.proxies = Proxies(ports)
        self.client = self.sandbox.client()
        self.vendor_files = {
            **{(VENDOR_BUCKET, key): content for key, content in self.campus.vocareum_files()},
            **{(EDX_BUCKET, key): content for key, content in self.campus.edx_tars()},
        }
        return self

    def __exit__(self, *_: object) -> None:
        self.proxies.stop()
        self.sandbox.stop()
        self.server.stop()
        if self.has_disk:
            subprocess.run(["umount", str(self._disk)], check=False)

    def _mount(self) -> None:
        """A disk of the warehouse's own, where this process may mount one."""
        self._disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self._disk)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return
        place = self._disk / "warehouse"
        place.mkdir()
        with psycopg.connect(self.server.url(), autocommit=True) as conn:
            location = sql.Literal(str(place))
            conn.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(location))
        self.has_disk = True

    def begin(self, name: str) -> None:
        """A fresh warehouse, and the vendors as nobody has asked them for anything."""
        self.server_ready()
        self.end()
        self.database = name
        with psycopg.connect(self.server.url(), autocommit=True) as conn:
            place = sql.SQL("TABLESPACE small" if self.has_disk else "")
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE empty_warehouse {}").format(
                    sql.Identifier(name), place
                )
            )
        self.fired_file.write_text("")
        self.sandbox.reset()
        self.sandbox.set_faults(echo360_build_seconds=BUILD_SECONDS)
        for count in (*self.proxies.resets.values(), *self.proxies.dripped.values()):
            count.value = 0
        proxied = copy(self.sandbox)
        proxied.api_url, proxied.s3_url = (
            f"http://127.0.0.1:{self.proxies.ports[name]}" for name in ("api", "s3")
        )
        url = f"postgresql://airflow@127.0.0.1:{self.proxies.ports['postgres']}/{name}"
        for conn_id, fields in proxied.airflow_connections(url).items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(fields)

    def end(self) -> None:
        """Forget the warehouse of before, and what landed for it."""
        self.replace_outdated()
        self.fired.clear()
        if not self.database:
            return
        with psycopg.connect(self.server.url(), autocommit=True) as conn:
            name = sql.Identifier(self.database)
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        self.database = ""
        for bucket in (LANDING_BUCKET, ASSET_BUCKET):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                keys = [{"Key": listed["Key"]} for listed in page.get("Contents", ())]
                if keys:
                    self.client.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    @property
    def url(self) -> str:
        """The warehouse, without a proxy before it."""
        return self.server.url(self.database)

    # --- the server -------------------------------------------------------------------------------

    def kill_server(self) -> None:
        """End it as a crash would, and start it again; a step's process may do so too.

        Its TEMP tables are told: the server itself removes what a crash left of them, in time.
        """
        with (self.state / "kill").open("w") as one_at_a_time:
            flock(one_at_a_time, LOCK_EX)
            self.make_room()
            self.server.kill()
            self.server.restart()
            with psycopg.connect(self.url) as conn:
                left = [f"{LEFT}{name}\n" for name in temp_tables(conn)]
            with self.fired_file.open("a") as out:
                out.writelines(["PostgreSQL killed\n", *left])

    def left_by_crashes(self) -> set[str]:
        """The TEMP tables that were there when the server came back."""
        lines = self.fired_file.read_text().splitlines()
        return {line.removeprefix(LEFT) for line in lines if line.startswith(LEFT)}

    def server_ready(self) -> None:
        """Nothing is in its way."""
        self.make_room()
        self.release_locks()

    def fill_disk(self) -> None:
        """Leave no room on the warehouse's disk."""
        with (self._disk / "filler").open("wb", buffering=0) as filler:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while filler.write(bytes(size)):
                        pass

    def make_room(self) -> None:
        """The opposite."""
        (self._disk / "filler").unlink(missing_ok=True)

    def times_full(self) -> int:
        """How often the server found the disk full."""
        log = (self.server.data_dir / "server.log").read_text(errors="replace")
        return log.count("No space left on device")

    # --- locks ------------------------------------------------------------------------------------

    def hold_lock(self, statement: str, seconds: float) -> None:
        """Let somebody else hold a lock of the warehouse for a while.

        Nobody can where the server lets nobody in: while the disk is full, say.
        """
        with suppress(psycopg.OperationalError):
            self._locks.append(_Lock(self.url, statement, time.monotonic() + seconds))

    @contextmanager
    def reader(self, statements: Iterable[str]) -> Iterator[None]:
        """Let somebody of the readers' role hold locks; not where the server lets nobody in."""
        try:
            conn = psycopg.connect(self.url, connect_timeout=10, autocommit=True)
        except psycopg.OperationalError:
            yield
            return
        with conn:
            with suppress(psycopg.OperationalError):
                conn.execute("SET ROLE learning_warehouse_reader")
                conn.execute("BEGIN")
                for statement in statements:
                    conn.execute(statement.encode())
                self.fired["lock held by a reader"] += 1
            yield
            conn.close()

    def look_after_locks(self) -> None:
        """Let go of those that were held for long enough."""
        for lock in self._locks:
            lock.look()
            if time.monotonic() > lock.until:
                self._release(lock)

    def release_locks(self) -> None:
        """Let go of all."""
        for lock in list(self._locks):
            lock.look()
            self._release(lock)

    def _release(self, lock: _Lock) -> None:
        self.fired["lock held by somebody else"] += lock.met
        lock.conn.close()
        self._locks = [other for other in self._locks if other is not lock]

    # --- files ------------------------------------------------------------------------------------

    def outdate(self, bucket: str, key: str, older: bytes) -> None:
        """Let the vendor show an older version of a file, until it is replaced."""
        self.client.put_object(Bucket=bucket, Key=key, Body=older)
        self.outdated[bucket, key] = self.vendor_files[bucket, key]
        self.outdated_at = time.time()

    def replace_outdated(self) -> bool:
        """Let the vendor show its files as they are in the end; whether there were any others."""
        found = bool(self.outdated)
        for bucket, key in list(self.outdated):
            self.replace(self.client, bucket, key)
        self.outdated.clear()
        return found

    def replace(self, client: Any, bucket: str, key: str) -> None:
        """Put the newer version of a file, a second later than the older one: S3 tells no less."""
        while time.time() < self.outdated_at + 1.1:
            time.sleep(0.02)
        client.put_object(Bucket=bucket, Key=key, Body=self.outdated[bucket, key])

    # --- what really happened ---------------------------------------------------------------------

    def count_fired(self) -> Counter[str]:
        """How often each fault fired in this schedule."""
        fired = Counter(self.fired)
        lines = self.fired_file.read_text().splitlines()
        fired.update(line for line in lines if "://" not in line)
        fired["headers dripped"] += self.proxies.dripped["api"].value
        for name, resets in self.proxies.resets.items():
            fired[f"connection reset: {name}"] += resets.value
        counts = self.sandbox.counts()
        for answer, what in ANSWERS.items():
            fired[what] += counts.get(f"fault {answer}", 0)
        return +fired


ANSWERS = {
    "vocareum_429": "HTTP 429", "api_429": "HTTP 429",
    "vocareum_500": "HTTP 500", "api_500": "HTTP 500", "submit_500_before": "HTTP 500",
    "submit_500_after": "HTTP 500", "s3_500": "HTTP 500",
    "vocareum_html": "HTML for an answer", "api_html": "HTML for an answer",
    "api_401": "credentials expired", "expired_key": "credentials expired",
    "api_redirect": "redirect with a body", "s3_skewed": "clock of S3 differs",
    "s3_cut": "S3 object cut off", "listing_lag": "listing lagged",
}  # fmt: skip
"""What the sandbox counts, by what it is called here; keys that expire show at the next call."""


class _Lock:
    """A lock that somebody holds, and whether anybody had to wait for it."""

    def __init__(self, url: str, statement: str, until: float) -> None:
        self.until = until
        self.met = False
        self.conn: psycopg.Connection[Any] = psycopg.connect(url, connect_timeout=10)
        self.conn.execute("SET lock_timeout = '1s'")
        with suppress(psycopg.errors.LockNotAvailable):
            self.conn.execute(sql.SQL(statement))

    def look(self) -> None:
        """Is somebody waiting?"""
        if self.met or self.conn.closed:
            return
        with suppress(psycopg.Error):
            self.met = bool(self.conn.execute(WAITING).fetchone())


WAITING = """
SELECT 1
FROM pg_stat_activity
WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))
"""


def read_dags() -> Iterator[DAG]:
    """The DAGs of the sources; Echo360's listing is waited for as long as it may lag here, and so
    long a slot is left to a run that may have ended.
    """
    slots.TURN = LAG
    for name in SOURCES:
        spec = importlib.util.spec_from_file_location(name, ROOT / "dags" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for dag in module.DAGS:
            for task in dag.tasks:
                if isinstance(task, Echo360ReportSensor):
                    task.lag = LAG
            yield dag
