"""Many messages in one body: what each says, in their order, and from which of them each item came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.rejections import Rejected
from services.ingest.bodies import elements_of
from services.ingest.delivery import Delivery, Translation


def told_each(delivery: Delivery, values: Sequence[Any], says: Callable[[Any], Translation]) -> Translation:
    """What the elements of a body that is a JSON array say, each on its own; see `together`."""
    return together(values, lambda _, value: says(value), elements_of(delivery.body))


def together(parts: Sequence[Any], says: Callable[[int, Any], Translation], original: Callable[[int], bytes] | None) -> Translation:
    """What all parts say; one that cannot be used takes its place as `Rejected`, so the others count.

    `says(place, part)` may raise Rejected; a part may be Rejected itself. `original(place)` gives the bytes of a part, None when
    a part cannot be sent again alone. A part may say any number of things, so items and parts are numbered apart.
    """
    items: list[Any] = []
    ignored: list[str] = []
    came_from: list[int] = []
    for place, part in enumerate(parts):
        try:
            if isinstance(part, Rejected):
                raise part
            said = says(place, part)
            items += said.items
            ignored += said.ignored
        except Rejected as rejected:
            items.append(rejected)
        came_from += [place] * (len(items) - len(came_from))
    source = None if original is None else lambda index: original(came_from[index])
    return Translation(items=items, ignored=ignored, original=source, many=True)
