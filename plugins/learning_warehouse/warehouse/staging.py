"""The door for delimited text: from the bytes of a file to rows in the staging table.

Two paths, one result. The fast one hands the bytes to COPY; the records that it refuses go down the
careful one. Knows neither the vendor nor where the bytes lie.
"""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from isal import igzip_lib

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.careful_path import take_record_by_record
from learning_warehouse.warehouse.delimited import DelimitedFile
from learning_warehouse.warehouse.fast_path import take_as_it_is
from learning_warehouse.warehouse.pieces import Refused
from learning_warehouse.warehouse.small_files import records_of
from learning_warehouse.warehouse.staging_table import SmallFile, Staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader, StagingTable

log = logging.getLogger(__name__)


def csv_reader(
    dataset: Dataset, open_bytes: Callable[[Delivery], BinaryIO], *, careful: bool = False
) -> Reader:
    """Reads deliveries of delimited text (comma, tab or pipe; gzipped or not) with a header.

    :param open_bytes: opens a delivery's bytes from their beginning; may be called twice.
    :param careful: go down the careful path without trying the fast one.
    """

    @contextmanager
    def read(table: Table, delivery: Delivery) -> Iterator[IncomingFile]:
        with _damage_told(delivery), open_bytes(delivery) as stored:
            file = DelimitedFile(delivery, dataset, table, stored)
            yield IncomingFile(file, open_bytes, careful=careful)

    return read


class IncomingFile:
    """A file of delimited text on its way into a staging table."""

    def __init__(
        self, file: DelimitedFile, open_bytes: Callable[[Delivery], BinaryIO], *, careful: bool
    ) -> None:
        self.unknown_headers = file.layout.match.unknown
        self._file = file
        self._open_bytes = open_bytes
        self._careful = careful

    @property
    def small(self) -> SmallFile | None:
        """What COPY can take beside other files; None where it is staged by itself."""
        file = self._file
        records = None if self._careful else records_of(file)
        if records is None:
            return None
        staged = _staged(file, len(records), 0)
        return SmallFile(staged=staged, file=file, records=b"".join(records), incoming=self)

    def stage(self, staging: StagingTable) -> Staged:
        """Put its rows into the staging table, by the fast path if that takes them."""
        file = self._file
        if not file.layout.match.headers:
            return _staged(file, 0, 0)
        if self._careful:
            return _staged(file, *take_record_by_record(file, staging))
        try:
            return _staged(file, *take_as_it_is(file, staging))
        except Refused as refused:
            log.info("%s is read record by record: %s", file.delivery.name, refused)
        whole = file.whole
        with self._open_bytes(file.delivery) if whole is None else io.BytesIO(whole) as stored:
            again = DelimitedFile(file.delivery, file.dataset, file.table, stored)
            return _staged(again, *take_record_by_record(again, staging))


def _staged(file: DelimitedFile, rows_read: int, rows_rejected: int) -> Staged:
    return Staged(
        delivery=file.delivery,
        rows_read=rows_read,
        rows_rejected=rows_rejected,
        size=file.size,
        new=file.layout.match.unknown,
        missing=file.missing,
    )


@contextmanager
def _damage_told(delivery: Delivery) -> Iterator[None]:
    """:raises PermanentFailure: the bytes cannot be gunzipped."""
    try:
        yield
    except (EOFError, igzip_lib.error) as damage:
        raise PermanentFailure(
            f"{delivery.name} cannot be gunzipped to its end ({damage}) and was not loaded: look "
            "at it in the landing zone and ask the vendor."
        ) from None
