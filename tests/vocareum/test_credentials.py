"""The credentials in every shape in which Vocareum may hand them out, and how they are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

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


def test_they_are_sealed_for_xcom() -> None:
    credentials = Credentials("key-id", "secret-key", "session-token", AN_HOUR_LESS_FIVE_MINUTES)
    sealed = credentials.seal()
    assert not any(secret in sealed for secret in ("key-id", "secret-key", "session-token"))
    assert Credentials.unseal(sealed) == credentials
