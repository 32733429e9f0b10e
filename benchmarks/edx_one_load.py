"""Loads the new tars of a bucket once, as the DAG's tasks do, and measures it.

``python -m benchmarks.edx_one_load`` prints its figures as JSON, on the last line. The lanes run
side by side in processes of their own, as Airflow's tasks do; this one has imported for them what
the other ways to load a tar have imported before their clock starts: Airflow, boto3 and psycopg.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

import psycopg  # noqa: F401
from airflow.providers.amazon.aws.hooks import s3  # noqa: F401
from airflow.providers.common.compat.sdk import AirflowSkipException

from benchmarks.one_load import megabytes
from learning_warehouse.conn_ids import EDX_CONN_ID
from learning_warehouse.edx.logs import EVENTS, logs_of
from learning_warehouse.edx.operators import EdxLogTarOperator, lane_names
from learning_warehouse.steps.loading import LoadOperator

LANES = 2
DAYS = {"first_day": "2011-01-01", "last_day": "2026-11-01"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one load took. Of the lanes, which run at once, the longest counts."""

    unpack_seconds: float
    load_seconds: float
    seconds: float
    peak_megabytes: float


def measure() -> Load:
    """Execute the tasks ``unpack`` and ``load`` by hand."""
    lanes: dict[str, list[int]] = {}
    begun = time.perf_counter()
    with suppress(AirflowSkipException):  # Nothing is new.
        EdxLogTarOperator(task_id="unpack", lanes=LANES).execute(_context(lanes))
    unpacked = time.perf_counter()
    peaks = [megabytes("VmHWM")]
    loads = [0.0]
    ids = [lanes[name] for name in lane_names(LANES) if lanes[name]]
    if ids:
        with ProcessPoolExecutor(LANES, mp_context=get_context("fork")) as pool:
            for seconds, peak in pool.map(_load, ids):
                loads.append(seconds)
                peaks.append(peak)
    return Load(
        unpack_seconds=unpacked - begun,
        load_seconds=max(loads),
        seconds=time.perf_counter() - begun,
        peak_megabytes=max(peaks),
    )


def _load(deliveries: list[int]) -> tuple[float, float]:
    """:returns: the seconds of a lane's load, and the megabytes of its peak."""
    begun = time.perf_counter()
    reader = logs_of(EDX_CONN_ID)
    load = LoadOperator(task_id="load", dataset=EVENTS, deliveries=deliveries, reader=reader)
    load.execute(_context({}))
    return time.perf_counter() - begun, megabytes("VmHWM")


def _context(pushed: dict[str, list[int]]) -> Any:
    return {
        "params": DAYS,
        "ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value})),
        "dag_run": SimpleNamespace(dag_id="bench", run_id="one"),
        "outlet_events": defaultdict(SimpleNamespace),
    }


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
