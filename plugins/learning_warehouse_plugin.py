"""What the package registers with Airflow: the timetable, the links on a task's page, and the pages
Coverage and Activity (Airflow 3).
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from learning_warehouse.activity_page import mount as activity
from learning_warehouse.coverage import mount as coverage
from learning_warehouse.steps.links import LANDED, LEDGER, REQUESTS
from learning_warehouse.timetable import UTCDays


class LearningWarehousePlugin(AirflowPlugin):
    """Found by Airflow's plugin manager in every process."""

    name = "learning_warehouse"
    timetables = [UTCDays]  # noqa: RUF012
    operator_extra_links = [LANDED, LEDGER, REQUESTS]  # noqa: RUF012
    fastapi_apps = [coverage.FASTAPI_APP, activity.FASTAPI_APP]  # noqa: RUF012
    external_views = [coverage.EXTERNAL_VIEW, activity.EXTERNAL_VIEW]  # noqa: RUF012
