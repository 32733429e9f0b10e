"""The first rows below each query of the cookbook."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

FIRST = 3
QUERY = re.compile(r"^( *)```sql\n(.*?)^\1```\n(?:\n\1```text\n.*?^\1```\n)?", re.M | re.S)


def answered(conn: Connection, page: str) -> str:
    """The page, with the first rows of each of its queries below it.

    :param conn: the warehouse whose rows they are.
    """

    def answer(found: re.Match[str]) -> str:
        indent, query = found.groups()
        lines: Any = textwrap.dedent(query)
        rows = conn.execute(lines).fetchmany(FIRST)
        return f"{indent}```sql\n{query}{indent}```\n\n" + textwrap.indent(
            f"```text\n{_written(rows)}```\n", indent
        )

    return QUERY.sub(answer, page)


def _written(rows: list[dict[str, Any]]) -> str:
    cells = [list(rows[0]) if rows else ["no rows"]]
    cells += [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (" | ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "".join(f"{line}\n" for line in lines)


def _cell(value: Any) -> str:
    """A value on one line; the ids of people are random."""
    if value is None:
        return ""
    return "…" if isinstance(value, UUID) else " ".join(str(value).split())
