"""What Echo360 has made: the signed links to a report's assets, and the assets as streams.

Knows links; knows neither the API that gives them nor where the assets go.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.error import HTTPError
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
)

from learning_warehouse.answers import redacted
from learning_warehouse.deadline import Deadline
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.streams import BLOCK
from learning_warehouse.tls import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

TIMEOUT = 60.0
"""Seconds to connect, and between two pieces of an asset."""
LONGEST = 300.0
"""Seconds that an asset may take, its redirects and headers included, and besides for each"""
SLOWEST = 50_000
"""bytes of it a second."""


class LinkRefused(TransientFailure):
    """A signed link that is no longer good: fetch the request again for a new one."""


def open_asset(url: str, trusted_hosts: Collection[str]) -> BinaryIO:
    """Stream an asset, bytes as they are sent.

    :param url: a signed link, used exactly as given and without an Authorization header.
    :param trusted_hosts: those to which it may lead whatever their address is. Behind a proxy the
        proxy decides.
    :raises LinkRefused: it is no longer good.
    :raises PermanentFailure: it leads to an address inside of the network, or is not over HTTP.
    """
    # Not through requests: it rewrites a URL, and the signature may no longer match.
    if not url.startswith(("http://", "https://")):
        raise PermanentFailure(
            f"{redacted(url)} is not an HTTP link: nothing was fetched; ask Echo360 about it."
        )
    deadline = Deadline(LONGEST)
    try:
        return _open(url, trusted_hosts, deadline)
    except BaseException:
        deadline.close()
        raise


def _open(url: str, trusted_hosts: Collection[str], deadline: Deadline) -> BinaryIO:
    connected = _Connections(trusted_hosts, deadline)
    begun = time.monotonic()
    try:
        opener = build_opener(NoWayDown, _Http(connected), _Https(connected))
        answer = opener.open(url, timeout=TIMEOUT)
        if deadline.passed:
            raise TimeoutError
    except HTTPError as refusal:
        # S3 answers 400 where the keys that signed the link have expired.
        refusal.close()
        if refusal.code in (400, 401, 403, 404, 410):
            raise LinkRefused(
                f"The signed link {redacted(url)} is refused (HTTP {refusal.code}): the next try "
                "gets a new one; if all are refused, check the worker's clock, and that no proxy "
                "changes the links."
            ) from None
        raise TransientFailure(
            f"The asset {redacted(url)} cannot be fetched (HTTP {refusal.code}): the next try may "
            "succeed."
        ) from None
    except (OSError, HTTPException, ValueError) as error:
        raise TransientFailure(
            f"The asset {redacted(url)} cannot be fetched "
            f"({reason(error, trust='SSL_CERT_FILE')}): check that workers may reach that host."
        ) from None
    asset = _Asset(answer, redacted(url), deadline, begun)
    return cast(BinaryIO, io.BufferedReader(asset, BLOCK))


class _Connections:
    """Makes the connections of one asset.

    :param trusted_hosts: those whose address is not looked at.
    """

    def __init__(self, trusted_hosts: Collection[str], deadline: Deadline) -> None:
        self._trusted_hosts = trusted_hosts
        self._deadline = deadline

    def connect(
        self, address: tuple[str, int], timeout: float, source_address: Any = None
    ) -> socket.socket:
        """To a proxy, or to a host whose address is not looked at."""
        return self._deadline.watch(socket.create_connection(address, timeout, source_address))

    def connect_outside(
        self, address: tuple[str, int], timeout: float, source_address: Any = None
    ) -> socket.socket:
        """To the host of a link.

        :raises PermanentFailure: who answers there is inside of the network.
        """
        connected = self.connect(address, timeout, source_address)
        peer = connected.getpeername()[0]
        if address[0].lower() not in self._trusted_hosts and _is_inside(peer):
            connected.close()
            raise PermanentFailure(
                f"A signed link leads to {address[0]}, whose address {peer} is inside a network: "
                "nothing was fetched. If that is intended, as with an S3 endpoint in a VPC, name "
                "the host in the connection's extra allowed_hosts; if not, ask Echo360 about it."
            )
        return connected

    def by(self, kind: type[HTTPConnection], req: Request) -> Callable[..., HTTPConnection]:
        """What makes a connection of a kind for a request."""
        is_proxied = req.has_proxy() or getattr(req, "_tunnel_host", None)

        def make(*args: Any, **kwargs: Any) -> HTTPConnection:
            connection = kind(*args, **kwargs)
            # http.client's own place for it, by which it connects before TLS begins.
            connection._create_connection = (  # type: ignore[attr-defined]
                self.connect if is_proxied else self.connect_outside
            )
            return connection

        return make


class _Http(HTTPHandler):
    def __init__(self, connected: _Connections) -> None:
        super().__init__()
        self._connected = connected

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._connected.by(HTTPConnection, req), req)


class _Https(HTTPSHandler):
    def __init__(self, connected: _Connections) -> None:
        super().__init__()
        self._connected = connected

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._connected.by(HTTPSConnection, req), req)


def _is_inside(peer: str) -> bool:
    """Whether an address is of this machine, a link or a private network."""
    address = ip_address(peer.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return not address.is_global


class _Asset(io.RawIOBase):
    """The body of an asset as it comes, a gzipped one gzipped, and whole or not at all."""

    def __init__(self, answer: HTTPResponse, name: str, deadline: Deadline, begun: float) -> None:
        self._answer = answer
        self._name = name
        self._deadline = deadline
        self._begun = begun
        self._done = 0
        self._left = answer.length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            size = self._answer.readinto(buffer)
        except (HTTPException, OSError) as error:
            raise self._broken(type(error).__name__) from None
        if not size and self._deadline.passed:
            raise self._broken("")
        self._done += size
        self._deadline.until = self._begun + LONGEST + self._done / SLOWEST
        if self._left is not None:
            self._left -= size
            if not size and self._left and len(buffer):
                raise self._broken(f"{self._left} bytes are missing")
        return size

    def _broken(self, reason: str) -> TransientFailure:
        if self._deadline.passed:
            reason = f"it took longer than {LONGEST:.0f} s and {SLOWEST} bytes a second"
        return TransientFailure(
            f"The asset {self._name} broke off ({reason}): the next try fetches it from its "
            "beginning."
        )

    def close(self) -> None:
        self._answer.close()
        self._deadline.close()
        super().close()


class NoWayDown(HTTPRedirectHandler):
    """Follows a signed link as far as it leads over HTTP, and over HTTPS from then on."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if not newurl.startswith((f"{req.type}://", "https://")):
            raise PermanentFailure(
                f"The signed link {redacted(req.full_url)} redirects to {redacted(newurl)}, which "
                f"is not {req.type}: nothing was fetched; ask Echo360 about it."
            )
        fp.close()  # Or else its body would be read, however long it is.
        return super().redirect_request(req, fp, code, msg, headers, newurl)
