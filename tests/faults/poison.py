"""Records that are none of ours, and how many dead letters each must become: one for each thing in it that cannot be used."""

from __future__ import annotations

_GOOD_TYPE_WRONG_FIELD = b'[{"type":"ticket.solved","id":"x","source":"desk","occurred_at_ms":"soon","received_at_ms":1,"ticket_id":"1"}]'

POISON: dict[str, tuple[bytes | None, int]] = {
    "no JSON": (b"\x00\xffthis is no record", 1),
    "half of a record": (b'[{"type":"ticket.created","id":"h', 1),
    "an object in place of the array": (b'{"type":"ticket.solved"}', 1),
    "null": (b"null", 1),
    "numbers": (b"[1,2,3]", 3),
    "a type that is not ours": (b'[{"type":"parcel.lost","id":"p1","source":"desk"}]', 1),
    "a field of the wrong kind": (_GOOD_TYPE_WRONG_FIELD, 1),
    "nested far too deep": (b"[" * 100_000, 1),
    "a megabyte of nothing": (b'["' + b"x" * 1_000_000 + b'"]', 1),
    "an empty array": (b"[]", 0),
    "a tombstone": (None, 0),
}
