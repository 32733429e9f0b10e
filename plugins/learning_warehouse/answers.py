"""What an API answers over HTTP, read in bounded memory and time, whatever it is that answers.

Knows HTTP and JSON, and what of a URL may be shown; knows no vendor.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learning_warehouse.deadline import Deadline
from learning_warehouse.errors import TransientFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from requests import Response, Session

BLOCK = 64 * 1024
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer."""

MOST_VALUES = 1_000_000
"""Values in an answer's JSON: a few bytes each there, some hundred in memory."""

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two pieces of an answer."""

LONGEST = 300.0
"""Seconds that a whole exchange may take, from connecting to the last byte of the answer."""


PLAIN = re.compile(r"[A-Za-z0-9 ,.:;'()/<=>_-]{1,200}")
"""What of an answer may be repeated: nothing of it is an escape."""

LONGEST_WORD = 24
"""Characters; a longer one may be a secret in an unexpected spelling."""


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


def said_by(answer: Answer, secrets: Iterable[str]) -> str:
    """What an answer says in a short field that APIs are known to have; empty where nothing is fit
    to be repeated.

    :param secrets: what was sent with the request: the answer may repeat it, spelled in any way.
    """
    try:
        body = answer.json()
    except ValueError:
        return ""
    said: Any = body
    for fields in (("message", "error", "code"), ("message", "code")):
        if isinstance(said, dict):
            said = next((said[name] for name in fields if said.get(name)), "")
    text = str(said) if isinstance(said, str | int) else ""
    is_plain = PLAIN.fullmatch(text) and max(map(len, text.split()), default=0) <= LONGEST_WORD
    return text if is_plain and not any(_spells(text, one) for one in secrets) else ""


def _spells(text: str, secret: str) -> bool:
    """Whether a plain text spells a secret: with other signs in between, in hex or in base64."""
    letters = "".join(filter(str.isalnum, text)).lower()
    forms = ["".join(filter(str.isalnum, secret)).lower(), secret.encode().hex()]
    if any(form in letters for form in forms):
        return True
    for before in range(3):
        spelled = b64encode(b" " * before + secret.encode()).decode().rstrip("=")
        # Without the letters that it shares with the text before and after it.
        form = spelled[(0, 2, 3)[before] : -1 if (before + len(secret)) % 3 else None]
        if form in text:
            return True
    return False


def redacted(url: str) -> str:
    """A URL without its query and its user, for logs and sentences."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an invalid link"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?..." if parts.query else "")


def exchange(method: str, url: str, **sent: Any) -> Answer:
    """Send a request and read its answer; a redirect is an answer like any other, without a body.

    :param sent: what else :func:`requests.request` takes.
    :raises Endless: it is too large, or all of it takes too long.
    :raises requests.RequestException: there is no answer, or it broke off.
    """
    import requests

    with Deadline(LONGEST) as deadline, _session(deadline) as session:
        try:
            response = session.request(
                method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **sent
            )
            answer = _read(response)
        except (requests.RequestException, Endless):
            if not deadline.passed:
                raise
        # What was broken off may look like an answer that is over.
        if deadline.passed:
            raise _endless(url)
        return answer


def _session(deadline: Deadline) -> Session:
    """A session whose connections a deadline watches."""
    from requests import Session
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
            pool: Any = super().get_connection_with_tls_context(*args, **kwargs)

            class Watched(pool.ConnectionCls):  # type: ignore[misc]
                def _new_conn(self) -> Any:
                    return deadline.watch(super()._new_conn())

            pool.ConnectionCls = Watched
            return pool

    class Direct(Session):
        def get_redirect_target(self, resp: Any) -> None:
            # Even where redirects are not followed, the whole body of one is read otherwise.
            return

    session = Direct()
    session.mount("https://", Adapter())
    session.mount("http://", Adapter())
    return session


def _read(response: Response) -> Answer:
    import requests
    import urllib3

    content = bytearray()
    with response:
        try:
            while not 300 <= response.status_code < 400 and (
                block := response.raw.read1(BLOCK, decode_content=True)
            ):
                content += block
                if len(content) > LARGEST:
                    raise _endless(response.url)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from None
    return Answer(response.status_code, response.headers, bytes(content))


def _endless(url: str) -> Endless:
    return Endless(
        f"The answer of {redacted(url).removesuffix('?...')} does not end within {LARGEST} bytes "
        f"and {LONGEST:.0f} seconds: check the host of the connection; the next try asks again."
    )
