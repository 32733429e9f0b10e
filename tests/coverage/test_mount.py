"""What the plugin costs every Airflow process, and where it shows the page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

READ = """
import json, sys
import airflow
from airflow.providers.common.compat.sdk import AirflowPlugin, BaseOperatorLink
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from airflow.timetables.base import Timetable

before = set(sys.modules)
import learning_warehouse_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_plugin_imports_nothing_but_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [
        "learning_warehouse",
        "learning_warehouse.activity_page",
        "learning_warehouse.activity_page.mount",
        "learning_warehouse.coverage",
        "learning_warehouse.coverage.mount",
        "learning_warehouse.pages",
        "learning_warehouse.pages.mount",
        "learning_warehouse.steps",
        "learning_warehouse.steps.links",
        "learning_warehouse.timetable",
        "learning_warehouse_plugin",
    ]


def test_the_page_is_in_the_navigation_wherever_airflow_is_mounted() -> None:
    from learning_warehouse.coverage.mount import EXTERNAL_VIEW
    from learning_warehouse.steps.links import PREFIX

    assert EXTERNAL_VIEW["destination"] == "nav"
    assert f"/{EXTERNAL_VIEW['href']}" == f"{PREFIX}/", "relative to the UI's own address"
