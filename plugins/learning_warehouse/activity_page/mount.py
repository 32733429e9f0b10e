"""Where the page hangs in Airflow 3's UI."""

from __future__ import annotations

from learning_warehouse.pages.mount import mounted

FASTAPI_APP, EXTERNAL_VIEW = mounted(
    "Activity", "/learning_warehouse/activity", "learning_warehouse.activity_page.app"
)
