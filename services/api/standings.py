"""How each source of webhooks stands, as the API tells it: in JSON, and as families of `/metrics`.

Laws: every delivery is counted once, so the four outcomes add up to what came; a source that never delivered is shown, not left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.standing import OUTCOMES, Standing
from services.api.exposition import Family


class SourceAnswer(Struct, kw_only=True):
    """One source as it is told outside.

    `deliveries` by outcome; `rejected` by reason and `refused` by the status of the answer; `silent_seconds` since the last
    delivery of a verified sender (None: there was none yet); `quiet` says that this is longer than the source may be silent.
    """

    source: str
    kind: str
    ready: bool
    quiet: bool
    last_delivery: str | None
    silent_seconds: float | None
    deliveries: dict[str, int]
    accepted: int
    ignored: int
    rejected: dict[str, int]
    refused: dict[str, int]
    repeated: int


def told(standing: Standing, now_ms: int) -> SourceAnswer:
    """How a source stands at an instant."""
    last = standing.last_delivery_ms
    return SourceAnswer(
        source=standing.source,
        kind=standing.kind,
        ready=standing.ready,
        quiet=is_quiet(standing, now_ms),
        last_delivery=None if last is None else rfc3339(last),
        silent_seconds=_silent_seconds(standing, now_ms),
        deliveries={outcome: standing.deliveries.get(outcome, 0) for outcome in OUTCOMES},
        accepted=standing.accepted,
        ignored=standing.ignored,
        rejected=standing.rejected,
        refused=standing.refused,
        repeated=standing.repeated,
    )


def is_quiet(standing: Standing, now_ms: int) -> bool:
    """Whether a source has been silent for longer than it may; one that never delivered is, if it may not be silent for ever."""
    if standing.quiet_after_ms is None:
        return False
    return standing.last_delivery_ms is None or now_ms - standing.last_delivery_ms > standing.quiet_after_ms


def families(standings: Iterable[Standing], now_ms: int) -> list[Family]:
    """The families of `/metrics`."""
    up = Family(name="deskpulse_source_up", kind="gauge", help="1 while a source has its secret and delivers as often as it should.")
    last = Family(
        name="deskpulse_source_last_delivery_timestamp_seconds",
        kind="gauge",
        unit="seconds",
        help="When a verified sender of a source last delivered.",
    )
    silence = Family(
        name="deskpulse_source_silence_seconds", kind="gauge", unit="seconds", help="Time since the last delivery of a source."
    )
    deliveries = Family(
        name="deskpulse_source_deliveries", kind="counter", help="Deliveries by what became of them; the kinds add up to what came."
    )
    accepted = Family(name="deskpulse_source_accepted", kind="counter", help="Events of a source that Kafka has acknowledged.")
    ignored = Family(name="deskpulse_source_ignored", kind="counter", help="Messages of a source that say nothing to a KPI.")
    rejected = Family(name="deskpulse_source_rejected", kind="counter", help="Items of a source that could not be used, by reason.")
    refused = Family(name="deskpulse_source_refused", kind="counter", help="Deliveries to a source that were not taken, by answer.")
    repeated = Family(name="deskpulse_source_repeated", kind="counter", help="Deliveries of a source that were taken before.")
    for standing in standings:
        of = {"source": standing.source}
        up.add(float(standing.ready and not is_quiet(standing, now_ms)), **of)
        if standing.last_delivery_ms is not None:
            last.add(standing.last_delivery_ms / 1000, **of)
            silence.add(_silent_seconds(standing, now_ms), **of)
        for outcome in OUTCOMES:
            deliveries.add(standing.deliveries.get(outcome, 0), **of, kind=outcome)
        accepted.add(standing.accepted, **of)
        ignored.add(standing.ignored, **of)
        repeated.add(standing.repeated, **of)
        for reason, count in sorted(standing.rejected.items()):
            rejected.add(count, **of, reason=reason)
        for reason, count in sorted(standing.refused.items()):
            refused.add(count, **of, reason=reason)
    return [up, last, silence, deliveries, accepted, ignored, rejected, refused, repeated]


def _silent_seconds(standing: Standing, now_ms: int) -> float | None:
    return None if standing.last_delivery_ms is None else max(0, now_ms - standing.last_delivery_ms) / 1000
