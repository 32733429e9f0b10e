"""The Params that the trigger forms of all DAGs have.

Knows what a form asks; what a step makes of it, the step knows.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param

REJECT_SHARE = 0.01
"""The share of a table's rows in a run that may be rejected without an alert."""


def params() -> dict[str, Param]:
    """By name, for a DAG to add its own to."""
    return {
        "first_day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First day",
            description="First UTC day to load. Empty: the run's own day; for a run by hand, "
            "yesterday.",
        ),
        "last_day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last day",
            description="Last UTC day to load, included. Empty with a first day: yesterday.",
        ),
        "earliest": Param(
            False,
            type="boolean",
            title="From the earliest day",
            description="Instead of a first day: load everything there is up to the last day.",
        ),
        "reload": Param(
            False,
            type="boolean",
            title="Load again",
            description="Load again what was loaded before; an older state may then take the place "
            "of a newer one.",
        ),
        "accept_shrink": Param(
            False,
            type="boolean",
            title="Accept a shrinking day or file",
            description="Load a delivery even if a day or file loses more than half of its rows.",
        ),
        "reject_share": Param(
            REJECT_SHARE,
            type="number",
            minimum=0,
            maximum=1,
            title="Share of rejected rows",
            description="Tell of a table of which a larger share of the run's rows was rejected.",
        ),
    }
