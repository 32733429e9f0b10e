"""Runs in processes of their own: killed at every point and retried, and several at once.

A process executes the tasks of one run and kills itself with SIGKILL just before its n-th dealing
of a kind with the world outside: a statement that changes something, a commit, a call of an API, of
a link or of S3. What happens in between nobody else can see. Another process takes the run up where
Airflow would: at the task that had not ended, with the XComs of those that had.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import OpenerDirector

import pytest

from include.sandbox.campus import Campus
from include.sandbox.truth import differences
from learning_warehouse.days import Days
from learning_warehouse.echo360.hook import Echo360Hook, Refused

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

DAYS = Days(date(2026, 1, 5), date(2026, 1, 26))
"""Four windows: one more than there are slots."""
CAMPUS: dict[str, Any] = {"first_day": DAYS.first_day, "days": 22, "students": 3, "courses": 1}
CHANGES = "INSERT|UPDATE|DELETE|COMMIT|POST|PutObject"
"""Of these kinds of dealings the second is an instant of its own: one window is done by then."""
LAG = timedelta(seconds=0.5)


# --- in a process of its own ----------------------------------------------------------------------


def load(
    saved: Path, days: Days, environment: dict[str, str], die_at: tuple[str, int] | None
) -> None:
    """Execute a run's tasks; with ``die_at`` only as far as the n-th dealing of a kind.

    Each dealing is a line of ``saved.dealings`` before it happens.
    """
    assert "tests.echo360.preloaded" in sys.modules, "the server of forks could not import it"
    os.environ.update(environment)
    log = saved.with_suffix(".log").open("a")
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())
    from tests.echo360.runs import Run

    given = {"first_day": str(days.first_day), "last_day": str(days.last_day)}
    run = Run(saved.name, saved=saved, lag=LAG, **given)
    _watch(run, saved.with_suffix(".dealings"), die_at)
    run.execute("videoview")
    if run.failures:
        raise RuntimeError(run.failures)


def _watch(run: Any, written: Path, die_at: tuple[str, int] | None) -> None:
    import psycopg
    from botocore.client import BaseClient
    from requests import Session

    out = written.open("a", buffering=1)
    dealings = Counter[str]()

    def before(what: str) -> None:
        kind = f"{run.task}: {what}"
        dealings[kind] += 1
        if die_at == (kind, dealings[kind]):
            os.kill(os.getpid(), signal.SIGKILL)
        out.write(f"{kind}\n")

    def watch(place: Any, name: str, what: Any) -> None:
        original = getattr(place, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if kind := what(*args, **kwargs):
                before(kind)
            return original(*args, **kwargs)

        setattr(place, name, watched)

    watch(psycopg.Connection, "execute", lambda _, query, *rest, **options: _change(query))
    watch(psycopg.Cursor, "copy", lambda _, query: _change(query))
    watch(psycopg.Transaction, "__exit__", lambda *_: "COMMIT")
    watch(Session, "request", lambda _, method, url, **options: f"{method} {_path(url)}")
    watch(OpenerDirector, "open", lambda _, url, **options: "GET asset")
    watch(BaseClient, "_make_api_call", lambda _, name, given: name)


def _change(query: Any) -> str | None:
    """What a statement changes; None for one that only reads."""
    text = query if isinstance(query, str) else query.as_string()
    text = re.sub(r"^--.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'"pg_temp"\."[^"]*"', "staging", text)
    text = re.sub(r"^\s*SELECT set_config\([^;]*\);", "", text)
    words = text.replace('"', "").split()
    reads = words[0] == "SELECT" and not re.search("lock|setval|FOR (NO KEY )?UPDATE", text)
    return None if reads else " ".join(words[:5])


def _path(url: str) -> str:
    """A URL's path, without what is another one in each run."""
    words = url.partition("?")[0].split("/")[3:]
    return "/".join("ID" if len(word) == 36 else word for word in words)


# --- the tests ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with four weeks of a very small campus."""
    from include.sandbox.server import Sandbox

    server = Sandbox(tmp_path_factory.mktemp("small_world"), **CAMPUS)
    server.start()
    yield server
    server.stop()


