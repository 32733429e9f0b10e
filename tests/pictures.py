"""Takes the pictures of ``docs/pictures`` in a headless Chromium: ``make pictures``.

It starts the whole stack in a state of its own, runs a DAG, fills a second database with the ledger
that the tests of the page Coverage know, and stops everything. It needs ``chromium`` and
``chromedriver``. The picture of edX's throughput is ``make bench``'s.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from include.sandbox.stack import USER, Airflow, Stack, running, week_until
from learning_warehouse.steps.links import FRAMED
from tests.browser import CHROMIUM, DRIVER, Browser, logged_in
from tests.conftest import open_database
from tests.coverage.known import KnownLedger

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SIZE = 1440, 900
DAG_ID = "vocareum_lab_analytics"
SETTLED = 3
"""Seconds until the UI has drawn what it moves into place."""


def main() -> None:
    """Take them.

    :raises SystemExit: there is no Chromium.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    state = parser.parse_args().state
    if not (CHROMIUM and DRIVER):
        sys.exit("This needs chromium and chromedriver (on Debian: chromium, chromium-driver).")
    PICTURES.mkdir(exist_ok=True)
    with running(Stack(state, first_day=week_until(1)[0])) as stack:
        airflow = Airflow(stack.url, password=stack.password)
        run_id = _run(airflow)
        with logged_in(stack.url, USER, stack.password) as browser:
            browser.resize(*SIZE)
            _graph(browser, run_id)
            _cover(stack, airflow)
            _coverage(browser)


def _run(airflow: Airflow) -> str:
    """Run the DAG once, and return the id of the run."""
    run_id: str = airflow.post(f"dags/{DAG_ID}/dagRuns", {"logical_date": None})["dag_run_id"]
    path = f"dags/{DAG_ID}/dagRuns/{quote(run_id, safe='')}"
    while airflow.get(path)["state"] not in ("success", "failed"):
        time.sleep(2)
    return run_id


def _cover(stack: Stack, airflow: Airflow) -> None:
    """Point the page Coverage to a ledger of ninety days, in which everything occurs."""
    stack.postgres.create_database("covered")
    with open_database(stack.postgres, "covered") as conn:
        KnownLedger(conn, datetime.now(UTC)).fill()
    where = conninfo_to_dict(stack.postgres.url("covered"))
    fields = {"connection_id": "learning_warehouse", "conn_type": "postgres"}
    change = fields | {"schema": where["dbname"]}
    airflow.patch("connections/learning_warehouse?update_mask=schema", change)


def _graph(browser: Browser, run_id: str) -> None:
    browser.open("/")
    for key in ("default_dag_view", f"dag_view-{DAG_ID}"):
        browser.driver.execute_script(f"localStorage.setItem('{key}', '\"graph\"')")
    browser.open(f"/dags/{DAG_ID}/runs/{quote(run_id)}")
    browser.find(".react-flow__node")
    time.sleep(SETTLED)
    browser.driver.save_screenshot(str(PICTURES / f"{DAG_ID}.png"))


def _coverage(browser: Browser) -> None:
    browser.open(f"/{FRAMED}")
    browser.enter_frame()
    time.sleep(SETTLED)
    browser.driver.save_screenshot(str(PICTURES / "coverage.png"))


if __name__ == "__main__":
    main()
