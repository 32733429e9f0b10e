"""Tracking logs from a tar on S3 to merged, beside a bare ``\\copy`` of their lines.

Ours is what the tasks of the DAG execute, ``unpack`` and two lanes of ``load``, with every
check and repair: the members gunzipped as they come from S3, the events LOGGED with all of
the table's indexes. The bare one is psql's ``\\copy`` of the same lines, unpacked on the local
disk, into one jsonb column of an UNLOGGED table without a key. All use the same server, take turns,
and find their table empty; a checkpoint goes before each, not counted, nor is the start of Python
and of Airflow.

What else one could load the tar with takes its turns too, and so do the copy and ours with a tenth
of the lines. Then a large tar of logs that are not compressed: memory, a second delivery of the
same, and a view.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.edx_alternatives import ALTERNATIVES, BUCKET
from benchmarks.edx_lines import BEGUN, lines
from benchmarks.edx_one_load import DAYS, LANES, Load
from benchmarks.warehouse import DATABASE, empty_warehouse, psql
from include.sandbox.postgres import EmbeddedPostgres, free_port
from include.sandbox.server import ROOT

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

RESULTS = Path(__file__).parent / "results"
SEED = 7
MEMBERS = 14
SERVERS = 2
LARGE_STRETCHES = 10
KEY = "prod-edx-{server:03}/{day}-UniversityA.log"
SECRET = "benchmark"
REGION = "us-east-1"
FIRST_DELIVERY, SECOND_DELIVERY = "2026-06-01", "2026-06-08"
SETTINGS = (
    "server_version", "fsync", "full_page_writes", "synchronous_commit", "wal_level",
    "shared_buffers", "max_wal_size", "wal_buffers", "work_mem", "max_parallel_workers",
)  # fmt: skip
BARE = "FORMAT csv, DELIMITER e'\\x02', QUOTE e'\\x01'"
"""Lines are taken whole: no line of a log has these characters unescaped."""

MOST_TIMES_A_COPY = 2.0
LEAST_TIMES_DLT = 8.0
LEAST_TIMES_S3_TO_SQL = 3.0
MOST_TIMES_FOR_TEN_TIMES = 10.5
MOST_MEGABYTES = 300
MOST_GROWTH = 0.10
MOST_BYTES_OF_A_SECOND_DELIVERY = 0.01
MOST_TIME_OF_A_SECOND_DELIVERY = 0.02
MOST_SECONDS_OF_A_VIEW = 1.0

A_WEEK_OF_A_COURSE = """
SELECT username, event_kind, code, count(*), max(currenttime)
FROM edx.video_interaction
WHERE course_id = %(course_id)s AND time >= %(begin)s AND time < %(end)s
GROUP BY username, event_kind, code
"""


@dataclass
class Figure:
    """What was measured under one name, run by run.

    :param bytes: those of the lines, unpacked; of a second delivery those read from S3.
    """

    name: str
    bytes: int
    copy: str | None = None
    seconds: list[float] = field(default_factory=list)
    peak_megabytes: list[float] = field(default_factory=list)

    def add(self, seconds: float, peak_megabytes: float | None = None) -> None:
        """Add a run."""
        self.seconds.append(seconds)
        if peak_megabytes is not None:
            self.peak_megabytes.append(peak_megabytes)


class Figures(dict[str, Figure]):
    """All that was measured, by name."""

    def of(self, name: str, size: int, *, copy: str | None = None) -> Figure:
        """The figure of that name, new or not.

        :param copy: the name of the bare copy of the same lines.
        """
        return self.setdefault(name, Figure(name, size, copy))

    def ratio(self, name: str, to: str) -> float:
        """How many times longer one took than another."""
        return median(self[name].seconds) / median(self[to].seconds)

    def as_list(self) -> list[dict[str, Any]]:
        """Each figure's medians, with what it was beside."""
        return [
            {
                "name": one.name,
                "seconds": median(one.seconds),
                "seconds_min": min(one.seconds),
                "seconds_max": max(one.seconds),
                "runs": len(one.seconds),
                "bytes": one.bytes,
                "mb_per_s": one.bytes / 1e6 / median(one.seconds),
                "ratio_to_copy": self.ratio(one.name, one.copy) if one.copy else None,
                "peak_rss_mb": max(one.peak_megabytes, default=None),
            }
            for one in self.values()
        ]


@dataclass(frozen=True)
class Logs:
    """Lines on the local disk, and the tar on S3 that holds them."""

    count: int
    path: Path
    tar: Path

    @property
    def bytes(self) -> int:
        """Those of the lines."""
        return self.path.stat().st_size


