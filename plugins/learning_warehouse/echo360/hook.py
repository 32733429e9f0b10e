"""Echo360's reporting API over HTTP: how to speak to it, and how it answers.

Knows no window, no database and no landing zone. Where the vendor's document is silent it is
tolerant; where an answer leaves the outcome of a submission open it says so, and decides nothing.
"""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urljoin, urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, mask_secret
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import RequestException, Timeout

from learning_warehouse.errors import PermanentFailure, TransientFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from requests import PreparedRequest, Response, Session

log = logging.getLogger(__name__)

ECHO360_CONN_ID = "echo360"
REPORTING = "/public/api/v1/reporting/"
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next byte of an answer."""

PENDING = "Pending"
AVAILABLE = "Available"
EXPIRED = "Expired"
FAILED = "Failed"
MISSING = "Missing"
UNSUCCESSFUL = (EXPIRED, FAILED, MISSING)


class OutcomeUnknown(Exception):
    """A request was submitted and nobody knows whether it was accepted."""


class RequestRefused(Exception):
    """A request was submitted and refused; the text is Echo360's own."""


class LinkRefused(Exception):
    """A signed link is no longer good."""


@dataclass(frozen=True)
class ReportRequest:
    """A request as Echo360 tells of it (*Requests Endpoint Example*).

    :param created: None where it does not tell, or not legibly.
    :param signed_assets: the signed links, which only :meth:`Echo360Hook.request` has.
    """

    request_id: str
    status: str
    report: str
    parameters: dict[str, Any]
    created: datetime | None
    signed_assets: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, item: dict[str, Any]) -> ReportRequest:
        """:raises KeyError: it has no id."""
        status = str(item.get("status") or PENDING)
        return cls(
            request_id=str(item["requestId"]),
            status=status.capitalize() if status.isupper() or status.islower() else status,
            report=str(item.get("reportName") or ""),
            parameters=item.get("parameters") or {},
            created=_moment(item.get("created")),
            signed_assets=tuple(item.get("signedAssets") or ()),
        )


