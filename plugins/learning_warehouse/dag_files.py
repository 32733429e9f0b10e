"""What the DAG files have in common: which DAGs there are, how often their tasks are tried, and who
is told when one fails.

Read whenever Airflow parses a DAG file, so it looks at no connection, and what it reads is written
as ``airflow.cfg`` is: a parser of TOML would have to be imported first.
"""

from __future__ import annotations

import re
from configparser import Error, RawConfigParser
from datetime import timedelta
from typing import TYPE_CHECKING

from learning_warehouse.limits import TASK
from learning_warehouse.places import settings_file
from learning_warehouse.steps.alerts import say_failure, tell_of_failure

if TYPE_CHECKING:
    from pathlib import Path

ORIGINS = settings_file("origins.cfg")
ID = re.compile(r"[\w#!().:/\\-]+")
"""What Airflow allows in the id of a connection."""

DEFAULT_ARGS = {
    "owner": "learning-analytics",
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    "execution_timeout": TASK,
    "on_retry_callback": say_failure,
    "on_failure_callback": tell_of_failure,
}


def origins(source: str, *, path: Path = ORIGINS) -> dict[str, str]:
    """The DAGs of a source: their ids, and the connection that each loads from.

    :param source: ``vocareum``, ``echo360`` or ``edx``.
    :raises ValueError: the file does not say so.
    """
    parser = RawConfigParser(default_section="", inline_comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(path.read_text("utf-8-sig"), source=str(path))
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing: deploy include/ beside dags/ and plugins/, or what "
            "make package builds."
        ) from None
    except (Error, UnicodeDecodeError) as fault:
        said = " ".join(str(fault).split())
        raise ValueError(
            f"{path} is not written as airflow.cfg is, in UTF-8 ({said}): correct that line."
        ) from None
    dags = dict(parser[source]) if parser.has_section(source) else None
    if dags is None or not all(ID.fullmatch(name) for dag in dags.items() for name in dag):
        raise ValueError(
            f"{path} does not say from which connections {source} is loaded: below [{source}], "
            "write a line 'DAG id = connection' for each, without quotes or indentation; what "
            "follows a # is a comment."
        )
    if len(set(dags.values())) < len(dags):
        raise ValueError(
            f"{path} names a connection of {source} twice, so two DAGs would load the same data: "
            "keep one line for each."
        )
    return dags
