"""The whole stack on one machine: PostgreSQL, the vendors' sandbox, and a real Airflow.

``python -m include.sandbox.stack up|down|env`` keeps one running in the background. Every start
begins with empty databases: the sandbox's buckets live in memory, and a ledger of files that are
gone would be worth nothing. Airflow's own schedule is off, so that the only runs are those that
somebody starts. An Airflow 2.11 has neither UI nor API here, only what runs tasks, for the tests of
the command line. Knows of the DAGs only where they lie.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from include.sandbox.postgres import EmbeddedPostgres, binaries, free_port
from include.sandbox.s3 import ACCESS_KEY, SECRET_KEY, VENDOR_BUCKET
from include.sandbox.server import EDX_BUCKET, LANDING_BUCKET, ROOT, Sandbox

USER = "admin"
UI_PORT = 8080
CAMPUS = {"seed": 7, "students": 60, "courses": 4}
PATIENCE = 180
"""Seconds within which a part must be there."""
AIRFLOW_2 = version("apache-airflow").startswith("2.")
LOCAL_SETTINGS = """\
import sys

if {"scheduler", "celery"} & set(sys.argv):
    import learning_warehouse.preload
"""
PREPARE = """\
import sys

from airflow.cli import cli_parser

for command in (["db", "migrate"], ["connections", "import", sys.argv[1]]):
    given = cli_parser.get_parser().parse_args(command)
    given.func(given)
"""
"""Airflow's database and connections by one process: each start of Airflow takes seconds."""

COMPONENTS = ("scheduler", "triggerer", *(() if AIRFLOW_2 else ("api-server", "dag-processor")))


class StackFailure(Exception):
    """The stack cannot be started or has stopped; one sentence says why."""


