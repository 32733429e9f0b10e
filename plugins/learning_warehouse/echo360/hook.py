"""Echo360's reporting API over HTTP.

Knows the vendor's paths, answers and errors; knows no warehouse, fetches no report, and decides
nothing about when to request what.
"""

from __future__ import annotations

import logging
import random
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook, mask_secret
from requests import PreparedRequest, RequestException
from requests.auth import AuthBase

from learning_warehouse.answers import Answer, Endless, exchange, redacted, said_by
from learning_warehouse.conn_ids import ECHO360_CONN_ID
from learning_warehouse.echo360.report_request import NOT_UNDERSTOOD, ReportRequest, word
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.tls import insist, reason, warn_of_plain_http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

REPORTING = "/public/api/v1/reporting/"
MOST_PAGES = 1000
MOST_IDLE_PAGES = 10
"""Pages of the listing that have nothing which others before them had not."""
MOST_REQUESTS = 100_000


class OutcomeUnknown(TransientFailure):
    """A submission of which it is unknown whether Echo360 accepted it."""


class Refused(Exception):
    """A submission that Echo360 did not take.

    :param status: the HTTP status.
    :param text: what the answer says in a short field; may be empty.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}" if text else f"HTTP {status}")
        self.status = status
        self.text = text


class Echo360Hook(BaseHook):
    """The reporting API of one Echo360 institution.

    :param echo360_conn_id: an Airflow connection of type ``http``: host = the region's base URL
        (``https://echo360.org``), login = client id, password = client secret.
    :param attempts: how often a read is tried that meets 429, 5xx or no answer.
    :param longest_pause: seconds; the ceiling of a back-off, and of a ``Retry-After``.
    """

    conn_name_attr = "echo360_conn_id"
    default_conn_name = ECHO360_CONN_ID

    def __init__(
        self,
        echo360_conn_id: str = ECHO360_CONN_ID,
        *,
        attempts: int = 5,
        longest_pause: float = 90.0,
    ) -> None:
        super().__init__()
        self.echo360_conn_id = echo360_conn_id
        self.attempts = attempts
        self.longest_pause = longest_pause
        self._token: str | None = None
        self._plural = False
        self._credentials: tuple[str, str, str] | None = None

    # --- what Echo360 offers ----------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The host, with its port if the connection names one: ``echo360.org``."""
        return urlsplit(self._configured()[0]).netloc.rpartition("@")[2]

    @property
    def trusted_hosts(self) -> frozenset[str]:
        """The hosts to which a link may lead whatever their address: the connection's own, and
        those of its extra ``allowed_hosts``.
        """
        base, _, _ = self._configured()
        allowed = self.get_connection(self.echo360_conn_id).extra_dejson.get("allowed_hosts") or ()
        names = allowed.split(",") if isinstance(allowed, str) else map(str, allowed)
        own = urlsplit(base).hostname or ""
        return frozenset({own, *(name.strip().lower() for name in names)})

    def reports(self) -> dict[str, list[str]]:
        """The reports that ``/reports`` lists: name → the parameters that it requires."""
        url = self._url("reports")
        answer = self._read(url).json()
        try:
            if isinstance(answer, dict):
                answer = answer["reports"] if "reports" in answer else answer["data"]
            offered = {
                word(report["name"]): [
                    word(parameter["name"])
                    for parameter in report.get("parameters") or ()
                    if parameter.get("required", True)
                ]
                for report in answer
            }
        except NOT_UNDERSTOOD:
            raise TransientFailure(
                f"The listing of reports at {redacted(url)} cannot be understood: nothing was "
                "submitted; if it stays so, compare it with Echo360's document."
            ) from None
        if not offered:
            raise TransientFailure(
                f"The listing of reports at {redacted(url)} is empty: if it stays so, ask your "
                "Echo360 administrator to allow the client the reporting API."
            )
        return offered

    def requests(self) -> list[ReportRequest]:
        """Everybody's requests, from all pages of ``/requests``."""
        found: dict[str, ReportRequest] = {}
        visited = set()
        idle = 0
        url: str | None = self._url("requests")
        while url and url not in visited:
            visited.add(url)
            before = len(found)
            page = self._read(url).json()
            try:
                listed = page if isinstance(page, list) else page.get("requests", page.get("data"))
                for one in map(ReportRequest.from_json, listed):
                    found[one.request_id] = one
                following = self._next(page, url) if isinstance(page, dict) else None
            except NOT_UNDERSTOOD:
                raise TransientFailure(
                    f"The listing of requests at {redacted(url)} cannot be understood: nothing "
                    "was submitted; if it stays so, compare it with Echo360's document."
                ) from None
            idle += len(found) == before
            if len(visited) > MOST_PAGES or idle > MOST_IDLE_PAGES or len(found) > MOST_REQUESTS:
                raise TransientFailure(
                    f"The listing of requests at {redacted(url)} does not end: nothing was "
                    "submitted; if it stays so, ask Echo360 about it."
                )
            url = following
        return list(found.values())

    def request(self, request_id: str) -> ReportRequest | None:
        """One request with its signed links; None where Echo360 does not know it."""
        for plural in (True,) if self._plural else (False, True):
            path = f"{'requests' if plural else 'request'}/{quote(request_id, safe='')}"
            answer = self._read(path, accept=(404, 405))
            if answer.ok:
                self._plural = plural
                try:
                    return ReportRequest.from_json(answer.json())
                except NOT_UNDERSTOOD:
                    raise TransientFailure(
                        f"The answer about the request {request_id} cannot be understood: if it "
                        "stays so, compare it with Echo360's document."
                    ) from None
        return None

    def submit(
        self, report: str, parameters: dict[str, str], output: Mapping[str, Any]
    ) -> ReportRequest:
        """Ask for a report, once: a submission whose outcome is unknown is not repeated here.

        :param parameters: ``{"start": "2026-01-05", "end": "2026-01-12"}``, or empty.
        :param output: ``compression`` and ``delimiter``.
        :raises Refused: Echo360 answered 4xx, 429 included: it did not take it.
        :raises TransientFailure: the host could not be reached: it was not sent.
        :raises OutcomeUnknown: 5xx, a time-out, or a dropped connection.
        """
        url = self._url(f"requests/{quote(report, safe='')}")
        body = {"parameters": parameters, "output": dict(output)}
        try:
            answer = self._authorised("POST", url, json=body)
        except RequestException as error:
            if isinstance(error, requests.ConnectTimeout) or _was_not_sent(error):
                raise self._unreachable(error) from None
            raise OutcomeUnknown(
                f"Echo360 did not answer to the submission of {report} ({type(error).__name__}): "
                "its listing will show whether the request was accepted."
            ) from None
        except Endless as endless:
            raise OutcomeUnknown(str(endless)) from None
        if 400 <= answer.status_code < 500:
            raise Refused(answer.status_code, self._said(answer))
        try:
            if answer.status_code in (200, 201, 202):
                return ReportRequest.from_json({"reportName": report, **answer.json()})
        except NOT_UNDERSTOOD:
            pass
        raise OutcomeUnknown(
            f"Echo360 answered HTTP {answer.status_code} to the submission of {report}: its "
            "listing will show whether the request was accepted."
        )

    # --- how it is asked --------------------------------------------------------------------------

    def _configured(self) -> tuple[str, str, str]:
        """Base URL, client id and client secret."""
        if self._credentials is None:
            conn_id = self.echo360_conn_id
            try:
                conn = self.get_connection(conn_id)
            except AirflowNotFoundException:
                raise PermanentFailure(
                    f"There is no Airflow connection '{conn_id}': add one of type http with the "
                    "base URL as host, the client id as login and the client secret as password "
                    "(Admin, Connections)."
                ) from None
            if not (conn.host and conn.login and conn.password):
                raise PermanentFailure(
                    f"The connection '{conn_id}' is incomplete: give it the base URL (such as "
                    "https://echo360.org) as host, the client id as login and the client secret "
                    "as password."
                )
            base = conn.host if "://" in conn.host else f"{conn.schema or 'https'}://{conn.host}"
            try:
                if conn.port and urlsplit(base).port is None:
                    base = f"{base.rstrip('/')}:{conn.port}"
                is_address = bool(urlsplit(base).hostname)
            except ValueError:
                is_address = False
            if not is_address:
                raise PermanentFailure(
                    f"The host of the connection '{conn_id}' is not an address: give it the base "
                    "URL, such as https://echo360.org."
                )
            insist(conn_id, conn.extra_dejson)
            warn_of_plain_http(conn_id, base)
            mask_secret(conn.password)
            self._credentials = (base.rstrip("/"), conn.login, conn.password)
        return self._credentials

    def _url(self, path: str) -> str:
        return self._configured()[0] + REPORTING + path

    def _read(self, path: str, *, accept: tuple[int, ...] = ()) -> Answer:
        """GET, again and again within bounds; the answer is JSON or of a status in ``accept``."""
        url = path if "://" in path else self._url(path)
        return self._patiently(
            lambda: self._authorised("GET", url), url, accept=accept, said=self._said
        )

    def _patiently(
        self,
        send: Callable[[], Answer],
        url: str,
        *,
        accept: tuple[int, ...] = (),
        said: Callable[[Answer], str] | None = None,
    ) -> Answer:
        """:param said: what a sentence repeats of an answer; None: nothing."""
        for pause in self._pauses():
            retry_after = None
            try:
                answer = send()
            except RequestException as error:
                problem = self._unreachable(error)
            else:
                if answer.status_code in accept or (answer.ok and _is_json(answer)):
                    return answer
                problem = TransientFailure(
                    f"Echo360 answered HTTP {answer.status_code} at {redacted(url)}: the next try "
                    "may succeed."
                )
                if answer.status_code < 500 and answer.status_code != 429 and not answer.ok:
                    refusal = Refused(answer.status_code, said(answer) if said else "")
                    raise PermanentFailure(
                        f"Echo360 refused {redacted(url)} ({refusal}): check the host of the "
                        f"connection '{self.echo360_conn_id}' and what its client may do."
                    )
                retry_after = _retry_after(answer)
            if pause is None:
                raise problem
            pause = pause if retry_after is None else min(retry_after, self.longest_pause)
            log.info("%s Looking again in %.1f s.", problem, pause)
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _pauses(self) -> Iterator[float | None]:
        """Seconds between two attempts, doubling, with jitter; None after the last one."""
        for attempt in range(self.attempts - 1):
            yield min(2.0**attempt, self.longest_pause) * random.uniform(0.5, 1.0)
        yield None

    def _authorised(self, method: str, url: str, **kwargs: Any) -> Answer:
        """Send with the token; on a 401 again, with a new one."""
        for again in (False, True):
            if self._token is None or again:
                self._token = self._new_token()
            answer = exchange(
                method,
                url,
                auth=_Bearer(self._token),
                headers={"Accept": "application/json"},
                **kwargs,
            )
            if answer.status_code != 401:
                return answer
        raise PermanentFailure(
            f"Echo360 refuses the token that it gave to the client of the connection "
            f"'{self.echo360_conn_id}': ask your Echo360 administrator to allow it the reporting "
            "API."
        )

    def _new_token(self) -> str:
        """A client-credentials grant: many workers share a client, so nothing is refreshed."""
        base, client_id, client_secret = self._configured()
        url = f"{base}/oauth2/access_token"
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        answer = self._patiently(
            lambda: exchange("POST", url, data=form, auth=_no_auth),
            url,
            accept=(400, 401, 403),
        )
        if not answer.ok:
            raise PermanentFailure(
                f"Echo360 does not accept the client of the connection '{self.echo360_conn_id}' "
                f"(HTTP {answer.status_code}): check its login (client id) and password (client "
                "secret), and that its host is your institution's region."
            )
        given = answer.json()
        token = given.get("access_token") if isinstance(given, dict) else None
        if not (token and isinstance(token, str) and token.isascii() and token.isprintable()):
            raise PermanentFailure(
                f"{redacted(url)} answered without an access_token: check the host of the "
                f"connection '{self.echo360_conn_id}'."
            )
        mask_secret(token)
        return token

    def _next(self, page: dict[str, Any], url: str) -> str | None:
        if not page.get("has_more"):
            return None
        if not page.get("next"):
            raise TransientFailure(
                f"The listing of requests at {redacted(url)} has more pages, but does not say "
                "where: nothing was submitted; if it stays so, ask Echo360 about it."
            )
        following = urljoin(url, str(page["next"]))
        if _origin(following) != _origin(url):
            raise PermanentFailure(
                f"The listing of requests leads from {redacted(url)} to another host, "
                f"{redacted(following)}: the token is not sent there; ask Echo360 about it."
            )
        return following

    def _unreachable(self, error: RequestException) -> TransientFailure:
        return TransientFailure(
            f"Echo360 cannot be reached at {redacted(self._configured()[0])} "
            f"({reason(error, trust='REQUESTS_CA_BUNDLE')}): check the host of the connection "
            f"'{self.echo360_conn_id}' and that workers may reach it."
        )

    def _said(self, answer: Answer) -> str:
        return said_by(answer, [self._configured()[2], str(self._token)])


class _Bearer(AuthBase):
    """The token, and nothing that a .netrc would put in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["Authorization"] = f"Bearer {self._token}"
        return prepared


def _no_auth(prepared: PreparedRequest) -> PreparedRequest:
    return prepared


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, the scheme's own where a URL names none."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _was_not_sent(error: RequestException) -> bool:
    """Whether the connection was never made, so that nothing can have arrived."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, urllib3.exceptions.SSLError):
        return isinstance(next(iter(reason.args), None), ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _is_json(answer: Answer) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _retry_after(answer: Answer) -> float | None:
    """Seconds, from a ``Retry-After`` of either form."""
    given = answer.headers.get("Retry-After")
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
