"""A page for each DAG: its ``doc_md``, its tasks and its Params, as the trigger form has them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.markdown import GENERATED, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import DAG

DAGS = Path(__file__).resolve().parents[1] / "dags"


def pages() -> dict[str, str]:
    """The pages, by their names."""
    dags: list[DAG] = []
    for path in sorted(DAGS.glob("*.py")):
        dags += [dag for dag in runpy.run_path(str(path))["DAGS"] if dag.dag_id == path.stem]
    index = table(
        ["DAG", "what it does", "schedule"],
        [[f"[`{d.dag_id}`]({d.dag_id}.md)", f"{d.description}.", _schedule(d)] for d in dags],
    )
    about = (
        "Each page has the DAG's own description, which Airflow shows too, its tasks, and the "
        "Params of its trigger form. How to use them: [running](../running.md)."
    )
    return {
        "README.md": f"# DAGs\n\n{GENERATED}\n\n{about}\n\n{index}",
        **{f"{dag.dag_id}.md": _page(dag) for dag in dags},
    }


def _schedule(dag: DAG) -> str:
    timetable: Any = dag.timetable
    return timetable.summary if timetable.can_be_scheduled else "none: triggered by hand"


def _page(dag: DAG) -> str:
    title, _, text = str(dag.doc_md).strip().partition("\n")
    params = table(
        ["Param", "type", "default", "meaning"],
        [_param(name, dag.params.get_param(name)) for name in dag.params],
    )
    return (
        f"# `{dag.dag_id}`\n\n{GENERATED}\n\n**{title.lstrip('# ')}**\n{text}\n\n"
        f"## Tasks\n\n{_tasks(dag)}\n"
        f"## Params\n\n{params}"
    )


def _tasks(dag: DAG) -> str:
    """The tasks in their order, those of equal groups together."""
    untyped: Any = dag
    groups: dict[str, list[str]] = {}
    for task in untyped.topological_sort():
        group, _, name = task.task_id.rpartition(".")
        groups.setdefault(group or name, []).extend([name] if group else [])
    alike: dict[tuple[str, ...], list[str]] = {}
    for group, names in groups.items():
        alike.setdefault(tuple(names) or (group,), []).append(group)
    return "".join(
        f"* {_coded(names)}{'' if [*names] == of else _among(of)}\n" for names, of in alike.items()
    )


def _among(groups: list[str]) -> str:
    return f", in {'each of ' if len(groups) > 1 else ''}{_coded(groups)}"


def _coded(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _param(name: str, param: Any) -> list[str]:
    schema = param.schema
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kind = schema.get("format") or ", ".join(kind for kind in kinds if kind != "null")
    default = json.dumps(param.value) if param.value not in (None, []) else ""
    if kind == "array":
        default = "all"
    elif default:
        default = f"`{default}`"
    return [f"`{name}`", kind, default, str(param.description)]
