"""Which room may know of which: what the imports say, the nested ones and those for types too."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
PACKAGE = "learning_warehouse"
SOURCES = ("vocareum", "echo360", "edx")
PAGES = ("coverage", "pages")
"""What shows the sources, and may know them."""

MOST_LINES = 450


def name_of(path: Path) -> str:
    """A module's name in the package, such as ``warehouse.ledger``; empty for the package itself.

    :param path: its file, from ``plugins/`` on.
    """
    parts = path.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts and parts[-1] == "__init__" else parts)


def texts() -> dict[str, str]:
    """The text of each module."""
    files = sorted((PLUGINS / PACKAGE).rglob("*.py"))
    return {name_of(path.relative_to(PLUGINS)): path.read_text("utf-8") for path in files}


def imports_of(module: str, text: str, modules: Mapping[str, str]) -> Iterator[str]:
    """The modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        named: list[str] = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: an import that does not say from where it is"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in named:
            package, _, inner = name.partition(".")
            if package != PACKAGE:
                continue
            while inner and inner not in modules:
                inner = inner.rpartition(".")[0]
            yield inner


def graph(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Each module, and those that it imports."""
    return {name: set(imports_of(name, text, modules)) - {""} for name, text in modules.items()}


def room_of(module: str) -> str:
    """The folder that a module lies in; a module of the package itself is a room of its own."""
    return module.partition(".")[0]


def rooms(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Each room, and those that its modules import from."""
    found: dict[str, set[str]] = {}
    for module, imported in imports.items():
        found.setdefault(room_of(module), set()).update(map(room_of, imported))
    return {room: imported - {room} for room, imported in found.items()}


def circle_in(imports: Mapping[str, set[str]]) -> list[str]:
    """A circle, as the names along it; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as found:
        circle: list[str] = found.args[1]
        return circle
    return []


MODULES = texts()
IMPORTS = graph(MODULES)


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert not circle_in(IMPORTS)


def test_no_rooms_import_one_another_in_a_circle() -> None:
    assert not circle_in(rooms(IMPORTS))


@pytest.mark.parametrize("source", SOURCES)
def test_no_source_knows_another(source: str) -> None:
    assert not rooms(IMPORTS)[source] & set(SOURCES)


def test_what_all_sources_share_knows_none_of_them() -> None:
    for room, imported in rooms(IMPORTS).items():
        if room not in (*SOURCES, *PAGES):
            assert not imported & set(SOURCES), room


def test_the_warehouse_knows_no_step() -> None:
    assert "steps" not in rooms(IMPORTS)["warehouse"]


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    lengths = {name: len(text.splitlines()) for name, text in MODULES.items()}
    too_long = [name for name, lines in lengths.items() if lines > MOST_LINES]
    assert too_long == []


def test_an_import_is_seen_wherever_it_stands() -> None:
    text = """
from typing import TYPE_CHECKING
import learning_warehouse.a
from learning_warehouse import b
if TYPE_CHECKING:
    from learning_warehouse.rooms.c import Thing
def late():
    from learning_warehouse.rooms import d
"""
    modules = dict.fromkeys(("a", "b", "rooms", "rooms.c", "rooms.d"), "")
    assert set(imports_of("", text, modules)) == {"a", "b", "rooms.c", "rooms.d"}
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})
