"""What ingest could not use, as records of `rejected`.

Law: of the headers only those are kept that the translation reads, so that it can be repeated: no signature, no token, no address.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

from schemas.deadletters import PARAMETER, letters_of
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.sources import Source

KEPT_PARAMETERS = tuple(sorted({name for provider in PROVIDERS.values() for name in provider.query}))
KEPT_HEADERS = tuple(sorted({name for provider in PROVIDERS.values() for name in provider.headers}))
HEADER_MAX_CHARS = 2_400
"""An id of 200 characters behind percent signs; a longer value could not be used, and a shortened one would be another id."""


def letters(
    rejected: Rejected, original: bytes, source: Source, received_at_ms: int, ordinal: int | None, headers: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    """The records of one rejection as (key, value). `ordinal` is the place of an item in its delivery, None for a whole body."""
    return letters_of(
        rejected.reason,
        rejected.detail,
        rejected.pointer,
        original,
        source=source.name,
        kind=source.provider.kind,
        received_at_ms=received_at_ms,
        salt=f"{ordinal}:{sorted(headers.items())}",
        headers=headers,
        ordinal=ordinal,
    )


def harmless(delivery: Delivery) -> dict[str, str]:
    """The headers that some kind's translation reads; of every kind, because a wrong kind may be what is put right.

    Parameters of the address that one reads stand among them behind a `?`.
    """
    header = delivery.headers
    asked = parse_qs(delivery.query.decode("latin-1")) if delivery.query else {}
    parameters = {f"{PARAMETER}{name}": asked[name][-1] for name in KEPT_PARAMETERS if name in asked}
    found = parameters | {name: header[name.encode()].decode("latin-1") for name in KEPT_HEADERS if name.encode() in header}
    return {name: value for name, value in found.items() if len(value) <= HEADER_MAX_CHARS}
