"""Builds what a platform takes that deploys no ``include/``: ``python -m tools.package [FOLDER]``.

``plugins/`` with the SQL and the settings inside the package, the same as ``plugins.zip``, and as a
wheel that registers the plugin with Airflow wherever it is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from learning_warehouse import __version__

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
UV = Path(sys.prefix) / "bin" / "uv"
UNUSED = shutil.ignore_patterns("__pycache__")

PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "learning-warehouse"
version = "{version}"
requires-python = ">=3.11,<3.14"
dependencies = {requirements}

[project.entry-points."airflow.plugins"]
learning_warehouse = "learning_warehouse_plugin:LearningWarehousePlugin"

[tool.setuptools]
py-modules = ["learning_warehouse_plugin"]

[tool.setuptools.packages.find]
include = ["learning_warehouse*"]

[tool.setuptools.package-data]
"*" = ["*"]
"""


def requirements() -> list[str]:
    """The lines of ``requirements.txt`` that name a requirement."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def copy_plugins(folder: Path) -> None:
    """Copy ``plugins/`` with all that it needs inside the package, and without symbolic links.

    :param folder: what is there is replaced.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "plugins", folder, ignore=UNUSED)
    inside = folder / "learning_warehouse" / "include"
    shutil.copytree(ROOT / "include" / "sql", inside / "sql")
    for pattern in ("*.cfg", "*.toml"):
        for settings in (ROOT / "include").glob(pattern):
            shutil.copy(settings, inside)


def build(dist: Path) -> list[Path]:
    """Build all of it.

    :param dist: the folder that it goes into.
    :returns: the folder, the zip and the wheel.
    """
    folder = dist / "plugins"
    copy_plugins(folder)
    archive = shutil.make_archive(str(dist / "plugins"), "zip", folder)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        shutil.copytree(folder, source)
        text = PYPROJECT.format(version=__version__, requirements=requirements())
        (source / "pyproject.toml").write_text(text)
        subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", dist, source], check=True)
    (wheel,) = dist.glob(f"learning_warehouse-{__version__}-*.whl")
    return [folder, Path(archive), wheel]


if __name__ == "__main__":
    for built in build(Path(sys.argv[1]) if sys.argv[1:] else DIST):
        print(built)