class Loader:
    """Executes the run in processes of its own, forked from one that has done what all do first."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.echo360.preloaded"])
        self.environment = environment
        self.folder = folder

    def start(
        self, name: str, days: Days = DAYS, *, die_at: tuple[str, int] | None = None
    ) -> ForkServerProcess:
        """Begin a run, or take it up again."""
        process = self.context.Process(
            target=load, args=(self.folder / name, days, self.environment, die_at)
        )
        process.start()
        return process

    def load(self, name: str, *, die_at: tuple[str, int] | None = None) -> int | None:
        """:returns: the exit code of the run's process."""
        process = self.start(name, die_at=die_at)
        process.join(120)
        return process.exitcode

    def dealings(self, name: str) -> list[str]:
        """What its processes dealt with, in their order."""
        return (self.folder / name).with_suffix(".dealings").read_text().splitlines()


@pytest.fixture
def loader(
    small_world: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Loader:
    """Processes that load the small campus into the test's own warehouse."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    configured = small_world.airflow_connections(postgres.url(warehouse_name))
    environment = {f"AIRFLOW_CONN_{k.upper()}": json.dumps(v) for k, v in configured.items()}
    return Loader(tmp_path, environment)


@pytest.mark.timeout(900)
def test_killed_anywhere_it_is_taken_up_without_a_second_request(
    loader: Loader,
    small_world: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    begin_anew(small_world, warehouse)
    assert loader.load("undisturbed") == 0
    assert check(small_world, warehouse, postgres.url(warehouse_name)) == []
    kinds = Counter(loader.dealings("undisturbed"))
    instants = [(kind, 1) for kind in kinds]
    instants += [(kind, 2) for kind, n in kinds.items() if n > 1 and re.search(CHANGES, kind)]
    for number, instant in enumerate(instants):
        begin_anew(small_world, warehouse)
        assert loader.load(f"run_{number}", die_at=instant) == -signal.SIGKILL, instant
        assert loader.load(f"run_{number}") == 0, instant
        assert check(small_world, warehouse, postgres.url(warehouse_name)) == [], instant


def test_two_runs_and_a_foreign_client_share_the_slots(
    loader: Loader,
    small_world: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin_anew(small_world, warehouse)
    runs = [
        loader.start("one", DAYS),
        loader.start("two", Days(DAYS.first_day + timedelta(days=3), DAYS.last_day)),
    ]
    monkeypatch.setenv("AIRFLOW_CONN_ECHO360", loader.environment["AIRFLOW_CONN_ECHO360"])
    foreign = submit_whenever_it_is_possible(10)
    for run in runs:
        run.join(120)
    assert [run.exitcode for run in runs] == [0, 0]
    assert small_world.counts()["echo360 most in flight"] == 3
    lines = warehouse.execute("SELECT request_id, attempt, split_from FROM ops.report_request")
    ours = {line["request_id"]: (line["attempt"], line["split_from"]) for line in lines}
    assert set(ours.values()) == {(1, None)}
    assert not ours.keys() & foreign
    found = differences(postgres.url(warehouse_name), Campus(**CAMPUS), ["echo360.videoview"])
    assert found == []


def submit_whenever_it_is_possible(times: int) -> set[str]:
    """Ask for a report that nobody else wants, refused or not, until it was taken so often."""
    made: set[str] = set()
    hook = Echo360Hook()
    deadline = time.monotonic() + 100
    while len(made) < times:
        assert time.monotonic() < deadline
        with suppress(Refused):
            made.add(hook.submit("asset", {}, {}).request_id)
    return made


def begin_anew(sandbox: Sandbox, warehouse: Connection) -> None:
    sandbox.reset()
    sandbox.set_faults(echo360_build_seconds=0.2)
    warehouse.execute("TRUNCATE echo360.videoview, ops.report_request, ops.delivery CASCADE")


def check(sandbox: Sandbox, warehouse: Connection, warehouse_url: str) -> list[str]:
    """What is not as it should be."""
    counts = sandbox.counts()
    submitted = {what: n for what, n in counts.items() if what.startswith("echo360 submitted ")}
    found = [f"{what}: {n} times" for what, n in submitted.items() if n > 1]
    if len(submitted) != 4:
        found.append(f"{len(submitted)} windows were asked for")
    if counts["echo360 most in flight"] > 3:
        found.append(f"{counts['echo360 most in flight']} were in flight")
    return found + differences(warehouse_url, Campus(**CAMPUS), ["echo360.videoview"])
