"""Where the package finds its SQL and settings, and that what it is built into has them inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.package import ROOT, copy_plugins

LOOK = """
import json
from learning_warehouse.dag_files import origins
from learning_warehouse.steps.alerts import ALERTS
from learning_warehouse.warehouse.migrations import MIGRATIONS
migrations = len(list(MIGRATIONS.glob("*.sql")))
print("FOUND", json.dumps([str(ALERTS.parent), migrations, origins("edx")]))
"""


def look(plugins: Path, home: Path, **settings: str) -> tuple[Path, int, dict[str, str]]:
    """Where a package finds its alerts, how many migrations it has, and the DAGs of edX."""
    done = run(plugins, home, **settings)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    where, migrations, dags = json.loads(line.removeprefix("FOUND "))
    return Path(where), migrations, dags


def run(plugins: Path, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Import a package in a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(plugins),
        **{f"AIRFLOW__LEARNING_WAREHOUSE__{name}": value for name, value in settings.items()},
    }
    return subprocess.run(
        [sys.executable, "-c", LOOK], cwd=home, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_files_are_found_in_the_package_first_then_beside_it(tmp_path: Path) -> None:
    migrations = len(list((ROOT / "include" / "sql" / "migrations").glob("*.sql")))
    copy_plugins(tmp_path / "plugins")
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]
    inside = tmp_path / "plugins" / "learning_warehouse" / "include"
    dags = {"edx_tracking_logs": "edx_tracking_logs"}
    assert look(tmp_path / "plugins", tmp_path) == (inside, migrations, dags)
    inside.rename(tmp_path / "include")
    assert look(tmp_path / "plugins", tmp_path) == (tmp_path / "include", migrations, dags)


def test_settings_may_be_in_another_folder(tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    done = run(ROOT / "plugins", tmp_path, SETTINGS_FOLDER=str(folder))
    assert f"names {folder}, which is not a folder: create it" in done.stderr
    folder.mkdir()
    (folder / "origins.cfg").write_text("[edx]\nedx_of_ours = edx_ours\n")
    alerts, _, dags = look(ROOT / "plugins", tmp_path, SETTINGS_FOLDER=str(folder))
    assert dags == {"edx_of_ours": "edx_ours"}
    assert alerts == ROOT / "include"
