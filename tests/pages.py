"""The pages of the documentation, as text, and what they show in blocks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT).parts,
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.S | re.M)


def blocks(text: str, language: str) -> list[str]:
    """What a page shows in a language, without the indentation of its list."""
    return [
        re.sub(f"^{indent}", "", code, flags=re.M)
        for indent, named, code in FENCE.findall(text)
        if named == language
    ]


def commands(text: str) -> list[str]:
    """The lines of a page's shell blocks, continued lines in one, without comments."""
    lines = "\n".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
