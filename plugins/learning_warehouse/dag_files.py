"""What the DAG files have in common: which DAGs there are, how often their tasks are tried, who is
told when one fails, and how long is kept what is no longer needed.

Read whenever Airflow parses a DAG file, so it looks at no connection.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from learning_warehouse.alerts import tell_of_failure

INCLUDE = Path(__file__).resolve().parents[2] / "include"
ORIGINS = INCLUDE / "origins.toml"
RETENTION = INCLUDE / "retention.toml"
KEPT = ("staging", "rejected_rows", "landed_versions")

DEFAULT_ARGS = {
    "owner": "learning-analytics",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    "on_failure_callback": tell_of_failure,
}


def origins(source: str, *, path: Path = ORIGINS) -> dict[str, str]:
    """The DAGs of a source: their ids, and the connection that each loads from.

    :param source: ``vocareum``, ``echo360`` or ``edx``.
    :raises ValueError: the file does not say so.
    """
    dags = _read(path).get(source)
    if not isinstance(dags, dict) or not all(isinstance(conn_id, str) for conn_id in dags.values()):
        raise ValueError(
            f"{path} does not say from which connections {source} is loaded: write there, below "
            f"[{source}], a line 'DAG id = \"connection\"' for each."
        )
    if len(set(dags.values())) < len(dags):
        raise ValueError(
            f"{path} names a connection of {source} twice, and two DAGs would load the same: leave "
            "one line for each."
        )
    return dags


def retention(*, path: Path = RETENTION) -> dict[str, int]:
    """For how many days is kept what is no longer needed; what is not named is kept for ever.

    :raises ValueError: the file does not say so.
    """
    days = _read(path).get("days")
    if (
        not isinstance(days, dict)
        or not days.keys() <= set(KEPT)
        or not all(type(number) is int and number > 0 for number in days.values())
    ):
        raise ValueError(
            f"{path} does not say for how many days to keep what: write there, below [days], lines "
            f"such as 'staging = 2' for {', '.join(KEPT)}; what has no line is kept for ever."
        )
    return days


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: deploy include/ beside dags/ and plugins/.") from None
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path} is no TOML ({fault}): mend that line.") from None
