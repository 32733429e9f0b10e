"""What the content of files told that no name tells: found out once, then remembered.

Knows the table of verdicts; how a file is looked at, ``telling`` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learning_warehouse.edx.telling import by_content
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from learning_warehouse.edx.telling import Kind
    from learning_warehouse.warehouse.connection import Connection

    File = tuple[str, str]
    """Name and version."""


def told(
    conn: Connection,
    site: str,
    files: Mapping[File, Callable[[int], bytes]],
    *,
    remember: bool,
) -> dict[File, Kind]:
    """What these files of a site are.

    :param files: each with what reads its first bytes, which is asked only of new ones.
    :param remember: store what is new.
    """
    asked = {"names": [name for name, _ in files], "versions": [version for _, version in files]}
    known: dict[File, Kind] = {
        (row["name"], row["version"]): row["kind"]
        for row in conn.execute(statement("edx/search", "told"), {"origin": site, **asked})
    }
    new = {file: by_content(read) for file, read in files.items() if file not in known}
    if new and remember:
        values = {
            "origin": site,
            "names": [name for name, _ in new],
            "versions": [version for _, version in new],
            "kinds": list(new.values()),
        }
        conn.execute(statement("edx/search", "note_told"), values)
    return {**known, **new}
