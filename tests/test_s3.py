"""What S3's refusals mean, by their code; and a store that does not send what was requested."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse import s3
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.vocareum.bucket import VocareumBucket
from learning_warehouse.vocareum.credentials import account, request_credentials

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox

URI = "s3://landing-zone/object"


@pytest.fixture
def store(
    sandbox: Sandbox, connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """An object in the landing zone, and a connection that does not try again."""
    sandbox.reset()
    LandingZone().put("object", bytes(range(100)))
    extra = {**connections["landing_zone"]["extra"]}
    extra["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
    changed = json.dumps({**connections["landing_zone"], "extra": extra})
    monkeypatch.setenv("AIRFLOW_CONN_LANDING_ZONE", changed)
    s3._client.cache_clear()
    yield sandbox
    sandbox.reset()
    s3._client.cache_clear()


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        ("403 Forbidden", "InvalidObjectState", PermanentFailure, "archived: restore it"),
        ("403 Forbidden", "RequestTimeTooSkewed", TransientFailure, "the worker's clock"),
        ("416 Range Not Satisfiable", "InvalidRange", PermanentFailure, "'unpack'"),
        ("301 Moved Permanently", "PermanentRedirect", PermanentFailure, "extra region_name"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", PermanentFailure, "region_name"),
        ("501 Not Implemented", "NotImplemented", PermanentFailure, "checksum"),
        ("503 Slow Down", "SlowDown", TransientFailure, "the next try"),
        ("403 Forbidden", "AccessDenied", PermanentFailure, "check the keys of the connection"),
        ("500 Internal Server Error", "InternalError", TransientFailure, "the next try"),
    ],
)
def test_a_refusal_by_its_code(
    store: Sandbox, status: str, code: str, kind: type[Exception], said: str
) -> None:
    store.set_faults(s3_refusal=[status, code])
    with pytest.raises(kind, match=said) as failure:
        s3.open_uri(URI)
    assert type(failure.value) is kind
    assert f"({code})" in str(failure.value)


def test_a_store_that_ignores_ranges_is_noticed(store: Sandbox) -> None:
    """The whole object was read in place of each of its parts."""
    with s3.open_uri(URI, offset=10, size=5) as part:
        assert part.read() == bytes(range(10, 15))
    store.set_faults(s3_ignores_range=True)
    with pytest.raises(PermanentFailure, match=r"sends the whole object.*header Range"):
        s3.open_uri(URI, offset=10, size=5)
    with pytest.raises(PermanentFailure, match="sends bytes 10-99/100"):
        s3.insist_on_range({"ContentRange": "bytes 10-99/100", "Body": io.BytesIO()}, 10, 5)


def test_a_vendors_store_that_ignores_ranges_is_noticed(store: Sandbox) -> None:
    org = account("vocareum")
    bucket = VocareumBucket(org, request_credentials(org))
    store.client().put_object(Bucket=org.bucket, Key="org123/a.csv", Body=b"0123456789")
    (file,) = bucket.files("org123/a.csv")
    assert bucket.body(file, 4).read() == b"456789"
    store.set_faults(s3_ignores_range=True)
    with pytest.raises(PermanentFailure, match="sends the whole object"):
        bucket.body(file, 4)
