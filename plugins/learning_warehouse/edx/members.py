"""Opens the members of plain tars where they lie; small neighbours come by one request.

Knows where members lie; what is in them is for ``staging``.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from learning_warehouse.s3 import open_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learning_warehouse.warehouse.ledger import Delivery

LONGEST_SPAN = 4 * 1024 * 1024
"""Bytes that one request brings, and that are kept in memory until the last of them is read."""


class Span(NamedTuple):
    """Neighbouring members of a tar: where the first one begins and the last one ends."""

    uri: str
    begin: int
    end: int


class TarMembers:
    """Opens members of tars, and reads ahead those that follow the requested one.

    :param deliveries: what is going to be opened, in that order.
    :param conn_id: the Airflow connection of the bucket.
    """

    def __init__(self, deliveries: Iterable[Delivery], conn_id: str) -> None:
        self._conn_id = conn_id
        self._spans = spans(deliveries)
        self._kept: Span | None = None
        self._bytes = memoryview(b"")

    def open(self, delivery: Delivery) -> BinaryIO:
        """The bytes of a member.

        :raises PermanentFailure: the tar is not there, or may not be read.
        :raises TransientFailure: S3 does not answer.
        """
        offset, size = delivery.details["offset"], delivery.size or 0
        span = self._spans.get(delivery.delivery_id)
        if span is None:
            return open_uri(delivery.uri, conn_id=self._conn_id, offset=offset, size=size)
        if span != self._kept:
            length = span.end - span.begin
            with open_uri(
                span.uri, conn_id=self._conn_id, offset=span.begin, size=length
            ) as stored:
                self._bytes = memoryview(stored.read())
            self._kept = span
        begin = offset - span.begin
        return io.BytesIO(self._bytes[begin : begin + size])


def spans(deliveries: Iterable[Delivery]) -> dict[int, Span]:
    """The spans in which members lie together with others, by the members' ids."""
    found: dict[int, Span] = {}
    together: list[int] = []
    span = Span("", 0, 0)
    for delivery in deliveries:
        offset = delivery.details.get("offset")
        if offset is None:
            continue
        end = offset + (delivery.size or 0)
        if delivery.uri == span.uri and span.end <= offset and end - span.begin <= LONGEST_SPAN:
            span = span._replace(end=end)
            together.append(delivery.delivery_id)
        else:
            span = Span(delivery.uri, offset, end)
            together = [delivery.delivery_id]
        if len(together) > 1:
            found.update(dict.fromkeys(together, span))
    return found
