"""What ingest could not use, as records of `rejected`. Only harmless headers are kept: no signature, no token, no address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.deadletters import letters_of
from schemas.rejections import Rejected
from services.ingest.sources import Source

_KEPT_HEADERS = ("content-type", "webhook-id")


def letters(
    rejected: Rejected, original: bytes, source: Source, received_at_ms: int, ordinal: int, headers: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    """The records of one rejection as (key, value). `ordinal` tells the items of one delivery apart."""
    return letters_of(
        rejected.reason,
        rejected.detail,
        rejected.pointer,
        original,
        source=source.name,
        kind=source.provider.kind,
        received_at_ms=received_at_ms,
        salt=str(ordinal),
        headers=headers,
    )


def harmless(header: Mapping[bytes, bytes]) -> dict[str, str]:
    """The headers that may be kept, shortened to what a header of that name can sensibly hold."""
    found = {name: header.get(name.encode(), b"").decode("latin-1")[:200] for name in _KEPT_HEADERS}
    return {name: value for name, value in found.items() if value}
