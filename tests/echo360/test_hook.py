"""The hook against the sandbox's HTTP: the token, bounds, and one sentence for each failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.postgres import free_port
from learning_warehouse.echo360.hook import Echo360Hook, LinkRefused, OutcomeUnknown, Refused
from learning_warehouse.errors import PermanentFailure, TransientFailure

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox

WEEK = {"start": "2026-01-05", "end": "2026-01-12"}


def configure(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    fields = {"conn_type": "http", "login": "echo360-client", "password": "echo360-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_ECHO360", json.dumps({**fields, **changes}))


def test_reports_requests_and_a_request(echo360: Sandbox) -> None:
    hook = Echo360Hook()
    assert {"videoview", "asset"} <= hook.reports()
    submitted = hook.submit("videoview", WEEK, {"compression": True, "delimiter": ","})
    assert submitted.status == "Pending"
    assert [r.request_id for r in hook.requests()] == [submitted.request_id]
    told = hook.request(submitted.request_id)
    assert told is not None
    assert told.parameters == WEEK
    assert hook.request("00000000-0000-0000-0000-000000000000") is None
    assert echo360.counts()["echo360 access_token"] == 1


def test_the_origin_is_the_host(echo360: Sandbox) -> None:
    assert Echo360Hook().origin == echo360.api_url.removeprefix("http://")


def test_a_401_is_met_with_one_new_token(echo360: Sandbox) -> None:
    hook = Echo360Hook()
    echo360.set_faults(api_401=1)
    assert hook.reports()
    assert echo360.counts()["echo360 access_token"] == 2


def test_a_token_that_stays_refused_fails_with_a_sentence(echo360: Sandbox) -> None:
    echo360.set_faults(api_401=9)
    with pytest.raises(PermanentFailure, match="reporting API") as failure:
        Echo360Hook().reports()
    assert "echo360-secret" not in str(failure.value)
    assert echo360.counts()["echo360 access_token"] == 2


def test_a_429_is_waited_out(echo360: Sandbox) -> None:
    echo360.set_faults(api_429=1)
    assert Echo360Hook(longest_pause=0.01).reports()


def test_a_429_that_stays_is_given_back_to_the_retries(echo360: Sandbox) -> None:
    echo360.set_faults(api_429=9)
    with pytest.raises(TransientFailure, match="HTTP 429"):
        Echo360Hook(attempts=3, longest_pause=0.01).reports()


def test_a_submission_is_refused_or_unknown(echo360: Sandbox) -> None:
    hook = Echo360Hook()
    with pytest.raises(Refused) as refusal:
        hook.submit("videoview", {"start": "2026-01-01", "end": "2026-02-01"}, {})
    assert (refusal.value.status, "7 days" in refusal.value.text) == (400, True)
    echo360.set_faults(submit_500_before=1)
    with pytest.raises(OutcomeUnknown):
        hook.submit("videoview", WEEK, {})


def test_wrong_credentials(echo360: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, host=echo360.api_url, password="not-the-secret")
    with pytest.raises(PermanentFailure, match="check its login") as failure:
        Echo360Hook().reports()
    assert "not-the-secret" not in str(failure.value)


def test_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ECHO360", raising=False)
    with pytest.raises(PermanentFailure, match="There is no Airflow connection 'echo360_absent'"):
        Echo360Hook("echo360_absent").reports()


def test_an_incomplete_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, host="https://echo360.org", password="")
    with pytest.raises(PermanentFailure, match="incomplete"):
        Echo360Hook().reports()


def test_an_unreachable_host(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, host=f"http://127.0.0.1:{free_port()}")
    hook = Echo360Hook(attempts=2, longest_pause=0.01)
    with pytest.raises(TransientFailure, match="cannot be reached at http://127") as failure:
        hook.submit("videoview", WEEK, {})
    assert not isinstance(failure.value, OutcomeUnknown)


def test_a_refused_link_is_named_without_its_query(echo360: Sandbox) -> None:
    link = f"{echo360.api_url}/public/api/v1/reporting/reports?Signature=abc"
    with pytest.raises(LinkRefused) as failure:
        Echo360Hook().open_asset(link)
    assert "abc" not in str(failure.value)


def test_a_link_is_http(echo360: Sandbox) -> None:
    with pytest.raises(PermanentFailure, match="no link over HTTP"):
        Echo360Hook().open_asset("file:///etc/passwd")
