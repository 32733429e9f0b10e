"""The fast path: a file's bytes go to COPY as they are, straight into the table's types.

Where COPY refuses a stretch of them, or would read it otherwise than the vendor means, its records
are separated, and only the odd ones are read carefully.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import server_said
from learning_warehouse.warehouse.careful_path import RawRecords
from learning_warehouse.warehouse.column_types import certainties, certainty_of_text
from learning_warehouse.warehouse.copy_text import as_meant, refusals
from learning_warehouse.warehouse.pieces import Pieces, Place, Refused, lines_in
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.telling_apart import TellingApart

if TYPE_CHECKING:
    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.staging_table import StagingTable

log = logging.getLogger(__name__)

PIECES_A_COPY = 8
"""They are kept until COPY has taken them."""


def take_as_it_is(file: DelimitedFile, staging: StagingTable) -> tuple[int, int]:
    """Copy a file.

    :returns: how many records it has, and how many of them were rejected.
    :raises Refused: all of it is for the careful path; nothing of it is in the staging table.
    """
    if reason := why_not(file):
        raise Refused(reason)
    check_rows(file, staging)
    with staging.filling(file.delivery):
        return _Copying(file, staging).take()


def why_not(file: DelimitedFile) -> str | None:
    """Why COPY may not take the file as it is; None if it may."""
    if len(file.layout.match.headers) == 1:
        return "a blank line would be a row of its only column"
    return file.layout.odd


def form_of(file: DelimitedFile) -> tuple[object, ...]:
    """What COPY has to know of a file: with files of the same form it can do the same."""
    layout, delivery = file.layout, file.delivery
    is_of_window = file.dataset.strategy == "replace_window"
    window = (delivery.first_day, delivery.end_day) if is_of_window else ()
    return layout.match.columns, layout.delimiter, *file.as_text, file.is_recent, *window


def check_rows(file: DelimitedFile, staging: StagingTable) -> None:
    """Let COPY refuse what it would read otherwise than a file of this form means it."""
    staging.take_as_text(file.as_text)
    staging.refuse_unless(_certain(file))


def _certain(file: DelimitedFile) -> Any:
    """The SQL expression that is true for a row which COPY has read as it is meant."""
    from psycopg import sql

    certain = [
        expression
        for column in file.table.columns
        for expression in certainties(column, is_recent=file.is_recent)
    ]
    certain += map(certainty_of_text, file.as_text)
    if file.dataset.strategy == "replace_window":
        assert file.dataset.clock is not None
        certain.append(
            sql.SQL("{0} >= {1}::timestamptz AND {0} < {2}::timestamptz").format(
                sql.Identifier(file.dataset.clock),
                sql.Literal(file.delivery.first_day),
                sql.Literal(file.delivery.end_day),
            )
        )
    return sql.SQL("\n    AND ").join(map(sql.SQL("({})").format, certain)) if certain else None


class _Copying:
    """A file on its way to COPY."""

    def __init__(self, file: DelimitedFile, staging: StagingTable) -> None:
        from psycopg import sql

        self._file = file
        self._staging = staging
        self._pieces = Pieces(file.blocks())
        self._place = Place()
        self._raw = RawRecords(file, staging)
        self._copy_in = statement("staging/fast", "copy").format(
            rows=staging.rows,
            columns=sql.SQL(", ").join(staging.columns_for(file)),
            delimiter=sql.Literal(file.layout.delimiter),
        )

    def take(self) -> tuple[int, int]:
        """:returns: how many records there are, and how many of them were rejected."""
        apart = None
        most = 1
        while not self._pieces.is_over:
            refused = self._copy(most)
            if refused:
                if apart is None:
                    line, name = self._place.line, self._file.delivery.name
                    log.info("%s is read record by record from line %d: %s", name, line, refused)
                    apart = TellingApart(
                        self._file, self._staging, self._pieces, self._raw, self._place
                    )
                while apart.take():
                    pass
            most = PIECES_A_COPY
        return self._place.records, self._raw.cast()

    def _copy(self, most: int) -> str | None:
        """Copy so many pieces, or those that are left.

        :returns: why nothing of them was taken; None if they were.
        """
        stretch: list[bytes] = []
        conn = self._staging.conn
        try:
            with conn.transaction(), conn.cursor() as cursor:
                if self._place.records:  # Before the first of them it counts from 1.
                    self._staging.count_from(self._place.records + 1)
                with cursor.copy(self._copy_in) as copy:
                    while len(stretch) < most and (piece := self._pieces.take()):
                        stretch.append(piece)
                        copy.write(as_meant(piece, self._file))
                records = cursor.rowcount
        except Refused as refused:
            self._pieces.put_back(stretch)
            return str(refused)
        except refusals() as refused:
            self._pieces.put_back(stretch)
            return server_said(refused, header=self._place.line - 1)
        self._place.records += records
        self._place.line += sum(map(lines_in, stretch))
        return None