@dataclass(frozen=True)
class Stack:
    """A server with an empty warehouse.

    :param tools: the folder with the programs of ``requirements-bench.txt``.
    """

    state: Path
    tools: Path
    server: EmbeddedPostgres
    warehouse: Connection

    @contextmanager
    def bucket(self, file: Path, key: str) -> Iterator[Bucket]:
        """An S3 server, in whose bucket is this file alone."""
        folder = self.state / "buckets" / BUCKET
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / key).hardlink_to(file)
        port = free_port()
        command = [self.tools / "rclone", "serve", "s3", folder.parent, "--config", "",
                   "--buffer-size", "0", "--addr", f"127.0.0.1:{port}",
                   "--auth-key", f"{SECRET},{SECRET}"]  # fmt: skip
        with (self.state / "rclone.log").open("w") as log:
            s3 = subprocess.Popen([*map(str, command)], stderr=log, stdout=log)
        try:
            bucket = Bucket(f"http://127.0.0.1:{port}", s3.pid)
            bucket.reckon_etags()
            yield bucket
        finally:
            s3.terminate()
            s3.wait()

    def run(self, bucket: Bucket, command: Iterable[str]) -> dict[str, float]:
        """Run what prints its figures as JSON on its last line."""
        with (self.state / "load.log").open("w") as log:
            done = subprocess.run(
                list(command),
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
                    "AIRFLOW_HOME": str(self.state / "airflow"),
                    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                    "AIRFLOW_CONN_EDX_TRACKING_LOGS": bucket.connection(),
                    "AWS_ENDPOINT_URL_S3": bucket.url,
                    "AWS_DEFAULT_REGION": REGION,
                    "AWS_ACCESS_KEY_ID": SECRET,
                    "AWS_SECRET_ACCESS_KEY": SECRET,
                    "AIRFLOW_CONN_LEARNING_WAREHOUSE": self.server.url(DATABASE),
                    "DLT_DATA_DIR": str(self.state / "dlt"),
                    "RUNTIME__DLTHUB_TELEMETRY": "false",
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=True,
            )
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return figures


@dataclass(frozen=True)
class Bucket:
    """The bucket of an S3 server."""

    url: str
    pid: int

    def connection(self) -> str:
        """Airflow's connection to it."""
        service = {"s3": {"bucket_name": BUCKET}}
        extra = {"endpoint_url": self.url, "region_name": REGION, "service_config": service}
        return json.dumps({"conn_type": "aws", "login": SECRET, "password": SECRET, "extra": extra})

    def reckon_etags(self) -> None:
        """Wait for the server, and have it reckon the ETags, which S3 has at hand."""
        import boto3
        from botocore.config import Config

        boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=SECRET,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 10}, read_timeout=600),
        ).list_objects_v2(Bucket=BUCKET)

    def bytes_sent(self) -> int:
        """The bytes that the server has sent so far."""
        return int(psutil.Process(self.pid).io_counters().write_chars)


@contextmanager
def running(state: Path, tools: Path) -> Iterator[Stack]:
    """Start the server, and stop it at the end."""
    state.mkdir(parents=True, exist_ok=True)
    with empty_warehouse(state) as (server, warehouse):
        yield Stack(state, tools, server, warehouse)


# --- the logs -------------------------------------------------------------------------------------


def generated(folder: Path, count: int) -> Path:
    """So many lines, the same for each number of them; made once."""
    path = folder / f"lines_{count}_{SEED}.log"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        with unfinished.open("wb") as out:
            out.writelines(lines(Random(SEED), count))
        unfinished.rename(path)
    return path


def unpacked(folder: Path, given: Path) -> Path:
    """The lines of a file that the user names, gunzipped where it is gzipped."""
    path = folder / f"given_{given.name}.log"
    folder.mkdir(parents=True, exist_ok=True)
    with given.open("rb") as source:
        is_gzipped = source.read(2) == b"\x1f\x8b"
    with gzip.open(given) if is_gzipped else given.open("rb") as source, path.open("wb") as out:
        for line in source:
            if line.strip():
                out.write(line.rstrip(b"\r\n") + b"\n")
    return path


def head(path: Path, count: int) -> Path:
    """So many of its first lines."""
    first = path.with_name(f"{count}_of_{path.name}")
    with path.open("rb") as source, first.open("wb") as out:
        out.writelines(line for _, line in zip(range(count), source, strict=False))
    return first


