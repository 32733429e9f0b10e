"""A batch of staged deliveries: the values for the statements, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Staged, StagingTable


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of a delivery's rows; ``changed`` says whether the table is another now, by this
    merge or, as far as is known, by one that had committed when it was killed."""

    delivery_id: int
    dataset: str
    name: str
    rows_read: int = 0
    rows_merged: int = 0
    rows_duplicate: int = 0
    rows_superseded: int = 0
    rows_filtered: int = 0
    rows_erased: int = 0
    rows_rejected: int = 0
    changed: bool = False


class NotMerged(PermanentFailure):
    """A delivery may not be merged."""

    def __init__(self, sentence: str, delivery: Delivery) -> None:
        super().__init__(sentence)
        self.delivery = delivery


class Held(NotMerged):
    """It would shrink some days or files by more than half.

    :param parts: these days or files.
    """

    def __init__(self, sentence: str, staged: Staged, parts: list[str]) -> None:
        super().__init__(sentence, staged.delivery)
        self.staged = staged
        self.parts = parts


class Removed(NotMerged):
    """Its bytes are no longer in the landing zone, from which a warehouse is rebuilt."""

    def __init__(self, delivery: Delivery, removed_at: datetime) -> None:
        super().__init__(
            f"The version of {delivery.name} made on {delivery.made_at:%Y-%m-%d} was removed from "
            f"the landing zone on {removed_at:%Y-%m-%d}, as include/retention.toml says: "
            "reload the state of a later day.",
            delivery,
        )


@dataclass
class Outcome:
    """What became of the deliveries of a batch."""

    merged: list[Merged] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)


def merged(staging: StagingTable, one: Staged, **counts: Any) -> Merged:
    """What became of a delivery, from what was read of it and these counts."""
    return Merged(
        delivery_id=one.delivery.delivery_id,
        dataset=staging.dataset.table,
        name=one.delivery.name,
        rows_read=one.rows_read,
        rows_filtered=one.rows_filtered,
        rows_erased=one.rows_erased,
        rows_rejected=one.rows_rejected,
        **counts,
    )


def values_of(staging: StagingTable, due: Sequence[Staged]) -> dict[str, Any]:
    """The values of the deliveries for the statements, in lists of the same order."""
    dataset = staging.dataset
    deliveries = [one.delivery for one in due]
    is_snapshot = dataset.strategy == "snapshot"
    return {
        "dataset": dataset.table,
        "origin": deliveries[0].origin if deliveries else "",
        "deliveries": [d.delivery_id for d in deliveries],
        "parts": [str(d.first_day) if is_snapshot else d.name for d in deliveries],
        "made_at": [d.made_at for d in deliveries],
        "versions": [d.version for d in deliveries],
        "first_days": [d.first_day for d in deliveries],
        "end_days": [d.end_day for d in deliveries],
        "rows_good": [one.rows_good for one in due],
        "unknown_headers": list(staging.unknown_headers),
        "is_all": staging.deliveries == {d.delivery_id for d in deliveries},
    }
