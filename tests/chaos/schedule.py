"""A schedule: runs of one DAG over the campus's days, with faults, until all must be there.

What is drawn depends on the seed and the schedule's number alone, and a fault besides on the run,
the step and how often it was begun: however several steps at once fall out, each meets what is
meant for it.
"""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from psycopg import sql

from include.sandbox.campus.activity import true_course_days
from include.sandbox.campus.learning import true_activity
from include.sandbox.s3 import VENDOR_BUCKET
from include.sandbox.server import EDX_BUCKET
from include.sandbox.truth import (
    changes,
    contents,
    course_days,
    differences,
    wrong_activity,
    wrong_course_days,
)
from learning_warehouse.activity.refreshing import TABLES, mark_all, refresh
from learning_warehouse.days import Days
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.people.accounts import enter_accounts, match
from learning_warehouse.vocareum.files import REGISTRY
from tests.chaos import faults
from tests.chaos.steps import Executor, Hanging, Run
from tests.conftest import open_database

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG

    from tests.chaos.surroundings import Surroundings

FEWEST_ROWS = 1000
DOWN = 10
"""Days for which Airflow is down."""
SHAPES = {
    "one run": 3,
    "two runs at once": 4,
    "runs in shuffled order": 4,
    "ten days down": 3,
}
CHANCE_OF_FAULT = 0.3
FAULTY_TIMES = 2
"""How often a step is begun with faults; the times after that find everything well."""
CHANCES_BETWEEN = {"PostgreSQL killed": 0.02, "committed step cleared": 0.05, "clock": 0.01}
MOST_CLEARED = 4
FOR_GOOD = "has changed since it was|refuses the token that it gave"
"""The only reasons for which a step may fail for good here: a file that was replaced, and a new
token that is refused too, where the faults of two steps meet in one. Others must end by retries."""

UNBALANCED = """
SELECT d.name, d.rows_merged, d.rows_rejected, count(t._delivery) AS present,
    (SELECT count(*) FROM ops.rejected_row AS r WHERE r.delivery_id = d.delivery_id) AS rejected
FROM ops.delivery AS d
LEFT JOIN {table} AS t ON t._delivery = d.delivery_id
WHERE d.dataset = {name}
GROUP BY d.delivery_id
HAVING (d.superseded_by IS NULL AND count(t._delivery) <> d.rows_merged)
    OR count(t._delivery) > d.rows_merged
    OR d.rows_rejected <> (
        SELECT count(*) FROM ops.rejected_row AS r WHERE r.delivery_id = d.delivery_id
    )
"""
_true_course_days = cache(true_course_days)
_true_activity = cache(true_activity)
ACTIVITY = sorted({f"activity.{table}" for tables in TABLES.values() for table in tables})
OTHERS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database()
    AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Schedule:
    """What was drawn.

    :param names: which datasets or reports.
    :param slots: how many steps at a time.
    :param outdated: files that the vendor replaces in the meantime: bucket, key, the older content.
    """

    seed: int
    number: int
    dag: DAG
    shape: str
    names: tuple[str, ...]
    tables: tuple[str, ...]
    slots: int
    outdated: tuple[tuple[str, str, bytes], ...]

    def __str__(self) -> str:
        files = "".join(f", {key} replaced" for _, key, _ in self.outdated)
        return (
            f"{self.dag.dag_id}, {self.shape}, {self.slots} at a time, "
            f"{' '.join(self.names) or 'all'}{files}"
        )

    def chance(self, *of: object) -> Random:
        """A source of chance for a part of it."""
        return Random("/".join(map(str, (self.seed, self.number, *of))))


@dataclass(frozen=True)
class Outcome:
    """What came of a schedule.

    :param found: what is wrong; nothing where all is well.
    :param lasting: the sentences of steps that failed for good on the way, and had to be cleared.
    """

    found: list[str]
    lasting: list[str]
    fired: Counter[str]
    steps: int
    rows: int
    seconds: float


# --- what is drawn --------------------------------------------------------------------------------


def draw(seed: int, number: int, dags: list[DAG], around: Surroundings) -> Schedule:
    """A schedule's DAG, its shape, and what it loads: as much as makes a thousand rows."""
    chance = Random(f"{seed}/{number}")
    dag = chance.choice(dags)
    shape = chance.choices(list(SHAPES), list(SHAPES.values()))[0]
    names, tables = _drawn_tables(chance, dag.dag_id, around)
    return Schedule(
        seed=seed,
        number=number,
        dag=dag,
        shape=shape,
        names=names,
        tables=tables,
        slots=2 if shape == "two runs at once" else chance.choice((1, 2)),
        outdated=()
        if shape == "ten days down" or chance.random() < 0.4
        else tuple(_drawn_outdated(chance, dag.dag_id, names, around)),
    )


