"""The credentials in every shape in which Vocareum may hand them out, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.vocareum.credentials import Credentials, find_credentials

ASKED = datetime(2026, 1, 5, 12, tzinfo=UTC)
AN_HOUR_LESS_FIVE_MINUTES = "2026-01-05T12:55:00+00:00"


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "s3_labs": [{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S",
                                           "AWS_SESSION_TOKEN": "T"}], "total_records": 1},
        {"access_key_id": "A", "secret_access_key": "S", "session_token": "T"},
        {"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}},
        [{"access-key-id": "A"}, {"awsAccessKeyId": "A", "awsSecretAccessKey": "S",
                                  "awsSessionToken": "T"}],
    ],
)  # fmt: skip
def test_every_shape(body: Any) -> None:
    assert find_credentials(body, ASKED) == Credentials("A", "S", "T", AN_HOUR_LESS_FIVE_MINUTES)


def test_a_given_expiry_is_believed() -> None:
    body = {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T",
            "Expiration": "2026-01-05T12:30:00Z"}  # fmt: skip
    assert find_credentials(body, ASKED).expires_at == "2026-01-05T12:30:00+00:00"


@pytest.mark.parametrize(
    "body",
    [
        {"AccessKeyId": "A", "other": {"SecretAccessKey": "hush", "SessionToken": "T"}},
        {"error": {"message": "hush"}},
        "hush",
        7,
    ],
)
def test_keys_that_are_not_together_are_named_without_their_values(body: Any) -> None:
    with pytest.raises(PermanentFailure, match="its keys are") as refused:
        find_credentials(body, ASKED)
    assert "hush" not in str(refused.value)


def test_a_long_life_is_not_believed() -> None:
    """What is sealed of them in XCom must not open the bucket for years."""
    body = {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T",
            "Expiration": "2036-01-05T12:30:00Z"}  # fmt: skip
    assert find_credentials(body, ASKED).expires_at == "2026-01-05T13:00:00+00:00"


def test_a_key_of_the_answer_may_be_a_secret() -> None:
    with pytest.raises(PermanentFailure, match="its keys are token_type:") as refused:
        find_credentials({"token_type": "x", "hush-hush/1": "x", "hush" * 20: "x"}, ASKED)
    assert "hush" not in str(refused.value)


CREDENTIALS = Credentials("key-id", "secret-key", "session-token", AN_HOUR_LESS_FIVE_MINUTES)


def test_they_are_sealed_for_xcom() -> None:
    sealed = CREDENTIALS.seal("org123")
    assert not any(secret in sealed for secret in ("key-id", "secret-key", "session-token"))
    assert Credentials.unseal(sealed, "org123") == CREDENTIALS


def test_they_are_not_sealed_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = CREDENTIALS.seal("org123")
    fernet_is(monkeypatch, "")
    with pytest.raises(PermanentFailure, match="has no Fernet key"):
        CREDENTIALS.seal("org123")
    with pytest.raises(PermanentFailure, match="has no Fernet key"):
        Credentials.unseal(sealed, "org123")


def test_what_was_sealed_with_another_key_or_for_another_org(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealed = CREDENTIALS.seal("org123")
    with pytest.raises(PermanentFailure, match=r"are for org123.*org12: clear the task"):
        Credentials.unseal(sealed, "org12")
    fernet_is(monkeypatch, Fernet.generate_key().decode())
    with pytest.raises(PermanentFailure, match="replaced since: clear the task 'credentials'"):
        Credentials.unseal(sealed, "org123")


def fernet_is(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Give Airflow another key."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
    get_fernet.cache_clear()


@pytest.fixture(autouse=True)
def forget_fernet() -> Iterator[None]:
    yield
    get_fernet.cache_clear()
