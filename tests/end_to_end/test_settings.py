"""The settings of the Astro CLI, put into a real Airflow by its own commands, as Astro does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.sandbox.server import ROOT
from tests.end_to_end.deployment import deploy, run_python

LOAD = """
import json, sys
from airflow.cli import cli_parser

parser = cli_parser.get_parser()
for command in json.loads(sys.argv[1]):
    arguments = parser.parse_args(command)
    arguments.func(arguments)
"""

USED = """
import os
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
from airflow.models import Connection, Pool, Variable

bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
assert not bag.import_errors, bag.import_errors
tasks = [task for dag in bag.dags.values() for task in dag.tasks]

def connections_of(task):
    named = dict(vars(task))
    for value in vars(task).values():
        named |= getattr(value, "keywords", {})
    return {value for name, value in named.items() if name.endswith("conn_id") and value}

found = {}
for conn_id in sorted(set().union(*map(connections_of, tasks))):
    connection = Connection.get_connection_from_secrets(conn_id)
    fields = ("conn_type", "host", "login", "password", "schema", "port", "extra_dejson")
    found[conn_id] = {field: getattr(connection, field) for field in fields}
pools = sorted({task.pool for task in tasks if Pool.get_pool(task.pool) is None})
print("USED", json.dumps({"connections": found, "missing_pools": pools}))
"""

BY_HAND = {
    "vocareum": ("http", ("host", "password"), ("org_id",)),
    "echo360": ("http", ("host", "login", "password"), ()),
    "edx_tracking_logs": ("aws", ("login", "password"), ("service_config", "site")),
    "edx_gpg": ("generic", (), ("private_key",)),
    "landing_zone": ("aws", ("login", "password"), ("service_config",)),
    "learning_warehouse": ("postgres", ("host", "login", "password", "schema", "port"), ()),
}
"""What docs/deploy.md says of each connection: its type, its fields, its extras."""


def commands(settings: dict[str, Any]) -> list[list[str]]:
    """What the Astro CLI runs in its container for these settings."""
    run = []
    for connection in settings["connections"]:
        command = ["connections", "add", connection["conn_id"]]
        for field in ("type", "host", "login", "password", "schema", "port", "extra"):
            value = connection[f"conn_{field}"]
            if value not in (None, ""):
                given = json.dumps(value) if isinstance(value, dict) else str(value)
                command += [f"--conn-{field}", given]
        run.append(command)
    for pool in settings["pools"]:
        description = pool.get("pool_description", "")
        run.append(["pools", "set", pool["pool_name"], str(pool["pool_slot"]), description])
    for variable in settings["variables"]:
        run.append(["variables", "set", variable["variable_name"], variable["variable_value"]])
    return run


@pytest.mark.timeout(600)
def test_they_are_all_that_the_dags_use(tmp_path: Path) -> None:
    """No DAG reads a Variable, so there is none to be found."""
    settings = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]
    deploy(tmp_path)
    said = run_python(tmp_path, {}, LOAD + USED, json.dumps(commands(settings)))
    (line,) = [line for line in said.splitlines() if line.startswith("USED ")]
    used = json.loads(line.removeprefix("USED "))
    assert used["missing_pools"] == []
    assert used["connections"].keys() == BY_HAND.keys()
    for conn_id, (kind, fields, extras) in BY_HAND.items():
        connection = used["connections"][conn_id]
        assert connection["conn_type"] == kind
        assert all(connection[field] for field in fields), conn_id
        assert set(extras) <= connection["extra_dejson"].keys(), conn_id
    for path in [*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        assert "Variable" not in path.read_text(), path
        assert "var.value" not in path.read_text(), path
