"""Guards that nothing else would miss: each was taken away by hand, and some test must fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import redact
from psycopg.errors import ReadOnlySqlTransaction

from include.sandbox.stack import write_for_oneself
from learning_warehouse.coverage.asked import Asked, Choice
from learning_warehouse.coverage.reading import read_page
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.edx import gpg
from learning_warehouse.errors import TransientFailure
from learning_warehouse.pages.readers import open_loader, open_reader
from learning_warehouse.pages.sources import SOURCES
from learning_warehouse.vocareum.bucket import VocareumBucket
from learning_warehouse.vocareum.credentials import Credentials, account, request_credentials
from tests.certificates import self_signed, tls_with
from tests.echo360.answers import Answers
from tests.warehouse.roads import ENROLLMENT, VIDEOVIEW, delivered

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

REPORTS = "/public/api/v1/reporting/reports"
S3_LABS = "/api/v2/orgs/1/s3_labs"


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """A server that both vendors' connections point to."""
    with Answers() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configure(monkeypatch, server.url)
        yield server
        server.shutdown()


def configure(monkeypatch: pytest.MonkeyPatch, host: str, **extra: Any) -> None:
    fields = {"conn_type": "http", "host": host, "login": "client", "password": "hush-hush"}
    monkeypatch.setenv("AIRFLOW_CONN_ECHO360", json.dumps(fields))
    more = {"org_id": "1", **extra}
    monkeypatch.setenv("AIRFLOW_CONN_VOCAREUM", json.dumps({**fields, "extra": more}))


def test_no_token_is_sent_to_where_an_answer_leads(vendor: Answers) -> None:
    vendor.leads_on = {REPORTS: "/elsewhere", S3_LABS: "/elsewhere"}
    with pytest.raises(TransientFailure, match="HTTP 302"):
        Echo360Hook(attempts=1).reports()
    with pytest.raises(TransientFailure, match="not JSON"):
        request_credentials(account("vocareum"))
    assert "/elsewhere" not in [path for path, _ in vendor.asked]


def test_no_netrc_of_a_worker_takes_a_tokens_place(
    vendor: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password theirs\n")
    monkeypatch.setenv("NETRC", str(netrc))
    vendor.bodies[REPORTS] = [{"name": "asset"}]
    assert Echo360Hook().reports() == {"asset": []}
    assert [sent for _, sent in vendor.asked] == [None, "Bearer token"]


def test_secrets_are_masked_as_soon_as_they_are_known(vendor: Answers) -> None:
    """In the log of a task; what is not told of is not masked, as the first look shows."""
    secrets = [token_hex(12) for _ in range(7)]
    token, *rest = secrets
    keys = dict(zip(("AccessKeyId", "SecretAccessKey", "SessionToken"), rest, strict=False))
    vendor.bodies["/oauth2/access_token"] = {"access_token": token}
    vendor.bodies[S3_LABS] = keys
    vendor.bodies[REPORTS] = [{"name": "asset"}]
    assert [redact(f"it is {secret} here") for secret in secrets] == [
        f"it is {secret} here" for secret in secrets
    ]
    Echo360Hook().reports()
    request_credentials(account("vocareum"))
    later = datetime(2036, 1, 5, tzinfo=UTC).isoformat()
    sealed = Credentials(*rest[3:], later).seal("org1")
    Credentials.unseal(sealed, "org1")
    assert {redact(f"it is {secret} here") for secret in [*secrets, "hush-hush"]} == {
        "it is *** here"
    }


def test_the_private_key_and_its_passphrase_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"private_key": "a-private-key"}
    fields = {"conn_type": "generic", "password": "a-passphrase", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_EDX_GPG", json.dumps(fields))
    assert gpg.key_of() is not None
    assert redact("a-private-key, a-passphrase") == "***, ***"


def test_vocareums_bucket_proves_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with Answers() as server:
        certificate = self_signed(tmp_path)
        server.socket = tls_with(certificate).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"https://localhost:{server.server_port}"
        configure(monkeypatch, "https://vendor.example", endpoint_url=address)
        later = datetime(2036, 1, 5, tzinfo=UTC).isoformat()
        bucket = VocareumBucket(account("vocareum"), Credentials("a", "b", "c", later))
        with pytest.raises(TransientFailure, match="its certificate is not trusted"):
            list(bucket.files("org1/"))
        server.shutdown()
    assert server.asked == []


def test_what_make_up_writes_of_secrets_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "connections.json"
    path.write_text("of before, for anybody")
    path.chmod(0o644)
    write_for_oneself(path, {"password": "hush"})
    assert json.loads(path.read_text()) == {"password": "hush"}
    assert path.stat().st_mode & 0o777 == 0o600


# --- the page of coverage -------------------------------------------------------------------------


def test_the_page_cannot_write(connections: dict[str, Any], warehouse: Connection) -> None:
    delivered(warehouse, ENROLLMENT, 1)
    for opened in (open_loader, open_reader):
        with closing(opened()) as conn, pytest.raises(ReadOnlySqlTransaction):
            conn.execute("DELETE FROM ops.delivery")


def test_the_page_tells_of_no_source_but_those_that_one_may_read(
    connections: dict[str, Any], warehouse: Connection
) -> None:
    theirs = delivered(warehouse, ENROLLMENT, 1).delivery_id
    mine = delivered(warehouse, VIDEOVIEW, 1, name="videoview", days=None).delivery_id
    warehouse.execute(
        "INSERT INTO ops.rejected_row (delivery_id, _row, raw, reason) "
        "SELECT delivery_id, 1, 'raw', 'reason' FROM ops.delivery"
    )
    warehouse.execute(
        "INSERT INTO ops.schema_change (dataset, origin, header, change) "
        "SELECT dataset, origin, 'header', 'new' FROM ops.delivery"
    )
    (echo360,) = (source for source in SOURCES if source.schema == "echo360")
    asked = Asked(
        choice=Choice(),
        cell=("", "", ""),
        deliveries=(theirs, mine),
        requests=("", ""),
        texts=False,
    )
    page = read_page([echo360], asked, now=datetime.now(UTC))
    assert [line["delivery_id"] for line in page["lines"]] == [mine]
    assert "vocareum" not in str({name: page[name] for name in page if name != "sources"})


def test_who_may_see_one_dag_of_a_source_does_not_see_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether they may, Airflow is asked of each DAG by its id."""
    from fastapi import HTTPException

    from learning_warehouse.pages import guard

    asked: list[tuple[str, str]] = []

    def requires(method: str, *, param_dag_id: str) -> Any:
        def check(request: Any, user: Any) -> None:
            asked.append((method, param_dag_id))
            if param_dag_id == "theirs":
                raise HTTPException(403)

        return check

    monkeypatch.setattr(guard, "requires_access_dag", requires)
    may: Any = guard._may
    source = SimpleNamespace(dag_ids=("mine", "theirs"))
    assert not may("GET", source, None, None)
    assert may("PUT", SimpleNamespace(dag_ids=("mine",)), None, None)
    assert not may("GET", SimpleNamespace(dag_ids=()), None, None)
    assert asked == [("GET", "mine"), ("GET", "theirs"), ("PUT", "mine")]
