"""`make up` and what one does there: by shell, by UI, by the commands of the README."""

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

import pytest

from include.sandbox.server import ORG_ID, ROOT
from include.sandbox.stack import AIRFLOW_2, Airflow
from tests.edx.loading import line

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(AIRFLOW_2, reason="an Airflow 2.11 has no UI in the sandbox"),
]

CONNECTIONS = {"vocareum", "echo360", "edx_tracking_logs", "landing_zone", "learning_warehouse"}
README = (ROOT / "README.md").read_text()
OWN_LOG = README.partition("### Load a log of your own\n")[2].partition("\n#")[0]
BLOCKS = re.findall(r"^```\n(.*?)^```", OWN_LOG, re.S | re.M)
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


def test_a_log_of_ones_own_by_the_commands_of_the_readme(up: Up, tmp_path: Path) -> None:
    (tmp_path / "tracking.log").write_bytes(b"\n".join([line(1), line(2), b"no event"]))
    load, query = BLOCKS
    up.shell(load, cwd=tmp_path)
    airflow = up.airflow()
    while True:
        (run,) = airflow.get("dags/edx_tracking_logs/dagRuns")["dag_runs"]
        if run["state"] in ("success", "failed"):
            break
        time.sleep(0.5)
    assert run["state"] == "success"
    said = up.shell('eval "$(make -s env)"\n' + query, cwd=tmp_path)
    assert re.search(r"page_close +\| +2", said), said
    assert "no event" in said
