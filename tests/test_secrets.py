"""What fails says what to do, and no secret with it: neither the log nor the exception has one.

Here nothing masks the log: what Airflow would cover with asterisks must not be there at all.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from include.sandbox.postgres import free_port
from include.sandbox.s3 import ASSET_BUCKET, SIGNATURE
from learning_warehouse.echo360.assets import open_asset
from learning_warehouse.echo360.hook import Echo360Hook, Refused
from learning_warehouse.echo360.report_request import ReportRequest
from learning_warehouse.edx import gpg
from learning_warehouse.errors import Failures
from learning_warehouse.landing import LandingZone
from learning_warehouse.vocareum.credentials import Credentials, account
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.vocareum.operators import (
    LandVocareumFilesOperator,
    VocareumCredentialsOperator,
)
from learning_warehouse.warehouse.connection import connect
from tests.conftest import context
from tests.echo360.runs import Run
from tests.edx.keys import new_owner
from tests.logins import PASSWORD, new_login
from tests.searching import forms
from tests.warehouse.roads import ENROLLMENT, load

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

SECRET = "hush-this/secret+with=odd%characters"
WEEK = {"start": "2026-01-05", "end": "2026-01-12"}
TALKATIVE = ("learning_warehouse", "urllib3", "requests", "botocore", "psycopg", "yoyo")


@pytest.fixture(autouse=True)
def known(sandbox: Sandbox, connections: dict[str, Any]) -> Iterator[None]:
    """The sandbox as nobody has asked it for anything."""
    sandbox.reset()
    yield
    sandbox.reset()


@pytest.fixture
def fails(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[], Any]], str]:
    """Do something that has to fail; gives the sentence, once no secret was found in what is said.

    Looked for are ``SECRET``, ``PASSWORD`` and the links' signature.
    """
    caplog.set_level(logging.INFO)
    for name in TALKATIVE:
        caplog.set_level(logging.DEBUG, name)

    def fail(do: Callable[[], Any]) -> str:
        with pytest.raises((AirflowException, Refused)) as failure:
            do()
        said = "".join(traceback.format_exception(failure.value)) + repr(failure.value)
        assert_silent(said + caplog.text)
        return str(failure.value)

    return fail


def assert_silent(said: str) -> None:
    """See that no secret is in what was said."""
    for secret in (SECRET, PASSWORD, SIGNATURE):
        assert not [form for form in forms(secret) if form in said.encode()]


@pytest.fixture
def configure(
    connections: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Change what a connection says."""

    def change(conn_id: str, **fields: Any) -> None:
        changed = {**connections.get(conn_id, {}), **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(changed))

    return change


