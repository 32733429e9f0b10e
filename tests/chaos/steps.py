"""The steps of DAG runs without a scheduler, each in a process of its own, forked from this one.

As in Airflow: a step gets the XComs of those before it, and a try begins without its own; a step
that is skipped or fails leaves what it pushed; what fails is tried again, unless it failed for
good; a deferred one waits in its trigger, which here looks sooner, and goes on in another process.
Where several are ready, chance says which is next. Knows nothing of what may go wrong with them.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)

from include.sandbox.server import die_with_parent
from tests.echo360.runs import first_event, hurried, interval_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from random import Random

    from airflow.providers.common.compat.sdk import DAG

OVER = ("success", "skipped", "failed", "upstream_failed")
FAILED = ("failed", "upstream_failed")
LONGEST = 300.0
"""Seconds that runs may take, on a machine that is busy with other things too."""
LOOK_EVERY = 0.02
SOON = 0.1
"""Seconds between two looks of a trigger."""
LONGEST_SLEEP = 0.02
"""Seconds: what waits to try something again waits no longer here."""


class Hanging(AssertionError):
    """Runs do not end."""


class Run:
    """A DAG run.

    :param folder: where its XComs and its log are kept.
    :param given: its Params, where they are not the DAG's own.
    :param day: the day of its data interval, of a scheduled run.
    """

    def __init__(
        self, run_id: str, dag: DAG, folder: Path, given: dict[str, Any], day: date | None = None
    ) -> None:
        self.run_id = run_id
        self.dag = dag
        self.day = day
        self.params = {**dag.params.dump(), **given}
        self.log = folder / "log"
        self.states: dict[str, str] = {}
        self.tries: Counter[str] = Counter()
        self.begun: Counter[str] = Counter()
        self.sentences: dict[str, str] = {}
        self._tasks = dag.topological_sort()
        self._folder = folder / run_id
        self._folder.mkdir(parents=True)

    def __str__(self) -> str:
        return f"{self.dag.dag_id} {self.run_id}"

    def ready(self) -> list[str]:
        """The steps that may be started; those that will not run get their state."""
        found = []
        for task in self._tasks:
            state = self.states.get(task.task_id)
            before = [self.states.get(other) for other in task.upstream_task_ids]
            if state == "deferred":
                found.append(task.task_id)
            elif state is None and all(other in OVER for other in before):
                verdict = _verdict(task.trigger_rule, before)
                if verdict is None:
                    found.append(task.task_id)
                else:
                    self.states[task.task_id] = verdict
        return found

    def failed(self) -> list[str]:
        """The steps that failed, or could not run for it."""
        return sorted(task for task, state in self.states.items() if state in FAILED)

    def with_following(self, task_id: str) -> set[str]:
        """A step, and all that come after it."""
        following: set[str] = self.dag.get_task(task_id).get_flat_relative_ids(upstream=False)
        return {task_id, *following}

    def clear(self, task_ids: Iterable[str]) -> None:
        """Let steps run again."""
        for task_id in task_ids:
            self.states.pop(task_id, None)
            self.tries.pop(task_id, None)

    # --- in the step's process --------------------------------------------------------------------

    def outcome(self, task_id: str) -> dict[str, Any]:
        """What a step has left: XComs, how it ended, and why."""
        path = self._folder / f"{task_id}.json"
        return json.loads(path.read_text()) if path.exists() else {"xcoms": {}}

    def leave(self, task_id: str, outcome: dict[str, Any]) -> None:
        """Write that down, all or nothing."""
        unfinished = self._folder / f"{task_id}.new"
        unfinished.write_text(json.dumps(outcome))
        unfinished.rename(self._folder / f"{task_id}.json")

    def context(self, task: TaskInstance) -> dict[str, Any]:
        """What Airflow gives a step."""
        return {
            "params": self.params,
            "ti": task,
            "dag_run": SimpleNamespace(
                dag_id=self.dag.dag_id,
                run_id=self.run_id,
                run_type="manual" if self.day is None else "scheduled",
            ),
            "outlet_events": defaultdict(SimpleNamespace),
            **interval_of(self.day),
        }


def _verdict(rule: str, before: list[str | None]) -> str | None:
    """The state of a step that will not run for what became of those before it."""
    if rule == "all_success" and any(state in FAILED for state in before):
        return "upstream_failed"
    return "skipped" if rule in ("all_success", "none_skipped") and "skipped" in before else None


class TaskInstance:
    """A step, as it sees itself."""

    def __init__(self, run: Run, task_id: str, xcoms: dict[str, Any]) -> None:
        self.outcome: dict[str, Any] = {"xcoms": xcoms}
        self._run = run
        self._task_id = task_id

    def xcom_push(self, key: str, value: Any) -> None:
        """Leave an XCom."""
        self.outcome["xcoms"][key] = value
        self._run.leave(self._task_id, self.outcome)

    def xcom_pull(self, task_ids: str, key: str, default: Any = None, **_: Any) -> Any:
        """An XCom of another step."""
        return self._run.outcome(task_ids)["xcoms"].get(key, default)

    def get_task_states(self, **_: Any) -> dict[str, dict[str, str]]:
        """How the run's steps ended."""
        return {self._run.run_id: self._run.states}


