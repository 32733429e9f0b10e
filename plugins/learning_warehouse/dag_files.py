"""What the DAG files have in common: which DAGs there are, how often their tasks are tried, and who
is told when one fails.

Read whenever Airflow parses a DAG file, so it looks at no connection.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from learning_warehouse.alerts import tell_of_failure

ORIGINS = Path(__file__).resolve().parents[2] / "include" / "origins.toml"

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
    try:
        dags = tomllib.loads(path.read_text()).get(source)
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: deploy include/ beside dags/ and plugins/.") from None
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path} is no TOML ({fault}): mend that line.") from None
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
