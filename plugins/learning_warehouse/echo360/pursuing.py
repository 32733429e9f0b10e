"""How a run goes through the protocol: with its Params, and under its name.

Knows a run's context, which the protocol does not; decides nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learning_warehouse.steps.loading import run_name

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.echo360.progress import Progress
    from learning_warehouse.echo360.reports import Report


def pursue(
    context: Context,
    report: Report,
    windows: list[dict[str, str]],
    *,
    echo360_conn_id: str,
    warehouse_conn_id: str,
    **how: Any,
) -> Progress:
    """Go through the protocol once for a run, with its Params.

    :param windows: as ``plan`` cut them, each with the token of that plan.
    :param how: what else :func:`~learning_warehouse.echo360.protocol.advance` is told.
    """
    from learning_warehouse.echo360.hook import Echo360Hook
    from learning_warehouse.echo360.protocol import OUTPUT, advance
    from learning_warehouse.echo360.windows import Window

    given = context["params"]
    return advance(
        Echo360Hook(echo360_conn_id),
        report,
        [Window.from_json(window) for window in windows],
        run=run_name(context),
        plan=windows[0].get("plan"),
        reload=bool(given.get("reload")),
        output={option: given.get(option, default) for option, default in OUTPUT.items()},
        warehouse_conn_id=warehouse_conn_id,
        **how,
    )
