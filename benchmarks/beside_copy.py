"""From the landing zone to merged, beside a bare ``\\copy`` of the file.

Ours is what the task ``load`` executes, in a process of its own: streamed from S3,
gunzipped where it landed so, watched, cast to the table's types, merged with index and ledger,
durable. The start of Python and the imports of Airflow and of its S3 hook are not counted, the rest
of what the task imports is. The bare one is psql's ``\\copy`` from the local file, never gzipped,
into an UNLOGGED table of text without any index. Both use the same server, take turns, and find
their table empty; a checkpoint goes before each, not counted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.one_load import Load
from benchmarks.warehouse import DATABASE, empty_warehouse, psql
from include.sandbox.postgres import EmbeddedPostgres
from include.sandbox.server import LANDING_BUCKET, ROOT, Sandbox
from learning_warehouse.warehouse import ledger

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

RESULTS = Path(__file__).parent / "results"
SEED = 7
DAY = datetime(2026, 1, 5, tzinfo=UTC)
MOST_TIMES_A_COPY = 2.5
MOST_MEGABYTES = 300


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A file whose way is measured.

    :param called: what its rows are called.
    :param records: its lines after the header, of a number of rows; the same for the same chance.
    :param rows: how many it has unless the command line says otherwise.
    :param gzipped: whether it lands gzipped.
    """

    called: str
    table: str
    origin: str
    headers: tuple[str, ...]
    records: Callable[[Random, int], Iterator[str]]
    rows: int
    gzipped: bool = False

    @property
    def name(self) -> str:
        """The table's name without its schema."""
        return self.table.partition(".")[2]


@dataclass(frozen=True)
class Stack:
    """A server and an S3 server, which run."""

    state: Path
    postgres: EmbeddedPostgres
    sandbox: Sandbox
    warehouse: Connection

    def environment(self) -> dict[str, str]:
        """What makes a process's Airflow find them."""
        connections = self.sandbox.airflow_connections(self.postgres.url(DATABASE))
        return {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
            "AIRFLOW_HOME": str(self.state / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(c) for name, c in connections.items()},
        }


@contextmanager
def running(state: Path) -> Iterator[Stack]:
    """Start what is measured, with an empty warehouse, and stop it at the end."""
    sandbox = Sandbox(state / "sandbox", empty=True)
    with empty_warehouse(state) as (server, warehouse):
        try:
            yield Stack(state, server, sandbox.start(), warehouse)
        finally:
            sandbox.stop()


# --- the file -------------------------------------------------------------------------------------


def written(subject: Subject, folder: Path, rows: int) -> Path:
    """The file as the vendor writes it, the same for each number of rows; made once."""
    path = folder / f"{subject.name}_{rows}_{SEED}.csv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    with unfinished.open("w") as out:
        out.write(",".join(f'"{header}"' for header in subject.headers) + "\n")
        out.writelines(subject.records(Random(SEED), rows))
    unfinished.rename(path)
    return path


def landed(subject: Subject, path: Path) -> Path:
    """The file as it lands: itself, or gzipped; made once."""
    if not subject.gzipped:
        return path
    packed = path.with_suffix(".csv.gz")
    if not packed.exists():
        unfinished = packed.with_suffix(".new")
        with path.open("rb") as plain, gzip.open(unfinished, "wb", compresslevel=6) as out:
            shutil.copyfileobj(plain, out, 1024 * 1024)
        unfinished.rename(packed)
    return packed


# --- one run of each ------------------------------------------------------------------------------


def empty(stack: Stack, subject: Subject) -> None:
    """Take out what an earlier run left, and write all of it to the disk."""
    truncate: Any = f"TRUNCATE {subject.table}, ops.delivery CASCADE"
    stack.warehouse.execute(truncate)
    columns = ", ".join(f"c{i} text" for i in range(len(subject.headers)))
    stack.warehouse.execute("DROP TABLE IF EXISTS bare")
    stack.warehouse.execute(f"CREATE UNLOGGED TABLE bare ({columns})")
    stack.warehouse.execute("CHECKPOINT")


def load(stack: Stack, subject: Subject, path: Path, rows: int) -> Load:
    """Load the file, which lies in the landing zone."""
    empty(stack, subject)
    uri = f"s3://{LANDING_BUCKET}/{path.name}"
    delivery = ledger.deliver(
        stack.warehouse,
        dataset=subject.table,
        origin=subject.origin,
        name=path.name,
        version="1",
        made_at=DAY,
        first_day=DAY.date(),
        end_day=DAY.date() + timedelta(days=1),
        uri=uri,
        size=path.stat().st_size,
        details={"assets": [uri]},
    )
    with (stack.state / "load.log").open("w") as log:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.one_load", subject.table, str(delivery.delivery_id)],
            cwd=ROOT,
            env=stack.environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=True,
        )
    measured = Load(**json.loads(done.stdout.splitlines()[-1]))
    _check_count(stack, subject.table, rows)
    return measured


