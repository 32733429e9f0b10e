"""What OpenLineage gets to know of a task, where Airflow's provider for it is installed.

Only that provider calls this, when a task is over. A staging table lives for minutes and is no
dataset: what a merge brought came from the objects that were staged. Knows names; reads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learning_warehouse.warehouse.connection import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def lineage(*, inputs: Iterable[Any] = (), outputs: Iterable[Any] = ()) -> Any:
    """What a task read and wrote, as the provider takes it."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=list(inputs), outputs=list(outputs))


def objects(uris: Iterable[str]) -> list[Any]:
    """Objects of a bucket, each once.

    :param uris: ``s3://bucket/key`` of each.
    """
    parts = [urlsplit(uri, allow_fragments=False) for uri in sorted(set(uris))]
    return [dataset(f"s3://{part.netloc}", part.path.removeprefix("/")) for part in parts]


def table(name: str, warehouse_conn_id: str) -> Any:
    """A table of the warehouse.

    :param name: with its schema.
    """
    where = parameters_of(warehouse_conn_id)
    return dataset(f"postgres://{where['host']}:{where['port']}", f"{where['dbname']}.{name}")


def dataset(namespace: str, name: str) -> Any:
    """A dataset, by the names that OpenLineage gives to its kind."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    return Dataset(namespace=namespace, name=name)
