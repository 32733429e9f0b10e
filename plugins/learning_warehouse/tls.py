"""Certificates are verified, and what would do without them is refused or warned of, never quiet.

Knows connections by their names and by what they say; opens none.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def is_local(host: str | None) -> bool:
    """Whether a host is this machine, so that nothing goes over a network.

    :param host: a name, an address or, as libpq has it, the folder of a socket.
    """
    return not host or host.startswith("/") or host in THIS_MACHINE


def insist(conn_id: str, extra: Mapping[str, Any]) -> None:
    """Refuse a vendor's connection that turns the verification of certificates off.

    :param extra: the connection's extra, where a ``verify`` means what it means to the HttpHook.
    :raises PermanentFailure: it does, or it names another file of CAs, which would not be read.
    """
    for name in ("verify", "verify_ssl"):
        if str(extra.get(name, True)).lower() != "true":
            raise PermanentFailure(
                f"The connection '{conn_id}' has the extra {name}, but the vendor's certificate is "
                "always verified: remove it, and name the file of your own CA in the workers' "
                "REQUESTS_CA_BUNDLE and SSL_CERT_FILE."
            )


def warn_of_plain_http(conn_id: str, url: str) -> None:
    """Say it in the log where a connection goes over a network without TLS."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return  # It is not a URL: opening it will fail with a sentence.
    if parts.scheme == "http" and not is_local(parts.hostname):
        log.warning(
            "The connection '%s' goes to %s without TLS: others on the network can read and change "
            "its secrets and its data; write https:// there.", conn_id, parts.hostname,
        )  # fmt: skip


def reason(error: BaseException, *, trust: str) -> str:
    """Why a host could not be talked to, in few words, and without what was sent to it.

    :param trust: the environment variable that names a file of CAs to the library that raised
        ``error``.
    """
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted: {behind.verify_message}; name the file of your "
                f"own CA in {trust}"
            )
        behind = behind.__context__
    return type(error).__name__
