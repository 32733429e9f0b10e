"""Small files that are copied together: one COPY takes the records of many deliveries.

Each record goes in with its delivery and its ordinal before it. Of what COPY refuses, the halves
are tried by themselves, until the file is found whose records it does not take.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.copy_text import as_meant, refusals
from learning_warehouse.warehouse.fast_path import check_rows, form_of, why_not
from learning_warehouse.warehouse.pieces import Pieces, Refused
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.staging_table import SmallFile, StagingTable


def records_of(file: DelimitedFile) -> list[bytes] | None:
    """The records of a file that is small, where each is a line and none of them seems odd.

    :returns: for COPY, each with the delivery and its ordinal before it; None where the file is to
        be staged by itself.
    """
    headers = file.layout.match.headers
    if file.whole is None or file.dataset.strategy == "snapshot" or not headers or why_not(file):
        return None
    try:
        text = as_meant(Pieces(file.blocks()).take(), file)
    except Refused:
        return None
    if text.count(b"\r") == text.count(b"\r\n") == text.count(b"\n"):
        text = text.replace(b"\r\n", b"\n")
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    delimiter = file.layout.delimiter.encode()
    fewest = len(headers) - 1
    if b"\r" in text or any(line.count(delimiter) < fewest for line in lines):
        return None
    if b'"' in text and any(line.count(b'"') % 2 for line in lines):
        return None
    form = b"%d" % file.delivery.delivery_id + delimiter + b"%d" + delimiter + b"%b\n"
    return [form % numbered for numbered in enumerate(lines, start=1)]


def copy_together(files: Sequence[SmallFile], staging: StagingTable) -> list[SmallFile]:
    """Copy small files into the staging table.

    :returns: those of which COPY refuses a record; nothing of them is in the table.
    """
    alike = defaultdict(list)
    for one in files:
        alike[form_of(one.file)].append(one)
    return [refused for some in alike.values() for refused in _copy(some, staging)]


def _copy(files: list[SmallFile], staging: StagingTable) -> list[SmallFile]:
    from psycopg import sql

    first = files[0].file
    check_rows(first, staging)
    columns = [*map(sql.Identifier, ("_delivery", "_row")), *staging.columns_for(first)]
    copy_in = statement("staging/fast", "copy").format(
        rows=staging.rows,
        columns=sql.SQL(", ").join(columns),
        delimiter=sql.Literal(first.layout.delimiter),
    )
    try:
        with (
            staging.filling(*(one.staged.delivery for one in files)),
            staging.conn.cursor() as cursor,
        ):
            with cursor.copy(copy_in) as copy:
                copy.write(b"".join([one.records for one in files]))
            if cursor.rowcount != sum(one.staged.rows_read for one in files):
                raise Refused("COPY found other records")
    except (Refused, *refusals()):
        half = len(files) // 2
        return _copy(files[:half], staging) + _copy(files[half:], staging) if half else files
    return []
