"""`make up` and what one does there: by shell, by UI, by the commands of the quickstart."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from include.sandbox.server import ORG_ID, ROOT
from include.sandbox.stack import AIRFLOW_2, Airflow
from tests.browser import Browser, logged_in, needs_chromium
from tests.edx.loading import line

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(AIRFLOW_2, reason="an Airflow 2.11 has no UI in the sandbox"),
]

CONNECTIONS = {
    "vocareum",
    "echo360",
    "edx_tracking_logs",
    "landing_zone",
    "learning_warehouse",
    "stewardship_key",
}
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text()
OWN_LOG = QUICKSTART.partition("Load a log of your own\n")[2].partition("\n#")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", OWN_LOG, re.S | re.M)
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("AIRFLOW", "AWS", "PYTHON"))
}


@dataclass(frozen=True)
class Up:
    """A stack in the background, with its data in a folder, and what its starts said."""

    state: Path
    said: list[str]

    def command(self, name: str) -> subprocess.Popen[str]:
        """What the Makefile runs for a name."""
        return subprocess.Popen(
            [sys.executable, "-m", "include.sandbox.stack", "--state", str(self.state), name],
            cwd=ROOT,
            env=CLEAN,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def shell(self, script: str, cwd: Path = ROOT) -> str:
        """What a script prints in which `make -s env` is this stack's."""
        make = f"{sys.executable} -m include.sandbox.stack --state {self.state}"
        script = script.replace("make -s env", f"PYTHONPATH={ROOT} {make} env")
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def variables(self) -> dict[str, str]:
        """The variables that a shell has then and did not have before."""
        script = (
            'eval "$(make -s env)"; python -c "import json, os; print(json.dumps({**os.environ}))"'
        )
        found: dict[str, str] = json.loads(self.shell(script).splitlines()[-1])
        return {name: value for name, value in found.items() if CLEAN.get(name) != value}

    def airflow(self) -> Airflow:
        """Its REST API."""
        known = self.variables()
        return Airflow(known["AIRFLOW_URL"], password=known["AIRFLOW_PASSWORD"])


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack that two commands wanted to start at the same time."""
    up = Up(tmp_path_factory.mktemp("up") / "up", [])
    try:
        both = [up.command("up"), up.command("up")]
        up.said.extend(command.communicate()[0] for command in both)
        assert [command.returncode for command in both] == [0, 0], up.said
        yield up
    finally:
        assert "Stopped." in up.command("down").communicate()[0]


def test_one_runs_however_often_it_is_started(up: Up) -> None:
    """Each start says where it is, one of them that it was there already."""
    again = up.command("up")
    said, _ = again.communicate()
    assert again.returncode == 0, said
    known = up.variables()
    for each in (*up.said, said):
        assert f"Airflow's UI: {known['AIRFLOW_URL']}\n" in each
        assert f"Login:        {known['AIRFLOW_USER']} / {known['AIRFLOW_PASSWORD']}\n" in each
        assert f"Warehouse:    {known['WAREHOUSE_URL']}\n" in each
    assert ["runs already" in each for each in (*sorted(up.said, key=len), said)] == [
        False,
        True,
        True,
    ]


def test_a_shell_has_the_programs_and_the_buckets(up: Up) -> None:
    script = """
        eval "$(make -s env)"
        psql "$WAREHOUSE_URL" -Atc "SELECT 'empty' WHERE to_regnamespace('ops') IS NULL"
        pg_dump --schema-only "$WAREHOUSE_URL" | grep -c "PostgreSQL database dump complete"
        for bucket in "$EDX_BUCKET" "$LANDING_BUCKET" "$VOCAREUM_BUCKET"; do
            python -c 'import boto3, sys; print(boto3.client("s3").list_objects_v2(
                Bucket=sys.argv[1])["KeyCount"] > 0)' "$bucket"
        done
    """
    assert up.shell(script).split() == ["empty", "1", "True", "False", "True"]


def test_connections_are_seen_and_edited_in_airflow(up: Up) -> None:
    assert not [name for name in up.variables() if name.startswith("AIRFLOW_CONN_")]
    airflow = up.airflow()
    listed = airflow.get("connections", limit=100)["connections"]
    assert {connection["connection_id"] for connection in listed} == CONNECTIONS
    (edited,) = [each for each in listed if each["connection_id"] == "vocareum"]
    fields = {"connection_id": "vocareum", "conn_type": "http"}
    airflow.patch(
        "connections/vocareum?update_mask=description", fields | {"description": "edited"}
    )
    show = 'eval "$(make -s env)"; airflow connections get vocareum --output json'
    (shown,) = json.loads(up.shell(show))
    assert shown["description"] == "edited"
    assert shown["host"] == edited["host"]
    assert shown["extra_dejson"]["org_id"] == ORG_ID


def test_tasks_are_forked_by_a_process_that_has_their_imports(up: Up) -> None:
    keeper = psutil.Process(json.loads((up.state / "stack.json").read_text())["pid"])
    (scheduler,) = [part for part in keeper.children() if part.cmdline()[-1] == "scheduler"]
    mapped = {folder for each in scheduler.memory_maps() for folder in Path(each.path).parts}
    assert {"pandas", "psycopg_binary"} <= mapped


def test_a_log_of_ones_own_by_the_commands_of_the_quickstart(up: Up, tmp_path: Path) -> None:
    (tmp_path / "tracking.log").write_bytes(b"\n".join([line(1), line(2), b"no event"]))
    load, query = BLOCKS
    up.shell(load, cwd=tmp_path)
    airflow = up.airflow()
    (run,) = ended(airflow, "edx_tracking_logs").values()
    assert run["state"] == "success"
    said = up.shell('eval "$(make -s env)"\n' + query, cwd=tmp_path)
    assert re.search(r"page_close +\| +2", said), said
    assert "no event" in said


SCHEDULED = (
    "edx_tracking_logs",
    "vocareum_lab_analytics",
    "warehouse_housekeeping",
    "learning_activity",
    "echo360_reports",
)
BACKFILLED = SCHEDULED[:4]
"""The last has more than fifty tasks; its backfill is run by the test of the command line."""

DAGS = (*SCHEDULED, "warehouse_rebuild", "warehouse_erasure")
FORM = "[data-scope=dialog][role=dialog][data-state=open]"


@pytest.fixture(scope="module")
def browser(up: Up) -> Iterator[Browser]:
    """A browser that is logged in."""
    known = up.variables()
    login = known["AIRFLOW_URL"], known["AIRFLOW_USER"], known["AIRFLOW_PASSWORD"]
    with logged_in(*login) as browser:
        browser.resize(1440, 1000)
        yield browser


def in_form(browser: Browser, kind: str, text: str) -> Any:
    """The element of that kind in the open form that begins with that text, once it is there."""

    def found(_: Any) -> Any:
        elements = browser.find(FORM).find_elements(By.CSS_SELECTOR, kind)
        return next((element for element in elements if element.text.startswith(text)), None)

    return browser.await_(found)


def open_form(browser: Browser, dag_id: str) -> None:
    """Open the form in which a DAG is triggered."""
    browser.open(f"/dags/{dag_id}")
    browser.find("button[aria-label='Trigger Dag']").click()


def submit(browser: Browser, label: str) -> None:
    """Press the button, once it is enabled, and see the form close."""
    browser.await_(lambda _: in_form(browser, "button", label).is_enabled())
    in_form(browser, "button", label).click()
    browser.await_(lambda driver: not driver.find_elements(By.CSS_SELECTOR, FORM))


def give_day(browser: Browser, field: int, day: str) -> None:
    """Write a day into the field of a form, and see that it is taken."""
    asked = browser.find(FORM).find_elements(By.CSS_SELECTOR, "[data-testid=datetime-input]")
    asked[field].click()
    browser.await_(lambda driver: shown(driver, "input[placeholder='YYYY/MM/DD']")).send_keys(day)
    browser.press(Keys.ESCAPE)
    browser.await_(lambda _: "Select date" not in asked[field].text)


def shown(driver: Any, selector: str) -> Any:
    """The element that is to be seen, if there is one."""
    found = driver.find_elements(By.CSS_SELECTOR, selector)
    return next((element for element in found if element.is_displayed()), None)


def runs(airflow: Airflow, dag_id: str) -> dict[str, dict[str, Any]]:
    """The DAG's runs, by their ids."""
    listed = airflow.get(f"dags/{dag_id}/dagRuns", limit=100)["dag_runs"]
    return {run["dag_run_id"]: run for run in listed}


