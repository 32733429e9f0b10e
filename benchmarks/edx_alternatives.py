"""What else one could load tracking logs with, each as its documentation says.

``python -m benchmarks.edx_alternatives NAME FILE URL`` loads a file of lines into a new table, and
prints the seconds and the peak of memory as JSON, on the last line. Each has less to do than the
loader: the lines lie there unpacked, none is checked, mended, or told from one that is there
already, and no table has an index.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
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


def pandas_to_sql(path: Path, url: str) -> None:
    """``pandas.read_json`` and ``DataFrame.to_sql``, many rows an INSERT."""
    import pandas as pd
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import JSONB

    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
    types: Any = dict.fromkeys(JSON_FIELDS, JSONB) | {"time": sa.DateTime(timezone=True)}
    chunks = pd.read_json(path, lines=True, chunksize=10_000, dtype=False, convert_dates=["time"])
    for number, chunk in enumerate(chunks):
        chunk.to_sql(
            TABLE,
            engine,
            index=False,
            if_exists="append" if number else "replace",
            chunksize=1_000,
            method="multi",
            dtype=types,
        )


def s3_to_sql_operator(path: Path, url: str) -> None:
    """The amazon provider's S3ToSqlOperator, which downloads the object and inserts its rows.

    The object has the file's name.
    """
    import psycopg
    from airflow.providers.amazon.aws.transfers.s3_to_sql import S3ToSqlOperator

    with psycopg.connect(url) as conn:
        conn.execute(CREATE)
    operator = S3ToSqlOperator(
        task_id="load",
        s3_bucket=BUCKET,
        s3_key=path.name,
        table=TABLE,
        column_list=list(FIELDS),
        parser=_parsed,
        sql_conn_id="learning_warehouse",
        aws_conn_id="edx_tracking_logs",
    )
    ti: Any = SimpleNamespace()
    operator.execute({"ti": ti})


def _parsed(path: str) -> Iterator[tuple[Any, ...]]:
    with open(path, "rb") as lines:
        for line in lines:
            fields = json.loads(line)
            for name in JSON_FIELDS:
                fields[name] = json.dumps(fields[name])
            yield tuple(fields.get(name) for name in FIELDS)


def dlt(path: Path, url: str) -> None:
    """dlt's ``read_jsonl`` of a file into its postgres destination, nested values whole.

    It insists on a password, which the server does not ask for.
    """
    library: Any = importlib.import_module("dlt")
    filesystem: Any = importlib.import_module("dlt.sources.filesystem")
    folder = path.parent / "dlt"
    source = filesystem.filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name)
    rows = (source | filesystem.read_jsonl()).with_name(TABLE)
    rows.max_table_nesting = 0
    pipeline = library.pipeline(
        TABLE,
        pipelines_dir=str(folder),
        destination=library.destinations.postgres(url.replace("@", ":unused@", 1)),
        dataset_name="dlt",
        dev_mode=True,
    )
    pipeline.run(rows, write_disposition="replace").raise_on_failed_jobs()


ALTERNATIVES: dict[str, Callable[[Path, str], None]] = {
    "pandas_to_sql": pandas_to_sql,
    "s3_to_sql_operator": s3_to_sql_operator,
    "dlt": dlt,
}

IMPORTS = {
    "pandas_to_sql": ("pandas", "sqlalchemy", "psycopg2"),
    "s3_to_sql_operator": ("airflow.providers.amazon.aws.transfers.s3_to_sql", "psycopg"),
    "dlt": ("dlt", "dlt.sources.filesystem", "dlt.destinations", "psycopg2"),
}
"""What is imported before the clock starts."""


def main(name: str, path: Path, url: str) -> None:
    """Load the file, and print the figures."""
    for module in IMPORTS[name]:
        importlib.import_module(module)
    begun = time.perf_counter()
    ALTERNATIVES[name](path, url)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "peak_megabytes": megabytes("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
