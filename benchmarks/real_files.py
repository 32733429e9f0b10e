"""What institutions have: files as the vendor's document writes them, records that are odd,
thousands of small files, days that are delivered again, and a ledger of years.

Measured in CPU seconds, of the loading process and of the server together: where others share the
machine, the clock tells of them as well. The files come from memory, and Airflow is not in it. How
noisy the machine was, the same piece of work tells that is done between the others.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.lab_sessions import SUBJECT, records
from benchmarks.warehouse import Meter, empty_warehouse, many_erased
from include.sandbox.postgres import EmbeddedPostgres
from include.sandbox.server import ROOT
from learning_warehouse.errors import Failures
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.loading import load
from learning_warehouse.warehouse.staging import csv_reader

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

RESULTS = Path(__file__).parent / "results"
SEED = 7
DATASETS = {files.dataset.name: files.dataset for files in REGISTRY}
COSTS = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time"
ROWS_OF_A_SMALL_FILE = 50
ODD_SHARE = 0.01
TASK = ledger.Task("bench", "one", "load")

FILL: Any = """
INSERT INTO ops.delivery (
    dataset, origin, name, version, made_at, first_day, end_day, uri, status
)
SELECT
    CASE mod(n, 2) WHEN 0 THEN 'vocareum.grades' ELSE 'vocareum.lab_sessions' END,
    'org123',
    CASE mod(n, 2) WHEN 0 THEN 'course' || mod(n / 2, 300) ELSE 'lab_sessions_' || day END,
    'v' || n,
    timestamptz '2021-01-01' + n * interval '1 hour',
    CASE WHEN mod(n, 2) = 1 THEN day END,
    CASE WHEN mod(n, 2) = 1 THEN day + 1 END,
    's3://landing/' || n,
    'merged'
FROM generate_series(1, %(rows)s) AS n
CROSS JOIN LATERAL (SELECT date '2021-01-01' + mod(n, 1800) AS day) AS made
"""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One figure is at most so many times another; without the other, at most so much."""

    of: str
    to: str | None
    most: float


PROMISES = (
    Promise(of="sessions as documented", to="sessions", most=1.5),
    Promise(of="sessions, 1 % odd", to="sessions", most=1.3),
    Promise(of="sessions, 10,000 erased", to="sessions", most=1.05),
    Promise(of="costs as documented", to="costs", most=1.5),
    Promise(of="1,000 small files, new", to=None, most=1.5),
    Promise(of="1,000 small files, unchanged", to=None, most=1.0),
    Promise(of="land's question of the ledger", to=None, most=0.05),
    Promise(of="the summary's question of gaps", to=None, most=0.05),
)

# --- the files ------------------------------------------------------------------------------------


def sessions(rows: int) -> list[str]:
    """Lab sessions, a header first."""
    return [
        ",".join(f'"{header}"' for header in SUBJECT.headers) + "\n",
        *records(Random(SEED), rows),
    ]


def as_documented(lines: list[str]) -> list[str]:
    """A blank after each delimiter, and the last two values of each record missing."""
    header, *rest = (_spaced(line) for line in lines)
    return [header, *(line.rsplit(", ", 2)[0] + "\n" for line in rest)]


def _spaced(line: str) -> str:
    parts = line.split('"')
    parts[::2] = [part.replace(",", ", ") for part in parts[::2]]
    return '"'.join(parts)


def with_odd_ones(lines: list[str]) -> list[str]:
    """Some records are short, or broken, or go over two lines."""
    chance = Random(SEED)
    made = lines[:1]
    for line in lines[1:]:
        if chance.random() < ODD_SHARE:
            kinds = (
                line.rsplit(",", 2)[0] + "\n",
                line.replace('"person', '"per"son', 1),
                line.replace("Data ", "Data\n ", 1),
            )
            made.append(chance.choice(kinds))
        else:
            made.append(line)
    return made


def costs(rows: int, *, documented: bool) -> list[str]:
    """A day of AWS costs; as documented with blanks, and times in seconds since 1970."""
    chance = Random(SEED)
    mark = ", " if documented else ","
    made = [COSTS.replace(",", mark) + "\n"]
    for _ in range(rows):
        person, moment = chance.randrange(20_000), 1_645_823_566 + chance.randrange(86_400)
        when = str(moment) if documented else f"{datetime.fromtimestamp(moment, UTC):%F %T}"
        values = (
            f"8622{person:04}", str(1_731_000 + person), f"user{person}@university.example",
            str(760_084 + person % 50), "assignment-part", f"{chance.random() * 50:.6f}", when,
        )  # fmt: skip
        made.append(mark.join(values) + "\n")
    return made


# --- what is measured -----------------------------------------------------------------------------


class Loads:
    """Loads files from memory, each delivered under a name and a version."""

    def __init__(self, warehouse: Connection) -> None:
        self._warehouse = warehouse
        self._versions = 0

    def __call__(self, dataset: str, files: dict[str, bytes], rows: int) -> None:
        """Deliver and load files, and see that all of their rows were read."""
        self._versions += 1
        deliveries = ledger.deliver_all(
            self._warehouse,
            [
                {
                    "dataset": DATASETS[dataset].table,
                    "origin": "org123",
                    "name": name,
                    "version": str(self._versions),
                    "made_at": datetime.fromtimestamp(1_767_600_000 + self._versions, UTC),
                    "uri": f"s3://landing/{name}",
                    "size": len(content),
                }
                for name, content in files.items()
            ],
        )
        failures = Failures()
        merged = load(
            lambda: self._warehouse,
            deliveries,
            DATASETS[dataset],
            csv_reader(DATASETS[dataset], lambda delivery: io.BytesIO(files[delivery.name])),
            by=TASK,
            failures=failures,
        )
        failures.raise_any()
        found = sum(one.rows_read for one in merged)
        if found != rows:
            raise RuntimeError(f"{found} rows of {dataset} were read, and there are {rows}")


