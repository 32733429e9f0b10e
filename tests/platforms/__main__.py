"""Deploys by each platform's rule into a scratch folder, and reads the DAGs there.

``python -m tests.platforms`` needs a package index, and git. Requirements are resolved without
Airflow's constraint files: they are not part of the check.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.package import ROOT, UV, build

VERSIONS = ("2.11.0", "2.11.*", "3.0.*", "3.1.*", "3.2.*", "3.3.*")
"""The versions of Airflow that requirements.txt must fit."""

READ = """
import sys
from pathlib import Path

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
import airflow.serialization.serialized_objects as serialized
from learning_warehouse.echo360 import triggers
from learning_warehouse.places import INCLUDE

bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
serialization = getattr(serialized, "DagSerialization", None) or serialized.SerializedDAG
for dag in bag.dags.values():
    # The scheduler makes the timetable again out of this, which only a registered one survives.
    serialization.from_dict(serialization.to_dict(dag))
assert Path(sys.argv[2]) in INCLUDE.parents, INCLUDE
assert list((INCLUDE / "sql" / "migrations").glob("*.sql"))
print(len(bag.dags), "DAGs")
"""
"""What each of Airflow's processes needs of a deployment."""

Layout = Callable[[Path, list[Path]], dict[str, str]]
"""Deploys into a folder what was built, and tells the environment of Airflow's processes."""


def at(home: Path, *, dags: Path, plugins: Path, pythonpath: Path | None = None) -> dict[str, str]:
    """The environment of an Airflow whose folders these are."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        **({"PYTHONPATH": str(pythonpath)} if pythonpath else {}),
    }


def mwaa(home: Path, built: list[Path]) -> dict[str, str]:
    """Amazon MWAA: ``dags/``, and ``plugins.zip`` unpacked."""
    shutil.copytree(ROOT / "dags", home / "dags")
    shutil.unpack_archive(built[1], home / "plugins")
    return at(home, dags=home / "dags", plugins=home / "plugins")


def composer_2(home: Path, built: list[Path]) -> dict[str, str]:
    """Cloud Composer 2: ``dags/`` and ``plugins/`` of its bucket."""
    bucket = home / "gcs"
    shutil.copytree(ROOT / "dags", bucket / "dags")
    shutil.copytree(built[0], bucket / "plugins")
    return at(home, dags=bucket / "dags", plugins=bucket / "plugins")


def composer_3(home: Path, built: list[Path]) -> dict[str, str]:
    """Cloud Composer 3, whose scheduler and triggerer have no ``plugins/``: the wheel installed."""
    shutil.copytree(ROOT / "dags", home / "gcs" / "dags")
    installed, none = home / "site-packages", home / "gcs" / "plugins"
    none.mkdir()
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--no-deps", "--target", installed, built[2]], check=True
    )
    return at(home, dags=home / "gcs" / "dags", plugins=none, pythonpath=installed)


def git_bundle(home: Path, built: list[Path]) -> dict[str, str]:
    """A DAG bundle, or git-sync with ``subPath: dags``, and an image with ``plugins/``."""
    return _cloned(home, built, "dags")


def whole_repository(home: Path, built: list[Path]) -> dict[str, str]:
    """The whole repository as the DAG folder, and an image with ``plugins/``."""
    return _cloned(home, built, ".")


def beside(home: Path, _: list[Path]) -> dict[str, str]:
    """Astro, and Docker: ``dags/``, ``plugins/`` and ``include/`` side by side."""
    for folder in ("dags", "plugins", "include"):
        shutil.copytree(ROOT / folder, home / folder)
    return at(home, dags=home / "dags", plugins=home / "plugins")


LAYOUTS: tuple[Layout, ...] = (
    beside, mwaa, composer_2, composer_3, git_bundle, whole_repository
)  # fmt: skip


def _cloned(home: Path, built: list[Path], folder: str) -> dict[str, str]:
    clone = home / "bundles" / "learning-warehouse"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", clone], check=True)
    shutil.copytree(built[0], home / "plugins")
    return at(home, dags=clone / folder, plugins=home / "plugins")


def read(python: Path, layout: Layout, scratch: Path, built: list[Path]) -> str:
    """Deploy, and read the DAGs as Airflow does.

    :returns: how many there are, or why they cannot be read.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        home = Path(folder)
        environment = layout(home, built)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIRFLOW", "PYTHON"))
        }
        done = subprocess.run(
            [python, "-c", READ, environment["AIRFLOW__CORE__DAGS_FOLDER"], folder],
            cwd=home, env={**inherited, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    return done.stdout.strip().rpartition("\n")[2] if done.returncode == 0 else done.stderr[-2000:]


def resolved(version: str, scratch: Path) -> Path:
    """Resolve requirements.txt beside a version of Airflow.

    :returns: a file of what was chosen.
    :raises subprocess.CalledProcessError: nothing fits.
    """
    wanted, chosen = scratch / "wanted.txt", scratch / f"airflow-{version.rstrip('.*')}.txt"
    wanted.write_text(f"apache-airflow=={version}\n")
    subprocess.run(
        [
            UV, "pip", "compile", "--quiet", "--python", sys.executable, "--no-annotate",
            "--no-header", ROOT / "requirements.txt", wanted, "--output-file", chosen,
        ],
        check=True,
    )  # fmt: skip
    return chosen


def installed(chosen: Path) -> Path:
    """Install what was chosen into an environment of its own, and return its Python."""
    environment = chosen.with_suffix("")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "-r", chosen], check=True)
    return python


def main() -> None:
    """Print a line for each check.

    :raises SystemExit: one of them failed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, action="append", help="of an installed Airflow")
    pythons = [python.absolute() for python in parser.parse_args().python]
    failed = False

    def tell(what: str, said: str) -> None:
        nonlocal failed
        failed |= "5 DAGs" not in said
        print(f"{what:45} {said}", flush=True)

    with tempfile.TemporaryDirectory(prefix="platforms-") as folder:
        scratch = Path(folder)
        built = build(scratch / "dist")
        for python in pythons:
            for layout in LAYOUTS:
                airflow = python.parent.parent.name
                tell(f"{airflow}, {layout.__name__}", read(python, layout, scratch, built))
        providers: dict[str, set[tuple[int, ...]]] = {}
        for version in VERSIONS:
            chosen = resolved(version, scratch)
            pinned = dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==([\d.]+)", chosen.read_text(), re.M))
            for name, number in pinned.items():
                if name.startswith("apache-airflow-providers-"):
                    parts = tuple(map(int, number.split(".")))
                    providers.setdefault(name, set()).add(parts)
            python = installed(chosen)
            airflow = f"Airflow {pinned['apache-airflow']}, resolved and installed"
            tell(airflow, read(python, mwaa, scratch, built))
            shutil.rmtree(python.parent.parent)
    print("The lowest version of each provider that was tried:")
    for name, numbers in sorted(providers.items()):
        print(f"  {name} {'.'.join(map(str, min(numbers)))}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
