"""What may go wrong around one try of a step, drawn by chance; and what between two steps.

A fault is a context in which the step runs. It gives what the step's process does before the step,
and it counts only where it really fired: where it did so in the step's process, this writes a line.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from tests.chaos.surroundings import Surroundings

Prepare = Callable[[], None]


def nothing() -> None:
    """What a step's process does where nothing goes wrong in it."""


@dataclass(frozen=True)
class Fault:
    """Something that may go wrong.

    :param steps: a regular expression of what it may happen to: the DAG's id and the task's.
    :param around: the context, from the surroundings and a source of chance.
    :param weight: how often it is drawn beside the others.
    """

    steps: str
    around: Callable[[Surroundings, Random], AbstractContextManager[Prepare]]
    weight: int = 2


def draw(chance: Random, step: str, *, outdated: bool) -> Fault:
    """One of the faults that may happen to a step.

    :param outdated: whether the vendor has files to replace.
    """
    possible = [
        fault
        for fault in FAULTS
        if re.search(fault.steps, step) and (outdated or fault.around is not file_replaced)
    ]
    return chance.choices(possible, [fault.weight for fault in possible])[0]


# --- in the step's process ------------------------------------------------------------------------


@contextmanager
def task_killed(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """SIGKILL of the step before or after one of its statements, or in the middle of a COPY."""
    number, after = int(60 ** chance.random()), chance.random() < 0.5
    yield partial(_at_statement, number, after, partial(_kill, around.fired_file))


@contextmanager
def server_killed(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """PostgreSQL crashes at one of the step's statements, or in the middle of a COPY."""
    number, after = int(60 ** chance.random()), chance.random() < 0.5
    yield partial(_at_statement, number, after, around.kill_server)


def _kill(fired_file: Path) -> None:
    _note(fired_file, "task killed")
    os.kill(os.getpid(), signal.SIGKILL)


def _at_statement(number: int, after: bool, strike: Callable[[], None]) -> None:
    left = number

    def count() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    def struck(place: Any, name: str) -> None:
        original = getattr(place, name)

        def execute(*args: Any, **kwargs: Any) -> Any:
            due = count()
            if due and not after:
                strike()
            result = original(*args, **kwargs)
            if due:
                strike()
            return result

        setattr(place, name, execute)

    struck(psycopg.Connection, "execute")
    struck(psycopg.Copy, "write")
    struck(psycopg.Cursor, "copy")
    struck(psycopg.Transaction, "__exit__")


@contextmanager
def worker_clock_jumps(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """The clock of the step's machine is hours ahead, or behind."""
    yield partial(
        _shift_clock, timedelta(minutes=chance.choice((-120, -30, 30, 120))), around.fired_file
    )


def _shift_clock(by: timedelta, fired_file: Path) -> None:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            _note_once(fired_file, "clock of a worker jumped")
            return datetime.now(tz) + by

    now = time.time
    time.time = lambda: now() + by.total_seconds()
    for name, module in list(sys.modules.items()):
        if name.startswith("learning_warehouse.") and hasattr(module, "datetime"):
            module.datetime = Shifted


@contextmanager
def file_replaced(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """The vendor replaces a file just before it is opened, or while it is open."""
    before = chance.random() < 0.5
    yield partial(_replace_when_read, around, before)
    replaced = {line for line in around.fired_file.read_text().splitlines() if "s3://" in line}
    for bucket, key in list(around.outdated):
        if f"s3://{bucket}/{key}" in replaced:
            del around.outdated[bucket, key]


def _replace_when_read(around: Surroundings, before: bool) -> None:
    from botocore.client import BaseClient

    original = BaseClient._make_api_call
    client = around.sandbox.client()

    def call(self: Any, operation: str, given: dict[str, Any]) -> Any:
        due = operation == "GetObject" and (given["Bucket"], given["Key"]) in around.outdated
        if not due:
            return original(self, operation, given)
        bucket, key = given["Bucket"], given["Key"]
        answer = None if before else original(self, operation, given)
        BaseClient._make_api_call = original
        around.replace(client, bucket, key)
        _note(around.fired_file, "file replaced while it was read")
        _note(around.fired_file, f"s3://{bucket}/{key}")
        return answer or original(self, operation, given)

    if around.outdated:
        BaseClient._make_api_call = call


def _note(fired_file: Path, line: str) -> None:
    with fired_file.open("a") as out:
        out.write(f"{line}\n")


_noted: set[str] = set()


def _note_once(fired_file: Path, line: str) -> None:
    if line not in _noted:
        _noted.add(line)
        _note(fired_file, line)


# --- around it ------------------------------------------------------------------------------------


def connection_reset(name: str, most: float) -> Callable[..., AbstractContextManager[Prepare]]:
    """The connection to a server is reset after up to 10 ** ``most`` bytes."""

    @contextmanager
    def around_step(around: Surroundings, chance: Random) -> Iterator[Prepare]:
        with around.proxies.resetting(name, int(10 ** chance.uniform(1.5, most))):
            yield nothing

    return around_step


def answers(**faults: tuple[int, ...]) -> Callable[..., AbstractContextManager[Prepare]]:
    """The sandbox gives a wrong answer so often, one of these kinds."""

    @contextmanager
    def around_step(around: Surroundings, chance: Random) -> Iterator[Prepare]:
        fault = chance.choice(list(faults))
        around.sandbox.set_faults(**{fault: chance.choice(faults[fault])})
        yield nothing
        around.sandbox.set_faults(**{fault: 0})

    return around_step


@contextmanager
def keys_expire(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """The keys of the vendor's bucket are good for a few calls more."""
    around.sandbox.set_faults(vendor_keys_last=chance.randrange(8))
    yield nothing


@contextmanager
def lagging_listing(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """A request shows in the listing some time after it was made."""
    around.sandbox.set_faults(listing_lag_seconds=chance.uniform(0.2, 0.5))
    yield nothing
    around.sandbox.set_faults(listing_lag_seconds=0)


@contextmanager
def disk_full(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """There is no room on the warehouse's disk; without one of its own, a statement says so."""
    if not around.has_disk:
        yield partial(_at_statement, int(40 ** chance.random()), False, partial(_refuse, around))
        return
    before = around.times_full()
    around.fill_disk()
    yield nothing
    around.make_room()
    around.fired["disk full"] += around.times_full() - before


def _refuse(around: Surroundings) -> None:
    _note(around.fired_file, "disk full")
    raise psycopg.errors.DiskFull("could not extend file: No space left on device")


@contextmanager
def headers_dripping(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """An API sends two answers byte by byte, their headers too, for longer than one may take."""
    with around.proxies.dripping("api"):
        yield _be_impatient


def _be_impatient() -> None:
    from learning_warehouse import answers

    answers.LONGEST = 0.3


@contextmanager
def deadlock(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """The server ends a deadlock at one of the step's statements."""
    number = int(60 ** chance.random())
    yield partial(_at_statement, number, False, partial(_meet, around.fired_file))


def _meet(fired_file: Path) -> None:
    _note(fired_file, "deadlock")
    raise psycopg.errors.DeadlockDetected("deadlock detected")


READERS_LOCKS = (
    "SELECT pg_advisory_lock(hashtextextended('learning_warehouse migrations', 0))",
    "LOCK TABLE ops.delivery, ops.report_request, edx.event, vocareum.enrollment "
    "IN ACCESS SHARE MODE",
)


@contextmanager
def lock_of_a_reader(around: Surroundings, chance: Random) -> Iterator[Prepare]:
    """Somebody who may only read holds the locks that they can take, for as long as the step runs.

    Whoever had to wait for one would wait for longer than runs may take.
    """
    with around.reader(READERS_LOCKS):
        yield nothing


def lock_held(*tables: str) -> Callable[..., AbstractContextManager[Prepare]]:
    """Somebody holds a lock for a while: an analyst, a dump, an administrator."""

    @contextmanager
    def around_step(around: Surroundings, chance: Random) -> Iterator[Prepare]:
        table = chance.choice(("ops.delivery", "ops.dataset_lock", *tables))
        mode = chance.choice(("ACCESS EXCLUSIVE", "SHARE"))
        seconds = chance.choice((0.1, 0.3, 1.0, 6.0 if table == "edx.event" else 1.0))
        statement = f"LOCK TABLE {table} IN {mode} MODE"
        if table == "ops.dataset_lock" and chance.random() < 0.5:
            statement = f"SELECT FROM {table} FOR UPDATE"
        around.hold_lock(statement, seconds)
        yield nothing
        around.release_locks()

    return around_step


FAULTS = (
    Fault("", task_killed, 6),
    Fault("", connection_reset("postgres", 4.8), 3),
    Fault(r"land$|load$|unpack$", connection_reset("s3", 5.0), 3),
    Fault(r"load$", server_killed, 1),
    Fault(r"vocareum.*credentials$", connection_reset("api", 2.7), 8),
    Fault(r"echo360.*(plan|submit|wait)$", connection_reset("api", 3.5), 8),
    Fault(
        r"vocareum.*credentials$",
        answers(vocareum_429=(1,), vocareum_500=(1,), vocareum_html=(1,)),
        6,
    ),
    Fault(
        r"echo360.*(plan|submit|wait|land)$",
        answers(
            api_429=(1, 2, 9),
            api_500=(1, 2, 9),
            api_html=(1, 2, 9),
            api_401=(1,),
            submit_500_before=(1, 2),
            submit_500_after=(1, 2),
            api_redirect=(1, 2, 9),
        ),
        6,
    ),
    Fault(
        r"land$|load$|unpack$",
        answers(s3_500=(1, 2, 20), s3_cut=(1, 2, 20), s3_skewed=(1, 2)),
        4,
    ),
    Fault(r"vocareum.*credentials$|echo360.*(plan|submit|wait)$", headers_dripping, 4),
    Fault("", deadlock, 2),
    Fault(r"(plan|submit|wait|land|load|unpack)$", lock_of_a_reader, 2),
    Fault(r"vocareum.*land$", keys_expire, 4),
    Fault(r"echo360.*(submit|wait)$", lagging_listing, 12),
    Fault(r"vocareum|edx|echo360.*(submit|wait)$", worker_clock_jumps, 2),
    Fault(r"vocareum.*land$|edx.*(unpack|load)$", file_replaced, 40),
    Fault(r"load$|unpack$|land$", disk_full, 3),
    Fault(r"edx.*(load|unpack)$", lock_held("edx.event"), 3),
    Fault(r"vocareum.*(load|land)$", lock_held("ops.current_part"), 3),
    Fault(r"echo360.*(load|land|submit|wait)$", lock_held("ops.report_request"), 3),
)
