"""Two orgs, two regions and two sites in one warehouse, each through a DAG of its own."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from include.sandbox.campus import Campus
from include.sandbox.demo import TABLES
from include.sandbox.server import Sandbox
from include.sandbox.stack import week_until
from include.sandbox.truth import differences
from learning_warehouse.dag_files import origins
from tests.end_to_end.deployment import deploy, run_dags

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

DAYS = 2
ELSEWHERE = {"org_id": "1234", "site": "UniversityB", "seed": 8}
ORIGINS = """
[vocareum]
vocareum_lab_analytics = vocareum
vocareum_of_the_law_school = vocareum_law

[echo360]
echo360_reports = echo360
echo360_of_the_law_school = echo360_law

[edx]
edx_tracking_logs = edx_tracking_logs
edx_of_the_law_school = edx_law
"""
NAMES = {"vocareum": "vocareum_law", "echo360": "echo360_law", "edx_tracking_logs": "edx_law"}


@pytest.mark.timeout(900)
def test_two_of_each_in_one_warehouse(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    first, last = week_until(2)
    postgres.create_database("two_of_each")
    url = postgres.url("two_of_each")
    deploy(tmp_path)
    (tmp_path / "include" / "origins.cfg").write_text(ORIGINS)
    campus: dict[str, Any] = {"first_day": first, "days": DAYS, "students": 20, "courses": 2}
    campuses = ({**campus, "seed": 9}, {**campus, **ELSEWHERE})
    with ExitStack() as running:
        sandboxes = []
        for number, made_of in enumerate(campuses):
            sandbox = Sandbox(tmp_path / f"sandbox_{number}", **made_of).start()
            running.callback(sandbox.stop)
            sandbox.set_faults(echo360_build_seconds=0)
            sandboxes.append(sandbox)
        connections = sandboxes[0].airflow_connections(url)
        elsewhere = sandboxes[1].airflow_connections(url)
        connections |= {named: elsewhere[name] for name, named in NAMES.items()}
        days = {"first_day": str(first), "last_day": str(last)}
        confs = {
            dag_id: {**days, **({"poll_interval": 5} if source == "echo360" else {})}
            for source in ("vocareum", "echo360", "edx")
            for dag_id in origins(source, path=tmp_path / "include" / "origins.cfg")
        }
        assert run_dags(tmp_path, connections, confs) == dict.fromkeys(confs, "success")
        for sandbox, made_of in zip(sandboxes, campuses, strict=True):
            here = Campus(**made_of)
            of_it = {
                "vocareum": here.origin("vocareum.grades") or "",
                "echo360": urlsplit(sandbox.api_url).netloc,
                "edx": here.origin("edx.event") or "",
            }
            assert differences(url, here, TABLES, origins=of_it) == []


def test_what_the_file_must_say(tmp_path: Path) -> None:
    path = tmp_path / "origins.cfg"
    with pytest.raises(ValueError, match=r"origins.cfg is missing: deploy include/"):
        origins("echo360", path=path)
    for text in (
        "",
        "[DEFAULT]\nhere = there",
        "[echo360]\nhere =",
        '[echo360]\nhere = "there"',
        "[echo360]\nhere = there ; a comment",
        "[echo360]\nhere = there\n everywhere = elsewhere",
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"origins.cfg does not say .* line 'DAG id = "):
            origins("echo360", path=path)
    path.write_text("[echo360]\nhere = echo360\nthere = echo360 # as well")
    with pytest.raises(ValueError, match=r"names a connection of echo360 twice"):
        origins("echo360", path=path)
    for text in (
        "echo360 = 1",
        "[echo360]\nhere",
        "[echo360]\nhere = a\nhere = b",
        "[echo360]\n[echo360]",
        "[echo360]\n# caf\xe9",
    ):
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match=r"is not written as airflow.cfg is, .*: correct"):
            origins("echo360", path=path)
    path.write_text("\ufeff[echo360]\nHere = Echo360\n[edx] # none yet")
    assert origins("echo360", path=path) == {"Here": "Echo360"}
    assert origins("edx", path=path) == {}
