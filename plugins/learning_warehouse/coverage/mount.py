"""Where the page hangs in Airflow 3's UI."""

from __future__ import annotations

from learning_warehouse.pages.mount import mounted
from learning_warehouse.steps.links import PREFIX

FASTAPI_APP, EXTERNAL_VIEW = mounted("Coverage", PREFIX, "learning_warehouse.coverage.app")
