"""What could not be used, as records of `rejected`: the reason, the place and the original bytes, so that it can be sent again.

A body too large for one record is cut into parts of the same id; who reads them joins `body_base64` by `part`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from schemas.rejections import Reason

PART_BYTES = 600_000
"""Original bytes in one record: base64 makes 800 kB of them, which stays below the broker's 1 MiB with all the rest."""

PARAMETER = "?"
"""Before the name of a parameter of the address that is kept among the headers."""

AGGREGATOR = "aggregator"
"""The kind of what the aggregator kept out: its body is an event, or a record, in the form of the topic `events`."""

_json = msgspec.json.Encoder()


class DeadLetter(Struct, kw_only=True, omit_defaults=True):
    """One record of `rejected`.

    `kind` is the kind of the source, or the service that refused; `pointer` is the JSON pointer of the field at fault ("" is
    the whole). `ordinal` is the place of an item among those of its delivery, None when the body is kept whole; `position` is
    the record of the input that a service refused ("" at the door). `part` counts from 0 to `parts` − 1.
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
    ordinal: int | None = None
    position: str = ""
    part: int = 0
    parts: int = 1


def letters_of(
    reason: Reason,
    detail: str,
    pointer: str,
    original: bytes,
    *,
    source: str,
    kind: str,
    received_at_ms: int,
    salt: str,
    headers: dict[str, str],
    ordinal: int | None = None,
    position: str = "",
) -> Iterator[tuple[str, bytes]]:
    """The records of one rejection as (key, value); `salt` tells equal bodies of one instant apart."""
    identity = hashlib.blake2b(f"{source}\0{received_at_ms}\0{salt}\0".encode() + original, digest_size=16).hexdigest()
    pieces = [original[start : start + PART_BYTES] for start in range(0, len(original), PART_BYTES)] or [b""]
    for part, piece in enumerate(pieces):
        letter = DeadLetter(
            id=identity,
            source=source,
            kind=kind,
            reason=reason.value,
            detail=detail[:1000],
            pointer=pointer[:1000],
            received_at_ms=received_at_ms,
            headers=headers,
            body_base64=base64.b64encode(piece).decode(),
            ordinal=ordinal,
            position=position,
            part=part,
            parts=len(pieces),
        )
        yield identity, _json.encode(letter)
