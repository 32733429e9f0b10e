"""What OpenLineage is told, asked for as its provider asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.vocareum.operators import LandVocareumFilesOperator
from tests.conftest import context
from tests.vocareum.conftest import BUCKET, DAYS, ENROLLMENT, HEADER, bucket, credentials, put

__all__ = ["bucket"]

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox

pytest.importorskip(
    "airflow.providers.openlineage",
    reason="Airflow's provider for OpenLineage is not installed: it is no requirement.",
)


def told(operator: Any) -> tuple[list[str], list[str]]:
    """The datasets that an operator read and wrote, once it is over."""
    from airflow.providers.openlineage.extractors.base import DefaultExtractor

    found = DefaultExtractor(operator).extract_on_complete(None)
    inputs, outputs = (
        [f"{d.namespace} {d.name}" for d in side] for side in (found.inputs, found.outputs)
    )
    return inputs, outputs


def test_a_file_from_the_vendor_to_its_table(
    bucket: Any, sandbox: Sandbox, connections: dict[str, Any]
) -> None:
    key = "org123/enrollment/course1/enrollment.csv"
    put(bucket, key, HEADER + b"1,1,student,Al,a@b\n")
    dataset = ENROLLMENT.dataset
    land = LandVocareumFilesOperator(task_id="land", files=ENROLLMENT, credentials=credentials())
    assert told(land) == ([], [])
    deliveries = land.execute(context(**DAYS))
    inputs, landed = told(land)
    assert inputs == [f"s3://{BUCKET} {key}"]
    assert landed[0].startswith(f"s3://landing-zone vocareum/enrollment/{key}/")

    load = LoadOperator(task_id="load", dataset=dataset, deliveries=deliveries)
    assert told(load) == ([], [])
    load.execute(context())
    where = connections["learning_warehouse"]
    server = f"postgres://{where['host']}:{where['port']}"
    assert told(load) == (landed, [f"{server} {where['schema']}.vocareum.enrollment"])
