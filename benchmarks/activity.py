"""What it takes to keep learning activity current: a day of edX that came, beside its load.

Thirteen days are there and computed. Then comes another day, and with it late events of the days
before: for those only their users are computed again. At last all days, and as many further ones,
are computed, which needs no more memory than a day does. Another load is done with 10,000 people
erased.

Measured in CPU seconds, of the loading process and of the server together, as ``real_files`` is;
the logs come from memory, and Airflow is not in it.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.edx_lines import lines
from benchmarks.warehouse import Meter, empty_warehouse, many_erased, session
from include.sandbox.server import ROOT
from learning_warehouse.activity.refreshing import mark_all, refresh
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.edx.staging import IncomingLog
from learning_warehouse.edx.tar import probe
from learning_warehouse.errors import Failures
from learning_warehouse.people.accounts import enter_accounts, match
from learning_warehouse.streams import PROBE
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.loading import load

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

RESULTS = Path(__file__).parent / "results"
SEED = 7
BEGUN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS_BEFORE = 13
LATE_SHARE = 0.01
TASK = ledger.Task("bench", "one", "load")
TIME = re.compile(rb'"time": "[^"]+"')

MOST_OF_THE_LOAD = 1.0
MOST_FOR_THE_ERASED = 1.05
MOST_SECONDS_OF_NOTHING = 5.0
MOST_MEGABYTES = 512
"""What PostgreSQL keeps of temporary tables in memory, and some sorts; not more with more days."""


def moved(written: Iterable[bytes], times: Iterator[datetime]) -> bytes:
    """A log of these lines at these times."""
    return b"".join(
        TIME.sub(b'"time": "' + next(times).isoformat().encode() + b'"', line, count=1)
        for line in written
    )


def spread(first: datetime, days: int, count: int) -> Iterator[datetime]:
    """So many times, one after another, over these days."""
    step = timedelta(days=days) / count
    return (first + step * n for n in range(count))


def with_late_ones(day: datetime, count: int) -> Iterator[datetime]:
    """Times of a day, but of one in a hundred some time in the days before."""
    chance = Random(SEED)
    for at in spread(day, 1, count):
        is_late = chance.random() < LATE_SHARE
        yield day - timedelta(days=DAYS_BEFORE) * chance.random() if is_late else at


class Logs:
    """Loads logs from memory, each delivered under its name."""

    def __init__(self, warehouse: Connection) -> None:
        self._warehouse = warehouse

    def __call__(self, name: str, log: bytes, count: int) -> None:
        """Deliver and load a log, and see that all of its lines were read."""
        delivery = ledger.deliver(
            self._warehouse,
            dataset=EVENTS.table,
            origin="UniversityA",
            name=name,
            version=f"{len(log)}-0-{probe(log[:PROBE], log[-PROBE:])}",
            made_at=BEGUN,
            uri=f"s3://edx/{name}",
            size=len(log),
            details={"offset": 512},
        )

        @contextmanager
        def read(table: Table, delivery: Delivery) -> Iterator[IncomingLog]:
            yield IncomingLog(delivery, io.BytesIO(log), skip_heartbeat=False)

        failures = Failures()
        (merged,) = load(
            lambda: self._warehouse, [delivery], EVENTS, read, by=TASK, failures=failures
        )
        failures.raise_any()
        if merged.rows_read != count:
            raise RuntimeError(f"{merged.rows_read} lines of {name} were read, of {count}")


def bring_up_to_date(warehouse: Connection) -> None:
    """Do what the DAG learning_activity does."""
    enter_accounts(warehouse)
    match(warehouse)
    refresh(warehouse)


@contextmanager
def watched(session: Connection, megabytes: list[float]) -> Iterator[None]:
    """Note the most memory that the server's process of a session has for itself meanwhile."""
    process = psutil.Process(session.info.backend_pid)
    found = [0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.2):
            found.append(process.memory_full_info().uss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        megabytes.append(max(found) / 1e6)


def measure(
    server: EmbeddedPostgres, warehouse: Connection, given: argparse.Namespace
) -> dict[str, Any]:
    """Every figure, run by run: CPU seconds, and megabytes."""
    meter = Meter(server)
    count = given.lines
    day = BEGUN + timedelta(days=DAYS_BEFORE)
    written = list(lines(Random(SEED), count))
    before = moved(written, spread(BEGUN, DAYS_BEFORE, count))
    new = moved(written, with_late_ones(day, count))
    further = moved(written, spread(day + timedelta(days=1), DAYS_BEFORE, count))
    last = moved(written, spread(day + timedelta(days=14), DAYS_BEFORE, count))
    figures: dict[str, list[float]] = {}
    truncate: Any = "TRUNCATE edx.event, ops.delivery, ops.changed_day, people.account CASCADE"
    load_log = Logs(warehouse)

    def add(name: str, work: Callable[[], object]) -> None:
        figures.setdefault(name, []).append(meter.of(work))

    def compute(name: str) -> None:
        with (
            session(server) as own,
            watched(own, figures.setdefault(f"{name}: MB of the session", [])),
        ):
            add(name, lambda: bring_up_to_date(own))

    for _ in range(given.runs):
        warehouse.execute(truncate)
        load_log("before", before, count)
        compute("the days before")
        add("a day's load", lambda: load_log("new", new, count))
        compute("a day")
        compute("nothing new")
        add("a load", lambda: load_log("further", further, count))
        mark_all(warehouse)
        compute("all days")
        with many_erased(warehouse):
            add("a load, 10,000 erased", lambda: load_log("last", last, count))
    return {"lines": count, "figures": figures, "noise": meter.noise}


def show(found: dict[str, Any]) -> bool:
    """Print the table and what was promised.

    :returns: whether all of it is kept.
    """
    figures = {name: median(values) for name, values in found["figures"].items()}
    print(f"{found['lines']} lines of edX, of which 1 % are up to {DAYS_BEFORE} days late")
    for name, value in figures.items():
        print(f"{name:<36}{value:>9.2f}")
    promises = (
        ("a day beside its load", figures["a day"] / figures["a day's load"], MOST_OF_THE_LOAD),
        ("a load, 10,000 erased beside a load",
         figures["a load, 10,000 erased"] / figures["a load"], MOST_FOR_THE_ERASED),
        ("nothing new, seconds", figures["nothing new"], MOST_SECONDS_OF_NOTHING),
        ("MB of a session, all days", figures["all days: MB of the session"], MOST_MEGABYTES),
    )  # fmt: skip
    for name, figure, most in promises:
        kept = "kept" if figure <= most else "NOT KEPT"
        print(f"{kept:<9}{name}: {figure:.3g} (at most {most:g})")
    return all(figure <= most for _, figure, most in promises)


def main() -> int:
    """Read the command line, measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(description="Keeps learning activity current.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "bench")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--no-promises", action="store_true", help="succeed whatever the figures are"
    )
    given = parser.parse_args()
    logging.getLogger("learning_warehouse").setLevel(logging.ERROR)
    with empty_warehouse(given.state.resolve() / "activity") as (server, warehouse):
        found = measure(server, warehouse, given)
    given.results.mkdir(exist_ok=True)
    (given.results / "activity.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if show(found) or given.no_promises else 1


if __name__ == "__main__":
    sys.exit(main())
