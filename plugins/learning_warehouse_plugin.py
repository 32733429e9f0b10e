"""What the package registers with Airflow: the timetable."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from learning_warehouse.timetable import UTCDays


class LearningWarehousePlugin(AirflowPlugin):
    """Found by Airflow's plugin manager in every process."""

    name = "learning_warehouse"
    timetables = [UTCDays]  # noqa: RUF012
