"""Deliveries that were taken already, for senders whose proof a copy would show too.

Laws: a repetition gets the answer that the first one got, and nothing of it is published or kept again; what is forgotten (by age
or number) is still recognised by the ids of its events, so this saves work and never decides a figure.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from services.ingest.delivery import Delivery
from services.ingest.door import Taken

REMEMBERED = 2_000
"""Deliveries a source, about 1.2 MB: senders repeat soon or hours later, and then the ids of the events tell."""

ANSWER_MAX_BYTES = 1_000
"""Longer answers list what was wrong in a generic body; such a delivery is judged again."""

KEPT_MS = 86_400_000
"""Senders give up repeating within a day, nearly all of them."""


class Repeats:
    """The latest deliveries of one source and what became of each. `headers` are those that belong to what a delivery says."""

    def __init__(self, headers: Iterable[str], remembered: int = REMEMBERED, kept_ms: int = KEPT_MS) -> None:
        self._headers = [name.encode() for name in headers]
        self._remembered, self._kept_ms = remembered, kept_ms
        self._taken: OrderedDict[bytes, tuple[int, Taken]] = OrderedDict()

    def key(self, delivery: Delivery) -> bytes:
        """What tells one delivery of the source from another."""
        said = hashlib.blake2b(delivery.body, digest_size=16)
        for name in self._headers:
            said.update(b"\0" + delivery.headers.get(name, b""))
        said.update(b"\0" + delivery.method.encode() + delivery.query)
        return said.digest()

    def get(self, key: bytes, now_ms: int) -> Taken | None:
        """What became of the same delivery when it came first; None when it is not known."""
        found = self._taken.get(key)
        return None if found is None or now_ms - found[0] > self._kept_ms else found[1]

    def put(self, key: bytes, taken: Taken, now_ms: int) -> None:
        """Remember a delivery that Kafka has acknowledged."""
        if len(taken.answer.body) > ANSWER_MAX_BYTES:
            return
        self._taken[key] = (now_ms, taken)
        self._taken.move_to_end(key)
        if len(self._taken) > self._remembered:
            self._taken.popitem(last=False)