class Stack:
    """PostgreSQL, the sandbox and Airflow, as processes of this one's.

    :param state: a folder for data, logs and addresses; what lies there is removed.
    :param first_day: the campus's first day.
    :param days: how many it has.
    :param ui_port: where Airflow's UI and API listen; by default a free port.
    """

    def __init__(
        self,
        state: Path,
        *,
        first_day: date,
        days: int = 7,
        ui_port: int | None = None,
    ) -> None:
        self.state = state.resolve()
        self.campus: dict[str, Any] = {**CAMPUS, "first_day": first_day, "days": days}
        self.port = ui_port or free_port()
        self.password = secrets.token_urlsafe(9)
        self.postgres = EmbeddedPostgres(self.state / "postgres")
        self.sandbox = Sandbox(self.state / "sandbox", **self.campus)
        self._home = self.state / "airflow"
        self._secret = secrets.token_urlsafe(64)
        self._log_ports = free_port(), free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Airflow's UI and API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def warehouse_url(self) -> str:
        """The warehouse, for libpq."""
        return self.postgres.url("warehouse")

    @property
    def metadata_url(self) -> str:
        """Airflow's own database, for libpq."""
        return self.postgres.url("airflow")

    @property
    def logs(self) -> Path:
        """Where Airflow writes the logs of tasks."""
        return self._home / "logs"

    def start(self) -> Stack:
        """Start all of it, and wait until Airflow knows its DAGs.

        :raises StackFailure: a part did not come up.
        """
        self.postgres.stop()
        _clear(self.state)
        self._home.mkdir(mode=0o700)
        (self._home / "config").mkdir()
        (self._home / "config" / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)
        write_for_oneself(self._home / "passwords.json", {USER: self.password})
        self.postgres.start()
        for database in ("airflow", "warehouse"):
            self.postgres.create_database(database)
        try:
            self.sandbox.start()
        except RuntimeError as error:
            raise StackFailure(str(error)) from None
        connections = self._home / "connections.json"
        write_for_oneself(connections, self.connections())
        self.launch("prepare", str(connections), program=("-c", PREPARE))
        if self._processes["prepare"].wait(PATIENCE) != 0:
            raise StackFailure(f"Airflow was not prepared:\n{self.tail('prepare')}")
        connections.unlink()
        for component in COMPONENTS:
            self.launch(component, component)
        if not AIRFLOW_2:
            self._wait("Airflow to be healthy", self._healthy)
        return self

    def stop(self) -> None:
        """End all of it, whatever state it is in, and wait until it is gone."""
        family: list[psutil.Process] = []
        for process in self._processes.values():
            with suppress(psutil.NoSuchProcess):
                family += psutil.Process(process.pid).children(recursive=True)
        for process in self._processes.values():
            _signal_group(process.pid, signal.SIGTERM)
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
        for process in self._processes.values():
            _signal_group(process.pid, signal.SIGKILL)
        for survivor in psutil.wait_procs(family, timeout=1)[1]:
            with suppress(psutil.NoSuchProcess):
                survivor.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        self.sandbox.stop()
        self.postgres.stop()

    def check(self) -> None:
        """See that all of Airflow's components run.

        :raises StackFailure: one has ended.
        """
        for name in COMPONENTS:
            if self._processes[name].poll() is not None:
                raise StackFailure(f"Airflow's {name} has ended:\n{self.tail(name)}")

    def launch(
        self, name: str, *arguments: str, program: Sequence[str] = ("-m", "airflow")
    ) -> subprocess.Popen[bytes]:
        """Start an ``airflow`` command in a session, and so a process group, of its own.

        :param name: what its output is kept under, see ``tail``.
        :param program: what Python runs, if it is another program.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "PYTHON"))
        }
        with (self.state / f"{name}.log").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=self._home,
                env={**inherited, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def tail(self, name: str, size: int = 3000) -> str:
        """The end of what a command said."""
        return (self.state / f"{name}.log").read_text(errors="replace")[-size:]

    def connections(self) -> dict[str, dict[str, Any]]:
        """What is made in Airflow at the start, where it can be seen and edited."""
        return self.sandbox.airflow_connections(self.warehouse_url)

    def environment(self) -> dict[str, str]:
        """What makes a shell's ``airflow`` and ``python`` those of this stack, but for PATH."""
        metadata = self.metadata_url.replace("postgresql:", "postgresql+psycopg2:")
        settings = {
            "CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": "6",
            "CORE__FERNET_KEY": self._fernet_key,
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._home / "passwords.json"),
            "DATABASE__SQL_ALCHEMY_CONN": metadata,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": self._secret,
            "API_AUTH__JWT_SECRET": self._secret,
            "LOGGING__BASE_LOG_FOLDER": str(self.logs),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self._log_ports[0]),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._log_ports[1]),
            "SCHEDULER__USE_JOB_SCHEDULE": "False",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return {
            "AIRFLOW_HOME": str(self._home),
            "PYTHONPATH": str(ROOT),
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        }

    def addresses(self) -> dict[str, str]:
        """What tools other than Airflow need to reach the stack's parts."""
        return {
            "AIRFLOW_URL": self.url,
            "AIRFLOW_USER": USER,
            "AIRFLOW_PASSWORD": self.password,
            "WAREHOUSE_URL": self.warehouse_url,
            "S3_ENDPOINT_URL": self.sandbox.s3_url,
            "AWS_ENDPOINT_URL_S3": self.sandbox.s3_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-west-2",
            "LANDING_BUCKET": LANDING_BUCKET,
            "EDX_BUCKET": EDX_BUCKET,
            "VOCAREUM_BUCKET": VENDOR_BUCKET,
            "ECHO360_URL": self.sandbox.api_url,
            "VOCAREUM_URL": self.sandbox.api_url,
        }

    def claim(self) -> None:
        """Hold the state's folder while this process lives.

        :raises StackFailure: another stack holds it.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.state, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackFailure(
                f"Another stack runs in {self.state}: let it end, or name another folder."
            ) from None

    @property
    def _fernet_key(self) -> str:
        from base64 import urlsafe_b64encode
        from hashlib import sha256

        return urlsafe_b64encode(sha256(self._secret.encode()).digest()).decode()

    def _wait(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            self.check()
            if time.monotonic() > deadline:
                raise StackFailure(f"Waited {PATIENCE} s for {what}: see the logs in {self.state}.")
            time.sleep(0.25)

    def _healthy(self) -> bool:
        import requests

        try:
            answer = requests.get(f"{self.url}/api/v2/monitor/health", timeout=5)
            parts = answer.json()
        except (requests.RequestException, ValueError):
            return False
        return all(
            parts.get(part, {}).get("status") == "healthy"
            for part in ("metadatabase", "scheduler", "dag_processor", "triggerer")
        )


class Airflow:
    """Airflow's REST API, as its user.

    :param url: where it listens.
    """

    def __init__(self, url: str, *, password: str, user: str = USER) -> None:
        import requests

        self.url = url
        self._login = {"username": user, "password": password}
        self._session = requests.Session()

    def get(self, path: str, **query: Any) -> Any:
        """Read what lies under ``/api/v2``.

        :raises StackFailure: Airflow refuses; with its answer.
        """
        return self._call("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send something to ``/api/v2``; raises as ``get`` does."""
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Edit what lies under ``/api/v2``; raises as ``get`` does."""
        return self._call("PATCH", path, json=body)

    def _call(self, method: str, path: str, **content: Any) -> Any:
        if "Authorization" not in self._session.headers:
            answer = self._session.post(f"{self.url}/auth/token", json=self._login, timeout=30)
            answer.raise_for_status()
            self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        answer = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=60, **content)
        if not answer.ok:
            raise StackFailure(f"{method} {path}: {answer.status_code} {answer.text[:1000]}")
        return answer.json()


def week_until(days_ago: int) -> tuple[date, date]:
    """The seven UTC days of which the last was ``days_ago`` days ago."""
    last = datetime.now(UTC).date() - timedelta(days=days_ago)
    return last - timedelta(days=6), last


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """A started stack, stopped at the end: on an error, Ctrl-C and SIGTERM too."""

    def leave(number: int, _: FrameType | None) -> None:
        print(f"{signal.Signals(number).name}: stopping everything", file=sys.stderr)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    stack.claim()
    try:
        yield stack.start()
    finally:
        for number in (*before, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        stack.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def write_for_oneself(path: Path, content: Any) -> None:
    """Write JSON that no other user may read, because it has secrets."""
    path.unlink(missing_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        json.dump(content, out)


def up(state: Path) -> None:
    """Start a stack that outlives this command, unless it runs already, and say where it is.

    :raises StackFailure: it did not start.
    """
    state.mkdir(parents=True, exist_ok=True)
    with state.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Of two commands the second finds what the first started.
        if _pid(state) is None:
            _start_keeper(state)
        else:
            print("The stack runs already; `make down` stops it.")
        described = json.loads(_description(state).read_text())
    addresses = described["addresses"]
    print(f"Airflow's UI: {addresses['AIRFLOW_URL']}")
    print(f"Login:        {USER} / {addresses['AIRFLOW_PASSWORD']}")
    print(f"Warehouse:    {addresses['WAREHOUSE_URL']}")
    print(f"S3:           {addresses['S3_ENDPOINT_URL']}")
    first, last = described["days"]
    print(
        f"The campus has data from {first} to {last}. Airflow's schedule is off: trigger the DAGs."
    )
    print('A shell for it: eval "$(make -s env)"; the end of it: make down')


def _start_keeper(state: Path) -> None:
    port = UI_PORT
    while _taken(port):
        port += 1
    if port != UI_PORT:
        print(f"Port {UI_PORT} is taken: the UI is on {port}.")
    log = state.with_suffix(".log")
    with log.open("wb") as out:
        keeper = subprocess.Popen(
            [
                *(sys.executable, "-m", "include.sandbox.stack"),
                *("--state", str(state), "keep", "--port", str(port)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _described(state, keeper.pid):
            if keeper.poll() is not None:
                raise StackFailure(f"The stack did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.2)
    except BaseException:
        keeper.terminate()
        keeper.wait()
        raise


def keep(state: Path, port: int) -> None:
    """Hold a stack until SIGTERM."""
    days = week_until(1)
    with running(Stack(state, first_day=days[0], ui_port=port)) as stack:
        described = {
            "pid": os.getpid(),
            "days": [str(day) for day in days],
            "addresses": stack.addresses(),
            "environment": stack.environment(),
        }
        unfinished = state / "stack.json.new"
        write_for_oneself(unfinished, described)
        unfinished.rename(_description(state))
        try:
            while True:
                time.sleep(2)
                stack.check()
        finally:
            _description(state).unlink(missing_ok=True)


def down(state: Path) -> None:
    """Stop the stack that ``up`` started, and wait until it has."""
    pid = _pid(state)
    if pid is None:
        print("The stack is not running.")
        return
    keeper = psutil.Process(pid)
    keeper.terminate()
    try:
        keeper.wait(timeout=60)
    except psutil.TimeoutExpired:
        raise StackFailure(f"Process {pid} has not ended within 60 s: look at it.") from None
    print("Stopped.")


def env(state: Path) -> None:
    """Print the ``export`` lines that make a shell's commands those of the running stack.

    :raises StackFailure: none is running.
    """
    if _pid(state) is None:
        raise StackFailure("The stack is not running: `make up` starts it.")
    described = json.loads(_description(state).read_text())
    programs = shlex.quote(f"{Path(sys.executable).parent}:{binaries()}")
    print(f'export PATH={programs}:"$PATH"')
    for name, value in {**described["environment"], **described["addresses"]}.items():
        print(f"export {name}={shlex.quote(value)}")


def _description(state: Path) -> Path:
    return state / "stack.json"


def _described(state: Path, pid: int) -> bool:
    return _pid(state) == pid


def _pid(state: Path) -> int | None:
    """The process that holds the stack, if it lives."""
    try:
        pid = int(json.loads(_description(state).read_text())["pid"])
        command = psutil.Process(pid).cmdline()
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return pid if "include.sandbox.stack" in command else None


def _taken(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(description="The sandbox's stack in the background.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "up")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "env"):
        commands.add_parser(name)
    commands.add_parser("keep").add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    state = given.state.resolve()
    try:
        if given.command == "keep":
            keep(state, given.port)
        else:
            {"up": up, "down": down, "env": env}[given.command](state)
    except StackFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
