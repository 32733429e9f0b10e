"""What is installed beside the project is named and free to be used.

The licences are those that the installed packages declare themselves.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_frame import locked, required

ROOT = Path(__file__).resolve().parents[1]
LOCK_OF_THIS_AIRFLOW = f"requirements-airflow{version('apache-airflow').partition('.')[0]}.lock"

PERMISSIVE = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "PSF-2.0", "Zlib",
    "CC0-1.0", "CNRI-Python",
    # As classifiers and older metadata spell them.
    "MIT License", "Apache Software License", "BSD License", "ISC License (ISCL)", "BSD",
    "3-Clause BSD License", "The Unlicense (Unlicense)", "Python Software Foundation License",
    "DFSG approved",
}  # fmt: skip
ACCEPTED = {
    "psycopg": "LGPL: used as it is published, and replaceable; binds the library, not its users",
    "psycopg-binary": "LGPL, see psycopg",
    "psycopg2-binary": "LGPL, see psycopg; Airflow's Postgres provider brings it",
    "certifi": "MPL 2.0: binds changes to its own files; requests brings it",
    "hypothesis": "MPL 2.0, see certifi; only the tests use it",
    "pathspec": "MPL 2.0, see certifi; Airflow brings it",
    "text-unidecode": "may be used under the Artistic License; Airflow brings it",
    "tqdm": "MPL 2.0 and MIT, see certifi; sqlfluff brings it, which only lints",
}
"""What is not permissive through and through, and why it is used all the same."""


def test_make_installs_nothing_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text()
    installs = re.findall(r"pip install (?!--quiet uv==).*", makefile)
    assert installs
    assert all("--require-hashes" in install for install in installs)


def test_the_docs_name_every_direct_dependency() -> None:
    docs = (ROOT / "docs" / "architecture.md").read_text()
    for file in ("requirements-dev.txt", "requirements-bench.txt"):
        for wanted in required(file):
            short = wanted.name.removeprefix("apache-airflow-providers-")
            assert f"`{short}`" in docs, wanted.name


def installed(file: str) -> dict[str, Distribution]:
    """What a requirements file brings with it, as it is installed here."""
    found: dict[str, Distribution] = {}
    visited = set()
    waiting = [(wanted, "") for wanted in required(file)]
    while waiting:
        wanted, extra = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (wanted.marker and not wanted.marker.evaluate({"extra": extra})) or (
            (name, extra, frozenset(wanted.extras)) in visited
        ):
            continue
        visited.add((name, extra, frozenset(wanted.extras)))
        found[name] = distribution(name)
        for needed in found[name].requires or ():
            waiting += [(Requirement(needed), extra) for extra in ("", *wanted.extras)]
    return found


def licences(package: Distribution) -> set[str]:
    """The licences that a package names, all of them."""
    metadata = package.metadata
    expression = metadata.get("License-Expression")
    if expression is None:
        classifiers = metadata.get_all("Classifier") or []
        named = {c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")}
        if named:
            return named
        expression = metadata.get("License") or ""
    if " AND " not in expression and " OR " not in expression:
        return {expression}
    return set(re.findall(r"[\w.+-]+", expression)) - {"AND", "OR", "WITH"}


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_everything_installed_is_free_to_be_used(file: str) -> None:
    packages = installed(file)
    assert packages.keys() <= locked(LOCK_OF_THIS_AIRFLOW).keys()
    wanting = {name for name, package in packages.items() if not licences(package) <= PERMISSIVE}
    assert {name: licences(packages[name]) for name in wanting - ACCEPTED.keys()} == {}


def test_no_exception_is_left_that_nobody_needs() -> None:
    packages = installed("requirements-dev.txt")
    for name in ACCEPTED.keys() & packages.keys():
        assert not licences(packages[name]) <= PERMISSIVE, name
