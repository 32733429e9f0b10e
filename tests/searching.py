"""Looks for secrets in what runs leave behind: databases, a bucket, files.

Databases and buckets are written out as the bytes that they are made of; grep goes through it all.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DEPTH = 3
"""How often JSON may lie in JSON as text."""

TABLES = """
    SELECT nspname, relname
    FROM pg_class INNER JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
"""


def dump_database(url: str, folder: Path) -> None:
    """Write out all rows of all tables, in a form that escapes nothing."""
    folder.mkdir()
    with psycopg.connect(url) as conn:
        for table in conn.execute(TABLES).fetchall():
            copy = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(*table))
            with (folder / ".".join(table)).open("wb") as out, conn.cursor().copy(copy) as rows:
                for block in rows:
                    out.write(block)


def dump_bucket(client: Any, bucket: str, folder: Path) -> None:
    """Write out all objects with their keys and metadata, and gunzipped as well."""
    folder.mkdir()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [listed["Key"] for page in pages for listed in page.get("Contents", ())]
    for number, key in enumerate(keys):
        found = client.get_object(Bucket=bucket, Key=key)
        content = found.pop("Body").read()
        with (folder / str(number)).open("wb") as out:
            out.write(f"{key}\n{json.dumps(found, default=str)}\n".encode())
            out.write(content)
            if content.startswith(b"\x1f\x8b"):
                out.write(gzip.decompress(content))


def leaks(secrets: Iterable[str], *places: Path) -> dict[str, set[str]]:
    """Which secrets lie in which files, in whatever form.

    :param places: files and folders.
    :returns: the name of each file in which something was found, and what.
    """
    wanted = {form: secret for secret in secrets for form in forms(secret)}
    done = subprocess.run(
        ["grep", "-raHoF", "--null", "-f", "-", "--", *map(str, places)],
        input=b"\n".join(wanted),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        path, _, form = line.partition(b"\0")
        found.setdefault(path.decode().rpartition("/")[2], set()).add(wanted[form])
    return found


def forms(secret: str) -> set[bytes]:
    """A secret as it is, base64-encoded wherever it begins, URL-encoded and JSON-escaped."""
    texts = [secret, quote(secret, safe=""), quote_plus(secret)]
    for escape in (True, False):
        text = secret
        for _ in range(DEPTH):
            text = json.dumps(text, ensure_ascii=escape)[1:-1]
            texts.append(text)
    return {*(text.encode() for text in texts), *_in_base64(secret.encode())}


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """What of its encoding does not depend on the text before and after it."""
    for before in range(3):
        first, last = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        encoded = b64encode(bytes(before) + secret)[first:last]
        yield encoded
        yield encoded.translate(bytes.maketrans(b"+/", b"-_"))
