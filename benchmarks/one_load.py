"""Loads one delivery, as the DAG's task does, and measures it.

``python -m benchmarks.one_load TABLE DELIVERY_ID`` prints its figures as JSON, on the last line. It
is a process of its own, for a process's peak of memory never falls.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one load took; ``growth_megabytes`` is since it began."""

    seconds: float
    peak_megabytes: float
    growth_megabytes: float


def measure(table: str, delivery_id: int) -> Load:
    """Execute the task ``load`` by hand."""
    from airflow.providers.amazon.aws.hooks import s3  # noqa: F401

    from learning_warehouse.echo360.reports import REPORTS
    from learning_warehouse.echo360.staging import assets_of
    from learning_warehouse.steps.loading import LoadOperator, landed
    from learning_warehouse.vocareum.files import REGISTRY

    readers = {f.dataset.table: (f.dataset, landed(f.dataset)) for f in REGISTRY}
    readers |= {r.dataset.table: (r.dataset, assets_of(r)) for r in REPORTS.values()}
    dataset, reader = readers[table]
    context: Any = {
        "params": {},
        "ti": SimpleNamespace(xcom_push=lambda key, value: None),
        "dag_run": SimpleNamespace(dag_id="bench", run_id="one"),
        "outlet_events": defaultdict(SimpleNamespace),
    }
    load = LoadOperator(task_id="load", dataset=dataset, deliveries=[delivery_id], reader=reader)
    before = megabytes("VmRSS")
    begun = time.perf_counter()
    load.execute(context)
    seconds = time.perf_counter() - begun
    peak = megabytes("VmHWM")
    return Load(seconds=seconds, peak_megabytes=peak, growth_megabytes=peak - before)


def megabytes(what: str) -> float:
    """A figure of this process's memory as Linux has it.

    Not ``getrusage``: its peak begins with that of the process which started this one.
    """
    found = re.search(rf"^{what}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], int(sys.argv[2])))))