def ended(airflow: Airflow, dag_id: str) -> dict[str, dict[str, Any]]:
    """The same, once all of them are over."""
    while True:
        found = runs(airflow, dag_id)
        if all(run["state"] in ("success", "failed") for run in found.values()):
            return found
        time.sleep(0.5)


@needs_chromium
def test_every_dag_is_triggered_and_backfilled_from_its_form(up: Up, browser: Browser) -> None:
    """With what the form has as it opens; a backfill wants its days."""
    airflow = up.airflow()
    ((first, _),) = re.findall(r"data from (\S+) to (\S+)\.", up.said[0])
    before = {dag_id: set(runs(airflow, dag_id)) for dag_id in DAGS}
    for dag_id in DAGS:
        open_form(browser, dag_id)
        submit(browser, "Trigger")
    for dag_id in SCHEDULED:
        open_form(browser, dag_id)
        in_form(browser, "label", "Backfill").click()
        for field in range(2):
            give_day(browser, field, first.replace("-", "/"))
        if dag_id in BACKFILLED:
            submit(browser, "Run Backfill")
        else:
            browser.await_(lambda _: in_form(browser, "button", "Run Backfill").is_enabled())
    expected = [(dag_id, "manual") for dag_id in DAGS] + [(d, "backfill") for d in BACKFILLED]
    new = [
        (dag_id, run["run_type"], run["state"])
        for dag_id in DAGS
        for name, run in ended(airflow, dag_id).items()
        if name not in before[dag_id]
    ]
    assert sorted(new) == sorted((*run, "success") for run in expected)


LINES = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  if (!/earlyest|Task failed with exception/.test(node.textContent)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const { right, top } = range.getBoundingClientRect();
  found.push([top, right, node.textContent]);
}
return found.sort((a, b) => a[0] - b[0]);
"""
"""Of the lines of a log that matter: where they begin and end, in CSS pixels, and their text."""


@needs_chromium
def test_the_log_of_a_failed_task_ends_with_what_to_do(up: Up, browser: Browser) -> None:
    """Whole, on a screen of 1440 pixels, below Airflow's traceback."""
    airflow = up.airflow()
    conf = {"earlyest": True, "first_day": "2026-01-01", "last_day": "2026-01-31"}
    run = {"logical_date": None, "dag_run_id": "mistaken", "conf": conf}
    airflow.post("dags/edx_tracking_logs/dagRuns", run)
    assert ended(airflow, "edx_tracking_logs")["mistaken"]["state"] == "failed"
    for task in ("unpack", "summarise"):
        browser.open(f"/dags/edx_tracking_logs/runs/mistaken/tasks/{task}")
        lines = browser.await_(
            lambda driver: len(found := driver.execute_script(LINES)) > 2 and found
        )
        _, right, text = lines[-1]
        assert "This DAG has no Param 'earlyest': did you mean 'earliest'?" in text
        assert right < 1440
        assert "Task failed with exception" in lines[0][2]
