"""What the package registers with Airflow: the timetable, the links on a task's page, and the page
of coverage (Airflow 3).
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from learning_warehouse.coverage.mount import EXTERNAL_VIEW, FASTAPI_APP
from learning_warehouse.steps.links import LANDED, LEDGER, REQUESTS
from learning_warehouse.timetable import UTCDays


class LearningWarehousePlugin(AirflowPlugin):
    """Found by Airflow's plugin manager in every process."""

    name = "learning_warehouse"
    timetables = [UTCDays]  # noqa: RUF012
    operator_extra_links = [LANDED, LEDGER, REQUESTS]  # noqa: RUF012
    fastapi_apps = [FASTAPI_APP]  # noqa: RUF012
    external_views = [EXTERNAL_VIEW]  # noqa: RUF012
