"""What the DAG files have in common: which DAGs there are, how often their tasks are tried, and who
is told when one fails.

Read whenever Airflow parses a DAG file, so it looks at no connection, and what it reads is written
as ``airflow.cfg`` is: a parser of TOML would have to be imported first.
"""

from __future__ import annotations

from configparser import ConfigParser, Error
from datetime import timedelta
from pathlib import Path

from learning_warehouse.alerts import tell_of_failure

ORIGINS = Path(__file__).resolve().parents[2] / "include" / "origins.cfg"

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
    dags = _sections(path).get(source)
    if dags is None or not all(_is_id(name) for dag in dags.items() for name in dag):
        raise ValueError(
            f"{path} does not say from which connections {source} is loaded: write there, below "
            f"[{source}], a line 'DAG id = connection' for each, without quotes."
        )
    if len(set(dags.values())) < len(dags):
        raise ValueError(
            f"{path} names a connection of {source} twice, and two DAGs would load the same: leave "
            "one line for each."
        )
    return dags


def _sections(path: Path) -> dict[str, dict[str, str]]:
    parser = ConfigParser(interpolation=None, inline_comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(path.read_text(), source=str(path))
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: deploy include/ beside dags/ and plugins/.") from None
    except Error as fault:
        said = " ".join(str(fault).split())
        raise ValueError(
            f"{path} is not written as airflow.cfg is ({said}): mend that line."
        ) from None
    return {name: dict(section) for name, section in parser.items()}


def _is_id(text: str) -> bool:
    """Whether it may be the id of a DAG or of a connection."""
    return bool(text) and not set(text) & set(" \n\"'")
