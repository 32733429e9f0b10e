"""The docs are true: their pages are current, their links lead somewhere, their commands run.

Their SQL is in ``test_operations``, the commands of the quickstart in ``end_to_end/test_up``.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.postgres import binaries
from include.sandbox.stack import LOCAL_SETTINGS
from tests.conftest import open_database
from tests.end_to_end.deployment import deploy, run_python
from tests.pages import FENCE, PAGES, ROOT, blocks, commands
from tools.docs import DOCS, generated

if TYPE_CHECKING:
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
LANGUAGES = {"python", "sh", "sql", "json", "diff", "text", "mermaid"}

RUN = """
import json, os, re, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models import DagRun
from airflow.utils.session import create_session
from learning_warehouse.params import _check

DagBundlesManager().sync_bundles_to_db()
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
sync_bag_to_db(bag, "dags-folder", None)
parser = cli_parser.get_parser()
for command in json.loads(sys.argv[1]):
    arguments = parser.parse_args(command)
    arguments.func(arguments)
    if command[:2] == ["dags", "trigger"]:
        conf = json.loads(arguments.conf or "{}")
        _check(conf, known=list(bag.dags[arguments.dag_id].params))
with create_session() as session:
    runs = [(run.dag_id, run.run_type, str(run.logical_date)) for run in session.query(DagRun)]
print("RUNS", json.dumps(runs))
"""
"""Runs commands of ``airflow`` in one process, and tells what runs there are then."""


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_generated_pages_are_current(postgres: EmbeddedPostgres) -> None:
    with closing(open_database(postgres, "empty_warehouse")) as conn:
        pages = generated(conn)
    stale = [path for path, text in pages.items() if path.read_text() != text]
    assert not stale, "run `make docs`"
    kept = {*(DOCS / "dags").iterdir(), *(DOCS / "data-dictionary").iterdir()}
    assert kept <= set(pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings of a page, and the anchors that it sets itself."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.M)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([\w-]+)">', text))


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    for page in PAGES:
        if page.parent == DOCS and page.name != "README.md":
            assert f"]({page.name})" in index, page.name


def test_every_block_says_what_it_is() -> None:
    for page in PAGES:
        named = {language for _, language, _ in FENCE.findall(page.read_text())}
        assert named <= LANGUAGES, page.name


def test_the_settings_that_start_tasks_faster_are_those_of_the_sandbox() -> None:
    assert f"```python\n{LOCAL_SETTINGS}```" in (ROOT / "docs" / "deploy.md").read_text()


def test_every_command_of_make_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", page.read_text(), re.M))
        assert named <= targets, page.name
    said = (ROOT / "CONTRIBUTING.md").read_text()
    assert {target for target in targets if f"`make {target}`" not in said} == {"help"}


def test_the_commands_of_airflow_run(tmp_path: Path) -> None:
    """Those of Airflow 2.11 alone, `airflow dags backfill`, the test of backfills runs."""
    shown = dict.fromkeys(line for page in PAGES for line in commands_of(page, "airflow"))
    run = [shlex.split(line)[1:] for line in shown if "dags backfill" not in line]
    assert run
    deploy(tmp_path)
    said = run_python(tmp_path, {}, RUN, json.dumps(run))
    (line,) = [line for line in said.splitlines() if line.startswith("RUNS ")]
    runs = json.loads(line.removeprefix("RUNS "))
    january = {day for dag_id, kind, day in runs if kind == "backfill"}
    assert len(january) == 31
    manual = [dag_id for dag_id, kind, _ in runs if kind == "manual"]
    assert len(manual) == len([command for command in run if command[1] == "trigger"])


def test_every_other_command_is_run_by_a_test() -> None:
    known = ("airflow ", "make ", "pg_dump ", "pg_restore ", ".venv/bin/python -m pytest ")
    for page in PAGES:
        if page.name != "quickstart.md":
            assert [line for line in commands(page.read_text()) if not line.startswith(known)] == []


def test_a_backup_comes_back(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str, tmp_path: Path
) -> None:
    warehouse.execute("INSERT INTO ops.dataset_lock VALUES ('edx.kept')")
    postgres.create_database(f"{warehouse_name}_back")
    dump, restore = commands_of(DOCS / "operations.md", "pg_")
    for command, database in ((dump, warehouse_name), (restore, f"{warehouse_name}_back")):
        environment = {"PATH": f"{binaries()}:/usr/bin", "WAREHOUSE_URL": postgres.url(database)}
        subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, check=True)
    with closing(open_database(postgres, f"{warehouse_name}_back")) as conn:
        assert conn.execute("SELECT FROM ops.dataset_lock WHERE dataset = 'edx.kept'").rowcount == 1


def commands_of(page: Path, program: str) -> list[str]:
    """The commands of a page that begin so."""
    return [line for line in commands(page.read_text()) if line.startswith(program)]


def test_a_block_in_a_list_is_read_as_it_is() -> None:
    text: Any = "1. so:\n\n   ```sql\n   SELECT 1\n     + 1;\n   ```\n"
    assert blocks(text, "sql") == ["SELECT 1\n  + 1;\n"]
    assert commands("```sh\n# no\nmake \\\n    up\n```\n") == ["make      up"]
