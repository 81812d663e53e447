"""What ingest answers: a count of what became of the delivery, or a problem (RFC 9457) whose `detail` says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

_json = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
STRICT = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"), (b"x-content-type-options", b"nosniff"))
"""On every answer: no browser runs or guesses anything of it, whatever a sender made us say back. `/docs` has a policy of its own."""

TITLES = {
    401: "Not authorised",
    404: "Not found",
    405: "Method not allowed",
    408: "Request took too long",
    413: "Body too large",
    415: "Content type not supported",
    422: "Nothing usable",
    429: "Too many requests",
    503: "Cannot publish now",
}


class Answer(Struct, frozen=True):
    """One HTTP answer, ready to be sent."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]]


class Fault(Struct, frozen=True):
    """One item that could not be used: its place in the delivery, the JSON pointer in it, and the reason in words."""

    index: int
    pointer: str
    reason: str


def counted(accepted: int, ignored: int, rejected: int, faults: Sequence[Fault] = ()) -> Answer:
    """202: Kafka has all that was accepted. `faults` are listed where the sender wants to know them."""
    said: dict[str, Any] = {"accepted": accepted, "ignored": ignored, "rejected": rejected}
    if faults:
        said["errors"] = faults
    body = _json.encode(said)
    return Answer(202, body, (_JSON, (b"content-length", b"%d" % len(body))))


def replied(status: int, content_type: bytes, body: bytes) -> Answer:
    """What a provider wants to read, after all was taken as `counted` says."""
    return Answer(status, body, ((b"content-type", content_type), (b"content-length", b"%d" % len(body))))


def problem(status: int, detail: str, *, faults: Sequence[Fault] = (), headers: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
    """A problem; 429 and 503 must carry `retry_after` among the headers."""
    said: dict[str, Any] = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail}
    if faults:
        said["errors"] = faults
    body = _json.encode(said)
    return Answer(status, body, (_PROBLEM, (b"content-length", b"%d" % len(body)), *headers))


def retry_after(seconds: float) -> tuple[bytes, bytes]:
    """The header of 429 and 503: whole seconds, at least 1 and below 60, because some senders drop what must wait longer."""
    return (b"retry-after", b"%d" % min(59, max(1, int(seconds) + 1)))


def unavailable() -> Answer:
    """503: Kafka cannot acknowledge; nothing is pretended."""
    return problem(503, "Kafka cannot acknowledge now: nothing is lost if you send the same delivery again", headers=(retry_after(4),))
