"""Names and values that would be SQL if anybody let them: in files, keys, tars and Params.

They go the roads that all go, into PostgreSQL; then every table is as it was declared, and what was
written stands as it was written.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse import ledger
from tests.edx import bucket as edx
from tests.edx.loading import line
from tests.vocareum import conftest as vocareum
from tests.warehouse.roads import ASSET, ENROLLMENT, VIDEOVIEW, load_all, reader

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.merging import Merged

HOSTILE = [
    'x"; DROP SCHEMA vocareum CASCADE; --',
    "x'; DROP SCHEMA ops CASCADE; --",
    "x'); TRUNCATE ops.delivery CASCADE; --",
    "%s",
    "%(name)s",
    "%",
    "%%",
    "{}",
    "{0}",
    "{staging}",
    "}{",
    "\\",
    "\\'; DROP SCHEMA edx CASCADE; --",
    "$$",
    "$1",
    "E'\\000'",
    "/*",
    "?a=1#b",
    "ü" * 100,
]
MORE_VALUES = ["a\nb", "a\tb", "\\N", "NULL", "a\rb", "\u2028"]
"""Values that are no keys or headers, for these are a line's."""

CATALOGUE = """
SELECT table_schema, table_name, column_name, data_type
FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    AND table_schema !~ '^pg_temp'
    AND table_name !~ '_20[0-9]{2}_[0-9]{2}$'
ORDER BY 1, 2, 3
"""


@pytest.fixture(autouse=True)
def declared(warehouse: Connection) -> Iterator[None]:
    """Every table is there afterwards as it was before."""
    before = warehouse.execute(CATALOGUE).fetchall()
    yield
    assert warehouse.execute(CATALOGUE).fetchall() == before
    assert len({row["table_schema"] for row in before}) >= 4


