"""The API that hands out one-hour credentials for the bucket.

Source: ``GET /api/v2/orgs/{orgid}/s3_labs`` of Vocareum's document. The body of the answer is not
documented: the three keys are taken from whichever object in it holds all of them.

Knows the API; knows neither what lies in the bucket nor the warehouse.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.answers import exchange
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.tls import insist, reason, warn_of_plain_http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest

BUCKET = "vocareum-us-west-2-lab-analytics"
REGION = "us-west-2"
LIFETIME = timedelta(hours=1)
MARGIN = timedelta(minutes=5)
NAME = re.compile("[A-Za-z_]{1,30}")
"""A key of the answer that a sentence may repeat: it is the name of something, and no secret."""


@dataclass(frozen=True)
class Account:
    """What the Airflow connection says of an org.

    :param api_url: the API's base URL, without a slash at its end.
    :param org_id: the org's id, digits.
    """

    api_url: str
    token: str = field(repr=False)
    org_id: str
    bucket: str
    region: str
    endpoint_url: str | None

    @property
    def origin(self) -> str:
        """The org as the bucket and the warehouse name it."""
        return f"org{self.org_id}"


def account(conn_id: str) -> Account:
    """Read the Airflow connection of an org.

    :raises PermanentFailure: it is missing, or does not say all that is needed.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        configured = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise PermanentFailure(
            f"There is no Airflow connection '{conn_id}': add one of type http with the API's "
            'address as host, the s3_labs token as password and the extra {"org_id": "..."}.'
        ) from None
    extra = configured.extra_dejson
    org_id = str(extra.get("org_id", "")).removeprefix("org")
    if not configured.password or not org_id:
        lacking = "password (the s3_labs API token)" if not configured.password else "extra org_id"
        raise PermanentFailure(f"The Airflow connection '{conn_id}' has no {lacking}: add it.")
    if not re.fullmatch(r"[\w-]+", org_id, re.ASCII) or not _fits_a_header(configured.password):
        raise PermanentFailure(
            f"The extra org_id or the password of the Airflow connection '{conn_id}' contains "
            "characters that no id or token has: copy both from Vocareum again."
        )
    insist(conn_id, extra)
    host = configured.host or "https://api.vocareum.com"
    if "://" not in host:
        host = f"{configured.schema or 'https'}://{host}"
    if configured.port:
        host = f"{host}:{configured.port}"
    endpoint_url = str(extra["endpoint_url"]) if extra.get("endpoint_url") else None
    for url in (host, endpoint_url or ""):
        warn_of_plain_http(conn_id, url)
    return Account(
        api_url=host.rstrip("/"),
        token=configured.password,
        org_id=org_id,
        bucket=str(extra.get("bucket") or BUCKET),
        region=str(extra.get("region_name") or REGION),
        endpoint_url=endpoint_url,
    )


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials for the bucket.

    :param expires_at: ISO 8601, with its zone.
    """

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: str

    def seal(self, origin: str) -> str:
        """Encrypt them with Airflow's Fernet key, for XCom.

        :param origin: the org that they are for.
        :raises PermanentFailure: Airflow has no Fernet key.
        """
        content = json.dumps({**asdict(self), "origin": origin})
        sealed: bytes = _fernet().encrypt(content.encode())
        return sealed.decode()

    @classmethod
    def unseal(cls, sealed: str, origin: str) -> Credentials:
        """Decrypt what ``seal`` made, and keep the secrets out of the log.

        :raises PermanentFailure: it was sealed with another key, or for another org.
        """
        from cryptography.fernet import InvalidToken

        try:
            content = json.loads(_fernet().decrypt(sealed.encode()))
        except InvalidToken:
            raise PermanentFailure(
                "The credentials that the task 'credentials' sealed cannot be decrypted with "
                "Airflow's Fernet key, which was replaced since: clear the task 'credentials'."
            ) from None
        sealed_for = content.pop("origin", None)
        if sealed_for != origin:
            raise PermanentFailure(
                f"The sealed credentials are for {sealed_for}, but the connection is for {origin}: "
                "clear the task 'credentials'."
            )
        opened = cls(**content)
        opened.mask()
        return opened

    def mask(self) -> None:
        """Keep the secrets out of the log."""
        from airflow.providers.common.compat.sdk import mask_secret

        for secret in (self.access_key_id, self.secret_access_key, self.session_token):
            mask_secret(secret)


def _fernet() -> Any:
    try:
        from airflow.sdk.crypto import get_fernet
    except ImportError:
        from airflow.models.crypto import get_fernet

    fernet = get_fernet()
    if not fernet.is_encrypted:
        raise PermanentFailure(
            "Airflow has no Fernet key, so credentials would be readable in XCom: set "
            "AIRFLOW__CORE__FERNET_KEY (see 'Fernet' in Airflow's documentation)."
        )
    return fernet


def request_credentials(account: Account) -> Credentials:
    """Ask the API for credentials that are good for an hour.

    :raises PermanentFailure: the token is wrong or lacks the scope, or the answer holds no keys.
    :raises TransientFailure: the API does not answer, or not now.
    """
    import requests

    url = f"{account.api_url}/api/v2/orgs/{account.org_id}/s3_labs"
    asked_at = datetime.now(UTC)
    try:
        answer = exchange("GET", url, auth=_bearing(account.token))
    except requests.RequestException as error:
        raise TransientFailure(
            f"Vocareum does not answer at {account.api_url} "
            f"({reason(error, trust='REQUESTS_CA_BUNDLE')}): check the connection's host and the "
            "network."
        ) from None
    _check(answer.status_code, answer.text, url)
    try:
        body = answer.json()
    except ValueError:
        raise TransientFailure(
            f"Vocareum answered {url} with something that is not JSON: check the connection's "
            "host; the next try may reach the API itself."
        ) from None
    credentials = find_credentials(body, asked_at)
    credentials.mask()
    return credentials


def _bearing(token: str) -> Callable[[PreparedRequest], PreparedRequest]:
    """The token, and nothing that a .netrc would put in its place."""

    def authorize(prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["Authorization"] = f"Token {token}"
        return prepared

    return authorize


def _check(status: int, text: str, url: str) -> None:
    if status < 400:
        return
    if status == 403:
        raise PermanentFailure(
            f"Vocareum forbids {url} (403): check that the connection's extra org_id is your org; "
            "if it is, generate a token with the scope s3_labs, as an Org Admin of that org, and "
            "put it into the connection's password."
        )
    if status in (400, 401):
        reason = next(
            (said for said in ("Invalid Token", "Missing Token") if said in text), f"HTTP {status}"
        )
        raise PermanentFailure(
            f"Vocareum refuses the token ({reason}): generate a new one for s3_labs and put it "
            "into the connection's password."
        )
    if status == 404:
        raise PermanentFailure(f"Vocareum has nothing at {url} (404): check the extra org_id.")
    raise TransientFailure(f"Vocareum answered {url} with HTTP {status}: the next try asks again.")


def find_credentials(body: Any, asked_at: datetime) -> Credentials:
    """Find the three keys in whatever shape the answer has.

    :param asked_at: when they were requested; they are valid for an hour from then if no expiry is
        given.
    :raises PermanentFailure: no object of it holds all three.
    """
    seen: set[str] = set()
    for thing in _objects(body):
        plain = {_plain(key): value for key, value in thing.items()}
        seen.update(key for key in thing if NAME.fullmatch(key))
        keys = [plain.get(k) for k in ("accesskeyid", "secretaccesskey", "sessiontoken")]
        if all(isinstance(key, str) and key and _fits_a_header(key) for key in keys):
            expires_at = _expiry(plain.get("expiration"), asked_at)
            key_id, secret, token = map(str, keys)
            return Credentials(key_id, secret, token, expires_at.isoformat())
    raise PermanentFailure(
        "Vocareum's answer lacks an access key id, a secret access key or a session token; its "
        f"keys are {', '.join(sorted(seen))[:500] or 'none'}: ask Vocareum's support what changed."
    )


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    found = deque([body])
    while found:
        thing = found.popleft()
        if isinstance(thing, dict):
            yield thing
            found.extend(thing.values())
        elif isinstance(thing, list):
            found.extend(thing)


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").removeprefix("aws")


def _expiry(given: Any, asked_at: datetime) -> datetime:
    try:
        expires_at = datetime.fromisoformat(str(given))
    except ValueError:
        return asked_at + LIFETIME - MARGIN
    expires_at = expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)
    return min(expires_at, asked_at + LIFETIME)
