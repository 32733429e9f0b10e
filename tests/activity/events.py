"""Events of a user of one's own, and what the tables of activity say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learning_warehouse.activity.refreshing import refresh
from learning_warehouse.people.accounts import enter_accounts, match
from tests.edx import loading

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection


def bring_up_to_date(conn: Connection) -> None:
    """Do what the DAG does."""
    enter_accounts(conn)
    match(conn)
    refresh(conn)


def log(conn: Connection, lines: list[dict[str, Any]]) -> None:
    """Load lines of the user ada, in a log of their own."""
    content = b"\n".join(
        loading.line(n, **{"username": "ada", **line}) for n, line in enumerate(lines)
    )
    loading.load(conn, content, f"{lines}.log"[-40:])


def event(at: str, kind: str, **inside: Any) -> dict[str, Any]:
    """An event of the server's on 5 January 2026, or at a whole time."""
    return {
        "time": at if "T" in at else f"2026-01-05T{at}Z",
        "event_source": "server",
        "event_type": kind,
        "name": kind,
        "event": inside,
    }


def video(at: str, kind: str, **inside: Any) -> dict[str, Any]:
    """An event of a video."""
    return {**event(at, kind, id="v", **inside), "event_source": "browser"}
