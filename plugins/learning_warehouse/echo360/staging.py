"""How a landed report is read: all of its assets as one file, with the header once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from learning_warehouse.echo360.reports import Report
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader

BLOCK = 256 * 1024
"""Bytes; no header is longer."""


def assets_of(report: Report) -> Callable[..., Reader]:
    """What reads the deliveries of this report; one without assets has no rows."""

    def reader(_: Sequence[Delivery]) -> Reader:
        from learning_warehouse.warehouse.staging import csv_reader

        return csv_reader(report.dataset, lambda delivery: open_assets(delivery.details["assets"]))

    return reader


def open_assets(uris: Sequence[str]) -> BinaryIO:
    """Stream assets one after another, each gunzipped, without the later ones' headers.

    :raises PermanentFailure: their headers differ, or one does not end.
    """
    from learning_warehouse.streams import as_file

    return as_file(_blocks(uris))


def _blocks(uris: Sequence[str]) -> Iterator[bytes]:
    from learning_warehouse.s3 import open_uri
    from learning_warehouse.streams import decompressed

    header: bytes | None = None
    for uri in uris:
        with open_uri(uri) as stored:
            stream = decompressed(stored, uri)
            lines = iter(partial(stream.readline, BLOCK), b"")
            first = next((line for line in lines if line.strip() or len(line) == BLOCK), b"")
            if len(first) == BLOCK:
                raise PermanentFailure(
                    f"The first line of {uri} is longer than {BLOCK} bytes, which is no header: "
                    "nothing of the report was loaded; ask Echo360 about it, or request it again "
                    "with reload."
                )
            first = first.removeprefix(b"\xef\xbb\xbf").strip()
            if not first:
                continue
            if header is None:
                header = first
                yield header + b"\n"
            elif first != header:
                raise PermanentFailure(
                    f"{uri} has another header than the assets before it: nothing of the report "
                    "was loaded; ask Echo360 about it, or request it again with reload."
                )
            last = b"\n"
            while block := stream.read(BLOCK):
                last = block[-1:]
                yield block
            if last != b"\n":
                yield b"\n"