def counted(path: Path) -> int:
    """How many lines it has."""
    with path.open("rb") as source:
        return sum(1 for _ in source)


def packed(path: Path) -> Logs:
    """The lines in a tar of gzipped logs, as edX delivers them."""
    count = counted(path)
    tar = path.with_suffix(".tar")
    with path.open("rb") as source, tarfile.open(tar, "w") as out:
        for member in range(MEMBERS):
            share = count * (member + 1) // MEMBERS - count * member // MEMBERS
            log = io.BytesIO()
            with gzip.GzipFile(fileobj=log, mode="wb", compresslevel=6, mtime=0) as file:
                for _, line in zip(range(share), source, strict=False):
                    file.write(line)
            _add(out, member, ".gz", log.tell(), log)
    return Logs(count, path, tar)


def large(path: Path, count: int) -> Logs:
    """So many lines in a tar of logs that are not compressed: those of ``path``, ever later."""
    stretch = counted(path)
    tar = path.with_name(f"large_{count}.tar")
    span = timedelta(days=stretch // 80_000 + 1)
    with tarfile.open(tar, "w") as out:
        done = member = 0
        while done < count:
            for log in _later(path, span * (done // stretch), stretch // LARGE_STRETCHES):
                _add(out, member, "", len(log), io.BytesIO(log))
                member += 1
            done += stretch
    return Logs(done, tar, tar)


def _later(path: Path, by: timedelta, share: int) -> Iterator[bytes]:
    """Logs of so many lines each, every line so much later."""

    def moved(match: re.Match[bytes]) -> bytes:
        day = date.fromisoformat(match[1].decode()) + by
        return b'"time": "' + day.isoformat().encode()

    with path.open("rb") as source:
        while log := b"".join(line for _, line in zip(range(share), source, strict=False)):
            yield re.sub(rb'"time": "(\d{4}-\d\d-\d\d)', moved, log)


def _add(out: tarfile.TarFile, member: int, suffix: str, size: int, log: io.BytesIO) -> None:
    day = BEGUN.date() + timedelta(days=member // SERVERS)
    header = tarfile.TarInfo(KEY.format(server=member % SERVERS + 1, day=day) + suffix)
    header.size, header.mtime = size, int(BEGUN.timestamp())
    log.seek(0)
    out.addfile(header, log)


# --- one run of each ------------------------------------------------------------------------------


def empty(stack: Stack) -> None:
    """Take out what an earlier run left, and write all of it to the disk."""
    for command in (
        "TRUNCATE edx.event, edx.tracking_log_tar, ops.delivery CASCADE",
        "DROP TABLE IF EXISTS bare, alternative",
        "DROP SCHEMA IF EXISTS dlt CASCADE",
        "CREATE UNLOGGED TABLE bare (line jsonb)",
    ):
        stack.warehouse.execute(command)
    stack.warehouse.execute("CHECKPOINT")


def copy(stack: Stack, logs: Logs) -> float:
    """Copy the local file with psql."""
    empty(stack)
    seconds = psql(stack.server, f"\\copy bare FROM '{logs.path}' WITH ({BARE})")
    _check(stack, "SELECT count(*) AS rows FROM bare", logs.count)
    return seconds


def load(stack: Stack, tar: Path, day: str) -> tuple[Load, int]:
    """Load what is new in the tar of that day.

    :returns: what it took, and the bytes that were read from S3.
    """
    with stack.bucket(tar, f"{day}-UniversityA-tracking.tar") as bucket:
        before = bucket.bytes_sent()
        loaded = stack.run(bucket, [sys.executable, "-m", "benchmarks.edx_one_load"])
        return Load(**loaded), bucket.bytes_sent() - before


def alternative(stack: Stack, name: str, logs: Logs) -> dict[str, float]:
    """Load the tar another way."""
    empty(stack)
    shutil.rmtree(stack.state / "dlt", ignore_errors=True)
    python = str(stack.tools / "python") if name == "dlt" else sys.executable
    with stack.bucket(logs.tar, logs.tar.name) as bucket:
        url = stack.server.url(DATABASE)
        done = stack.run(
            bucket, [python, "-m", "benchmarks.edx_alternatives", name, logs.tar.name, url]
        )
    table = "dlt.alternative" if name == "dlt" else "alternative"
    _check(stack, f"SELECT count(*) AS rows FROM {table}", logs.count)
    return done


def _check(stack: Stack, query: Any, rows: int) -> None:
    found = stack.warehouse.execute(query).fetchone()
    if found is None or found["rows"] != rows:
        raise RuntimeError(f"{query}: {found} where the lines are {rows}")


def _check_loaded(stack: Stack, logs: Logs) -> None:
    """Every line is an event, or else the ledger says what became of it."""
    _check(stack, "SELECT sum(rows_read)::bigint AS rows FROM ops.delivery", logs.count)
    merged: Any = stack.warehouse.execute(
        "SELECT sum(rows_merged)::bigint AS rows, sum(rows_duplicate)::bigint AS duplicate,"
        " sum(rows_rejected)::bigint AS rejected FROM ops.delivery"
    ).fetchone()
    _check(stack, "SELECT count(*) AS rows FROM edx.event", merged["rows"])
    if merged["rows"] < logs.count:
        _say(f"{merged['duplicate']} of the lines occur twice, {merged['rejected']} are no events")


# --- all of them ----------------------------------------------------------------------------------


def measure(stack: Stack, path: Path, *, runs: int) -> Figures:
    """Run the copy, ours and the alternatives in turns."""
    figures = Figures()
    whole, part = packed(path), packed(head(path, counted(path) // 10))
    for run in range(runs):
        for logs, of in ((part, "_of_a_tenth"), (whole, "")):
            figures.of(f"copy{of}", logs.bytes).add(copy(stack, logs))
            empty(stack)
            loaded, _ = load(stack, logs.tar, FIRST_DELIVERY)
            _check_loaded(stack, logs)
            steps = {"edx_tar_to_merged": loaded.seconds, "unpack": loaded.unpack_seconds,
                     "load": loaded.load_seconds}  # fmt: skip
            for name, seconds in steps.items():
                figure = figures.of(f"{name}{of}", logs.bytes, copy=f"copy{of}")
                figure.add(seconds, loaded.peak_megabytes)
        again, read = load(stack, whole.tar, SECOND_DELIVERY)
        figures.of("second_delivery", read).add(again.seconds, again.peak_megabytes)
        for name in ALTERNATIVES:
            done = alternative(stack, name, whole)
            figure = figures.of(name, whole.bytes, copy="copy")
            figure.add(done["seconds"], done["peak_megabytes"])
        _say(f"run {run + 1} of {runs}: " + _latest(figures.values()))
    return figures


def measure_large(stack: Stack, figures: Figures, path: Path, count: int) -> str:
    """Load a small tar and a large one that are not compressed, and the large one again.

    :returns: the plan of a view on what was loaded.
    """
    eighth = counted(path) // 8
    for name, logs in (
        ("small_tar", large(head(path, eighth), eighth)),
        ("large_tar", large(path, count)),
    ):
        empty(stack)
        loaded, _ = load(stack, logs.tar, FIRST_DELIVERY)
        _check_loaded(stack, logs)
        figures.of(name, logs.bytes).add(loaded.seconds, loaded.peak_megabytes)
        _say(_latest([figures[name]]))
    again, read = load(stack, logs.tar, SECOND_DELIVERY)
    figures.of("large_tar_again", read).add(again.seconds, again.peak_megabytes)
    logs.tar.unlink()
    return _view(stack, figures)


def _view(stack: Stack, figures: Figures) -> str:
    """Read a week of a course through a view."""
    stack.warehouse.execute("VACUUM (ANALYZE) edx.event")
    course = stack.warehouse.execute(
        "SELECT course_id, time::date AS day FROM edx.video_interaction LIMIT 1"
    ).fetchone()
    assert course is not None
    begin = datetime.combine(course["day"], datetime.min.time(), UTC)
    week = {"course_id": course["course_id"], "begin": begin, "end": begin + timedelta(days=7)}
    for _ in range(5):
        begun = time.perf_counter()
        stack.warehouse.execute(A_WEEK_OF_A_COURSE, week).fetchall()
        figures.of("a_week_of_a_course", 0).add(time.perf_counter() - begun)
    plan = stack.warehouse.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {A_WEEK_OF_A_COURSE}", week)
    return "\n".join(row["QUERY PLAN"] for row in plan)


def _latest(figures: Iterable[Figure]) -> str:
    return ", ".join(f"{one.name} {one.seconds[-1]:.2f}" for one in figures)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


# --- what is told ---------------------------------------------------------------------------------


def show(figures: Figures, plan: str | None) -> bool:
    """Print the table, and what was promised.

    :returns: whether all of it is kept.
    """
    heads = ("min", "max", "MB", "MB/s", "x copy", "RSS MB")
    print(f"{'':<32}{'median s':>9}" + "".join(f"{head:>8}" for head in heads))
    for row in figures.as_list():
        ratio = f"{row['ratio_to_copy']:.2f}" if row["ratio_to_copy"] else ""
        peak = f"{row['peak_rss_mb']:.0f}" if row["peak_rss_mb"] else ""
        print(
            f"{row['name']:<32}{row['seconds']:>9.2f}{row['seconds_min']:>8.2f}"
            f"{row['seconds_max']:>8.2f}{row['bytes'] / 1e6:>8.1f}{row['mb_per_s']:>8.1f}"
            f"{ratio:>8}{peak:>8}"
        )
    kept = True
    for sentence, found, limit, is_most in promises(figures):
        is_kept = found <= limit if is_most else found >= limit
        kept &= is_kept
        bound = "at most" if is_most else "at least"
        print(f"{'kept' if is_kept else 'NOT KEPT':<9}{sentence}: {found:.3g} ({bound} {limit:g})")
    if plan:
        print(f"{A_WEEK_OF_A_COURSE.strip()}\n\n{plan}")
    return kept


def promises(figures: Figures) -> Iterator[tuple[str, float, float, bool]]:
    """What is promised: a sentence, what was found, the limit, and whether it is the most."""
    ours, of_a_tenth = "edx_tar_to_merged", "edx_tar_to_merged_of_a_tenth"
    yield "times a bare copy", figures.ratio(ours, "copy"), MOST_TIMES_A_COPY, True
    yield "times for ten times the lines", figures.ratio(ours, of_a_tenth), \
        MOST_TIMES_FOR_TEN_TIMES, True  # fmt: skip
    yield "times as fast as dlt", figures.ratio("dlt", ours), LEAST_TIMES_DLT, False
    yield "times as fast as S3ToSqlOperator", figures.ratio("s3_to_sql_operator", ours), \
        LEAST_TIMES_S3_TO_SQL, False  # fmt: skip
    peaks = {name: max(one.peak_megabytes) for name, one in figures.items() if one.peak_megabytes}
    yield "megabytes of memory", max(peaks[ours], peaks.get("large_tar", 0)), MOST_MEGABYTES, True
    if "large_tar" in figures:
        grown = peaks["large_tar"] / peaks["small_tar"] - 1
        yield "more memory for the large tar", grown, MOST_GROWTH, True
        again = figures["large_tar_again"]
        share = again.bytes / figures["large_tar"].bytes
        yield "of its bytes read again", share, MOST_BYTES_OF_A_SECOND_DELIVERY, True
        yield "of its time taken again", figures.ratio("large_tar_again", "large_tar"), \
            MOST_TIME_OF_A_SECOND_DELIVERY, True  # fmt: skip
        yield "seconds for a week of a course", median(figures["a_week_of_a_course"].seconds), \
            MOST_SECONDS_OF_A_VIEW, True  # fmt: skip


def show_settings(stack: Stack) -> None:
    """Print what was run on what."""
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}")
    for name in SETTINGS:
        row = stack.warehouse.execute("SELECT current_setting(%s) AS value", (name,)).fetchone()
        print(f"{name} = {row and row['value']}")
    print(f"psql: \\copy bare FROM '...' WITH ({BARE})")
    print(f"ours: python -m benchmarks.edx_one_load, {LANES} lanes, days {DAYS}")


def main() -> int:
    """Read the command line, measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(description="Loads tracking logs, beside a bare copy.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "bench")
    parser.add_argument("--tools", type=Path, default=ROOT / ".venv-bench" / "bin")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="lines of your own instead, .gz or not")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--large", type=int, default=10_000_000, help="generated lines; 0 leaves it out"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--no-promises", action="store_true", help="succeed whatever the figures are"
    )
    given = parser.parse_args()
    state = (given.state / "edx").resolve()
    path = unpacked(state, given.file) if given.file else generated(state, given.lines)
    plan = None
    with running(state, given.tools.resolve()) as stack:
        show_settings(stack)
        figures = measure(stack, path, runs=given.runs)
        if given.large and not given.file:
            plan = measure_large(stack, figures, path, given.large)
    given.results.mkdir(exist_ok=True)
    (given.results / "edx_logs.json").write_text(json.dumps(figures.as_list(), indent=2) + "\n")
    return 0 if show(figures, plan) or given.no_promises else 1


if __name__ == "__main__":
    sys.exit(main())
