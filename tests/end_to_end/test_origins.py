"""Two orgs, two regions and two sites in one warehouse, each through a DAG of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from include.sandbox.campus import Campus
from include.sandbox.demo import TABLES
from include.sandbox.server import ROOT, Sandbox
from include.sandbox.stack import week_until
from include.sandbox.truth import differences
from learning_warehouse.dag_files import origins

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

DAYS = 2
ELSEWHERE = {"org_id": "1234", "site": "UniversityB", "seed": 8}
ORIGINS = """
[vocareum]
vocareum_lab_analytics = "vocareum"
vocareum_of_the_law_school = "vocareum_law"

[echo360]
echo360_reports = "echo360"
echo360_of_the_law_school = "echo360_law"

[edx]
edx_tracking_logs = "edx_tracking_logs"
edx_of_the_law_school = "edx_law"
"""
NAMES = {"vocareum": "vocareum_law", "echo360": "echo360_law", "edx_tracking_logs": "edx_law"}

RUN = """
import json, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1], bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
sync_bag_to_db(bag, "dags-folder", None)
for dag_id, dag in sorted(bag.dags.items()):
    conf = {"poll_interval": 5} if "echo360" in dag_id else {}
    run = dag.test(run_conf=json.loads(sys.argv[2]) | conf)
    print("ENDED", dag_id, run.state)
"""


@pytest.mark.timeout(900)
def test_two_of_each_in_one_warehouse(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    first, last = week_until(2)
    postgres.create_database("two_of_each")
    url = postgres.url("two_of_each")
    for folder in ("dags", "plugins", "include/sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "include" / "origins.toml").write_text(ORIGINS)
    campus: dict[str, Any] = {"first_day": first, "days": DAYS, "students": 20, "courses": 2}
    campuses = ({**campus, "seed": 7}, {**campus, **ELSEWHERE})
    with ExitStack() as running:
        sandboxes = []
        for number, made_of in enumerate(campuses):
            sandbox = Sandbox(tmp_path / f"sandbox_{number}", **made_of).start()
            running.callback(sandbox.stop)
            sandboxes.append(sandbox)
        connections = sandboxes[0].airflow_connections(url)
        elsewhere = sandboxes[1].airflow_connections(url)
        connections |= {named: elsewhere[name] for name, named in NAMES.items()}
        ended = run_all(tmp_path, connections, first_day=str(first), last_day=str(last))
        assert ended == {
            dag_id: "success"
            for source in ("vocareum", "echo360", "edx")
            for dag_id in origins(source, path=tmp_path / "include" / "origins.toml")
        }
        for sandbox, made_of in zip(sandboxes, campuses, strict=True):
            here = Campus(**made_of)
            of_it = {
                "vocareum": here.origin("vocareum.grades") or "",
                "echo360": urlsplit(sandbox.api_url).netloc,
                "edx": here.origin("edx.event") or "",
            }
            assert differences(url, here, TABLES, origins=of_it) == []


def run_all(home: Path, connections: dict[str, Any], **conf: str) -> dict[str, str]:
    """Run each DAG of a deployment once, in a process without a scheduler.

    :returns: how each run ended.
    """
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "XqdgHGq9WQrxjG5UMmxq5yRzTEdJj8VUNdWiFfs3lJE=",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "PYTHONPATH": str(home / "plugins"),
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(c) for name, c in connections.items()},
    }
    for command in (
        [sys.executable, "-m", "airflow", "db", "migrate"],
        [sys.executable, "-c", RUN, str(home / "dags"), json.dumps(conf)],
    ):
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    ended = [line.split() for line in done.stdout.splitlines() if line.startswith("ENDED ")]
    return {dag_id: state for _, dag_id, state in ended}


def test_what_the_file_must_say(tmp_path: Path) -> None:
    path = tmp_path / "origins.toml"
    with pytest.raises(ValueError, match=r"origins.toml is missing: deploy include/"):
        origins("echo360", path=path)
    for text in ("", "echo360 = 1", "[echo360]\nechoes = 3"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"origins.toml does not say .* line 'DAG id = "):
            origins("echo360", path=path)
    path.write_text('[echo360]\nhere = "echo360"\nthere = "echo360"')
    with pytest.raises(ValueError, match=r"names a connection of echo360 twice"):
        origins("echo360", path=path)
    path.write_text("[echo360")
    with pytest.raises(ValueError, match=r"origins.toml is no TOML .*: mend that line"):
        origins("echo360", path=path)
