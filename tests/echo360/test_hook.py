"""The hook against the sandbox's HTTP: the token, bounds, and one sentence for each failure."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.postgres import free_port
from learning_warehouse.answers import Answer, said_by
from learning_warehouse.echo360.hook import (
    Echo360Hook,
    OutcomeUnknown,
    Refused,
    _origin,
)
from learning_warehouse.errors import PermanentFailure, TransientFailure
from tests.certificates import self_signed, tls_with
from tests.echo360.answers import Answers, configure

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox

WEEK = {"start": "2026-01-05", "end": "2026-01-12"}


def test_reports_requests_and_a_request(echo360: Sandbox) -> None:
    hook = Echo360Hook()
    assert {"videoview", "asset"} <= hook.reports().keys()
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


# --- answers that the document leaves open --------------------------------------------------------


def listed(request_id: str) -> dict[str, Any]:
    return {
        "requestId": request_id,
        "status": "Pending",
        "reportName": "videoview",
        "parameters": WEEK,
        "created": "2026-01-14T00:00:00.000Z",
    }


REPORTING = "/public/api/v1/reporting"


def test_all_pages_of_the_listing_are_read_once(answers: Answers) -> None:
    first, second = f"{REPORTING}/requests", f"{REPORTING}/requests?page=2"
    answers.bodies[first] = {"data": [listed("a")], "has_more": True, "next": "?page=2"}
    answers.bodies[second] = {"requests": [listed("b")], "has_more": True, "next": first}
    assert [r.request_id for r in Echo360Hook().requests()] == ["a", "b"]
    assert [path for path, _ in answers.asked[1:]] == [first, second]


def test_a_listing_that_hides_its_next_page_is_not_read(answers: Answers) -> None:
    """What is not on the first page may still be there: nothing may be submitted on its account."""
    answers.bodies[f"{REPORTING}/requests"] = {"requests": [listed("a")], "has_more": True}
    with pytest.raises(TransientFailure, match="does not say where"):
        Echo360Hook().requests()


def test_a_listing_that_leads_on_and_tells_nothing_new_is_left(answers: Answers) -> None:
    """Its addresses grew, page by page, for a thousand pages."""
    for page in range(20):
        path = f"{REPORTING}/requests" if page == 0 else f"{REPORTING}/{'0M/' * page}"
        answers.bodies[path] = {"requests": [listed("a")], "has_more": True, "next": "0M/"}
    with pytest.raises(TransientFailure, match="does not end"):
        Echo360Hook().requests()
    assert len(answers.asked) == 13, "the token, the page that had something, and eleven more"


def test_the_token_is_not_sent_to_another_host(answers: Answers) -> None:
    page = {"requests": [listed("a")], "has_more": True, "next": "http://elsewhere.example/"}
    answers.bodies[f"{REPORTING}/requests"] = page
    with pytest.raises(PermanentFailure, match=r"elsewhere\.example"):
        Echo360Hook().requests()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://echo360.org/a", "https://ECHO360.org:443/b", True),
        ("http://echo360.org:80/a", "http://echo360.org/b", True),
        ("https://echo360.org/a", "http://echo360.org:443/b", False),
        ("https://echo360.org/a", "https://echo360.org:8443/b", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, is_same: bool) -> None:
    assert (_origin(one) == _origin(other)) == is_same


def test_the_plural_path_of_a_request_is_remembered(answers: Answers) -> None:
    answers.bodies[f"{REPORTING}/requests/a"] = listed("a")
    hook = Echo360Hook()
    for _ in range(2):
        told = hook.request("a")
        assert told is not None
    asked = [path.removeprefix(REPORTING) for path, _ in answers.asked[1:]]
    assert asked == ["/request/a", "/requests/a", "/requests/a"]


@pytest.mark.parametrize("wrapped", ["reports", "data", None])
def test_the_reports_and_what_they_require(answers: Answers, wrapped: str | None) -> None:
    start = {"name": "start", "datatype": "date", "required": True}
    zone = {"name": "zone", "datatype": "text", "required": False}
    listed = [{"name": "asset", "parameters": []}, {"name": "notes", "parameters": [start, zone]}]
    answers.bodies[f"{REPORTING}/reports"] = {wrapped: listed} if wrapped else listed
    assert Echo360Hook().reports() == {"asset": [], "notes": ["start"]}


def test_a_listing_of_reports_that_is_none(answers: Answers) -> None:
    answers.bodies[f"{REPORTING}/reports"] = {"message": "hello"}
    with pytest.raises(TransientFailure, match="cannot be understood"):
        Echo360Hook().reports()


@pytest.mark.parametrize("read", [True, False], ids=["after it was read", "before it was sent"])
def test_a_submission_that_tls_breaks_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read: bool
) -> None:
    """A broken record may come after the submission has arrived: that is not "never sent"."""
    certificate = self_signed(tmp_path)
    with Answers() as server:
        server.socket = tls_with(certificate).wrap_socket(server.socket, server_side=True)
        server.breaks_off = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configure(monkeypatch, host=f"https://localhost:{server.server_port}")
        if read:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        hook = Echo360Hook(attempts=1)
        monkeypatch.setattr(hook, "_token", "token")
        with pytest.raises(TransientFailure) as failure:
            hook.submit("videoview", WEEK, {})
        server.shutdown()
    assert isinstance(failure.value, OutcomeUnknown) == read


@pytest.mark.parametrize("what", ["a redirect", "headers"])
def test_one_deadline_for_a_whole_exchange(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The body of a redirect was read whole, and headers could come for ever."""
    monkeypatch.setattr("learning_warehouse.answers.LONGEST", 1.0)
    hook = Echo360Hook(attempts=1)
    monkeypatch.setattr(hook, "_token", "token")
    path = f"{REPORTING}/reports"
    answers.leads_on[path], answers.long_redirect = "/elsewhere", what == "a redirect"
    answers.drips = what == "headers"
    with pytest.raises(TransientFailure, match=r"HTTP 302|does not end within"):
        hook.reports()
    assert answers.redirect_sent < 50_000_000
    assert [path for path, _ in answers.asked] == [path], "no token is sent where it leads"


@pytest.mark.parametrize(
    ("body", "is_said"),
    [
        ({"message": "start and end: 7 days at most"}, "start and end: 7 days at most"),
        ({"error": {"code": "TooMany", "details": "echo360-secret"}}, "TooMany"),
        ({"message": "a b", "secret": "echo360-secret"}, "a b"),
        ({"message": "you sent ab/cd"}, ""),
        ({"message": "you sent ab\\/cd"}, ""),
        ({"message": "you sent ab%2fcd"}, ""),
        ({"message": "you sent ab&#47;cd"}, ""),
        ({"message": "you sent YWIvY2Q="}, ""),
        ({"message": "you sent eGFiL2Nk"}, ""),
        ({"message": "you sent 61622f6364"}, ""),
        ({"message": "you sent " + "x" * 25}, ""),
        ({"text": "anything"}, ""),
        (["anything"], ""),
    ],
)
def test_what_is_repeated_of_an_answer(body: Any, is_said: str) -> None:
    """Its whole text was, with a secret in it that was spelled in another way than it was sent."""
    answer = Answer(400, {}, json.dumps(body).encode())
    assert said_by(answer, ["ab/cd", "echo360-secret"]) == is_said
