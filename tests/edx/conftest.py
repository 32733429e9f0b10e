"""A bucket for each test of the road from edX's bucket, and a warehouse for those of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import open_database
from tests.edx.bucket import Bucket

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection


@pytest.fixture
def bucket(sandbox: Sandbox) -> Bucket:
    """A bucket of the test's own."""
    return Bucket(sandbox.client())


@pytest.fixture(scope="module")
def shared_warehouse(
    postgres: EmbeddedPostgres, request: pytest.FixtureRequest
) -> Iterator[Connection]:
    """An open warehouse of the module's own; each test finds its own lines by their delivery."""
    name = request.module.__name__.replace(".", "_")
    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}" TEMPLATE empty_warehouse')
    with closing(open_database(postgres, name)) as conn:
        yield conn
