"""The connection to the warehouse: opened from Airflow's, with its tables in place.

Knows libpq and TLS; knows no table.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.limits import IDLE, LOCK, TASK, milliseconds
from learning_warehouse.tls import is_local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    Connection = psycopg.Connection[dict[str, Any]]

log = logging.getLogger(__name__)


ALIVE: dict[str, Any] = {
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 120_000,
}
"""When libpq treats the connection as lost: after a minute of silence it sends a probe every ten
seconds, six times; data must be acknowledged within two minutes (in milliseconds). The server gets
the same settings: by default it would keep the locks of a lost worker for two hours."""


LIMITS = (
    f"-c lock_timeout={milliseconds(LOCK)} -c statement_timeout={milliseconds(TASK)} "
    f"-c idle_in_transaction_session_timeout={milliseconds(IDLE)}"
)
"""Settings of a session that loads."""


def connect(conn_id: str = WAREHOUSE_CONN_ID) -> Connection:
    """Open the warehouse and bring its tables up to date.

    :param conn_id: an Airflow connection of type ``postgres``.
    :returns: a psycopg 3 connection in autocommit mode (a step opens its transactions itself),
        whose rows are dicts, in UTC.
    :raises PermanentFailure: the connection is not configured, or the server is too old.
    :raises TransientFailure: the server does not answer.
    """
    return open_warehouse(parameters_of(conn_id), called=f"connection '{conn_id}'")


@contextmanager
def connected(conn_id: str = WAREHOUSE_CONN_ID) -> Iterator[Callable[[], Connection]]:
    """The warehouse for one piece of work after another: what it gives opens it as :func:`connect`
    does, once, and again only where a piece has left the connection broken.
    """
    opened: Connection | None = None

    def open_one() -> Connection:
        nonlocal opened
        if opened is None or opened.closed:
            opened = connect(conn_id)
        return opened

    try:
        yield open_one
    finally:
        if opened is not None:
            opened.close()


def connect_to_read(conn_id: str = WAREHOUSE_CONN_ID) -> Connection:
    """Open the warehouse as it is: its tables stay as they are, and nothing can be written.

    What is read in one transaction is as it was at its beginning.

    :param conn_id: an Airflow connection of type ``postgres``.
    :returns: a connection as :func:`connect` gives it, for somebody who waits: the server has ten
        seconds to answer it, and each statement.
    :raises PermanentFailure: the connection is not configured.
    :raises TransientFailure: the server does not answer.
    """
    from psycopg import IsolationLevel

    conn = _open(
        parameters_of(conn_id),
        called=f"connection '{conn_id}'",
        patience=10,
        # The connection's own read_only is one of the transactions that are begun by BEGIN.
        settings="-c statement_timeout=10s -c default_transaction_read_only=on",
    )
    conn.isolation_level = IsolationLevel.REPEATABLE_READ
    return conn


def is_configured(conn_id: str) -> bool:
    """Whether Airflow has a connection of that id."""
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True


def parameters_of(conn_id: str) -> dict[str, Any]:
    """What an Airflow connection says, for libpq.

    :raises PermanentFailure: it is not configured.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        configured = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise PermanentFailure(
            f"There is no Airflow connection '{conn_id}': add one of type postgres that points to "
            "the warehouse (Admin, Connections)."
        ) from None
    said = {k: v for k, v in configured.extra_dejson.items() if k.startswith(("ssl", "target_"))}
    return {
        "host": configured.host,
        "port": configured.port or 5432,
        "dbname": configured.schema or "postgres",
        "user": configured.login,
        "password": configured.password,
        **(said if is_local(configured.host) else _over_a_network(conn_id, said)),
    }


def _over_a_network(conn_id: str, said: dict[str, Any]) -> dict[str, Any]:
    """libpq's settings for TLS: the server must prove its identity, unless the connection chooses.

    :param said: what the connection's extra says of it.
    """
    chosen = said.get("sslmode") or os.environ.get("PGSSLMODE")
    if not chosen:
        from requests.utils import DEFAULT_CA_BUNDLE_PATH

        authorities = os.environ.get("PGSSLROOTCERT") or DEFAULT_CA_BUNDLE_PATH
        return {"sslmode": "verify-full", "sslrootcert": authorities, **said}
    if not str(chosen).startswith("verify-"):
        log.warning(
            "The connection '%s' goes to the warehouse with sslmode %s: others on the network can "
            "pose as the server, and read and change the data; use verify-full, and name the file "
            "of its CA in the extra sslrootcert.", conn_id, chosen,
        )  # fmt: skip
    return said


def open_warehouse(parameters: dict[str, Any], *, called: str) -> Connection:
    """Open the warehouse that libpq ``parameters`` point to, and migrate it.

    :param called: how a sentence names where the parameters come from.
    :raises PermanentFailure: the server refuses the login or is older than PostgreSQL 16.
    :raises TransientFailure: the server does not answer.
    """
    from learning_warehouse.warehouse.migrations import migrate

    conn = _open(parameters, called=called, patience=30, settings=LIMITS)
    if conn.info.server_version < 160000:
        conn.close()
        raise PermanentFailure(
            f"The warehouse of {called} is PostgreSQL {conn.info.server_version // 10000}: "
            "16 or newer is needed."
        )
    migrate(conn)
    return conn


def _open(
    parameters: dict[str, Any], *, called: str, patience: int, settings: str = ""
) -> Connection:
    """:param patience: the seconds within which the server must answer.
    :param settings: the session's settings, besides those of every connection.
    """
    import psycopg
    from psycopg.rows import dict_row

    alive = " ".join(f"-c tcp_{name.removeprefix('tcp_')}={n}" for name, n in ALIVE.items())
    try:
        return psycopg.connect(
            **parameters,
            **ALIVE,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=patience,
            application_name="learning_warehouse",
            options="-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres"
            f" -c temp_buffers=128MB {alive} {settings}",
        )
    except psycopg.Error as refused:
        reason = (str(refused).strip() or type(refused).__name__).partition("\n")[0]
        of_tls = (
            " Name the file of its certificate's CA in the connection's extra sslrootcert; if the "
            "server has no TLS, set the extra sslmode to disable."
        )
        raise TransientFailure(
            f"The warehouse of {called} cannot be opened ({reason}): check that the server runs "
            "and that host, port, database, login and password are right."
            + (of_tls if "SSL" in reason or "certificate" in reason else "")
        ) from None
