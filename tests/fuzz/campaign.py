"""A million inputs, made by Hypothesis, over all that reads something from outside.

``python -m tests.fuzz.campaign --inputs 1000000 --seed 1``
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from include.sandbox.postgres import EmbeddedPostgres
from tests.conftest import open_database
from tests.fuzz.readers import Reader, readers

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ROUND = 150
"""Examples that Hypothesis makes from one seed; as long it keeps all of them in memory."""

LONGEST = 5.0
"""Seconds that an input may take."""

MOST_MEMORY = 500_000_000
"""Bytes that the process may ever have."""


@dataclass
class Told:
    """What there is to say of a reader."""

    inputs: int = 0
    examples: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_of: str = field(default="", repr=False)


class Hangs(AssertionError):
    """An input takes too long."""


def _ring(*_: Any) -> None:
    raise Hangs(f"it takes longer than {LONGEST:.0f} s")


def run(reader: Reader, *, inputs: int, first_seed: int) -> Told:
    """Give a reader so many inputs.

    :param first_seed: the seed of the first round; each next one has the next.
    :raises AssertionError: an input was not read as it must be; Hypothesis names the smallest.
    """
    told = Told()
    number = first_seed
    while told.inputs < inputs:
        _round(reader, number, told, inputs)
        number += 1
    return told


def _round(reader: Reader, number: int, told: Told, wanted: int) -> None:
    @seed(number)
    @settings(
        max_examples=min(ROUND, 1 + (wanted - told.inputs) // reader.batch),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(reader.inputs)
    def read(made: Any) -> None:
        if told.inputs >= wanted:
            return
        begun = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            told.inputs += reader.read(made)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.monotonic() - begun
        told.examples += 1
        told.seconds += seconds
        if seconds > told.slowest:
            told.slowest, told.slowest_of = seconds, repr(made)[:200]

    before = signal.signal(signal.SIGALRM, _ring)
    try:
        read()
    except Exception as failure:
        failure.add_note(f"{reader.name}, seed {number}")
        raise
    finally:
        signal.signal(signal.SIGALRM, before)


def most_memory() -> int:
    """The most bytes that this process ever had."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def campaign(conn: Connection, *, inputs: int, first_seed: int, said: Any = print) -> None:
    """Give each reader its share.

    :raises AssertionError: something that must hold does not.
    """
    for reader in readers(conn):
        told = run(reader, inputs=inputs * reader.share // 1000, first_seed=first_seed)
        said(
            f"{reader.name:>18} {told.inputs:>9,} inputs in {told.seconds:>6.0f} s, seeds from "
            f"{first_seed}; the slowest {told.slowest * 1000:.0f} ms; "
            f"at most {most_memory() / 1e6:.0f} MB",
            flush=True,
        )
        said(f"{'':>18} the slowest: {told.slowest_of[:120]}", flush=True)
    assert most_memory() < MOST_MEMORY, f"{most_memory() / 1e6:.0f} MB"


def main() -> None:
    """Run it on a PostgreSQL server of its own, and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--inputs", type=int, default=1_000_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    logging.disable(logging.CRITICAL)
    state = Path(tempfile.mkdtemp(prefix="fuzz-"))
    begun = time.monotonic()
    try:
        with EmbeddedPostgres(state / "postgres", fsync=False) as server:
            server.create_database("warehouse")
            with closing(open_database(server, "warehouse")) as conn:
                campaign(conn, inputs=given.inputs, first_seed=given.seed)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    print(f"{given.inputs:,} inputs, seed {given.seed}: {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