def measure(
    server: EmbeddedPostgres, warehouse: Connection, given: argparse.Namespace
) -> dict[str, Any]:
    """Every figure, run by run: CPU seconds, but for the ledger's, which are by the clock."""
    loads, meter = Loads(warehouse), Meter(server)
    lines = sessions(given.rows)
    files = {
        "sessions": ("lab_sessions", lines),
        "sessions as documented": ("lab_sessions", as_documented(lines)),
        "sessions, 1 % odd": ("lab_sessions", with_odd_ones(lines)),
        "costs": ("aws_cost", costs(given.rows, documented=False)),
        "costs as documented": ("aws_cost", costs(given.rows, documented=True)),
    }
    contents = {name: (dataset, "".join(text).encode()) for name, (dataset, text) in files.items()}
    small = {f"course{n}": _enrolled(n) for n in range(given.files)}
    figures: dict[str, list[float]] = {}

    def add(name: str, seconds: float) -> None:
        figures.setdefault(name, []).append(seconds)

    for _ in range(given.runs):
        truncate: Any = "TRUNCATE ops.delivery, vocareum.lab_sessions, vocareum.aws_cost, "
        warehouse.execute(truncate + "vocareum.enrollment CASCADE")
        for name, (dataset, content) in contents.items():
            add(name, meter.of(partial(loads, dataset, {name: content}, given.rows)))
        again = {"sessions": contents["sessions"][1]}
        add("sessions again", meter.of(partial(loads, "lab_sessions", again, given.rows)))
        warehouse.execute("TRUNCATE vocareum.lab_sessions")
        with many_erased(warehouse):
            name, content = "sessions, 10,000 erased", contents["sessions"][1]
            add(name, meter.of(partial(loads, "lab_sessions", {name: content}, given.rows)))
        for name in ("1,000 small files, new", "1,000 small files, unchanged"):
            taken = meter.of(lambda: loads("enrollment", small, ROWS_OF_A_SMALL_FILE * len(small)))
            add(name, taken * 1000 / given.files)
    warehouse.execute(FILL, {"rows": given.ledger})
    warehouse.execute("ANALYZE ops.delivery")
    for _ in range(5):
        for name, ask in _questions(warehouse).items():
            begun = time.perf_counter()
            ask()
            add(name, time.perf_counter() - begun)
    return {
        "rows": given.rows, "files": given.files, "ledger": given.ledger, "seconds": figures,
        "noise": meter.noise,
    }  # fmt: skip


def _enrolled(course: int) -> bytes:
    people = "".join(
        f"{n},{course},student,Al,a{n}@university.example\n" for n in range(ROWS_OF_A_SMALL_FILE)
    )
    return f"userid,courseid,role,name,email\n{people}".encode()


def _questions(warehouse: Connection) -> dict[str, Callable[[], object]]:
    from learning_warehouse.warehouse.sql import statement

    newest = warehouse.execute("SELECT max(delivery_id) AS newest FROM ops.delivery").fetchone()
    assert newest is not None
    deliveries = {"deliveries": list(range(newest["newest"] - 3, newest["newest"] + 1))}
    listed = {f"course{n}": "v1" for n in range(300)}
    return {
        "land's question of the ledger": lambda: ledger.of_listed(
            warehouse, dataset="vocareum.grades", origin="org123", listed=listed
        ),
        "the summary's question of gaps": lambda: warehouse.execute(
            statement("ops/summary", "gaps"), deliveries
        ).fetchall(),
    }


# --- what is told ---------------------------------------------------------------------------------


def show(found: dict[str, Any]) -> bool:
    """Print the table, what was promised, and how noisy the machine was.

    :returns: whether all of it is kept.
    """
    print(
        f"{found['rows']} rows, {found['files']} small files, {found['ledger']} deliveries before"
    )
    print(f"{'CPU seconds; of the ledger, seconds':<36}{'median':>9}{'min':>9}{'max':>9}")
    for name, seconds in found["seconds"].items():
        print(f"{name:<36}{median(seconds):>9.3f}{min(seconds):>9.3f}{max(seconds):>9.3f}")
    kept = True
    for promise in PROMISES:
        figure = median(found["seconds"][promise.of])
        if promise.to:
            figure /= median(found["seconds"][promise.to])
        is_kept = figure <= promise.most
        kept &= is_kept
        beside = f" beside {promise.to}" if promise.to else ""
        print(
            f"{'kept' if is_kept else 'NOT KEPT':<9}{promise.of}{beside}: {figure:.3g} "
            f"(at most {promise.most:g})"
        )
    noise = found["noise"]
    print(
        "The machine: the same work took "
        f"{median(noise) / min(noise):.2f} times its least as a median, "
        f"{max(noise) / min(noise):.2f} times at most"
    )
    return kept


def main() -> int:
    """Read the command line, measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(description="Loads what institutions have.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "bench")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--ledger", type=int, default=500_000, help="deliveries that are there")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--no-promises", action="store_true", help="succeed whatever the figures are"
    )
    given = parser.parse_args()
    logging.getLogger("learning_warehouse").setLevel(logging.ERROR)
    with empty_warehouse(given.state.resolve() / "real_files") as (server, warehouse):
        found = measure(server, warehouse, given)
    given.results.mkdir(exist_ok=True)
    (given.results / "real_files.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if show(found) or given.no_promises else 1


if __name__ == "__main__":
    sys.exit(main())
