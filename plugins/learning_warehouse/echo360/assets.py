"""What Echo360 has made: the signed links to a report's assets, and the assets as streams.

Knows links; knows neither the API that gives them nor where the assets go.
"""

from __future__ import annotations

import io
from http.client import HTTPException, HTTPResponse
from typing import Any, BinaryIO, cast
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, build_opener

from learning_warehouse.answers import redacted
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.streams import BLOCK
from learning_warehouse.tls import reason

TIMEOUT = 60.0
"""Seconds to connect, and between two pieces of an asset."""


class LinkRefused(TransientFailure):
    """A signed link that is no longer good: fetch the request again for a new one."""


def open_asset(url: str) -> BinaryIO:
    """Stream an asset, bytes as they are sent.

    :param url: a signed link, used exactly as given and without an Authorization header.
    :raises LinkRefused: it is no longer good.
    """
    # Not through requests: it writes a URL anew, and a signature may not survive that.
    if not url.startswith(("http://", "https://")):
        raise PermanentFailure(
            f"{redacted(url)} is no link over HTTP: nothing was fetched; ask Echo360 about it."
        )
    try:
        answer = build_opener(NoWayDown).open(url, timeout=TIMEOUT)
    except HTTPError as refusal:
        if refusal.code in (401, 403, 404, 410):
            raise LinkRefused(
                f"The signed link {redacted(url)} is refused (HTTP {refusal.code}): the next try "
                "gets a new one; if all are refused, check the worker's clock, and that no proxy "
                "changes links."
            ) from None
        raise TransientFailure(
            f"The asset {redacted(url)} cannot be fetched (HTTP {refusal.code}): the next "
            "try may find it mended."
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise TransientFailure(
            f"The asset {redacted(url)} cannot be fetched "
            f"({reason(error, trust='SSL_CERT_FILE')}): check that workers may reach that host."
        ) from None
    return cast(BinaryIO, io.BufferedReader(_Asset(answer, redacted(url)), BLOCK))


class _Asset(io.RawIOBase):
    """The body of an asset as it comes, a gzipped one gzipped, and whole or not at all."""

    def __init__(self, answer: HTTPResponse, name: str) -> None:
        self._answer = answer
        self._name = name
        self._left = answer.length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            size = self._answer.readinto(buffer)
        except (HTTPException, OSError) as error:
            raise self._broken(type(error).__name__) from None
        if self._left is not None:
            self._left -= size
            if not size and self._left and len(buffer):
                raise self._broken(f"{self._left} bytes are missing")
        return size

    def _broken(self, reason: str) -> TransientFailure:
        return TransientFailure(
            f"The asset {self._name} broke off ({reason}): the next try fetches it from its "
            "beginning."
        )

    def close(self) -> None:
        self._answer.close()
        super().close()


class NoWayDown(HTTPRedirectHandler):
    """Follows a signed link as far as it leads over HTTP, and over HTTPS from then on."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not newurl.startswith((f"{req.type}://", "https://")):
            raise PermanentFailure(
                f"The signed link {redacted(req.full_url)} leads on to {redacted(newurl)}, which "
                f"is no {req.type}: nothing was fetched; ask Echo360 about it."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)
