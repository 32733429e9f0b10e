"""What an API answers over HTTP, read in bounded memory and time, whatever it is that answers.

Knows HTTP and JSON, and what of a URL may be shown; knows no vendor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learning_warehouse.errors import TransientFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

BLOCK = 64 * 1024
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer."""

MOST_VALUES = 1_000_000
"""Values in an answer's JSON: a few bytes each there, some hundred in memory."""

LONGEST = 300.0
"""Seconds that an answer may take from its first byte to its last."""


class Endless(TransientFailure):
    """An answer that goes on for longer than any that was meant."""


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether its status is no error."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """It as text that a database can hold; what it cannot is replaced."""
        return self.content.decode("utf-8", "replace").replace("\0", "\ufffd")

    def json(self) -> Any:
        """Its JSON.

        :raises ValueError: it is none, is nested too deep, or has too many values.
        """
        import msgspec

        if sum(map(self.content.count, (b",", b"[", b"{"))) > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES} values")
        try:
            return msgspec.json.decode(self.content.removeprefix(b"\xef\xbb\xbf"))
        except RecursionError:
            raise ValueError("its values are nested too deep") from None


def redacted(url: str) -> str:
    """A URL without its query and its user, for logs and sentences."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a link that is none"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?..." if parts.query else "")


def read(response: Response) -> Answer:
    """Read an answer whose request was sent with ``stream=True``.

    :raises Endless: it is too large, or takes too long.
    :raises requests.RequestException: it broke off.
    """
    import requests
    import urllib3

    begun = time.monotonic()
    content = bytearray()
    with response:
        try:
            while block := response.raw.read1(BLOCK, decode_content=True):
                content += block
                if len(content) > LARGEST or time.monotonic() - begun > LONGEST:
                    parts = urlsplit(response.url)
                    raise Endless(
                        f"The answer of {parts.scheme}://{parts.hostname}{parts.path} does not end "
                        f"within {LARGEST} bytes and {LONGEST:.0f} seconds: check the host of the "
                        "connection; the next try asks again."
                    )
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from None
    return Answer(response.status_code, response.headers, bytes(content))
