"""What Airflow alone costs: reading the DAG files, and runs that find everything loaded.

Reads the files while nothing else of Airflow runs. Then starts the demo's stack, loads a week by a
run of each DAG, and runs each again, by itself, for the same week. What such a run takes is
Airflow's own: starting its tasks, one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from include.sandbox.demo import BACKFILLED, OVER, TRIGGERED, await_dags
from include.sandbox.server import ROOT
from include.sandbox.stack import Airflow, Stack, StackFailure, running, week_until

RESULTS = Path(__file__).parent / "results"
MOST_SECONDS = {"vocareum_lab_analytics": 30, "edx_tracking_logs": 30, "echo360_reports": 120}
MOST_MILLISECONDS_OF_A_FILE = 15
READINGS = 9
DAGS = (BACKFILLED, *TRIGGERED)


def run(stack: Stack, airflow: Airflow, dag_id: str, conf: dict[str, Any]) -> float:
    """Trigger a DAG, and wait until its run is over.

    :returns: its seconds, as Airflow has them.
    :raises StackFailure: it did not succeed.
    """
    path = f"dags/{dag_id}/dagRuns"
    run_id = airflow.post(path, {"logical_date": None, "conf": conf})["dag_run_id"]
    while True:
        found = airflow.get(f"{path}/{run_id}")
        if found["state"] in OVER:
            break
        stack.check()
        time.sleep(0.5)
    if found["state"] != "success":
        raise StackFailure(f"{run_id} of {dag_id} ended {found['state']}.")
    begun, ended = (datetime.fromisoformat(found[name]) for name in ("start_date", "end_date"))
    return (ended - begun).total_seconds()


def reading_times(home: Path, readings: int) -> dict[str, list[float]]:
    """The milliseconds of each DAG file, as ``airflow dags report`` tells them, on an Airflow of
    which nothing runs.
    """
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "PYTHON"))
        },
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }

    def airflow(*arguments: str) -> str:
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    airflow("db", "migrate")
    times: dict[str, list[float]] = {}
    for _ in range(readings):
        said = airflow("dags", "report", "--output", "json")
        for row in json.loads(said[said.index("[{") :]):
            times.setdefault(row["file"], []).append(_milliseconds(row["duration"]))
    return times


def _milliseconds(duration: str) -> float:
    hours, minutes, seconds = duration.split(":")
    return (int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000


def measure(
    state: Path, runs: int, readings: int, dag_ids: Sequence[str]
) -> dict[str, list[float]]:
    """The seconds of each DAG's runs, and the milliseconds of each file's readings."""
    first, last = week_until(2)
    days = {"first_day": str(first), "last_day": str(last)}
    confs = {dag_id: {**days, **TRIGGERED.get(dag_id, {})} for dag_id in dag_ids}
    with tempfile.TemporaryDirectory() as home:
        read = reading_times(Path(home), readings)
    figures: dict[str, list[float]] = {dag_id: [] for dag_id in confs}
    stack = Stack(state, first_day=first)
    with running(stack):
        airflow = Airflow(stack.url, password=stack.password)
        await_dags(stack, airflow)
        for dag_id, conf in confs.items():
            run(stack, airflow, dag_id, conf)
        for _ in range(runs):
            for dag_id, conf in confs.items():
                figures[dag_id].append(run(stack, airflow, dag_id, conf))
    return figures | read


def show(figures: dict[str, list[float]]) -> bool:
    """Print the table, and whether what was promised is kept."""
    kept = True
    for name, values in figures.items():
        limit, unit = (
            (MOST_SECONDS[name], "s")
            if name in MOST_SECONDS
            else (MOST_MILLISECONDS_OF_A_FILE, "ms")
        )
        is_kept = median(values) <= limit
        kept &= is_kept
        print(
            f"{'kept' if is_kept else 'NOT KEPT':<9}{name:<28}{median(values):>7.1f} {unit}"
            f" ({min(values):.1f} to {max(values):.1f}; at most {limit})"
        )
    return kept


def main() -> int:
    """Read the command line, measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(description="Measures what Airflow alone costs.")
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--dags", nargs="+", choices=DAGS, default=DAGS, help="by default all")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--no-promises", action="store_true", help="succeed whatever the figures are"
    )
    given = parser.parse_args()
    figures = measure(given.state / "airflow_runs", given.runs, given.readings, given.dags)
    given.results.mkdir(exist_ok=True)
    (given.results / "airflow_runs.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if show(figures) or given.no_promises else 1


if __name__ == "__main__":
    sys.exit(main())
