"""How a page comes to the warehouse: by few connections at a time, with as few rights as it has.

Knows which of Airflow's connections to use; knows no table.
"""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import anyio

from learning_warehouse.conn_ids import READER_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.warehouse.connection import connect_to_read, is_configured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

Result = TypeVar("Result")

MOST = 4
"""How many connections all readers of an API server's process hold together."""

PATIENCE = 5.0
"""How many seconds a reader waits for one of them."""


class Readers:
    """Lets few read at a time. Who waits holds no thread, for Airflow's own pages need them too.

    :param most: how many.
    :param patience: the seconds that one waits at most.
    """

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._free = anyio.CapacityLimiter(most)
        self._patience = patience

    async def read(self, work: Callable[[], Result]) -> Result:
        """Do what opens one connection at a time, in a thread.

        :raises TransientFailure: others read for too long.
        """
        reader = object()
        try:
            with anyio.fail_after(self._patience):
                await self._free.acquire_on_behalf_of(reader)
        except TimeoutError:
            raise TransientFailure(
                "Too many people are reading this page, and it has few connections to the "
                "warehouse: load it again in a minute."
            ) from None
        try:
            return await anyio.to_thread.run_sync(work)
        finally:
            self._free.release_on_behalf_of(reader)


@cache
def shared_readers() -> Readers:
    """The readers of all pages of a process: they share its few connections."""
    return Readers()


def open_reader() -> Connection:
    """Open the warehouse for what every reader may see: by ``learning_warehouse_reader``, if there
    is that connection.
    """
    return connect_to_read(READER_CONN_ID if is_configured(READER_CONN_ID) else WAREHOUSE_CONN_ID)


def open_loader() -> Connection:
    """Open the warehouse, to read only, for what a reader's role may not see."""
    return connect_to_read(WAREHOUSE_CONN_ID)


@contextmanager
def opened(connect: Callable[[], Connection]) -> Iterator[Connection]:
    """A transaction in which all is as it was at its beginning.

    :param connect: how to open the warehouse.
    :raises PermanentFailure: the warehouse is not configured, or has no tables.
    :raises TransientFailure: the warehouse does not answer.
    """
    import psycopg
    from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

    try:
        with closing(connect()) as conn, conn.transaction():
            yield conn
    except (UndefinedTable, UndefinedColumn, InsufficientPrivilege) as error:
        log.warning("%s", error)
        raise PermanentFailure(
            "The warehouse has no tables of this version that this page's connection "
            "('learning_warehouse_reader' if there is one, else 'learning_warehouse') may read: "
            "trigger one of the DAGs, whose first step makes them."
        ) from None
    except psycopg.OperationalError as error:
        log.warning("%s", error)
        raise TransientFailure(
            "The warehouse did not answer in time: check how busy its server is, then load this "
            "page again."
        ) from None
