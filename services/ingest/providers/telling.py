"""From what a message says to its events: identities that a redelivery repeats, and attributes that all of them share.

Laws: the same delivery gives the same ids; so does the same message rendered anew by a provider that names it; events of one
message differ by canonical name and ordinal; an id never grows beyond what an event may carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.values import id_in

Outside = dict[str, Any]
"""The outside form of one canonical event."""

_PLAIN_MAX_CHARS = 120
_canonical = msgspec.json.Encoder(order="deterministic")


def identity(*parts: Any) -> str:
    """The id of a message from what makes it the one it is; "" when no part says anything. Long ones are shortened to a hash."""
    texts = [id_in(part) for part in parts]
    if not any(texts):
        return ""
    plain = ":".join(texts)
    return plain if len(plain) <= _PLAIN_MAX_CHARS else hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def told(name: str, message_id: str, common: Outside, said: Iterable[Outside]) -> Translation:
    """The events of one message called `name`: each is `common` and its own fields, without what is None.

    A message that says nothing is ignored by its name. `None` stands for "not said"; `agent_id` and `team` of an assignment alone
    mean nobody by it.
    """
    items = list(events_of(message_id, common, said))
    return Translation(items=items, ignored=() if items else (name,))


def events_of(message_id: str, common: Outside, said: Iterable[Outside]) -> Iterator[Outside]:
    """The events of one message, as `told` makes them; for messages that come many in one body."""
    shared = {field: value for field, value in common.items() if value is not None}
    seen: dict[str, int] = {}
    for fields in said:
        kind = fields["type"]
        ordinal = seen[kind] = seen.get(kind, -1) + 1
        yield {**shared, "id": f"{message_id}:{kind}" + (f":{ordinal}" if ordinal else ""), **_said(fields)}


def first_telling(at: str | None) -> int:
    """The version of a fact that several messages tell at times of their own: the earliest one stands, the others repeat it.

    `at` is the time that the message gives the fact, as `times` writes it; without one all tellings are equal.
    """
    return 0 if at is None else max(0, 2**31 - _seconds(at))


def last_telling(at: str | None) -> int:
    """The version of a fact whose later messages correct it: the latest one stands."""
    return 0 if at is None else min(_seconds(at), 2**31)


def _seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())


def unnamed(delivery: Delivery, name: str, common: Outside, said: Iterable[Outside]) -> Translation:
    """The events of a message that has no id of its own.

    With a time the content is the identity (a body rendered anew is the same event); without one nothing but the bytes tells a
    repetition from a second fact of the same kind, so the bytes are the identity.
    """
    items = [_with_content_id(delivery, name, event) for event in events_of("", common, said)]
    return Translation(items=items, ignored=() if items else (name,))


def _with_content_id(delivery: Delivery, name: str, event: Outside) -> Outside:
    content = _canonical.encode(event)
    if event.get("occurred_at") is None:
        content += b"\0" + name.encode("utf-8", "surrogatepass") + b"\0" + delivery.body
    return {**event, "id": f"{hashlib.blake2b(content, digest_size=16).hexdigest()}{event['id']}"}


def _said(fields: Outside) -> Outside:
    if fields["type"] in ("ticket.assigned", "ticket.sla_due"):
        return fields
    return {field: value for field, value in fields.items() if value is not None}
