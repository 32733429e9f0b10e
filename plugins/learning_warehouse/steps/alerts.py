"""Alerts: sent by Airflow's own notifiers, as ``include/alerts.toml`` names them.

Nobody, where that file says nothing. It is read when there is something to tell, so that the DAG
files cost nothing by it, and what is wrong with it, or with a notifier, fails no run. Knows who is
told; what is wrong, the steps say.
"""

from __future__ import annotations

import logging
import os
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import (
    SERVER_SAID,
    PermanentFailure,
    StepsFailed,
    TransientFailure,
    in_lines,
    unfold,
)
from learning_warehouse.limits import TASK
from learning_warehouse.places import settings_file

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

ALERTS = settings_file("alerts.toml")
FAILURE_KEY = "failure"
"""The XCom of a task that failed: its sentence."""

KINDS = ("failure", "rejects", "schema_change", "gap")


class NotConfigured(ValueError):
    """The file of alerts does not say who is to be told."""


class NotSent(Exception):
    """A notifier has failed; the text says nothing that it may keep secret."""


def alert(kind: str, sentence: str, context: Any) -> None:
    """Tell what is wrong, if the file says who is to be told.

    :param kind: one of ``KINDS``.
    :param sentence: what is wrong; a notifier's templates have it as ``alert``.
    :param context: the context of the task that tells.
    """
    try:
        notifier = _notifier(kind)
        if notifier is not None:
            context["alert"] = sentence
            notifier.notify = _discreet(notifier.notify)
            notifier(context)
    except Exception as error:
        log.warning(
            "The alert was not sent (%s): correct [%s] in %s; the run continues.",
            _without_address(error), kind, ALERTS,
        )  # fmt: skip


def tell_of_failure(context: Any) -> None:
    """What every task calls when it has failed for good.

    Leaves its sentence as an XCom for the summary, and says it last in the log, below Airflow's
    traceback. ``StepsFailed`` sends no alert: the failed steps have sent theirs.
    """
    failure, ti = context.get("exception"), context["ti"]
    if not isinstance(failure, StepsFailed):
        said = _sentence(failure)
        alert("failure", f"{ti.dag_id} {ti.run_id}: {ti.task_id} failed: {said}", context)
        ti.xcom_push(key=FAILURE_KEY, value=said)
    say_failure(context)


def say_failure(context: Any) -> None:
    """What every task calls when it is tried again: says why, last in the log."""
    failure = context.get("exception")
    if isinstance(failure, PermanentFailure | TransientFailure):
        unfold()
        log.error("%s", in_lines(_sentence(failure)))


def _sentence(failure: Any) -> str:
    """What an alert may say of it: only our own sentences are sure not to quote a row."""
    from airflow.providers.common.compat.sdk import AirflowTaskTimeout, redact

    if failure is None:
        return "it was killed: see its log."
    if isinstance(failure, AirflowTaskTimeout):
        return f"it took longer than its execution_timeout ({TASK}): see its log, then clear it."
    if meant := SERVER_SAID.get(getattr(failure, "sqlstate", None) or ""):
        return f"{meant}; then clear the task."
    if not isinstance(failure, PermanentFailure | TransientFailure):
        return f"{type(failure).__name__}: see its log."
    return str(redact(str(failure)))


def _discreet(notify: Callable[[Any], None]) -> Callable[[Any], None]:
    """A notifier's ``notify`` whose failures are fit for a log: Airflow writes them there, and they
    may hold the address of a webhook, which is a secret.
    """

    def notify_discreetly(context: Any) -> None:
        try:
            notify(context)
        except Exception as error:
            raise NotSent(_without_address(error)) from None

    return notify_discreetly


def _without_address(error: Exception) -> str:
    """What an error says, as far as it cannot quote an argument of a notifier."""
    kind = type(error).__name__
    if isinstance(error, NotSent):
        return str(error)
    if isinstance(error, NotConfigured | ImportError | AttributeError):
        return f"{kind}: {error}"
    if isinstance(error, OSError) and error.errno:
        return f"{kind}: {os.strerror(error.errno)}"
    return kind


def _notifier(kind: str) -> Any:
    """The notifier for a kind of alert, with its arguments; None where nobody is told."""
    import tomllib

    if not ALERTS.exists():
        return None
    configured = tomllib.loads(ALERTS.read_text())
    unknown = sorted(configured.keys() - set(KINDS))
    if unknown:
        raise NotConfigured(f"there is no alert {', '.join(unknown)}, only {', '.join(KINDS)}")
    arguments = configured.get(kind)
    if arguments is None:
        return None
    if not isinstance(arguments, dict) or "notifier" not in arguments:
        raise NotConfigured('it has no line notifier = "package.module.Class"')
    return resolve_name(arguments.pop("notifier"))(**arguments)
