"""The index of every sentence with which a step can fail, read from the package's own source."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.markdown import GENERATED, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = Path(__file__).resolve().parents[1] / "plugins" / "learning_warehouse"
VARIES = "…"
PAGE_ERROR = "HTTPException"
RETRIED = {"TransientFailure": True, "PermanentFailure": False, PAGE_ERROR: False}
"""The ways to fail, and whether Airflow tries again."""

SETTINGS = ("dag_files", "places", "steps/housekeeping")
"""The modules that read settings: they raise a ValueError while Airflow reads a DAG file."""

PLACES = (
    (
        "In Airflow's list of import errors",
        "A DAG file cannot be read, because a file of settings is wrong.",
        SETTINGS,
    ),
    (
        "In the first task of a run",
        "The Params of the run are wrong.",
        ("params", "days"),
    ),
    (
        "In tasks of vocareum_lab_analytics",
        "Vocareum's API, its bucket and its files.",
        ("vocareum/",),
    ),
    (
        "In tasks of echo360_reports",
        "Echo360's API, its requests and its links.",
        ("echo360/",),
    ),
    ("In tasks of edx_tracking_logs", "edX's bucket, tars and logs.", ("edx/",)),
    (
        "On the pages in Airflow's UI",
        "",
        ("pages/", "coverage/", "activity_page/"),
    ),
    (
        "In any task",
        "Connections, buckets, files and the warehouse.",
        ("",),
    ),
)
"""Where one sees a sentence: a heading, what it is about, and the modules; the first one counts."""


@dataclass(frozen=True, order=True)
class Sentence:
    """A sentence of the package.

    :param text: with ``…`` where it varies.
    :param module: the path of its module in the package, without ``.py``.
    :param retried: whether Airflow tries again.
    """

    text: str
    module: str
    retried: bool


def sentences() -> list[Sentence]:
    """All of them."""
    modules = {
        str(path.relative_to(PACKAGE).with_suffix("")): ast.parse(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    kinds = _kinds(modules.values())
    found = set()
    for module, tree in modules.items():
        known = kinds | {"ValueError": False} if module in SETTINGS else kinds
        for text, retried in _Reader(tree, known).read():
            found.add(Sentence(text, module, retried))
    return sorted(found)


def page() -> str:
    """The page of all of them, by where one sees them."""
    parts = [
        f"# Errors\n\n{GENERATED}\n\n"
        "Every sentence with which a step can fail, by where you see it: in Airflow's list of "
        "import errors, or last in the log of the task, and again in the log of `summarise`. Each "
        f"says what to do; `{VARIES}` is a name, a number or a reason. Afterwards clear the task. "
        "Where it says *Airflow retries*, the reason may be temporary, and you need to act only if "
        "it stays. Rejected rows are no errors: see "
        "[operations](operations.md#rows-are-rejected).\n"
    ]
    left = sentences()
    for heading, about, modules in PLACES:
        here = [s for s in left if any(s.module.startswith(module) for module in modules)]
        left = [s for s in left if s not in here]
        rows = sorted({(s.text, "Airflow retries" if s.retried else "you act") for s in here})
        said = f"{about}\n\n" if about else ""
        parts.append(f"## {heading}\n\n{said}{table(['sentence', 'next'], rows)}")
    return "\n".join(parts)


def _kinds(trees: Iterable[ast.Module]) -> dict[str, bool]:
    """The classes of failures, and whether Airflow tries again."""
    kinds = dict(RETRIED)
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    before = 0
    while before < len(kinds):
        before = len(kinds)
        for node in classes:
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in kinds:
                    kinds.setdefault(node.name, kinds[base.id])
    return kinds


class _Reader:
    """Reads the sentences of a module; what only passes on another's sentence has none."""

    def __init__(self, tree: ast.Module, kinds: dict[str, bool]) -> None:
        self._tree = tree
        self._kinds = kinds
        self._functions = {
            node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        }

    def read(self) -> Iterator[tuple[str, bool]]:
        """Each sentence, and whether Airflow tries again."""
        for scope in ast.walk(self._tree):
            if not isinstance(scope, ast.FunctionDef | ast.ClassDef):
                continue
            for call in ast.walk(scope):
                if isinstance(call, ast.Call) and call.args:
                    yield from self._said(call, scope)

    def _said(
        self, call: ast.Call, scope: ast.FunctionDef | ast.ClassDef
    ) -> Iterator[tuple[str, bool]]:
        called = ast.unparse(call.func)
        if isinstance(scope, ast.ClassDef):
            if called != "super().__init__" or scope.name not in self._kinds:
                return
            retried = self._kinds[scope.name]
        elif called.endswith(".lost.append"):
            retried = False
        elif called in self._kinds:
            retried = self._kinds[called]
        else:
            return
        for text in self._texts(call.args[-1 if called == PAGE_ERROR else 0], scope):
            if any(letter.isalpha() for letter in text):
                yield (
                    re.sub(f"{VARIES}[{VARIES}.:/]*{VARIES}", VARIES, " ".join(text.split())),
                    retried,
                )

    def _texts(self, node: ast.expr, scope: ast.AST) -> list[str]:
        """What an expression can say."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            texts = [""]
            for place, part in enumerate(node.values):
                if isinstance(part, ast.FormattedValue):
                    # A sentence may go on from another one; any other value varies.
                    said = self._texts(part.value, scope) if place == 0 else [VARIES]
                else:
                    said = self._texts(part, scope)
                texts = [text + more for text in texts for more in said]
            return texts
        if isinstance(node, ast.BinOp):
            lefts, rights = self._texts(node.left, scope), self._texts(node.right, scope)
            return [left + right for left in lefts for right in rights]
        if isinstance(node, ast.IfExp):
            return self._texts(node.body, scope) + self._texts(node.orelse, scope)
        if isinstance(node, ast.Name):
            return self._assigned(node.id, scope) or [VARIES]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in self._functions:
                return self._returned(self._functions[name])
        return [VARIES]

    def _assigned(self, name: str, scope: ast.AST) -> list[str]:
        values = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        ]
        return [text for value in values for text in self._texts(value, scope)]

    def _returned(self, function: ast.FunctionDef) -> list[str]:
        values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        return [text for value in values if value for text in self._texts(value, function)]
