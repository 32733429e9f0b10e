"""A week through a real Airflow, and then all of it again from nothing, without the vendors.

``python -m include.sandbox.rebuild`` loads what the demo loads, switches off both vendors' APIs
and buckets, drops the warehouse's schemas, and lets ``warehouse_rebuild`` load from the landing
zone and ``edx_tracking_logs`` from edX's bucket. It exits 0 only if the warehouse then equals the
truth and what it was before, and no vendor got a request.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from include.sandbox.demo import (
    TABLES,
    await_runs,
    compare,
    load,
    main,
    print_table,
    say,
)
from include.sandbox.stack import Airflow, Stack, running, week_until
from include.sandbox.truth import changes, contents

SCHEMAS = ("vocareum", "echo360", "edx", "people", "activity", "research", "stewardship", "ops")


def rebuild(state: Path) -> bool:
    """Load, drop, rebuild and compare, and print what happens.

    :param state: a folder for the stack's data and logs; its logs stay.
    :returns: whether the rebuilt warehouse equals the truth and the one before it.
    :raises StackFailure: the stack did not start, or has stopped.
    """
    begun = time.monotonic()
    first, last = week_until(2)
    say(begun, "starting PostgreSQL, the vendors' sandbox and Airflow")
    with running(Stack(state, first_day=first)) as stack:
        airflow = Airflow(stack.url, password=stack.password)
        failed = load(stack, airflow, first, last, begun)
        before = contents(stack.warehouse_url, TABLES)
        say(begun, "switching the vendors off and dropping the warehouse's schemas")
        stack.sandbox.set_faults(vendors_off=True)
        drop(stack.warehouse_url)
        days = (last - first).days + 1
        airflow.post("dags/warehouse_rebuild/dagRuns", {"logical_date": None})
        failed += await_runs(stack, airflow, {"warehouse_rebuild": 1}, begun)
        airflow.post(
            "dags/edx_tracking_logs/dagRuns", {"logical_date": None, "conf": {"earliest": True}}
        )
        failed += await_runs(stack, airflow, {"edx_tracking_logs": days + 1}, begun)
        say(begun, "comparing the warehouse with what the campus did, and with the one before")
        wrong = compare(stack) + changes(before, contents(stack.warehouse_url, TABLES))
        asked = stack.sandbox.counts().get("asked in vain", 0)
        if asked:
            wrong.append(f"the vendors were asked {asked} times")
        print_table(stack.warehouse_url)
        for difference in wrong:
            print(f"DIFFERENCE {difference}")
        say(begun, "stopping everything")
    if failed or wrong:
        print(f"\nThe rebuild failed: {len(failed)} runs failed, {len(wrong)} differences.")
        return False
    seconds = time.monotonic() - begun
    print(
        f"\nThe rebuilt warehouse equals the truth and the one before it, row for row, and no "
        f"vendor was asked ({seconds:.0f} s)."
    )
    return True


def drop(warehouse_url: str) -> None:
    """Leave nothing of a warehouse."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(warehouse_url, autocommit=True) as conn:
        for schema in SCHEMAS:
            conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


if __name__ == "__main__":
    sys.exit(main(rebuild, name="rebuild", description=__doc__))
