"""A week of all three sources through a real Airflow, and the warehouse compared with the truth.

``python -m include.sandbox.demo`` starts the stack, takes edX through it by a backfill of each day
and Vocareum and Echo360 by one triggered run each, then finds out by ``learning_activity`` which
accounts are one person. It says what came of it, stops everything, and exits 0 only if every run
succeeded, and the warehouse holds exactly what the campus did and who did what.

The week ends the day before yesterday: a backfilled run, too, waits until its vendor is ready with
its day, which for yesterday may be hours ahead.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from include.sandbox.server import LANDING_BUCKET, ROOT
from include.sandbox.stack import Airflow, Stack, StackFailure, running, week_until

BACKFILLED = "edx_tracking_logs"
ACTIVITY = "learning_activity"
TRIGGERED: dict[str, dict[str, Any]] = {
    "vocareum_lab_analytics": {},
    "echo360_reports": {"poll_interval": 5},
}
"""The DAGs of which one run loads the whole week, and its other Params."""
TABLES = (
    "vocareum.lab_sessions",
    "vocareum.aws_cost",
    "vocareum.azure_cost",
    "vocareum.service_spend",
    "vocareum.grades",
    "vocareum.enrollment",
    "vocareum.course_mapping",
    "vocareum.asn_mapping",
    "echo360.asset",
    "echo360.assetbydate",
    "echo360.presentation",
    "echo360.videoview",
    "echo360.liveviews",
    "echo360.viewsessions",
    "echo360.viewsessiondetails",
    "echo360.confused",
    "echo360.polling",
    "echo360.pollingv2",
    "echo360.qanda",
    "echo360.qanda2",
    "echo360.notes",
    "edx.event",
)
OVER = ("success", "failed")
PATIENCE = 1800
"""Seconds within which all runs must be over."""


def demonstrate(state: Path) -> bool:
    """Run the demo, and print what happens.

    :param state: a folder for the stack's data and logs; its logs stay.
    :returns: whether the warehouse equals the truth.
    :raises StackFailure: the stack did not start, or has stopped.
    """
    begun = time.monotonic()
    first, last = week_until(2)
    say(begun, "starting PostgreSQL, the vendors' sandbox and Airflow")
    with running(Stack(state, first_day=first)) as stack:
        airflow = Airflow(stack.url, password=stack.password)
        failed = load(stack, airflow, first, last, begun)
        failed += compute_activity(stack, airflow, begun)
        say(begun, "comparing the warehouse with what the campus did")
        wrong = compare(stack)
        print_table(stack.warehouse_url)
        wrong += compare_people(stack)
        for difference in wrong:
            print(f"DIFFERENCE {difference}")
        say(begun, "stopping everything")
    if failed or wrong:
        print(f"\nThe demo failed: {len(failed)} runs failed, {len(wrong)} differences.")
        return False
    seconds = time.monotonic() - begun
    print(
        f"\nAll runs succeeded and the warehouse equals the truth, row for row, person by person "
        f"({seconds:.0f} s)."
    )
    return True


def compute_activity(stack: Stack, airflow: Airflow, begun: float) -> list[dict[str, Any]]:
    """Put the institution's list of people into the landing zone, and find out who did what.

    :returns: the runs that failed.
    :raises StackFailure: it takes too long.
    """
    from include.sandbox.campus import Campus
    from include.sandbox.campus.people import roster

    stack.sandbox.client().put_object(
        Bucket=LANDING_BUCKET, Key="roster/people.csv", Body=roster(Campus(**stack.campus))
    )
    say(begun, "matching accounts to people, and computing what they did")
    airflow.post(f"dags/{ACTIVITY}/dagRuns", {"logical_date": None})
    return await_runs(stack, airflow, {ACTIVITY: 1}, begun)


def compare_people(stack: Stack) -> list[str]:
    """Print a line for each person and source; how these differ from what the campus did."""
    import psycopg

    from include.sandbox.campus import Campus
    from include.sandbox.campus.activity import true_course_days
    from include.sandbox.campus.people import true_people
    from include.sandbox.truth import by_person_and_source, course_days, wrong_people

    campus = Campus(**stack.campus)
    true = by_person_and_source(true_course_days(campus), true_people(campus))
    with psycopg.connect(stack.warehouse_url, options="-c timezone=UTC") as conn:
        person_of = {
            (source, account): str(person)
            for source, account, person in conn.execute(
                "SELECT source, value, person_id "
                "FROM people.account INNER JOIN people.link USING (account_id)"
            )
        }
        found = by_person_and_source(course_days(conn), person_of)
    print_lines(
        ["person", "source", "account", "days", "events", "minutes", "video", "lab", "attempts"],
        (
            [
                person[:8],
                source,
                "+".join(sorted(line["accounts"])),
                str(len(line["days"])),
                f"{line['events']:.0f}",
                *(f"{line[f'{what}_seconds'] / 60:.1f}" for what in ("active", "video", "lab")),
                f"{line['attempts']:.0f}",
            ]
            for (person, source), line in sorted(found.items())
        ),
        texts=3,
    )
    return wrong_people(true, found)


def load(
    stack: Stack, airflow: Airflow, first: date, last: date, begun: float
) -> list[dict[str, Any]]:
    """Load the days of all sources, and print what happens.

    :returns: the runs that failed.
    :raises StackFailure: it takes too long.
    """
    say(begun, f"Airflow is up at {stack.url} ({stack.logs} has the tasks' logs)")
    await_dags(stack, airflow)
    expected = start_runs(airflow, first, last)
    say(begun, f"loading {first} to {last}: {sum(expected.values())} runs")
    return await_runs(stack, airflow, expected, begun)


def await_dags(stack: Stack, airflow: Airflow) -> None:
    """Wait until Airflow has read the DAG files.

    :raises StackFailure: one cannot be imported, or they do not appear.
    """
    deadline = time.monotonic() + 120
    while True:
        known = {dag["dag_id"] for dag in airflow.get("dags", limit=100)["dags"]}
        if known >= {BACKFILLED, ACTIVITY, *TRIGGERED}:
            return
        errors = airflow.get("importErrors")["import_errors"]
        if errors:
            raise StackFailure(f"{errors[0]['filename']}:\n{errors[0]['stack_trace']}")
        if time.monotonic() > deadline:
            raise StackFailure(f"Airflow knows only the DAGs {sorted(known)} after two minutes.")
        stack.check()
        time.sleep(0.25)


def start_runs(airflow: Airflow, first: date, last: date) -> dict[str, int]:
    """Start the week's runs; returns how many each DAG must have."""
    backfill = {
        "dag_id": BACKFILLED,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T00:00:00Z",
        "max_active_runs": 3,
    }
    airflow.post("backfills", backfill)
    for dag_id, conf in TRIGGERED.items():
        week = {"first_day": str(first), "last_day": str(last), **conf}
        airflow.post(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": week})
    return {BACKFILLED: (last - first).days + 1, **dict.fromkeys(TRIGGERED, 1)}


def await_runs(
    stack: Stack, airflow: Airflow, expected: dict[str, int], begun: float
) -> list[dict[str, Any]]:
    """Wait until each DAG has its runs and all are over; a line for each step forward.

    A backfill is over for Airflow when its runs are, failed ones too, so the runs are looked at.

    :returns: the runs that failed; their logs are printed.
    :raises StackFailure: it takes too long.
    """
    deadline = time.monotonic() + PATIENCE
    said = ""
    while True:
        runs = [
            run
            for dag_id in expected
            for run in airflow.get(f"dags/{dag_id}/dagRuns", limit=100)["dag_runs"]
        ]
        over = [run for run in runs if run["state"] in OVER]
        line = ", ".join(
            f"{dag_id} {sum(run['dag_id'] == dag_id for run in over)}/{count}"
            for dag_id, count in expected.items()
        )
        if line != said:
            say(begun, f"runs over: {line}")
            said = line
        if len(over) == len(runs) == sum(expected.values()):
            failed = [run for run in over if run["state"] != "success"]
            for run in failed:
                print_failures(airflow, run)
            return failed
        if time.monotonic() > deadline:
            raise StackFailure(f"After {PATIENCE} s only these runs are over: {line}.")
        stack.check()
        time.sleep(1)


def print_failures(airflow: Airflow, run: dict[str, Any]) -> None:
    """Print the end of the log of each task that failed in a run."""
    path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
    tasks = airflow.get(path, state="failed", limit=200)["task_instances"]
    for task in tasks:
        print(f"\nFAILED {run['dag_id']} {run['dag_run_id']} {task['task_id']}")
        log = airflow.get(f"{path}/{task['task_id']}/logs/{task['try_number']}", full_content=True)
        for entry in log["content"][-15:]:
            print(f"    {entry.get('event', entry)}")
            for error in entry.get("error_detail") or []:
                print(f"    {error['exc_type']}: {error['exc_value']}")


def compare(stack: Stack) -> list[str]:
    """How the warehouse differs from what the campus did."""
    from include.sandbox.campus import Campus
    from include.sandbox.truth import differences

    return differences(stack.warehouse_url, Campus(**stack.campus), TABLES)


def print_table(warehouse_url: str) -> None:
    """Print what the ledger says of each table."""
    import psycopg

    with psycopg.connect(warehouse_url) as conn:
        cursor = conn.execute((ROOT / "include" / "sql" / "ops" / "by_table.sql").read_bytes())
        names = [column.name for column in cursor.description or []]
        print_lines(names, ([str(value) for value in row] for row in cursor), texts=2)


def print_lines(header: list[str], rows: Iterable[list[str]], *, texts: int) -> None:
    """Print a table, of which the first columns are texts and the others numbers."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print()
    for line in lines:
        cells = [
            cell.ljust(width) if n < texts else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells))
    print()


def say(begun: float, what: str) -> None:
    """Print a line of progress with the seconds since the beginning."""
    print(f"[{time.monotonic() - begun:5.0f} s] {what}", flush=True)


def main(show: Callable[[Path], bool], *, name: str, description: str | None) -> int:
    """Read the command line, and show something on a stack.

    :param show: shows it with the data in that folder; whether it succeeded.
    :param name: the folder's, unless the command line says otherwise.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--state", type=Path, default=ROOT / ".sandbox" / name)
    given = parser.parse_args()
    try:
        return 0 if show(given.state) else 1
    except StackFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(demonstrate, name="demo", description=__doc__))
