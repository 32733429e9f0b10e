"""What a connection to the warehouse does about another side that is silent."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ASKED = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 6}


def test_neither_side_waits_for_hours_for_one_that_is_gone(warehouse: Connection) -> None:
    servers = {name: warehouse.execute(f"SHOW {name}".encode()).fetchone() for name in ASKED}
    with socket.socket(fileno=socket.dup(warehouse.fileno())) as ours:
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        kept = [ours.getsockopt(socket.IPPROTO_TCP, option) for option in options]
    assert servers == {name: {name: str(value)} for name, value in ASKED.items()}
    assert kept == list(ASKED.values())


def test_no_session_holds_others_up_for_ever(warehouse: Connection) -> None:
    limits = {
        "lock_timeout": "10min",
        "statement_timeout": "12h",
        "idle_in_transaction_session_timeout": "1h",
    }
    said = {name: warehouse.execute(f"SHOW {name}".encode()).fetchone() for name in limits}
    assert said == {name: {name: value} for name, value in limits.items()}
