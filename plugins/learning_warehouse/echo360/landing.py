"""How a report lands: the assets of one request, copied to the landing zone, bytes unchanged.

Knows the vendor's request and the landing zone; knows neither tasks nor when a report is requested.
"""

from __future__ import annotations

import logging
from datetime import UTC
from typing import TYPE_CHECKING

from learning_warehouse.echo360.assets import LinkRefused, open_asset
from learning_warehouse.echo360.reports import Report
from learning_warehouse.echo360.request_lines import AVAILABLE, find
from learning_warehouse.echo360.windows import Window
from learning_warehouse.errors import PermanentFailure, TransientFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learning_warehouse.echo360.hook import Echo360Hook
    from learning_warehouse.errors import Failures
    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

LONGEST_FILE_NAME = 100
"""Characters of an asset's name that the landing zone keeps."""


def land_requests(
    hook: Echo360Hook,
    zone: LandingZone,
    report: Report,
    request_ids: Iterable[str],
    failures: Failures,
    *,
    warehouse_conn_id: str,
) -> list[Delivery]:
    """Land requests that are available, one by one.

    :param failures: where one that cannot be landed is noted.
    :returns: the deliveries of the others.
    """
    from learning_warehouse.warehouse.connection import connect

    deliveries = []
    for request_id in request_ids:
        with failures.apart(f"request {request_id}"), connect(warehouse_conn_id) as conn:
            deliveries.append(_land(conn, hook, zone, report, request_id))
    return deliveries


def _land(
    conn: Connection, hook: Echo360Hook, zone: LandingZone, report: Report, request_id: str
) -> Delivery:
    """Land a request that is available, unless it was landed before.

    All of its assets are one delivery; a request without any is a delivery without rows.

    :raises PermanentFailure: Echo360 does not have it any more, or no line of
        ``ops.report_request`` does.
    :raises TransientFailure: an asset cannot be fetched.
    """
    from urllib.parse import quote

    from learning_warehouse import delivery_notes
    from learning_warehouse.warehouse import ledger

    window, created, runs = find(conn, hook.origin, request_id)
    if report.days is None:
        window = Window.of(created.astimezone(UTC).date())
    table, name = report.dataset.table, f"{report.name} {window}"
    known = ledger.versions(conn, dataset=table, origin=hook.origin, names=[name])
    if (name, request_id) in known:
        log.info("%s of request %s was landed before.", name, request_id)
        return known[name, request_id]
    place = f"echo360/{hook.origin}/{report.name}/"
    place += f"{window.first_day}_{window.end_day}/{quote(request_id, safe='')}"
    assets = _copy(hook, zone, request_id, place)
    with conn.transaction():
        delivery = ledger.deliver(
            conn,
            dataset=table,
            origin=hook.origin,
            name=name,
            version=request_id,
            made_at=created,
            first_day=window.first_day,
            end_day=window.end_day,
            uri=assets[0][0] if len(assets) == 1 else f"{zone.url}{place}/",
            size=sum(size for _, size in assets),
            details={"assets": [uri for uri, _ in assets], "runs": runs},
        )
        delivery_notes.write(zone, vars(delivery))
    return delivery


def _copy(
    hook: Echo360Hook, zone: LandingZone, request_id: str, place: str
) -> list[tuple[str, int]]:
    """Copy the assets; a link that has expired is fetched again, once for each asset.

    :returns: URI and bytes of each copy.
    """
    from posixpath import basename

    links = _links(hook, request_id)
    copies = []
    for ordinal in range(len(links)):
        try:
            body = open_asset(links[ordinal], hook.trusted_hosts)
        except LinkRefused as refusal:
            log.info("%s", refusal)
            before, links = len(links), _links(hook, request_id)
            if len(links) != before:
                raise TransientFailure(
                    f"Request {request_id} had {before} assets, and now has {len(links)}: the next "
                    "try fetches it from its beginning."
                ) from None
            body = open_asset(links[ordinal], hook.trusted_hosts)
        with body:
            file = basename(links[ordinal].partition("?")[0])[-LONGEST_FILE_NAME:]
            copies.append(zone.put_stream(f"{place}/{ordinal + 1}-{file}", body))
    return copies


def _links(hook: Echo360Hook, request_id: str) -> tuple[str, ...]:
    """The signed links of a request, as long as it is available.

    :raises TransientFailure: it has assets and no link to them.
    """
    told = hook.request(request_id)
    if told is None or told.status != AVAILABLE:
        status = told.status if told else "unknown"
        raise PermanentFailure(
            f"Request {request_id} is {status} at Echo360: clear the task 'submit', which requests "
            "it again."
        )
    listed = [r for r in hook.requests() if r.request_id == request_id] if not told.links else []
    assets = max([told.assets, *(one.assets for one in listed)])
    if assets and not told.links:
        raise TransientFailure(
            f"Request {request_id} has {assets} assets at Echo360, but no links to them: the next "
            "try requests the links again; if it stays so, ask Echo360 about it."
        )
    return told.links
