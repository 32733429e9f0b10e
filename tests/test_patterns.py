"""Every regular expression of the package takes outside data in linear time.

The one exception to the rule that no test looks at the clock: what is linear takes milliseconds
here, what is quadratic takes minutes.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import time
from pathlib import Path
from typing import Any

import pytest

import learning_warehouse
from learning_warehouse.edx.operators import LOGS_KEY
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse import column_types, copy_text, telling_apart

MARGIN = 50
SHORT, LONG = 8_000, 1_000_000
"""Characters: what is short is tried with every input, what is long with the worst of them."""

PARTS = (
    "0", "a", "F", "-", ".", " ", '"', "\\", "{", "}", "[", "/", "@", ":", ",", "=", "'", "+", "\n",
    "\t", "%", "&", "1e", "0-", "a.", '\\"', '"a', "a,", "a ", "0,", "\\u", "\\ud800", "/courses/a",
    "course-v1:a+b+c ", "block-v1:a+b+c/", "now ", "f0f0-", "NaN", "ab@", "Also: ", "\u00a0",
)  # fmt: skip
ENDS = ("!", "\n", "\0", "\nx")

MADE_IN_FUNCTIONS: dict[str, tuple[str, list[Any]]] = {
    "vocareum.files": ("fullmatch", [re.escape(f.prefix) + f.pattern for f in REGISTRY]),
    "warehouse.copy_text": ("fullmatch", [copy_text.well_quoted(b",")]),
    "warehouse.telling_apart": ("match", [telling_apart.shape_of(b",", True, 20, 17)]),
    "warehouse.column_types": ("search", [each for _, each in column_types._padding(b",")]),
    "edx.operators": ("search", [LOGS_KEY]),
}
"""Those that cannot be read where they are, by their module; of edX's keys the default."""

METHODS = ("search", "match", "fullmatch", "sub", "split", "finditer", "findall")


def methods_of(name: str, sources: str) -> set[str]:
    """How a compiled pattern is used."""
    called = re.findall(rf"\b{name}(?:\[[^]\n]*\])?\.(\w+)\b", sources)
    return set(called) & set(METHODS) or {"fullmatch"}


def patterns() -> dict[str, tuple[re.Pattern[Any], set[str]]]:
    """All patterns of the package with their uses, by where they are."""
    found: dict[str, tuple[re.Pattern[Any], set[str]]] = {}
    root = Path(learning_warehouse.__path__[0])
    sources = {path: path.read_text() for path in sorted(root.rglob("*.py"))}
    everything = "\n".join(sources.values())
    for path, source in sources.items():
        place = ".".join(path.relative_to(root).with_suffix("").parts)
        calls = [
            (statement, call)
            for statement in ast.walk(ast.parse(source))
            if isinstance(statement, ast.stmt) and not hasattr(statement, "body")
            for call in ast.walk(statement)
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("re.")
        ]
        if not calls:
            continue
        names = vars(importlib.import_module(f"learning_warehouse.{place}"))
        for statement, call in calls:
            used = ast.unparse(call.func).removeprefix("re.")
            if used not in (*METHODS, "compile"):
                continue
            flags = [k.value for k in call.keywords if k.arg == "flags"]
            flags += [a for a in call.args[1:] if ast.unparse(a).startswith("re.")]
            try:
                text, *given = (eval(ast.unparse(e), names) for e in [call.args[0], *flags])
            except NameError:
                assert place in MADE_IN_FUNCTIONS, f"{place}:{call.lineno}"
                continue
            uses = {used}
            if used == "compile":
                uses = methods_of(ast.unparse(statement).partition(" ")[0].rstrip(":"), everything)
                bound = re.search(r"\)\.(\w+)$", ast.unparse(statement))
                uses = {bound[1]} if bound else uses
            found[f"{place}:{call.lineno}"] = (re.compile(text, *given), uses)
    for place, (used, made) in MADE_IN_FUNCTIONS.items():
        found |= {f"{place}, {n}": (re.compile(each), {used}) for n, each in enumerate(made)}
    return found


def seconds(pattern: re.Pattern[Any], used: str, subject: Any) -> float:
    """How long it takes to be done with a subject."""
    given = ("", subject) if used == "sub" and isinstance(subject, str) else (subject,)
    if used == "sub" and isinstance(subject, bytes):
        given = (b"", subject)
    begun = time.process_time()
    for _ in (
        getattr(pattern, used)(*given) if used == "finditer" else [getattr(pattern, used)(*given)]
    ):
        pass
    return time.process_time() - begun


PATTERNS = patterns()


@pytest.mark.parametrize("where", PATTERNS)
def test_a_pattern_is_linear(where: str) -> None:
    """On the worst of many inputs, as long as a large record is."""
    pattern, uses = PATTERNS[where]

    def taken(used: str, part: str, end: str, size: int) -> float:
        text = part * (size // len(part)) + end
        is_text = isinstance(pattern.pattern, str)
        return seconds(pattern, used, text if is_text else text.encode())

    worst, *how = max(
        (taken(*tried, SHORT), *tried) for tried in itertools.product(uses, PARTS, ENDS)
    )
    plain = re.compile("a")
    assert worst < MARGIN * max(0.001, seconds(plain, "sub", "a0" * (SHORT // 2))), how
    worst = taken(*how, LONG)
    assert worst < MARGIN * seconds(plain, "sub", "a0" * (LONG // 2)), how