class Parrot(ThreadingHTTPServer):
    """A server that answers with what it was sent, headers and all.

    :param status: with which it answers.
    """

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Repeat)
        self.status = status
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Repeat(BaseHTTPRequestHandler):
    server: Parrot

    def do_GET(self) -> None:
        """Answer with the headers and the body of the request."""
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        content = json.dumps({"path": self.path, "body": sent, **self.headers}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture(params=[200, 400, 401, 403, 404, 422, 500])
def parrot(request: pytest.FixtureRequest) -> Iterator[Parrot]:
    with Parrot(request.param) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask_vocareum() -> str:
    return VocareumCredentialsOperator(task_id="credentials").execute(context())


def echo360(token: str | None = None) -> Echo360Hook:
    hook = Echo360Hook(attempts=1)
    hook._token = token
    return hook


# --- Vocareum -------------------------------------------------------------------------------------


def test_a_vocareum_that_repeats_what_it_was_sent(
    parrot: Parrot, configure: Any, fails: Any
) -> None:
    configure("vocareum", host=parrot.url, password=SECRET)
    assert "Vocareum" in fails(ask_vocareum)


def test_a_wrong_token(configure: Any, fails: Any) -> None:
    configure("vocareum", password=SECRET)
    assert "refuses the token (Invalid Token)" in fails(ask_vocareum)


def test_no_vocareum(configure: Any, fails: Any) -> None:
    configure("vocareum", password=SECRET, host=f"http://127.0.0.1:{free_port()}")
    assert "does not answer at http://127.0.0.1" in fails(ask_vocareum)


def test_temporary_keys_that_are_refused(fails: Any) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for sealed in (
        Credentials("ASIANOBODY", SECRET, SECRET, later).seal("org123"),
        Credentials(SECRET, SECRET, SECRET, later).seal("org123"),
    ):
        land = LandVocareumFilesOperator(task_id="land", files=REGISTRY[0], credentials=sealed)
        said = fails(lambda land=land: land.execute(context()))
        assert "check the connection's extras bucket and org_id" in said


def test_a_vocareum_bucket_that_is_not_there(
    connections: dict[str, dict[str, Any]], configure: Any, fails: Any
) -> None:
    sealed = ask_vocareum()
    extra = {**connections["vocareum"]["extra"], "bucket": "no-such-bucket"}
    configure("vocareum", extra=extra)
    land = LandVocareumFilesOperator(task_id="land", files=REGISTRY[0], credentials=sealed)
    said = fails(lambda: land.execute(context()))
    assert "s3://no-such-bucket" in said
    assert "check the connection's extras bucket and org_id" in said


# --- Echo360 --------------------------------------------------------------------------------------


def test_an_echo360_that_repeats_what_it_was_sent(
    parrot: Parrot, configure: Any, fails: Any
) -> None:
    configure("echo360", host=parrot.url, password=SECRET)
    fails(lambda: echo360().reports())
    fails(lambda: echo360(SECRET).reports())
    fails(lambda: echo360(SECRET).requests())
    fails(lambda: echo360(SECRET).submit("videoview", WEEK, {}))


def test_a_wrong_client_secret(configure: Any, fails: Any) -> None:
    configure("echo360", password=SECRET)
    assert "check its login" in fails(lambda: echo360().reports())


def test_no_echo360(configure: Any, fails: Any) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    for host in (f"http://{nowhere}", f"http://client:{quote(SECRET, safe='')}@{nowhere}"):
        configure("echo360", host=host, password=SECRET)
        assert "cannot be reached at http://127" in fails(lambda: echo360().reports())
        assert echo360().origin == nowhere


def test_links_that_lead_nowhere(sandbox: Sandbox, fails: Any) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    for link in (
        f"{sandbox.s3_url}/{ASSET_BUCKET}/a.csv?Expires=99999999999&Signature={SECRET}",
        f"{nowhere}/a.csv?Signature={SECRET}",
        f"{nowhere}/a.csv?Signature={SECRET} \x01",
        f"http://no host/a.csv?Signature={SECRET}",
        f"http://user:{quote(SECRET, safe='')}@127.0.0.1:1/a.csv",
        f"ftp://127.0.0.1/a.csv?Signature={SECRET}",
    ):
        fails(lambda link=link: open_asset(link, ["127.0.0.1"]))


def test_links_that_are_refused_on_the_road(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole road of a report, to the task that cannot fetch it."""
    caplog.set_level(logging.INFO)
    sandbox.set_faults(echo360_build_seconds=0, bad_links=9)
    run = Run("refused", first_day="2026-01-05", last_day="2026-01-05").execute("videoview")
    said = run.failures["videoview.land"]
    assert "is refused (HTTP 403)" in said
    assert "check the worker's clock, and that no proxy" in said
    assert_silent(json.dumps(run.failures) + caplog.text)


def test_an_asset_that_breaks_off(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sandbox.set_faults(echo360_build_seconds=0, s3_cut=9)
    run = Run("cut", first_day="2026-01-05", last_day="2026-01-05").execute("videoview")
    assert "broke off" in run.failures["videoview.land"]
    assert_silent(json.dumps(run.failures) + caplog.text)


# --- buckets, the warehouse, gpg ------------------------------------------------------------------


def test_a_bucket_that_refuses_or_is_not_there(
    connections: dict[str, Any], configure: Any, fails: Any
) -> None:
    configure("landing_zone", login="NOBODY", password=SECRET)
    assert "check the keys" in fails(put)
    nowhere = {
        **connections["landing_zone"]["extra"],
        "endpoint_url": f"http://127.0.0.1:{free_port()}",
        "config_kwargs": {"retries": {"max_attempts": 0}},
        "aws_session_token": SECRET,
    }
    configure("landing_zone", password=SECRET, extra=nowhere)
    assert "S3 did not answer" in fails(put)


def put() -> None:
    LandingZone().put_stream("key", io.BytesIO(b"content"))


def test_a_warehouse_that_refuses_or_is_not_there(
    postgres: EmbeddedPostgres, configure: Any, fails: Any
) -> None:
    warehouse = {"login": new_login(postgres), "password": SECRET}
    configure("learning_warehouse", **warehouse)
    assert "password authentication failed" in fails(connect)
    for changed in (
        {"port": free_port()},
        {"host": "nobody.invalid"},
        {"schema": "nowhere"},
        {"extra": {"sslmode": "wrong"}},
    ):
        configure("learning_warehouse", **warehouse, **changed)
        assert "cannot be opened" in fails(connect)


def test_a_login_that_may_not_set_up_the_warehouse(
    postgres: EmbeddedPostgres, configure: Any, fails: Any
) -> None:
    login = new_login(postgres)
    configure("learning_warehouse", login=login, password=PASSWORD, schema="postgres")
    assert "may not set up the warehouse (permission denied for database" in fails(connect)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg here")
def test_keys_that_do_not_open(caplog: pytest.LogCaptureFixture, fails: Any) -> None:
    caplog.set_level(logging.INFO)
    fails(lambda: decrypt(b"anything", gpg.Key("edx_gpg", f"no key {SECRET}", SECRET)))
    for owner in new_owner("correct"):
        sealed = owner.seal(b"content")
        for content, key in (
            (sealed, gpg.Key("edx_gpg", owner.key.armoured, SECRET)),
            (b"no message", owner.key),
        ):
            with pytest.raises(gpg.Sealed) as failure:
                decrypt(content, key)
            said = "".join(traceback.format_exception(failure.value)) + caplog.text
            assert_silent(said)
            assert not any(line in said for line in owner.key.armoured.splitlines() if line)


def decrypt(sealed: bytes, key: gpg.Key) -> None:
    with gpg.opened(io.BytesIO(sealed), key) as message:
        message.finish()


# --- what is printed by mistake -------------------------------------------------------------------


def test_what_holds_secrets_does_not_show_them(configure: Any) -> None:
    configure("vocareum", password=SECRET)
    when = datetime.now(UTC)
    request = ReportRequest(
        request_id="a", status="", report="", parameters={}, created=when, links=(SECRET,)
    )
    for thing in (
        account("vocareum"),
        Credentials(SECRET, SECRET, SECRET, when.isoformat()),
        request,
        gpg.Key("edx_gpg", SECRET, SECRET),
    ):
        assert_silent(repr(thing))


def test_a_row_that_the_table_refuses_is_not_in_the_log(
    warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL quotes it, whole, in the message's other lines."""
    warehouse.execute("ALTER TABLE vocareum.enrollment ADD CHECK (name <> 'Hush')")
    content = b"userid,courseid,name\n1,2,Hush\n"
    with Failures().apart("staged 1"):
        load(warehouse, ENROLLMENT, content)
    assert "violates check constraint" in caplog.text
    assert "compare them with the table's constraints" in caplog.text
    assert "Hush" not in caplog.text
