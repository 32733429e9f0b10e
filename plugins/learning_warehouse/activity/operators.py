"""The task that keeps the tables of activity current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, Asset, BaseOperator

from learning_warehouse.activity.refreshing import TABLES, refresh
from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class RefreshActivityOperator(BaseOperator):
    """Computes the days again that changed since this was last done, in all tables of activity.

    XCom: how many days, counted for each source and origin. Where none changed, the task ends
    skipped and there is no event of the tables' assets.
    """

    def __init__(self, *, warehouse_conn_id: str = WAREHOUSE_CONN_ID, **kwargs: Any) -> None:
        tables = sorted({table for tables in TABLES.values() for table in tables})
        super().__init__(outlets=[Asset(f"activity.{table}") for table in tables], **kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> int:
        """Compute what is due."""
        with connect(self.warehouse_conn_id) as conn:
            days = refresh(conn)
        if not days:
            raise AirflowSkipException("No day changed.")
        return days
