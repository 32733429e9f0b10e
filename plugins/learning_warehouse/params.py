"""The Params that the trigger forms of all DAGs have, and the Params that a run may not have.

A Param has no title: its label in the form is its name, as logs and docs have it. Knows what a form
asks; what a step makes of it, the step knows.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Param

from learning_warehouse.days import days_of
from learning_warehouse.errors import PermanentFailure, unfold

if TYPE_CHECKING:
    from collections.abc import Mapping

REJECT_SHARE = 0.01
"""The share of a table's or a file's rows in a run that may be rejected without an alert."""

CONTRADICTIONS = (
    ("earliest", "first_day", "earliest loads from the very first day on"),
    ("replay_rejects", "earliest", "without days, replay_rejects reads all rejected lines"),
    ("replay_rejects", "reload", "reload reads the rejected lines of a log anyway"),
    ("name_events", "dry_run", "dry_run changes nothing"),
)
"""Pairs of Params that may not both be set, and why."""


def params() -> dict[str, Param]:
    """By name, for a DAG to add its own to."""
    return {
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The first UTC day to load. Empty: the day before the run's logical date, "
            "which is yesterday for a run that is triggered now.",
        ),
        "last_day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The last UTC day to load. Empty, with a first_day: yesterday.",
        ),
        "earliest": Param(
            False,
            type="boolean",
            description="Load everything there is up to last_day. Leave first_day empty.",
        ),
        "reload": Param(
            False,
            type="boolean",
            description="Load again what was loaded before. Only this may replace newer data with "
            "older.",
        ),
        "accept_shrink": Param(
            False,
            type="boolean",
            description="Load a file or day even if it loses more than half of its rows.",
        ),
        "reject_share": Param(
            REJECT_SHARE,
            type="number",
            minimum=0,
            maximum=1,
            description="Alert when more than this share of the rows of a table or of a file is "
            "rejected (0.01 is one in a hundred). Needs a [rejects] notifier in "
            "include/alerts.toml.",
        ),
    }


def refuse_wrong_params(context: Any) -> None:
    """Stop a run whose Params are unknown to its DAG, contradict each other or name impossible
    days: the ``pre_execute`` of each first task.

    :raises PermanentFailure: one sentence that says how to trigger the DAG.
    """
    if said := wrong_params(context):
        unfold()
        raise PermanentFailure(said)


def wrong_params(context: Any) -> str | None:
    """What is wrong with the Params of a run, in one sentence; None if nothing is."""
    try:
        _check(context["dag_run"].conf or {}, known=list(context["dag"].params))
        days_of(context)
    except PermanentFailure as wrong:
        return str(wrong)
    return None


def _check(given: Mapping[str, Any], *, known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise PermanentFailure(_unknown(name, known))
    for one, other, why in CONTRADICTIONS:
        if given.get(one) and given.get(other):
            raise PermanentFailure(
                f"The Params {one} and {other} contradict each other ({why}): trigger the DAG "
                "again with one of them."
            )


def _unknown(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"This DAG has no Param {name!r}" + (
        f": did you mean {nearest[0]!r}? Trigger it again with that."
        if nearest
        else f", only {', '.join(known)}: trigger it again with one of these."
    )