def copy(stack: Stack, subject: Subject, path: Path, rows: int) -> float:
    """Copy the local file with psql.

    :returns: its seconds.
    """
    empty(stack, subject)
    seconds = psql(stack.postgres, f"\\copy bare FROM '{path}' WITH (FORMAT csv, HEADER)")
    _check_count(stack, "bare", rows)
    return seconds


def get(stack: Stack, path: Path) -> float:
    """Read the object from S3 and do nothing with it.

    :returns: its seconds.
    """
    body = stack.sandbox.client().get_object(Bucket=LANDING_BUCKET, Key=path.name)["Body"]
    begun = time.perf_counter()
    while body.read(256 * 1024):
        pass
    return time.perf_counter() - begun


def _check_count(stack: Stack, table: str, rows: int) -> None:
    query: Any = f"SELECT count(*) AS rows FROM {table}"
    found = stack.warehouse.execute(query).fetchone()
    if found is None or found["rows"] != rows:
        raise RuntimeError(f"{table} has {found} where the file has {rows} rows")


# --- all of them ----------------------------------------------------------------------------------


def measure(stack: Stack, subject: Subject, *, rows: int, runs: int) -> dict[str, Any]:
    """Run both in turns, and ours again with a tenth of the rows.

    :returns: every figure.
    """
    plain = {n: written(subject, stack.state, n) for n in (rows // 10, rows)}
    paths = {n: landed(subject, path) for n, path in plain.items()}
    for path in paths.values():
        stack.sandbox.client().upload_file(str(path), LANDING_BUCKET, path.name)
    small = load(stack, subject, paths[rows // 10], rows // 10)
    loads, copies = [], []
    for run in range(runs):
        copies.append(copy(stack, subject, plain[rows], rows))
        loads.append(load(stack, subject, paths[rows], rows))
        print(
            f"run {run + 1} of {runs}: \\copy {copies[-1]:.2f} s, load {loads[-1].seconds:.2f} s",
            file=sys.stderr,
        )
    return {
        "rows": rows,
        "megabytes": plain[rows].stat().st_size / 1e6,
        "landed_megabytes": paths[rows].stat().st_size / 1e6,
        "ratio": median(one.seconds for one in loads) / median(copies),
        "get_seconds": get(stack, paths[rows]),
        "copy_seconds": copies,
        "loads": [asdict(one) for one in loads],
        "small": {"rows": rows // 10, **asdict(small)},
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "postgres": psycopg.pq.version_pretty(stack.warehouse.info.server_version),
    }


def show(subject: Subject, found: dict[str, Any]) -> bool:
    """Print the table.

    :returns: whether ours keeps what it promises.
    """
    loads, small = found["loads"], found["small"]
    peak = max(one["peak_megabytes"] for one in loads)
    growth = max(one["growth_megabytes"] for one in loads)
    lines = {
        "load": [one["seconds"] for one in loads],
        "bare \\copy": found["copy_seconds"],
    }
    landed = f", {found['landed_megabytes']:.0f} MB gzipped" if subject.gzipped else ""
    print(
        f"{found['rows']} {subject.called}, {found['megabytes']:.0f} MB{landed}, "
        f"{len(loads)} runs of each"
    )
    print(f"{'seconds':<16}{'median':>8}{'min':>8}{'max':>8}")
    for name, seconds in lines.items():
        print(f"{name:<16}{median(seconds):>8.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}")
    print(f"Reading the object from S3 alone: {found['get_seconds']:.2f} s")
    print(f"Ratio of the medians: {found['ratio']:.2f} (promised: at most {MOST_TIMES_A_COPY})")
    print(
        f"Peak memory of the loading process: {peak:.0f} MB, {growth:.0f} MB of it since the task "
        f"began (promised: at most {MOST_MEGABYTES} MB); with {small['rows']} rows "
        f"{small['peak_megabytes']:.0f} MB and {small['growth_megabytes']:.0f} MB"
    )
    return bool(found["ratio"] <= MOST_TIMES_A_COPY and peak <= MOST_MEGABYTES)


def main(subject: Subject) -> int:
    """Read the command line, measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(description=f"Loads {subject.called}, beside a bare copy.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "bench")
    parser.add_argument("--rows", type=int, default=subject.rows)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--no-promises", action="store_true", help="succeed whatever the figures are"
    )
    given = parser.parse_args()
    with running(given.state.resolve()) as stack:
        found = measure(stack, subject, rows=given.rows, runs=given.runs)
    given.results.mkdir(exist_ok=True)
    (given.results / f"{subject.name}.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if show(subject, found) or given.no_promises else 1
