"""The files around the code agree with it: locks, connections, what Airflow leaves out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from include.sandbox.stack import AIRFLOW_2

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "learning_warehouse"
LOCKS = {"requirements-airflow3.lock": "3.3.2", "requirements-airflow2.lock": "2.11.2"}
CONNECTIONS = {
    "vocareum",
    "echo360",
    "edx_tracking_logs",
    "edx_gpg",
    "landing_zone",
    "learning_warehouse",
    "learning_warehouse_reader",
    "stewardship_key",
}


def required(name: str) -> list[Requirement]:
    """What a requirements file asks for, with the files that it includes."""
    found: list[Requirement] = []
    for line in (ROOT / name).read_text().splitlines():
        asked = line.partition("#")[0].strip()
        if asked.startswith("-r "):
            found += required(asked.removeprefix("-r "))
        elif asked:
            found.append(Requirement(asked))
    return found


def locked(name: str) -> dict[str, str]:
    """The packages of a lock and their versions."""
    pinned = re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==([^\s;]+)", (ROOT / name).read_text(), re.M)
    return {canonicalize_name(package): version for package, version in pinned}


@pytest.mark.parametrize(("lock", "airflow"), LOCKS.items())
def test_a_lock_has_a_version_in_range_for_every_requirement(lock: str, airflow: str) -> None:
    versions = locked(lock)
    assert versions["apache-airflow"] == airflow
    for requirement in required("requirements-dev.txt"):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}"


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-bench.lock"])
def test_a_lock_names_no_index_and_no_place_and_has_a_hash_for_everything(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    for number, line in enumerate(lines):
        assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|@ /", line), line
        if re.match(r"[a-z0-9]", line):
            assert line.endswith("\\"), line
            assert "--hash=sha256:" in lines[number + 1], line


def test_the_image_has_what_the_tests_run_on(tmp_path: Path) -> None:
    """Its build, as far as an installed environment goes: nothing is left to install."""
    dockerfile = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    lock = "requirements-airflow2.lock" if AIRFLOW_2 else "requirements-airflow3.lock"
    (build,) = re.findall(r"^RUN (sed .*)$", dockerfile, re.M)
    for name in ("requirements.txt", lock):
        shutil.copy(ROOT / name, tmp_path)
    here = f"--python {sys.executable} --offline --dry-run"
    build = build.replace("pip install --no-cache-dir", f"uv pip install {here}", 1)
    build = build.replace("--system --no-cache", here)
    done = subprocess.run(
        f"set -eu; {build}", shell=True, cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"LOCK": lock, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Would make no changes") == 2, done.stderr
    uv = (tmp_path / "uv.txt").read_text().split()
    assert uv[0].startswith("uv==")
    assert {word.partition(":")[0] for word in uv[1:]} == {"\\", "--hash=sha256"}


def test_an_astro_image_accepts_the_requirements() -> None:
    """Its install script refuses a file with a line such as this one."""
    refused = re.compile(r"apache-airflow\s*[=~>]{1,2}.*")
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert refused.fullmatch("apache-airflow>=2.11")
    assert not [line for line in lines if refused.fullmatch(line)]


def test_the_settings_of_the_astro_cli_have_every_connection_of_the_package() -> None:
    settings = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]
    configured = {connection["conn_id"] for connection in settings["connections"]}
    named = {
        conn_id
        for path in PACKAGE.rglob("*.py")
        for conn_id in re.findall(r'\b\w*CONN_ID\b[^=\n]*= "([a-z0-9_]+)"', path.read_text())
    }
    assert named == configured == CONNECTIONS


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_airflow_imports_nothing_of_the_plugins_folder_but_the_plugin(syntax: str) -> None:
    from airflow._shared.module_loading.file_discovery import find_path_from_directory

    found = find_path_from_directory(ROOT / "plugins", ".airflowignore", syntax)
    modules = {Path(path) for path in found if path.endswith(".py")}
    assert modules == {ROOT / "plugins" / "learning_warehouse_plugin.py"}
