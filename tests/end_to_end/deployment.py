"""A deployment of one's own: a copy of the package in an Airflow home, without a scheduler."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from include.sandbox.server import ROOT

MIGRATE = """
from airflow.cli import cli_parser

migration = cli_parser.get_parser().parse_args(["db", "migrate"])
migration.func(migration)
"""
"""Makes the metadata database in the process that then uses it: starting Airflow takes seconds."""

READ_DAGS = """
import os
try:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name="dags-folder")
    sync_bag_to_db(bag, "dags-folder", None)
except ImportError:
    from airflow.models.dagbag import DagBag
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    bag.sync_to_db()
assert not bag.import_errors, bag.import_errors
"""
"""Reads the DAG files, and writes them into the metadata database."""

RUN_DAGS = f"""
from tests.clients import read_descriptions_once
read_descriptions_once()
{READ_DAGS}
import json, sys
runs = []
for dag_id, conf in json.loads(sys.argv[1]).items():
    run = bag.dags[dag_id].test(run_conf=conf)
    runs.append(run)
    print("ENDED", dag_id, run.state)
"""
"""Runs DAGs one after another, each once, in one process; takes their Params by DAG id."""


def deploy(home: Path) -> None:
    """Copy what a deployment consists of."""
    for folder in ("dags", "plugins", "include/sql"):
        shutil.copytree(ROOT / folder, home / folder)
    for settings in ("origins.cfg", "alerts.toml", "retention.toml"):
        shutil.copy(ROOT / "include" / settings, home / "include")


def environment(home: Path, connections: dict[str, Any]) -> dict[str, str]:
    """The variables of a deployment's processes."""
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "XqdgHGq9WQrxjG5UMmxq5yRzTEdJj8VUNdWiFfs3lJE=",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": os.pathsep.join([str(home / "plugins"), str(ROOT)]),
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(c) for name, c in connections.items()},
    }


def run_python(home: Path, connections: dict[str, Any], script: str, *arguments: str) -> str:
    """Run a script in a deployment whose metadata database is up to date.

    :returns: what it printed.
    """
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE + script, *arguments],
        env=environment(home, connections), cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def run_dags(home: Path, connections: dict[str, Any], confs: dict[str, Any]) -> dict[str, str]:
    """Run DAGs, each once, with these Params.

    :returns: how each run ended.
    """
    said = run_python(home, connections, RUN_DAGS, json.dumps(confs))
    ended = [line.split() for line in said.splitlines() if line.startswith("ENDED ")]
    return {dag_id: state for _, dag_id, state in ended}
