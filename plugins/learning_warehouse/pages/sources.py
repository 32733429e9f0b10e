"""What the page has a row for: the datasets of each source, and what a day means for each kind.

Knows the registries of the sources; reads no warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from learning_warehouse.dag_files import origins
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.people import lists
from learning_warehouse.vocareum.files import REGISTRY

Kind = Literal["day", "snapshot", "file", "state", "log"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset, as the page looks at it.

    :param name: what its DAG's Param calls it.
    :param table: the table with its schema.
    :param kind: what a day of it is.
        ``day``: a UTC day that the newest report of it replaces.
        ``snapshot``: the day on which the vendor told the state as it was then.
        ``file``: a day that a dated file is of.
        ``state``: the day on which the vendor wrote a file of the state as it is.
        ``log``: the day in a tracking log's name.
    :param look_back: for ``file``, how many days before its own a scheduled run looks at.
    """

    name: str
    table: str
    kind: Kind
    look_back: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source and its DAGs.

    :param schema: the schema of its tables, and what ``include/origins.cfg`` calls it.
    :param param: the DAG's Param that chooses datasets; None where there is one only.
    :param dag_id: its only DAG, where ``include/origins.cfg`` has none.
    """

    title: str
    schema: str
    param: str | None
    datasets: tuple[Dataset, ...]
    dag_id: str = ""

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """Its DAGs, one for each connection that it is loaded from."""
        return (self.dag_id,) if self.dag_id else tuple(origins(self.schema))

    @property
    def tables(self) -> list[str]:
        """The tables of its datasets."""
        return [dataset.table for dataset in self.datasets]


def _kind_of_report(name: str) -> Kind:
    return "snapshot" if REPORTS[name].days is None else "day"


SOURCES = (
    Source(
        title="Vocareum",
        schema="vocareum",
        param="datasets",
        datasets=tuple(
            Dataset(
                name=files.dataset.name,
                table=files.dataset.table,
                kind="file" if files.dated else "state",
                look_back=files.look_back,
            )
            for files in REGISTRY
        ),
    ),
    Source(
        title="Echo360",
        schema="echo360",
        param="reports",
        datasets=tuple(
            Dataset(name=name, table=report.dataset.table, kind=_kind_of_report(name))
            for name, report in REPORTS.items()
        ),
    ),
    Source(
        title="edX",
        schema="edx",
        param=None,
        datasets=(Dataset(name=EVENTS.name, table=EVENTS.table, kind="log"),),
    ),
    Source(
        title="Lists",
        schema="people",
        param="datasets",
        datasets=tuple(
            Dataset(name=one.dataset.name, table=one.dataset.table, kind="state")
            for one in lists.REGISTRY
        ),
        dag_id="learning_activity",
    ),
)
