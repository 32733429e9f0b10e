"""Fault schedules by chance: steps of the DAGs, killed, cut off, refused and run twice.

After each the warehouse must equal the truth, the ledger must add up, no TEMP table may be left
behind, and no report may have been requested twice. A schedule that ends otherwise is printed with
the command that runs it again; its log stays.

``python -m tests.chaos --seed 1 --schedules 500``
"""

from __future__ import annotations

import argparse
import gc
import inspect
import json
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

from tests.chaos.surroundings import ROOT, Surroundings, first_day, read_dags

CAMPUS: dict[str, Any] = {"first_day": None, "days": 14, "students": 40, "courses": 4}
FIRINGS = 20
"""How often each fault must have fired in a campaign of as many schedules as the next says."""
OF_SCHEDULES = 500
MOUNTABLE = ("unshare", "--user", "--map-root-user", "--mount")
"""What a process is begun with that may mount a small disk, where the machine lets it."""
IMPORTED_BY_STEPS = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.links.base_aws",
    "airflow.sdk.execution_time.supervisor",
    "jinja2.ext",
    "learning_warehouse.echo360.hook",
    "learning_warehouse.echo360.protocol",
    "learning_warehouse.echo360.triggers",
    "learning_warehouse.edx.events",
    "learning_warehouse.edx.staging",
    "learning_warehouse.warehouse.loading",
    "learning_warehouse.warehouse.staging",
    "pandas",
)


def work(asked: argparse.Namespace) -> int:
    """Execute this worker's share of the schedules, and write down what came of them."""
    from tests.chaos import schedule as schedules
    from tests.clients import read_descriptions_once

    read_descriptions_once()
    _import_what_steps_need()
    state = asked.state / f"worker_{asked.worker}"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    totals: Counter[str] = Counter()
    lasting: Counter[str] = Counter()
    failed: list[int] = []
    slowest = 0.0
    dags = list(read_dags())
    numbers = range(asked.worker, asked.schedules, asked.workers)
    gc.freeze()
    with Surroundings(state, CAMPUS | {"first_day": first_day()}) as around:
        for number in asked.only or numbers:
            schedule = schedules.draw(asked.seed, number, dags, around)
            folder = asked.state / f"schedule_{number}"
            try:
                outcome = schedules.execute(schedule, around, folder)
            except Exception:
                print(f"schedule {number}: {schedule}\n{traceback.format_exc()}", flush=True)
                failed.append(number)
                continue
            totals.update(outcome.fired)
            totals["schedules"] += 1
            totals["steps"] += outcome.steps
            lasting.update(outcome.lasting)
            slowest = max(slowest, outcome.seconds)
            fired = ", ".join(f"{what} {times}" for what, times in sorted(outcome.fired.items()))
            print(
                f"schedule {number}: {schedule}: {outcome.rows} rows, {outcome.steps} steps, "
                f"{outcome.seconds:.1f} s; {fired or 'no fault'}",
                flush=True,
            )
            if outcome.found:
                failed.append(number)
                print("\n".join(f"    {line}" for line in outcome.found))
                print(
                    f'    again: make chaos CHAOS="--seed {asked.seed} --only {number}"; '
                    f"its log is {folder}/log",
                    flush=True,
                )
            else:
                shutil.rmtree(folder)
    result = {"totals": totals, "lasting": lasting, "failed": failed, "slowest": slowest}
    (asked.state / f"worker_{asked.worker}.json").write_text(json.dumps(result))
    shutil.rmtree(state, ignore_errors=True)
    return 0


def _import_what_steps_need() -> None:
    """So that no step imports anything: as they are in a worker that has run one before."""
    for module in IMPORTED_BY_STEPS:
        import_module(module)
    boto3.client("s3", region_name="us-west-2")
    inspect.stack()  # The AWS hook asks who calls it; the first time every module's path is read.


def campaign(asked: argparse.Namespace) -> int:
    """Run all schedules in several processes, and say what came of it."""
    begun = time.monotonic()
    asked.state.mkdir(parents=True, exist_ok=True)
    workers = 1 if asked.only else asked.workers
    may_mount = subprocess.run([*MOUNTABLE, "true"], check=False, capture_output=True)
    prefix = [] if may_mount.returncode else list(MOUNTABLE)
    command = [*prefix, sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
    running = [subprocess.Popen([*command, "--worker", str(n)], cwd=ROOT) for n in range(workers)]
    try:
        statuses = [process.wait() for process in running]
    finally:
        for process in running:
            process.terminate()
            process.wait()
    if any(statuses):
        print(f"A worker ended with {max(statuses, key=abs)}: look at what it printed.")
        return 1
    results = [json.loads((asked.state / f"worker_{n}.json").read_text()) for n in range(workers)]
    totals, lasting = Counter[str](), Counter[str]()
    for result in results:
        totals.update(result["totals"])
        lasting.update(result["lasting"])
    failed = sorted(number for result in results for number in result["failed"])
    print(f"\nseed {asked.seed}, campus of {first_day()}: {time.monotonic() - begun:.0f} s")
    for what, times in sorted(totals.items()):
        print(f"{what:>32} {times:>8,}")
    print(f"{'slowest schedule, s':>32} {max(r['slowest'] for r in results):>8.1f}")
    if lasting:
        print("\nSteps that failed for good, and were cleared:")
        for sentence, times in lasting.most_common(20):
            print(f"{times:>6}  {sentence[:200]}")
    floor = FIRINGS * asked.schedules // OF_SCHEDULES if not asked.only else 0
    rare = [what for what in EVERY_FAULT if totals[what] < floor]
    for what in rare:
        print(f"TOO RARE: {what} fired {totals[what]} times, {floor} are asked for")
    if failed:
        print(f"FAILED: the schedules {', '.join(map(str, failed))}")
    return 1 if failed or rare else 0


EVERY_FAULT = (
    "task killed", "PostgreSQL killed", "connection reset: postgres", "connection reset: s3",
    "connection reset: api", "HTTP 429", "HTTP 500", "HTML for an answer", "S3 object cut off",
    "credentials expired", "clock of a worker jumped", "clock of the vendor jumped",
    "listing lagged", "two runs at once", "runs in shuffled order", "committed step cleared",
    "ten days down", "disk full", "lock held by somebody else", "file replaced while it was read",
    "headers dripped", "redirect with a body", "lock held by a reader", "deadlock",
    "clock of S3 differs",
)  # fmt: skip


def main() -> int:
    """Read the command line."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--schedules", type=int, default=500)
    given.add_argument("--only", type=int, nargs="+", help="the numbers of these schedules alone")
    given.add_argument("--workers", type=int, default=2)
    given.add_argument("--state", type=Path, default=ROOT / ".sandbox" / "chaos")
    given.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    asked = given.parse_args()
    asked.state = asked.state.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return campaign(asked) if asked.worker is None else work(asked)


if __name__ == "__main__":
    sys.exit(main())
