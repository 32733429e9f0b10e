"""What else one could load a tar of tracking logs on S3 with, each as its documentation says.

``python -m benchmarks.edx_alternatives NAME KEY URL`` loads the tar into a new table, and prints
the seconds and the peak of memory as JSON, on the last line. Each has less to do than the loader:
no line is checked, repaired, or compared with those that are there already, and no table has an
index.
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from tempfile import NamedTemporaryFile
from types import SimpleNamespace
from typing import Any

from benchmarks.one_load import megabytes

BUCKET = "course-data"

FIELDS = (
    "username", "ip", "agent", "host", "referer", "accept_language", "time", "page",
    "event_source", "event_type", "name", "session", "event", "context",
)  # fmt: skip
JSON_FIELDS = ("event", "context")

TABLE = "alternative"
CREATE = (
    f"DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} (username text, ip text, agent text, "
    "host text, referer text, accept_language text, time timestamptz, page text, "
    "event_source text, event_type text, name text, session text, event jsonb, context jsonb)"
)


def pandas_to_sql(key: str, url: str) -> None:
    """``pandas.read_json`` and ``DataFrame.to_sql``, ten thousand lines at a time."""
    import pandas as pd
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import JSONB

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
    types: Any = dict.fromkeys(JSON_FIELDS, JSONB) | {"time": sa.DateTime(timezone=True)}
    with _connection(url) as conn:
        conn.execute(CREATE)
    for log in _downloaded_logs(key):
        chunks = pd.read_json(
            log, lines=True, chunksize=10_000, dtype=False, convert_dates=["time"]
        )
        for chunk in chunks:
            chunk.to_sql(TABLE, engine, index=False, if_exists="append", dtype=types)


def s3_to_sql_operator(key: str, url: str) -> None:
    """The amazon provider's S3ToSqlOperator, which downloads the object and inserts its rows."""
    from airflow.providers.amazon.aws.transfers.s3_to_sql import S3ToSqlOperator

    with _connection(url) as conn:
        conn.execute(CREATE)
    operator = S3ToSqlOperator(
        task_id="load",
        s3_bucket=BUCKET,
        s3_key=key,
        table=TABLE,
        column_list=list(FIELDS),
        parser=_parsed,
        sql_conn_id="learning_warehouse",
        aws_conn_id="edx_tracking_logs",
    )
    ti: Any = SimpleNamespace()
    operator.execute({"ti": ti})


def _parsed(path: str) -> Iterator[tuple[Any, ...]]:
    for log in _logs(path):
        for line in log:
            fields = json.loads(line)
            for name in JSON_FIELDS:
                fields[name] = json.dumps(fields[name])
            yield tuple(fields.get(name) for name in FIELDS)


def dlt(key: str, url: str) -> None:
    """A dlt resource of the tar's lines into its postgres destination, nested values whole.

    It insists on a password, which the server does not need.
    """
    library: Any = importlib.import_module("dlt")

    def rows() -> Iterator[list[Any]]:
        for log in _downloaded_logs(key):
            while lines := log.readlines(1_000_000):
                yield [json.loads(line) for line in lines]

    pipeline = library.pipeline(
        TABLE,
        destination=library.destinations.postgres(url.replace("@", ":unused@", 1)),
        dataset_name="dlt",
    )
    resource = library.resource(rows, name=TABLE, max_table_nesting=0)
    pipeline.run(resource(), write_disposition="append").raise_on_failed_jobs()


def _connection(url: str) -> Any:
    import psycopg

    return psycopg.connect(url)


def _downloaded_logs(key: str) -> Iterator[Any]:
    import boto3

    with NamedTemporaryFile(suffix=".tar") as file:
        boto3.client("s3").download_fileobj(BUCKET, key, file)
        file.flush()
        yield from _logs(file.name)


def _logs(path: str) -> Iterator[Any]:
    """The logs of a tar, unpacked."""
    with tarfile.open(path) as tar:
        for member in tar:
            yield gzip.GzipFile(fileobj=tar.extractfile(member))


ALTERNATIVES: dict[str, Callable[[str, str], None]] = {
    "pandas_to_sql": pandas_to_sql,
    "s3_to_sql_operator": s3_to_sql_operator,
    "dlt": dlt,
}

IMPORTS = {
    "pandas_to_sql": ("boto3", "pandas", "sqlalchemy", "psycopg", "psycopg2"),
    "s3_to_sql_operator": ("airflow.providers.amazon.aws.transfers.s3_to_sql", "psycopg"),
    "dlt": ("boto3", "dlt", "dlt.destinations", "psycopg2"),
}
"""What is imported before the clock starts."""


def main(name: str, key: str, url: str) -> None:
    """Load the tar, and print the figures."""
    for module in IMPORTS[name]:
        importlib.import_module(module)
    begun = time.perf_counter()
    ALTERNATIVES[name](key, url)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "peak_megabytes": megabytes("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
