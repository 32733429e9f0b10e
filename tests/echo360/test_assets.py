"""Signed links: used as they are given, never shown whole, and followed over HTTP alone."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.request import Request

import pytest

from learning_warehouse.echo360 import assets
from learning_warehouse.echo360.assets import LinkRefused, NoWayDown, open_asset
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.errors import PermanentFailure, TransientFailure
from tests.echo360.answers import configure

HERE = frozenset({"127.0.0.1"})
"""The host of the servers of these tests."""

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from tests.echo360.answers import Answers


def test_a_refused_link_is_named_without_its_query(echo360: Sandbox) -> None:
    link = f"{echo360.api_url}/public/api/v1/reporting/reports?Signature=abc"
    with pytest.raises(LinkRefused) as failure:
        open_asset(link, HERE)
    assert "abc" not in str(failure.value)


@pytest.mark.parametrize("link", ["file:///etc/passwd", "FILE:///etc/passwd", "data:,rows"])
def test_a_link_is_http(link: str) -> None:
    with pytest.raises(PermanentFailure, match="not an HTTP link"):
        open_asset(link, HERE)


def test_a_link_is_sent_as_it_was_given_and_without_the_token(answers: Answers) -> None:
    target = "/a%2fb/c.csv.gz?Signature=x%2by%3d/z+~|'(*)!&Key=%7E"
    answers.bodies[target] = "rows"
    with open_asset(answers.url + target, HERE) as asset:
        assert asset.read() == b'"rows"'
    assert answers.asked == [(target, None)]


def test_a_link_leads_on_over_http_and_nowhere_else(answers: Answers) -> None:
    answers.bodies["/moved.csv"] = "rows"
    answers.leads_on = {"/near?Key=k": "/moved.csv", "/far?Key=k": "ftp://127.0.0.1/a.csv?Key=k"}
    with open_asset(f"{answers.url}/near?Key=k", HERE) as asset:
        assert asset.read() == b'"rows"'
    with pytest.raises(PermanentFailure, match=r"redirects to ftp://127\.0\.0\.1/a\.csv\?\.\.\."):
        open_asset(f"{answers.url}/far?Key=k", HERE)


@pytest.mark.parametrize(("target", "is_followed"), [("https", True), ("http", False)])
def test_a_link_over_https_leads_to_no_http(target: str, is_followed: bool) -> None:
    refused = pytest.raises(PermanentFailure, match="not https")
    expected: AbstractContextManager[Any] = nullcontext() if is_followed else refused
    with expected:
        NoWayDown().redirect_request(
            Request("https://a.example/b"), io.BytesIO(), 302, "", {}, f"{target}://c.example/d"
        )


@pytest.mark.parametrize(
    ("peer", "is_inside"),
    [
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("10.1.2.3", True),
        ("100.64.0.1", True),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("52.92.0.1", False),
        ("2600:1fa0::1", False),
    ],
)
def test_which_addresses_are_inside(peer: str, is_inside: bool) -> None:
    assert assets._is_inside(peer) == is_inside


def test_no_link_leads_inside_but_to_hosts_that_are_named(answers: Answers) -> None:
    """By the address that answers, at each redirect: a name may mean any."""
    answers.bodies["/a.csv"] = "rows"
    inside = answers.url.replace("127.0.0.1", "localhost")
    answers.leads_on["/on"] = f"{inside}/a.csv"
    for link, named in ((f"{inside}/a.csv", HERE), (f"{answers.url}/on", HERE)):
        with pytest.raises(PermanentFailure, match=r"localhost, whose address .* allowed_hosts"):
            open_asset(link, named)
        with open_asset(link, {"localhost", *HERE}) as asset:
            assert asset.read() == b'"rows"'
    assert [path for path, _ in answers.asked] == ["/a.csv", "/on", "/on", "/a.csv"]


def test_behind_a_proxy_the_proxy_decides(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.bodies["http://10.1.2.3/a.csv"] = "rows"
    monkeypatch.setenv("http_proxy", answers.url)
    monkeypatch.setenv("no_proxy", "")
    with open_asset("http://10.1.2.3/a.csv", ()) as asset:
        assert asset.read() == b'"rows"'


def test_hosts_that_links_may_lead_to(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Echo360Hook().trusted_hosts == HERE
    for given in ("s3.vpc.example, b.example", ["s3.vpc.example", "b.example"]):
        configure(monkeypatch, host="https://echo360.org/", extra={"allowed_hosts": given})
        named = {"echo360.org", "s3.vpc.example", "b.example"}
        assert Echo360Hook().trusted_hosts == named


def test_the_body_of_a_redirect_is_not_read(answers: Answers) -> None:
    """It was read whole into memory."""
    answers.bodies["/a.csv"] = "rows"
    answers.leads_on["/on"] = "/a.csv"
    answers.long_redirect = True
    with open_asset(f"{answers.url}/on", HERE) as asset:
        assert asset.read() == b'"rows"'
    assert answers.redirect_sent < 50_000_000


def test_headers_that_do_not_end(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then outlasts every time-out; all together never ended."""
    monkeypatch.setattr(assets, "LONGEST", 0.5)
    answers.drips = True
    with pytest.raises(TransientFailure, match="cannot be fetched"):
        open_asset(f"{answers.url}/a.csv", HERE)


def test_a_body_that_does_not_end(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "LONGEST", 0.5)
    answers.drips_body = True
    with (
        open_asset(f"{answers.url}/a.csv", HERE) as asset,
        pytest.raises(TransientFailure, match="took longer than"),
    ):
        asset.read()
