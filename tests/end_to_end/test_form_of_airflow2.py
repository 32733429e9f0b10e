"""The trigger form of Airflow 2.11, in a browser: it can be submitted as it opens."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from include.sandbox.postgres import free_port
from include.sandbox.server import ROOT
from include.sandbox.stack import AIRFLOW_2
from tests.browser import Browser, needs_chromium
from tests.end_to_end.deployment import READ_DAGS, deploy, environment, run_python

DAGS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not AIRFLOW_2, reason="Airflow 3 has another form, see test_up.py."),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment whose DAGs are known, and to which nobody needs to log in."""
    home = tmp_path_factory.mktemp("airflow2")
    deploy(home)
    (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
    run_python(home, {}, READ_DAGS)
    return home


@pytest.fixture(scope="module")
def browser(home: Path) -> Iterator[Browser]:
    """A browser with which Airflow's UI can be seen."""
    port = free_port()
    with (home / "webserver.log").open("wb") as out:
        webserver = subprocess.Popen(
            [sys.executable, "-m", "airflow", "webserver", "--port", str(port), "--workers", "1"],
            env=environment(home, {}), cwd=home, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        await_answer(f"http://127.0.0.1:{port}/health")
        browser = Browser(f"http://127.0.0.1:{port}")
        yield browser
        browser.driver.quit()
    finally:
        webserver.terminate()
        webserver.wait()


def await_answer(url: str) -> None:
    """Wait until the webserver, which writes some hundred permissions first, is there."""
    deadline = time.monotonic() + 300
    while True:
        try:
            urlopen(url, timeout=60).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


@pytest.mark.parametrize("dag_id", DAGS)
def test_a_dag_is_triggered_with_what_its_form_opens_with(
    home: Path, browser: Browser, dag_id: str
) -> None:
    browser.open(f"/dags/{dag_id}/trigger")
    refused = "return [...document.querySelectorAll('#trigger_form :invalid')].map(e => e.name)"
    assert browser.driver.execute_script(refused) == []
    browser.find("#trigger_form button[type=submit]").click()
    browser.await_(lambda driver: "/trigger" not in driver.current_url)
    with closing(sqlite3.connect(home / "airflow.db")) as metadata:
        ((kind, state),) = metadata.execute(
            "SELECT run_type, state FROM dag_run WHERE dag_id = ?", [dag_id]
        )
    assert (kind, state) == ("manual", "queued")
