"""The search for secrets finds what is there."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.searching import dump_bucket, dump_database, leaks

if TYPE_CHECKING:
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox

SECRET = 'correct horse/"battery"+äöü='
PLANTED = {
    "plain": f"password={SECRET};",
    "URL-encoded": "https://example.org/?" + urlencode({"a": SECRET, "b": "c"}),
    "JSON": json.dumps({"extra": SECRET}),
    "JSON in JSON": json.dumps({"extra": json.dumps({"password": SECRET})}),
    **{
        f"base64 after {before} characters": base64.b64encode(
            f"{'u' * before}:{SECRET}:".encode()
        ).decode()
        for before in range(3)
    },
    "URL-safe base64": base64.urlsafe_b64encode(f"?>~{SECRET}".encode()).decode(),
}


@pytest.mark.parametrize("form", PLANTED)
def test_in_a_log(tmp_path: Path, form: str) -> None:
    (tmp_path / "clean.log").write_text("[INFO] nothing\n")
    (tmp_path / "task.log").write_text(f"[INFO] {PLANTED[form]}\n")
    assert leaks([SECRET], tmp_path) == {"task.log": {SECRET}}


@pytest.mark.parametrize("form", PLANTED)
def test_in_a_database(postgres: EmbeddedPostgres, tmp_path: Path, form: str) -> None:
    url = postgres.url("looked_through")
    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS looked_through")
        conn.execute("CREATE DATABASE looked_through")
    with psycopg.connect(url) as conn:
        for kind in ("text", "bytea", "jsonb"):
            conn.execute(f'CREATE TABLE "in {kind}" (id integer, value {kind})'.encode())
        given = PLANTED[form]
        conn.execute('INSERT INTO "in text" VALUES (1, %s)', [given])
        conn.execute('INSERT INTO "in bytea" VALUES (1, %s)', [given.encode()])
        conn.execute('INSERT INTO "in jsonb" VALUES (1, to_jsonb(%s::text))', [given])
    dump_database(url, tmp_path / "database")
    found = leaks([SECRET], tmp_path)
    assert found == {f"public.in {kind}": {SECRET} for kind in ("text", "bytea", "jsonb")}


def test_in_a_bucket(sandbox: Sandbox, tmp_path: Path) -> None:
    """In an object, a gzipped one, its key and its metadata."""
    client: Any = sandbox.client()
    bucket = f"looked-through-{secrets.token_hex(6)}"
    client.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    plain = "correct-horse-battery"
    for key, body, metadata in (
        ("1", plain.encode(), {}),
        ("2", gzip.compress(plain.encode()), {}),
        (f"3/{plain}", b"", {}),
        ("4", b"", {"made-with": plain}),
        ("5", b"nothing", {}),
    ):
        client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
    dump_bucket(client, bucket, tmp_path / "bucket")
    assert leaks([plain], tmp_path) == {name: {plain} for name in "0123"}
