"""The links on a task's page: to what it landed, to its lines of the ledger, to its requests.

A task says where its link leads; without an address the link does not show. On Airflow 3 its worker
requests the address when the task is over and keeps it as an XCom; on 2.11 the web server asks, and
the task has kept it. No address has a signature or a secret. What the ledger's links lead to is the
page of coverage, which Airflow 2 does not have: there they are left out.

Knows the page's address; knows nothing else of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airflow.providers.common.compat.sdk import BaseOperatorLink
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import BaseOperator, Context, TaskInstanceKey

PREFIX = "/learning_warehouse/coverage"
"""Where the page of coverage hangs at Airflow's API server."""

ADDRESS = f"{PREFIX.removeprefix('/')}/"
"""Without a slash before it an address counts from the UI's own, wherever a proxy has put that."""

FRAMED = f"{ADDRESS}open"
"""Leads on to the page inside Airflow's frame, with the same query."""

MOST_LINES = 50
"""How many lines of the ledger a link leads to: an address has an end."""


class _Link(BaseOperatorLink):
    """A link whose address its task says."""

    @property
    def xcom_key(self) -> str:
        """The XCom that holds the address."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """The address; empty where the task has said none."""
        if AIRFLOW_V_3_0_PLUS:
            said = vars(operator).get(self.xcom_key)
        else:
            from airflow.providers.common.compat.sdk import XCom

            said = XCom.get_value(ti_key=ti_key, key=self.xcom_key)
        return str(said or "")

    def say(self, operator: BaseOperator, context: Context, address: str) -> None:
        """Lead there from the page of the task that is being executed.

        :param address: where to; empty for nowhere.
        """
        if AIRFLOW_V_3_0_PLUS:
            vars(operator)[self.xcom_key] = address
        else:
            context["ti"].xcom_push(key=self.xcom_key, value=address)


class LandedObjects(_Link):
    """To what a task landed, in Amazon's console."""

    name = "Landed"


class LedgerLines(_Link):
    """To the lines of ``ops.delivery`` that a task handled."""

    name = "Ledger"

    def say_lines(
        self, operator: BaseOperator, context: Context, delivery_ids: Sequence[int]
    ) -> None:
        """Lead to these lines, to the first of them if they are many."""
        if delivery_ids:
            lines = [("delivery", str(line)) for line in delivery_ids[:MOST_LINES]]
            self.say(operator, context, f"{FRAMED}?{urlencode(lines)}#ledger")


class ReportRequests(_Link):
    """To the lines of ``ops.report_request`` that a task pursued."""

    name = "Requests"

    def say_requests(
        self, operator: BaseOperator, context: Context, *, run: str, report: str
    ) -> None:
        """Lead to the requests for a report that a run made or shares.

        :param run: as ``ops.report_request`` names it.
        """
        query = urlencode({"run": run, "report": report})
        self.say(operator, context, f"{FRAMED}?{query}#requests")


LANDED = LandedObjects()
LEDGER = LedgerLines()
REQUESTS = ReportRequests()


def shown(*links: _Link) -> tuple[Any, ...]:
    """Those of these links that lead somewhere on this version of Airflow."""
    return links if AIRFLOW_V_3_0_PLUS else tuple(link for link in links if link is LANDED)
