"""What customer systems have in common: which stages and values of a sale mean what, as a source's options say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from services.ingest.providers.desk import DeskOptions
from services.ingest.providers.times import zone_of
from services.ingest.providers.values import id_in

MEANINGS = (
    "deal.won", "deal.lost", "quote.requested", "quote.sent", "quote.accepted", "quote.declined", "quote.expired",
    "lead.created", "lead.contacted", "lead.lost",
)  # fmt: skip


class SaleOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of leads and deals may set.

    `stages` maps the provider's stages or statuses to what they mean (`deal.won`, `quote.sent`, …), beside the provider's own won
    and lost. `leads` says whether a new contact or person is a lead. `time_zone` is that of times that name none.
    """

    stages: Mapping[str, str] = {}
    leads: bool = False
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        _check(self.stages)
        zone_of(self.time_zone)

    def meaning(self, value: Any, known: Mapping[str, str]) -> str | None:
        """What a stage means; the source's own mapping goes first, case does not count. None for nothing."""
        return _meaning(self.stages, value, known)


class SaleDeskOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source may set whose system holds deals and tickets: `stages` and `leads` beside all of a desk's."""

    stages: Mapping[str, str] = {}
    leads: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.stages)

    def meaning(self, value: Any, known: Mapping[str, str]) -> str | None:
        """What a stage means; the source's own mapping goes first, case does not count. None for nothing."""
        return _meaning(self.stages, value, known)


def _check(stages: Mapping[str, str]) -> None:
    if unknown := sorted(set(stages.values()) - set(MEANINGS)):
        raise ValueError(f"stages: {', '.join(unknown)} is none of {', '.join(MEANINGS)}")


def _meaning(stages: Mapping[str, str], value: Any, known: Mapping[str, str]) -> str | None:
    word = id_in(value).strip()
    lower = word.lower()
    return stages.get(word) or stages.get(lower) or known.get(lower)
