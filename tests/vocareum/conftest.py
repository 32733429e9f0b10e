"""The vendor's bucket, and the road from it to the warehouse, executed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.vocareum.operators import (
    LandVocareumFilesOperator,
    VocareumCredentialsOperator,
)
from tests.conftest import context, run_load

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox

FILES = {files.dataset.name: files for files in REGISTRY}
LAB_SESSIONS, ENROLLMENT = FILES["lab_sessions"], FILES["enrollment"]
BUCKET = "vocareum-us-west-2-lab-analytics"
DAYS = {"first_day": "2026-01-05", "last_day": "2026-01-06"}
HEADER = b"userid,courseid,role,name,email\n"


@pytest.fixture(autouse=True)
def bucket(sandbox: Sandbox, connections: dict[str, Any]) -> Any:
    """The vendor's bucket, empty, and nothing wrong."""
    sandbox.reset()
    client = sandbox.client()
    empty(client)
    return client


def empty(client: Any) -> None:
    """Take away what others have put into the vendor's bucket."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for listed in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=listed["Key"])


def credentials() -> str:
    """The vendor's credentials for the bucket, sealed."""
    return VocareumCredentialsOperator(task_id="credentials").execute(context())


def land(files: Any = ENROLLMENT, *, sealed: str | None = None, **params: Any) -> list[int]:
    """The files that are new."""
    operator = LandVocareumFilesOperator(
        task_id="land", files=files, credentials=sealed or credentials()
    )
    given = context(**{**DAYS, **params})
    try:
        operator.execute(given)
    except AirflowSkipException:
        if "return_value" not in given["ti"].pushed:
            raise
    due: list[int] = given["ti"].pushed["return_value"]
    return due


def load(
    files: Any = ENROLLMENT, *, sealed: str | None = None, **params: Any
) -> list[dict[str, Any]]:
    """The whole road."""
    deliveries = land(files, sealed=sealed, **params)
    if not deliveries:
        return []
    operator = LoadOperator(task_id="load", dataset=files.dataset, deliveries=deliveries)
    return run_load(operator, **params)


def put(client: Any, key: str, content: bytes) -> None:
    """Write a file as Vocareum would."""
    client.put_object(Bucket=BUCKET, Key=key, Body=content)