def _drawn_tables(
    chance: Random, dag_id: str, around: Surroundings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if dag_id.startswith("edx"):
        return (), ("edx.event",)
    schema = "vocareum" if dag_id.startswith("vocareum") else "echo360"
    names = [f.dataset.name for f in REGISTRY] if schema == "vocareum" else list(REPORTS)
    chance.shuffle(names)
    rows = 0
    chosen: list[str] = []
    while names and (rows < FEWEST_ROWS or len(chosen) < 2):
        chosen.append(names.pop())
        rows += len(around.campus.truth(f"{schema}.{chosen[-1]}"))
    return tuple(chosen), tuple(f"{schema}.{name}" for name in chosen)


def _drawn_outdated(
    chance: Random, dag_id: str, names: tuple[str, ...], around: Surroundings
) -> Iterator[tuple[str, str, bytes]]:
    """Files as they were when two thirds of them were written; of a tar, the one before."""
    root = f"org{around.campus.org_id}/"
    if dag_id.startswith("edx"):
        tars = sorted(key for bucket, key in around.vendor_files if bucket == EDX_BUCKET)
        yield EDX_BUCKET, tars[-1], around.vendor_files[EDX_BUCKET, tars[0]]
    if not dag_id.startswith("vocareum"):
        return
    possible = {}
    for files in (files for files in REGISTRY if files.dataset.name in names):
        for (bucket, key), content in around.vendor_files.items():
            name = re.fullmatch(re.escape(root + files.prefix) + files.pattern, key)
            lines = content.splitlines(keepends=True)
            if bucket == VENDOR_BUCKET and name and len(lines) >= 12:
                possible[key] = b"".join(lines[: len(lines) * 2 // 3])
    for key in chance.sample(sorted(possible), min(2, len(possible))):
        yield VENDOR_BUCKET, key, possible[key]


# --- what is done ---------------------------------------------------------------------------------


def execute(schedule: Schedule, around: Surroundings, folder: Path) -> Outcome:
    """Execute a schedule, run again what failed, and look whether all is there.

    :param folder: for XComs and the log.
    """
    begun = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    around.begin(f"schedule_{schedule.number}")
    for outdated in schedule.outdated:
        around.outdate(*outdated)
    disturbed = Disturbed(schedule, around)
    executor = disturbed.executor()
    healing = _undisturbed(schedule, around)
    try:
        phases = list(_phases(schedule, folder, around.campus.days))
        for runs in phases:
            executor.execute(*runs)
            if runs is phases[0]:
                around.server_ready()
                with closing(open_database(around.server, around.database)) as conn:
                    _refresh(conn)
        around.server_ready()
        found = _heal(healing, [run for runs in phases for run in runs])
        if around.replace_outdated() or schedule.outdated:
            found += _heal(healing, [_manual(schedule, "afterwards", folder, _all(around))])
        found += wrong(schedule, around)
    except Hanging as hanging:
        found = [str(hanging)]
    lasting = [why for why in executor.lasting if not why.startswith("summarise")]
    found += [f"no retry was left to {why}" for why in lasting if not re.search(FOR_GOOD, why)]
    fired = around.count_fired() + disturbed.fired
    if schedule.shape != "one run":
        fired[schedule.shape] += 1
    return Outcome(
        found=found,
        lasting=lasting,
        fired=fired,
        steps=executor.steps + healing.steps,
        rows=sum(len(around.campus.truth(table)) for table in schedule.tables),
        seconds=time.monotonic() - begun,
    )


def _phases(schedule: Schedule, folder: Path, days: list[date]) -> Iterator[list[Run]]:
    """The runs, in the order in which they begin; those of a phase at once."""
    whole = Days(days[0], days[-1])
    if schedule.shape == "one run":
        yield [_manual(schedule, "one", folder, whole)]
    elif schedule.shape == "two runs at once":
        yield [_manual(schedule, name, folder, whole) for name in ("one", "other")]
    elif schedule.shape == "runs in shuffled order":
        parts = list(whole.weeks(len(days) // 3 + 1))
        schedule.chance("order").shuffle(parts)
        for part in parts:
            yield [_manual(schedule, str(part.first_day), folder, part)]
    else:
        for day in (days[0], *days[DOWN + 1 :]):
            given = _given(schedule)
            yield [Run(f"scheduled__{day}", schedule.dag, folder, given, day)]


def _manual(schedule: Schedule, name: str, folder: Path, days: Days) -> Run:
    given = {"first_day": str(days.first_day), "last_day": str(days.last_day)}
    return Run(f"manual__{name}", schedule.dag, folder, {**_given(schedule), **given})


def _given(schedule: Schedule) -> dict[str, Any]:
    """The Params of each of its runs."""
    if schedule.dag.dag_id.startswith("edx"):
        return {"replay_rejects": schedule.chance("replay").random() < 0.3}
    kind = "datasets" if schedule.dag.dag_id.startswith("vocareum") else "reports"
    return {kind: list(schedule.names)}


def _all(around: Surroundings) -> Days:
    return Days(around.campus.days[0], around.campus.days[-1])


class Disturbed:
    """Lets go wrong what is drawn, around the steps and between them."""

    def __init__(self, schedule: Schedule, around: Surroundings) -> None:
        self.fired: Counter[str] = Counter()
        self._schedule = schedule
        self._surroundings = around
        self._ahead = timedelta(0)

    def executor(self) -> Executor:
        """Executes runs with faults."""
        return Executor(
            slots=self._schedule.slots,
            order=self._schedule.chance("steps"),
            around=self._around,
            meanwhile=self._surroundings.look_after_locks,
            between=self._between,
        )

    @contextmanager
    def _around(self, run: Run, task_id: str, begun: int) -> Iterator[Callable[[], None]]:
        chance = self._schedule.chance(run.run_id, task_id, begun)
        if begun > FAULTY_TIMES or chance.random() > CHANCE_OF_FAULT:
            yield faults.nothing
            return
        step = f"{run.dag.dag_id} {task_id}"
        fault = faults.draw(chance, step, outdated=bool(self._schedule.outdated))
        with fault.around(self._surroundings, chance) as prepare:
            yield prepare

    def _between(self, executor: Executor, run: Run, task_id: str, begun: int) -> None:
        chance = self._schedule.chance(run.run_id, task_id, begun, "after")
        due = {what: chance.random() < often for what, often in CHANCES_BETWEEN.items()}
        if due["PostgreSQL killed"]:
            self._surroundings.release_locks()
            self._surroundings.kill_server()
        if due["clock"] and "asset" not in self._schedule.names:
            self._ahead = max(self._ahead, chance.choice((timedelta(hours=2), timedelta(days=8))))
            self._surroundings.sandbox.set_faults(clock_ahead_seconds=self._ahead.total_seconds())
            self.fired["clock of the vendor jumped"] += 1
        if due["committed step cleared"] and self.fired["committed step cleared"] < MOST_CLEARED:
            self._clear(executor, run, chance)

    def _clear(self, executor: Executor, run: Run, chance: Random) -> None:
        """Clear a step that had succeeded, alone or with all that follow it."""
        done = sorted(task for task, state in run.states.items() if state == "success")
        if not done:
            return
        task_id = chance.choice(done)
        cleared = run.with_following(task_id) if chance.random() < 0.5 else {task_id}
        if not executor.is_going(run, run.with_following(task_id)):
            run.clear(cleared)
            self.fired["committed step cleared"] += 1


def _undisturbed(schedule: Schedule, around: Surroundings) -> Executor:
    @contextmanager
    def calm(run: Run, task_id: str, begun: int) -> Iterator[Callable[[], None]]:
        yield faults.nothing

    return Executor(
        slots=schedule.slots,
        order=schedule.chance("healing"),
        around=calm,
        meanwhile=around.look_after_locks,
        between=lambda *_: None,
    )


def _heal(executor: Executor, runs: list[Run]) -> list[str]:
    """Clear what failed, then what failed again with all of its run, as its sentence says.

    :returns: what fails even then.
    """
    for run in runs:
        executor.execute(run)
        if failed := run.failed():
            run.clear({other for task_id in failed for other in run.with_following(task_id)})
            executor.execute(run)
        if run.failed():
            run.clear(list(run.states))
            executor.execute(run)
    return [
        f"{run}: {task_id} still fails: {run.sentences.get(task_id)}"
        for run in runs
        for task_id in run.failed()
    ]


# --- what must be so ------------------------------------------------------------------------------


def wrong(schedule: Schedule, around: Surroundings) -> list[str]:
    """Where the warehouse, its ledger or the requests are not as they must be."""
    with closing(open_database(around.server, around.database)) as conn:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            (others,) = (row["count"] for row in conn.execute(OTHERS))
            if not others:
                break
            time.sleep(0.05)
        found = _unbalanced(conn, schedule.tables)
        found += _wrong_activity(conn, schedule, around)
    found += differences(
        around.url, around.campus, schedule.tables, crashed=around.left_by_crashes()
    )
    counts = around.sandbox.counts()
    prefix = "echo360 submitted "
    return found + [
        f"{what.removeprefix(prefix)} was requested {times} times"
        for what, times in counts.items()
        if what.startswith(prefix) and times > 1
    ]


def _wrong_activity(conn: Any, schedule: Schedule, around: Surroundings) -> list[str]:
    """Whether a refresh gives what the campus's people did, and what a rebuild gives."""
    _refresh(conn)
    found = wrong_course_days(_true_course_days(around.campus, schedule.tables), course_days(conn))
    found += wrong_activity(conn, _true_activity(around.campus, schedule.tables))
    refreshed = contents(around.url, ACTIVITY)
    mark_all(conn)
    _refresh(conn)
    rebuilt = contents(around.url, ACTIVITY)
    return found + [f"rebuilt: {sentence}" for sentence in changes(refreshed, rebuilt)]


def _refresh(conn: Any) -> None:
    enter_accounts(conn)
    match(conn)
    refresh(conn)


def _unbalanced(conn: Any, tables: tuple[str, ...]) -> list[str]:
    """Deliveries of which the tables do not hold what the ledger says."""
    found = []
    for table in tables:
        query = sql.SQL(UNBALANCED).format(
            table=sql.Identifier(*table.split(".")), name=sql.Literal(table)
        )
        found += [f"the ledger does not add up: {table} {row}" for row in conn.execute(query)]
    return found
