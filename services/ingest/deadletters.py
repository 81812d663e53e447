"""What could not be used, as records of `rejected`: the reason, the place and the original bytes, so that it can be sent again.

Only harmless headers are kept: no signature, no token, no address. A body too large for one record is cut into parts of the
same id; who reads them joins `body_base64` by `part`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from schemas.rejections import Rejected
from services.ingest.sources import Source

PART_BYTES = 600_000
"""Original bytes in one record: base64 makes 800 kB of them, which stays below the broker's 1 MiB with all the rest."""

_KEPT_HEADERS = ("content-type", "webhook-id")
_json = msgspec.json.Encoder()


class DeadLetter(Struct, kw_only=True, omit_defaults=True):
    """One record of `rejected`.

    `pointer` is the JSON pointer of the field at fault ("" is the whole). `part` counts from 0 to `parts` − 1.
    """

    id: str
    source: str
    kind: str
    reason: str
    detail: str
    received_at_ms: int
    headers: dict[str, str]
    body_base64: str
    pointer: str = ""
    part: int = 0
    parts: int = 1


def letters(
    rejected: Rejected, original: bytes, source: Source, received_at_ms: int, ordinal: int, headers: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    """The records of one rejection as (key, value). `ordinal` tells the items of one delivery apart."""
    identity = hashlib.blake2b(f"{source.name}\0{received_at_ms}\0{ordinal}\0".encode() + original, digest_size=16).hexdigest()
    parts = [original[start : start + PART_BYTES] for start in range(0, len(original), PART_BYTES)] or [b""]
    for part, piece in enumerate(parts):
        letter = DeadLetter(
            id=identity,
            source=source.name,
            kind=source.provider.kind,
            reason=rejected.reason.value,
            detail=rejected.detail[:1000],
            pointer=rejected.pointer[:1000],
            received_at_ms=received_at_ms,
            headers=headers,
            body_base64=base64.b64encode(piece).decode(),
            part=part,
            parts=len(parts),
        )
        yield identity, _json.encode(letter)


def harmless(header: Mapping[bytes, bytes]) -> dict[str, str]:
    """The headers that may be kept, shortened to what a header of that name can sensibly hold."""
    found = {name: header.get(name.encode(), b"").decode("latin-1")[:200] for name in _KEPT_HEADERS}
    return {name: value for name, value in found.items() if value}
