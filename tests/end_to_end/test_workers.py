"""The three DAGs on CeleryExecutor: two workers that share no folder, one of them lost on the way.

A worker has a copy of what a deployment copies, an Airflow home, logs and temporary files of its
own, as on a machine of its own. What the workers share is Redis, Airflow's API and database, the
buckets and the warehouse. It is the slowest way to load a week here, so ``make test-celery`` alone
asks for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from include.sandbox.campus import Campus
from include.sandbox.demo import TABLES, await_dags, await_runs, start_runs
from include.sandbox.postgres import free_port
from include.sandbox.server import ROOT
from include.sandbox.stack import Airflow, Stack, running, week_until
from include.sandbox.truth import differences
from learning_warehouse.warehouse.locks import lock_dataset
from tests.conftest import open_database

pytestmark = pytest.mark.timeout(3600)

DEPLOYED = ("dags", "plugins", "include/sql", "include/origins.cfg")
CONCURRENCY = 3
HELD = "vocareum.lab_sessions"
"""While the test holds this table's lock, its merges stop in their middle."""


class CeleryStack(Stack):
    """A stack whose tasks run on whatever workers there are.

    :param redis_url: Celery's broker.
    :param campus: as in ``Stack``.
    """

    def __init__(self, state: Path, *, redis_url: str, **campus: Any) -> None:
        super().__init__(state, **campus)
        self.redis_url = redis_url

    def environment(self) -> dict[str, str]:
        """As in ``Stack``; a lost worker is noticed in seconds, not in minutes."""
        local = super().environment()
        settings = {
            "CORE__EXECUTOR": "CeleryExecutor",
            "CELERY__BROKER_URL": self.redis_url,
            "CELERY__RESULT_BACKEND": f"db+{local['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}",
            "CELERY__WORKER_CONCURRENCY": str(CONCURRENCY),
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
            "SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
            "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
        }
        return local | {f"AIRFLOW__{name}": value for name, value in settings.items()}


class Worker:
    """An Airflow worker that has nothing in common with another one but the kernel and Python.

    :param folder: its disk, which is not there yet.
    """

    def __init__(self, folder: Path, stack: Stack) -> None:
        self.temporary = folder / "tmp"
        self.logs = folder / "logs"
        project = folder / "project"
        for name in DEPLOYED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / name, project / name)
        for made in (self.temporary, folder / "airflow"):
            made.mkdir()
        environment = {
            **stack.environment(),
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
        }
        del environment["PYTHONPATH"]
        command = ["celery", "worker", "--skip-serve-logs", "--celery-hostname", folder.name]
        with (folder / "worker.log").open("wb") as out:
            self._leader = psutil.Popen(
                [sys.executable, "-m", "airflow", *command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pids(self) -> set[int]:
        """Of the worker and what it has started: supervisors, and tasks in groups of their own."""
        return {process.pid for process in (self._leader, *self._leader.children(recursive=True))}

    def lose(self) -> None:
        """End all of it as if the machine were gone: nobody lives to tell of another one's end."""
        family = [self._leader]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                family += process.children()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=30)


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A Redis of the test's own, in memory."""
    program = request.config.getoption("redis_server")
    if program is None:
        pytest.skip("needs redis-server: `make test-celery` runs this")
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as server:
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


def test_a_week_on_two_workers_one_of_which_is_lost(redis_url: str, tmp_path: Path) -> None:
    first, last = week_until(2)
    state = tmp_path / "stack"
    with (
        running(CeleryStack(state, redis_url=redis_url, first_day=first)) as stack,
        ExitStack() as ending,
    ):
        workers = []
        for name in ("worker_1", "worker_2"):
            workers.append(Worker(tmp_path / name, stack))
            ending.callback(workers[-1].lose)
        airflow = Airflow(stack.url, password=stack.password)
        await_dags(stack, airflow)

        open_database(stack.postgres, "warehouse").close()
        with psycopg.connect(stack.warehouse_url) as holder:
            lock_dataset(holder, HELD)
            expected = start_runs(airflow, first, last)
            task, lost = in_its_middle(stack, workers, holder.info.backend_pid)
            lost.lose()

        assert await_runs(stack, airflow, expected, time.monotonic()) == []
        assert differences(stack.warehouse_url, Campus(**stack.campus), TABLES) == []
        assert tries(stack, task) > 1
        asked = {
            what: times
            for what, times in stack.sandbox.counts().items()
            if what.startswith("echo360 submitted ")
        }
        assert asked
        assert {what: times for what, times in asked.items() if times > 1} == {}
        for worker in workers:
            assert list(worker.logs.rglob("*.log")), "it had nothing to do"
            assert [path for path in worker.temporary.rglob("*") if path.is_file()] == []


def in_its_middle(
    stack: Stack, workers: list[Worker], holder: int
) -> tuple[tuple[str, str, str], Worker]:
    """Wait until a task is in the middle of a merge.

    :param holder: the session of the warehouse that it waits for.
    :returns: the task (its DAG, run and id), and the worker that runs it.
    """
    waiting = "SELECT client_port FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    with psycopg.connect(stack.warehouse_url, autocommit=True) as conn:
        while not (ports := conn.execute(waiting, [holder]).fetchall()):
            stack.check()
            time.sleep(0.1)
        its_ends = (ports[0][0], conn.info.port)
    (pid,) = [
        end.pid
        for end in psutil.net_connections("tcp")
        if end.raddr and (end.laddr.port, end.raddr.port) == its_ends
    ]
    (worker,) = [worker for worker in workers if pid in worker.pids()]
    query = "SELECT dag_id, run_id, task_id FROM task_instance WHERE pid = %s AND state = 'running'"
    with psycopg.connect(stack.metadata_url) as conn:
        (task,) = conn.execute(query, [pid]).fetchall()
    return task, worker


def tries(stack: Stack, task: tuple[str, str, str]) -> int:
    """How often a task was tried."""
    query = (
        "SELECT try_number FROM task_instance WHERE dag_id = %s AND run_id = %s AND task_id = %s"
    )
    with psycopg.connect(stack.metadata_url) as conn:
        ((number,),) = conn.execute(query, task).fetchall()
    return int(number)