def _live(run: Run, task_id: str) -> None:
    """Execute a step, or go on with it after its trigger."""
    task = run.dag.get_task(task_id)
    before = run.outcome(task_id)
    trigger = before.get("trigger")
    ti = TaskInstance(run, task_id, before["xcoms"] if trigger else {})
    run.leave(task_id, ti.outcome)
    context: Any = run.context(ti)
    end: dict[str, Any] = {"state": "success"}
    try:
        task.render_template_fields(context)
        if trigger:
            result = task.execute_complete(context, _fired(trigger))
        else:
            result = task.execute(context)
        if result is not None:
            ti.xcom_push("return_value", result)
            if getattr(task, "multiple_outputs", False):
                for key, value in result.items():
                    ti.xcom_push(key, value)
    except AirflowSkipException as skipped:
        end = {"state": "skipped", "sentence": str(skipped)}
    except TaskDeferred as deferred:
        end = {"state": "deferred", "trigger": deferred.trigger.serialize()}
    except AirflowFailException as failure:
        end = {"state": "failed", "for_good": True, "sentence": str(failure)}
    except Exception as failure:
        traceback.print_exc()
        end = {"state": "failed", "sentence": f"{type(failure).__name__}: {failure}"}
    print(f"--- {run} {task_id}: {end}", flush=True)
    run.leave(task_id, {**ti.outcome, **end})


def _fired(serialized: tuple[str, dict[str, Any]]) -> Any:
    place, arguments = serialized
    module, _, name = place.rpartition(".")
    trigger = getattr(import_module(module), name)(**arguments)
    return asyncio.run(first_event(hurried(trigger, SOON)))


# --- in the process that starts them --------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A step that is on its way."""

    run: Run
    task_id: str
    pid: int
    ending: int
    after: ExitStack


class Executor:
    """Executes runs.

    :param slots: how many steps at a time.
    :param around: (run, task id, how often it was begun, going on after its trigger included) → a
        context in which the step runs; it gives what the step's process does first.
    :param meanwhile: called again and again while steps are on their way.
    :param between: called when a step has ended or waits: (run, task id, how often begun).
    """

    def __init__(
        self,
        *,
        slots: int,
        order: Random,
        around: Callable[[Run, str, int], AbstractContextManager[Callable[[], None]]],
        meanwhile: Callable[[], None],
        between: Callable[[Executor, Run, str, int], None],
    ) -> None:
        self.steps = 0
        self.lasting: list[str] = []
        self._slots = slots
        self._order = order
        self._around = around
        self._meanwhile = meanwhile
        self._between = between
        self._going: dict[int, Step] = {}

    def execute(self, *runs: Run) -> None:
        """Execute runs at once, until each of their steps has ended.

        :raises Hanging: it takes too long.
        """
        deadline = time.monotonic() + LONGEST
        try:
            while True:
                if time.monotonic() > deadline:
                    going = [f"{step.run} {step.task_id}" for step in self._going.values()]
                    raise Hanging(f"the runs do not end; now at {', '.join(going)}")
                ready = [(run, task_id) for run in runs for task_id in run.ready()]
                while ready and len(self._going) < self._slots:
                    self._start(*ready.pop(self._order.randrange(len(ready))))
                if not self._going:
                    return
                self._conclude(self._first_to_end())
        finally:
            for step in self._going.values():
                os.kill(step.pid, signal.SIGKILL)
                os.waitpid(step.pid, 0)
                step.after.close()

    def is_going(self, run: Run, task_ids: Iterable[str]) -> bool:
        """Whether one of a run's steps is on its way."""
        return any(step.run is run and step.task_id in task_ids for step in self._going.values())

    def _start(self, run: Run, task_id: str) -> None:
        resumed = run.states.get(task_id) == "deferred"
        run.tries[task_id] += not resumed
        run.begun[task_id] += 1
        run.states[task_id] = "running"
        self.steps += 1
        after = ExitStack()
        prepare = after.enter_context(self._around(run, task_id, run.begun[task_id]))
        if not resumed:
            run.leave(task_id, {"xcoms": {}})
        pid = os.fork()
        if not pid:
            _be_born(run, task_id, prepare)
        ending = os.pidfd_open(pid)
        self._going[ending] = Step(run, task_id, pid, ending, after)

    def _first_to_end(self) -> Step:
        poll = select.poll()
        for ending in self._going:
            poll.register(ending, select.POLLIN)
        deadline = time.monotonic() + LONGEST
        while not (ended := poll.poll(LOOK_EVERY * 1000)):
            self._meanwhile()
            if time.monotonic() > deadline:
                raise Hanging(f"{[step.task_id for step in self._going.values()]} do not end")
        return self._going.pop(ended[0][0])

    def _conclude(self, step: Step) -> None:
        _, status = os.waitpid(step.pid, 0)
        os.close(step.ending)
        step.after.close()
        run, task_id = step.run, step.task_id
        outcome = run.outcome(task_id)
        state = outcome.get("state") if status == 0 else None
        run.sentences[task_id] = outcome.get("sentence", f"it ended with the status {status}")
        if state in ("success", "skipped", "deferred"):
            run.states[task_id] = state
        elif outcome.get("for_good") or run.tries[task_id] > run.dag.get_task(task_id).retries:
            run.states[task_id] = "failed"
            if outcome.get("for_good"):
                self.lasting.append(f"{task_id}: {run.sentences[task_id]}")
        else:
            del run.states[task_id]
        self._between(self, run, task_id, run.begun[task_id])


def _be_born(run: Run, task_id: str, prepare: Callable[[], None]) -> None:
    """What a step's process does; it does not return."""
    status = 1
    try:
        die_with_parent()
        out = os.open(run.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, sys.stdout.fileno())
        os.dup2(out, sys.stderr.fileno())
        sleep = time.sleep
        time.sleep = lambda seconds: sleep(min(seconds, LONGEST_SLEEP))
        prepare()
        _live(run, task_id)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