class Echo360Hook(HttpHook):
    """Speaks to the reporting API with an access token of the client-credentials grant.

    :param http_conn_id: a connection of type ``http``: ``host`` the base URL of the region (such as
        ``https://echo360.org``), ``login`` the client id, ``password`` the client secret.
    :param patience: seconds for which one call may wait in all where Echo360 answers 429.
    """

    def __init__(self, http_conn_id: str = ECHO360_CONN_ID, *, patience: float = 300.0) -> None:
        super().__init__(http_conn_id=http_conn_id, auth_type=self._bearer)
        self.patience = patience
        self._session: Session | None = None
        self._token: str | None = None
        self._credentials = ("", "")
        self._plural = False

    @property
    def origin(self) -> str:
        """The host, with its port where it names one: what rows carry as ``_origin``."""
        self.get_conn()
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> Session:
        """The HTTP session, which keeps its connections alive.

        :raises PermanentFailure: the Airflow connection is missing or lacks host, login or password.
        """
        if self._session is None:
            try:
                configured = self.get_connection(self.http_conn_id)
            except AirflowNotFoundException:
                raise PermanentFailure(
                    f"There is no Airflow connection '{self.http_conn_id}': add one of type http "
                    "with Echo360's base URL as host, the client id as login and the client secret "
                    "as password (Admin, Connections)."
                ) from None
            if not (configured.host and configured.login and configured.password):
                raise PermanentFailure(
                    f"The Airflow connection '{self.http_conn_id}' needs Echo360's base URL as "
                    "host, the client id as login and the client secret as password."
                )
            mask_secret(configured.password)
            session = super().get_conn(headers, extra_options)
            if not configured.schema and "://" not in configured.host:
                self.base_url = self.base_url.replace("http://", "https://", 1)
            self._credentials = (configured.login, configured.password)
            self._session = session
        return self._session

    def reports(self) -> dict[str, dict[str, Any]]:
        """The reports that the institution is offered, by name (``GET reports``)."""
        answer = self._read("reports")
        items = answer.get("reports", answer.get("data")) if isinstance(answer, dict) else answer
        return {item["name"]: item for item in items or ()}

    def requests(self) -> dict[str, ReportRequest]:
        """Every submitted request, by id: everybody's, not only ours (``GET requests``).

        :raises TransientFailure: the listing cannot be read to its end.
        """
        listed: dict[str, ReportRequest] = {}
        for page in self._pages("requests"):
            items = page.get("requests", page.get("data")) if isinstance(page, dict) else page
            for item in items or ():
                if item.get("requestId"):
                    listed[str(item["requestId"])] = ReportRequest.from_json(item)
        return listed

    def request(self, request_id: str) -> ReportRequest | None:
        """One request, with its signed links once it is Available (``GET request/<requestId>``).

        The plural path is tried where the document's singular one is unknown, and kept if it works.

        :returns: None where Echo360 does not know it.
        """
        for plural in dict.fromkeys((self._plural, True)):
            path = f"{'requests' if plural else 'request'}/{request_id}"
            response = self._call("GET", REPORTING + path)
            if response.status_code != 404:
                self._plural = plural
                return ReportRequest.from_json(self._json(response, path))
        return None

    def submit(
        self, report: str, parameters: dict[str, str], output: dict[str, Any]
    ) -> ReportRequest:
        """Submit a request (``POST requests/<report>``).

        :param output: ``compression`` (bool) and ``delimiter``, as the document has them.
        :raises RequestRefused: Echo360 refuses it: for want of a slot, or for good.
        :raises OutcomeUnknown: it may or may not have been accepted.
        """
        body = {"parameters": parameters, "output": output}
        try:
            response = self._call("POST", f"{REPORTING}requests/{report}", json=body)
        except TransientFailure as failure:
            raise OutcomeUnknown(str(failure)) from None
        if response.ok:
            try:
                return ReportRequest.from_json(response.json())
            except (ValueError, KeyError, AttributeError):
                raise OutcomeUnknown("Echo360 accepted a request without naming it") from None
        if response.status_code >= 500:
            raise OutcomeUnknown(f"Echo360 answered HTTP {response.status_code}")
        raise RequestRefused(f"HTTP {response.status_code}: {_excerpt(response)}")

    def open_asset(self, url: str) -> HTTPResponse:
        """Open a signed link, whose bytes are not decoded.

        The link goes out exactly as given (``requests`` and ``urllib3`` would both normalise it and
        break its signature), and without an Authorization header.

        :raises LinkRefused: the link has expired, or is refused for another reason.
        :raises TransientFailure: its host does not answer.
        """
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        if urlsplit(url).scheme not in ("http", "https"):
            raise PermanentFailure("Echo360 gave a signed link that is neither http nor https.")
        log.info("Downloading %s", redacted(url))
        try:
            return urlopen(Request(url), timeout=TIMEOUT[1])  # type: ignore[no-any-return]
        except HTTPError as refusal:
            refusal.close()
            if refusal.code < 500 and refusal.code != 429:
                raise LinkRefused(f"HTTP {refusal.code} for {redacted(url)}") from None
            reason = f"HTTP {refusal.code}"
        except OSError as failure:
            reason = type(getattr(failure, "reason", failure)).__name__
        raise TransientFailure(
            f"The signed link {redacted(url)} of Echo360 does not answer ({reason}): clear the "
            "task to try it again."
        )

    def _read(self, path: str) -> Any:
        return self._json(self._call("GET", REPORTING + path), path)

    def _pages(self, path: str) -> Iterator[Any]:
        """The pages of a listing; ``next`` is followed only within the same host, and once."""
        page = self._read(path)
        yield page
        here = self.url_from_endpoint(REPORTING + path)
        seen = {here}
        while isinstance(page, dict) and page.get("has_more"):
            following = urljoin(here, str(page.get("next") or here))
            if urlsplit(following)[:2] != urlsplit(here)[:2] or not page.get("next"):
                raise TransientFailure(
                    f"Echo360's listing of {path} goes on, and does not tell where on {self.origin}"
                    ": ask Echo360's support about has_more and next."
                )
            if following in seen:
                log.warning("Echo360's listing of %s leads back to a page already read", path)
                return
            seen.add(following)
            here = following
            page = self._json(self._call("GET", following), path)
            yield page

    def _json(self, response: Response, path: str) -> Any:
        """The body of a successful answer.

        :raises PermanentFailure: it was refused.
        :raises TransientFailure: it is no JSON, or Echo360 is not well.
        """
        if not response.ok:
            kind = PermanentFailure if 400 <= response.status_code < 500 else TransientFailure
            raise kind(
                f"Echo360 at {self.origin} answers GET {path} with HTTP {response.status_code} "
                f"({_excerpt(response)}): check that the client of connection "
                f"'{self.http_conn_id}' may use the reporting API."
            )
        try:
            return response.json()
        except ValueError:
            raise TransientFailure(
                f"Echo360 at {self.origin} answers GET {path} with something that is no JSON: check "
                f"that the host of connection '{self.http_conn_id}' is its base URL."
            ) from None

    def _call(self, method: str, endpoint: str, *, json: Any = None) -> Response:
        """One call: a new token on the first 401, waits on 429, any other answer as it is.

        :raises TransientFailure: no answer, or 429 beyond all patience.
        """
        session = self.get_conn()
        url = endpoint if "://" in endpoint else self.url_from_endpoint(endpoint)
        renewed = False
        waits = self._waits()
        while True:
            try:
                response = session.request(
                    method, url, json=json, timeout=TIMEOUT, allow_redirects=method == "GET"
                )
            except RequestException as failure:
                self._unreachable(failure)
            if response.status_code == 401 and not renewed:
                renewed, self._token = True, None
            elif response.status_code == 401:
                self._unauthorized("a new access token")
            elif response.status_code == 429:
                self._wait(response, waits)
            else:
                return response

    def _waits(self) -> Iterator[float]:
        """Seconds to wait for the n-th 429 in a row, while patience lasts."""
        spent = 0.0
        ceiling = 2.0
        while spent < self.patience:
            wait = random.uniform(ceiling / 2, ceiling)
            ceiling = min(ceiling * 2, 60.0)
            spent += wait
            yield wait

    def _wait(self, response: Response, waits: Iterator[float]) -> None:
        wait = next(waits, None)
        if wait is None:
            raise TransientFailure(
                f"Echo360 at {self.origin} has been answering HTTP 429 for {self.patience:.0f} s: "
                "fewer clients may call it at once (120 calls a minute for an institution)."
            )
        asked = _retry_after(response)
        wait = wait if asked is None else min(asked, self.patience)
        log.warning("Echo360 asks to slow down (HTTP 429): waiting %.1f s", wait)
        time.sleep(wait)

    def _bearer(self, *_: str) -> AuthBase:
        return _Bearer(self)

    def access_token(self) -> str:
        """The access token, fetched with a client-credentials grant where there is none yet.

        The grant is a form body, which stays out of access logs. Refresh tokens are single-use and
        rotate: with many workers a new grant is the safe way.
        """
        if self._token is None:
            session = self.get_conn()
            client_id, client_secret = self._credentials
            waits = self._waits()
            while True:
                try:
                    response = session.post(
                        self.url_from_endpoint("/oauth2/access_token"),
                        data={
                            "grant_type": "client_credentials",
                            "client_id": client_id,
                            "client_secret": client_secret,
                        },
                        auth=_NoAuth(),
                        timeout=TIMEOUT,
                        allow_redirects=False,
                    )
                except RequestException as failure:
                    self._unreachable(failure)
                if response.status_code != 429:
                    break
                self._wait(response, waits)
            if 400 <= response.status_code < 500:
                self._unauthorized(f"them with HTTP {response.status_code}")
            try:
                self._token = str(response.json()["access_token"])
            except (ValueError, KeyError, TypeError):
                raise TransientFailure(
                    f"Echo360 at {self.origin} gives no access token (HTTP {response.status_code}):"
                    f" check that the host of connection '{self.http_conn_id}' is its base URL."
                ) from None
            mask_secret(self._token)
        return self._token

    def _unauthorized(self, what: str) -> NoReturn:
        raise PermanentFailure(
            f"Echo360 at {self.origin} refuses the credentials of connection "
            f"'{self.http_conn_id}' ({what}): check login (client id) and password (client secret)."
        )

    def _unreachable(self, failure: RequestException) -> NoReturn:
        if isinstance(failure, Timeout):
            reason = "it does not answer in time"
        elif isinstance(failure, NotConnected):
            reason = "no connection"
        else:
            reason = type(failure).__name__
        raise TransientFailure(
            f"Echo360 at {self.base_url} cannot be reached ({reason}): check the host of "
            f"connection '{self.http_conn_id}' and the network."
        ) from None


class _Bearer(AuthBase):
    """Puts the hook's access token on a request when it is sent."""

    def __init__(self, hook: Echo360Hook) -> None:
        self._hook = hook

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._hook.access_token()}"
        return request


class _NoAuth(AuthBase):
    """Keeps the session's Authorization, and that of a .netrc, off a request."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request


def redacted(url: str) -> str:
    """A signed link without its query, which is as good as a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _retry_after(response: Response) -> float | None:
    """Seconds that the answer asks to wait: given in seconds, or as a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _excerpt(response: Response) -> str:
    return re.sub(r"\s+", " ", response.text[:300]).strip() or "without a word"