def written(*records: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(records)
    return text.getvalue().encode()


def query(conn: Connection, text: str) -> list[tuple[Any, ...]]:
    asked: Any = text
    return [tuple(row.values()) for row in conn.execute(asked)]


def load(conn: Connection, dataset: Dataset, content: bytes, name: str, *, careful: bool) -> Merged:
    """A delivery of which everything has that name."""
    delivery = ledger.deliver(
        conn,
        dataset=dataset.table,
        origin=name,
        name=name,
        version=name,
        made_at=datetime(2026, 1, 14, tzinfo=UTC),
        uri=f"s3://{name}/{name}",
        size=None,
        first_day=date(2026, 1, 5),
        end_day=date(2026, 1, 6),
        details={name: name},
    )
    (merged,) = load_all(conn, [delivery], dataset, reader(dataset, content, careful=careful))
    return merged


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
def test_headers_and_values_of_files(warehouse: Connection, careful: bool) -> None:
    header = ["userid", "courseid", "role", "name", "email", *HOSTILE]
    values = HOSTILE + MORE_VALUES
    rows = [[f"u{n}", "1", "student", v, "a@b", *HOSTILE] for n, v in enumerate(values)]
    merged = load(warehouse, ENROLLMENT, written(header, *rows), "file", careful=careful)
    assert (merged.rows_merged, merged.rows_rejected) == (len(values), 0)
    found = query(warehouse, "SELECT name, _extras FROM vocareum.enrollment ORDER BY _row")
    assert found == [(value, dict(zip(HOSTILE, HOSTILE, strict=True))) for value in values]
    noted = query(warehouse, "SELECT header FROM ops.schema_change WHERE change = 'new'")
    assert {header for (header,) in noted} == {name[:200] for name in HOSTILE}


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
@pytest.mark.parametrize("header", [["x", "x"], ["%s", "%s"], ["User ID", "user_id"], ["a\0b"]])
def test_headers_that_no_table_can_have(
    warehouse: Connection, careful: bool, header: list[str]
) -> None:
    given = ["userid", "courseid", "role", "name", "email", *header]
    with pytest.raises(PermanentFailure, match="nothing of the file was loaded"):
        load(warehouse, ENROLLMENT, written(given), "file", careful=careful)


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
@pytest.mark.parametrize("name", HOSTILE)
def test_origins_names_and_versions(warehouse: Connection, name: str, careful: bool) -> None:
    """Of each strategy that replaces, the second time where rows are there already; rejects too."""
    files = {
        ENROLLMENT: ("userid,courseid,role,name,email", "1,1,student,Al,a@b", "vocareum"),
        VIDEOVIEW: ("event_timestamp,user email", "2026-01-05 10:00:00,a@b", "echo360"),
        ASSET: ("video_name", name, "echo360"),
    }
    for dataset, (header, row, _) in files.items():
        content = written(header.split(","), row.split(",") if dataset is not ASSET else [row])
        broken = b'"' + name.encode() + b'" x\n' if dataset is not ASSET else b""
        merged = load(warehouse, dataset, content + broken, name, careful=careful)
        assert (merged.rows_merged, merged.rows_rejected) == (1, bool(broken)), merged
        found = query(warehouse, f"SELECT _origin FROM {dataset.table}")
        assert found == [(name,)]
    told = query(warehouse, "SELECT DISTINCT origin, name, version FROM ops.delivery")
    assert told == [(name, name, name)]
    rejected = query(warehouse, "SELECT raw FROM ops.rejected_row")
    assert rejected == [(f'"{name}" x',)] * 2


def test_keys_and_courses_of_vocareum(
    warehouse: Connection, sandbox: Sandbox, connections: dict[str, Any]
) -> None:
    client = sandbox.client()
    names = [name for name in HOSTILE if "/" not in name]
    keys = [f"org123/enrollment/course{name}/enrollment.csv" for name in names]
    for key, name in zip(keys, names, strict=True):
        record = ["1", name, "student", name, "a@b"]
        content = written(["userid", "courseid", "role", "name", "email"], record)
        client.put_object(Bucket=vocareum.BUCKET, Key=key, Body=content)
    try:
        one = vocareum.load(courses=[names[0]])
        assert [counts["name"] for counts in one] == keys[:1]
        assert len(vocareum.load(courses=names)) == len(keys) - 1
    finally:
        for key in keys:
            client.delete_object(Bucket=vocareum.BUCKET, Key=key)
    found = query(warehouse, "SELECT courseid, name FROM vocareum.enrollment")
    assert sorted(found) == sorted((name, name) for name in names)
    assert sorted(query(warehouse, "SELECT name FROM ops.delivery")) == sorted((k,) for k in keys)


@pytest.mark.parametrize("end", ["", ".gz"], ids=["plain", "packed"])
def test_tars_members_and_sites_of_edx(
    warehouse: Connection,
    sandbox: Sandbox,
    connections: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    own = connections["edx_tracking_logs"]
    extra = {key: value for key, value in own["extra"].items() if key != "site"}
    monkeypatch.setenv("AIRFLOW_CONN_EDX_TRACKING_LOGS", json.dumps({**own, "extra": extra}))
    bucket = edx.Bucket(sandbox.client())
    names = [name.replace("/", "_") for name in HOSTILE]
    for number, name in enumerate(names):
        content = line(number, username=name, event_type=name, **{name: name})
        tar = edx.tar({f"{name}/tracking.log": content}, end)
        bucket.put(f"{name}/2026-01-05-{name}-tracking.tar{end}", tar)
    merged = edx.load_logs(bucket.unpack())
    assert [counts["rows_merged"] for counts in merged] == [1] * len(names)
    found = query(warehouse, "SELECT _origin, username, event_type, _extras FROM edx.event")
    assert sorted(found, key=str) == sorted(((n, n, n, {n: n}) for n in names), key=str)
    told = query(warehouse, "SELECT origin, name FROM ops.delivery")
    assert sorted(told) == sorted((name, f"{name}/tracking.log") for name in names)


@pytest.mark.parametrize("name", HOSTILE)
def test_params_and_connections(
    warehouse: Connection,
    sandbox: Sandbox,
    connections: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """They find nothing, or are refused with a sentence."""
    bucket = edx.Bucket(sandbox.client())
    bucket.put("2026-01-05-A-tracking.tar", edx.tar({"a/tracking.log": line()}))
    for given in ({"prefix": name}, {"pattern": f"(?P<date>{name})"}, {"bucket_name": name}):
        options = {"bucket_name": bucket.name, **given}
        try:
            edx.EdxLogTarOperator(task_id="unpack", **options).execute(edx.context(earliest=True))
        except AirflowSkipException as nothing:
            assert str(nothing) == "Nothing new for edx.event."
        except (PermanentFailure, TransientFailure) as failure:
            assert ": " in str(failure)
    with pytest.raises(PermanentFailure, match="is not a date"):
        bucket.unpack(first_day=name)
    own = connections["vocareum"]
    hostile = {**own, "extra": {**own["extra"], "org_id": name}}
    monkeypatch.setenv("AIRFLOW_CONN_VOCAREUM", json.dumps(hostile))
    with pytest.raises(PermanentFailure, match="org_id"):
        vocareum.credentials()
    assert query(warehouse, "SELECT origin FROM ops.delivery") == []


# --- what is handed to execute --------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
ASKED = re.compile(r"(?:conn|connection|cursor|keeper)$")


def is_sound(query: ast.expr, assigned: dict[str, list[ast.expr]]) -> bool:
    """Whether it is a statement of ``include/sql``, with what psycopg has quoted in its places."""
    if isinstance(query, ast.Call):
        if isinstance(query.func, ast.Attribute) and query.func.attr == "format":
            return is_sound(query.func.value, assigned)
        return ast.unparse(query.func) in ("statement", "Composed")
    values = assigned.get(ast.unparse(query), [])
    return bool(values) and all(is_sound(value, assigned) for value in values)


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_method and node.func.attr in names:  # type: ignore[attr-defined]
            yield node  # type: ignore[misc]


def test_no_query_is_made_of_text() -> None:
    """Neither execute nor copy is given one, and ``sql.SQL`` is given only texts of the code."""
    executed = quoted = 0
    for path in [*ROOT.glob("plugins/**/*.py"), *ROOT.glob("dags/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    assigned.setdefault(ast.unparse(target), []).append(node.value)
        for call in calls(tree, "execute", "executemany", "copy"):
            asked = call.func.value  # type: ignore[attr-defined]
            if call.args and ASKED.search(ast.unparse(asked)):
                executed += 1
                assert is_sound(call.args[0], assigned), f"{path}:{call.lineno}"
        for call in calls(tree, "SQL"):
            quoted += 1
            stands_in_code = isinstance(call.args[0], ast.Constant)
            assert stands_in_code or path.name == "sql.py", f"{path}:{call.lineno}"
    assert executed > 50
    assert quoted > 15
