"""Signed links: used as they are given, never shown whole, and followed over HTTP alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.request import Request

import pytest

from learning_warehouse.echo360.assets import LinkRefused, NoWayDown, open_asset
from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from tests.echo360.answers import Answers


def test_a_refused_link_is_named_without_its_query(echo360: Sandbox) -> None:
    link = f"{echo360.api_url}/public/api/v1/reporting/reports?Signature=abc"
    with pytest.raises(LinkRefused) as failure:
        open_asset(link)
    assert "abc" not in str(failure.value)


def test_a_link_is_http(echo360: Sandbox) -> None:
    with pytest.raises(PermanentFailure, match="no link over HTTP"):
        open_asset("file:///etc/passwd")


def test_a_link_is_sent_as_it_was_given_and_without_the_token(answers: Answers) -> None:
    target = "/a%2fb/c.csv.gz?Signature=x%2by%3d/z+~|'(*)!&Key=%7E"
    answers.bodies[target] = "rows"
    with open_asset(answers.url + target) as asset:
        assert asset.read() == b'"rows"'
    assert answers.asked == [(target, None)]


def test_a_link_leads_on_over_http_and_nowhere_else(answers: Answers) -> None:
    answers.bodies["/moved.csv"] = "rows"
    answers.leads_on = {"/near?Key=k": "/moved.csv", "/far?Key=k": "ftp://127.0.0.1/a.csv?Key=k"}
    with open_asset(f"{answers.url}/near?Key=k") as asset:
        assert asset.read() == b'"rows"'
    with pytest.raises(PermanentFailure, match=r"leads on to ftp://127\.0\.0\.1/a\.csv\?\.\.\."):
        open_asset(f"{answers.url}/far?Key=k")


@pytest.mark.parametrize(("target", "is_followed"), [("https", True), ("http", False)])
def test_a_link_over_https_leads_to_no_http(target: str, is_followed: bool) -> None:
    refused = pytest.raises(PermanentFailure, match="no https")
    expected: AbstractContextManager[Any] = nullcontext() if is_followed else refused
    with expected:
        NoWayDown().redirect_request(
            Request("https://a.example/b"), None, 302, "", {}, f"{target}://c.example/d"
        )
