"""The webhook paths as plain ASGI: read the body within its bounds, verify the sender on the raw bytes, hand it to the door.

Laws: whatever is sent, one of the documented answers comes back, and never 404, 410 or 3xx, after which senders switch a webhook
off; nothing of a body, a header or a path token is logged; a body of a sender who is not verified is counted and forgotten;
nobody who cannot prove himself learns which names are configured: one that is not is answered, with the same work, as one that is.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

from services.ingest.answers import STRICT, Answer, problem, replied, retry_after, unavailable
from services.ingest.delivery import Delivery
from services.ingest.door import Door, Taken
from services.ingest.metrics import UNKNOWN, Metrics
from services.ingest.packer import Unavailable
from services.ingest.repeats import Repeats
from services.ingest.sources import Proof, Source

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/webhooks"
READ_SECONDS = 30.0
"""How long a body may take to arrive; senders of webhooks give up well before."""

READING_MAX_BYTES = 256 * 1024 * 1024
"""What bodies that are still arriving may hold together: slow senders must not fill the memory."""

_DISCARD_MAX_BYTES = 16 * 1024 * 1024
"""How much of a body that is too large is read and thrown away, so that its sender reads the answer and not a reset."""

_NOT_AUTHORISED = problem(
    401,
    "there is no source of this name, or the signature or the token is missing, wrong or too old: check the name in the address "
    "(/webhooks/{source}), the secret and the sender's clock (300 s are allowed)",
    headers=((b"www-authenticate", b'Bearer realm="webhooks"'),),
)
"""One answer for all of these, so that it tells nothing; which of them it was is told to the counters: an unknown name as `unknown`."""

_WINDOW_BITS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_log = logging.getLogger(__name__)


class Refused(Exception):
    """The delivery ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Gone(Exception):
    """The sender hung up: there is nobody to answer."""


class Webhooks:
    """The ASGI app under `/webhooks`. `clock` gives the time in ms since 1970."""

    def __init__(self, sources: Mapping[str, Source], door: Door, metrics: Metrics, max_body_bytes: int, clock: Callable[[], int]) -> None:
        self._sources = sources
        self._stand_ins = tuple(sources.values())
        self._door = door
        self._metrics = metrics
        self._max_bytes = max_body_bytes
        self._clock = clock
        self._said_at_seconds = float("-inf")
        self._repeats = {name: Repeats(source.provider.headers) for name, source in sources.items()}
        self._reading_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = perf_counter()
        name, token = _named(scope["path"])
        source = self._sources.get(name)
        outcome = "refused"
        try:
            answer, outcome = await self._answer(scope, receive, source, token)
        except Gone:
            self._metrics.answered(name if source else UNKNOWN, 0, perf_counter() - began, outcome)
            return
        except Refused as refused:
            answer = refused.answer
        except Unavailable as error:
            self._say_unavailable(name, error, began)
            answer = unavailable()
        except Exception as error:  # the last line: a fault of ours makes the sender come again instead of losing the delivery
            _log.error("a delivery of %s failed: %s", name if source else UNKNOWN, type(error).__name__, exc_info=_without_values(error))
            answer = unavailable()
        self._metrics.answered(name if source else UNKNOWN, answer.status, perf_counter() - began, outcome)
        await send({"type": "http.response.start", "status": answer.status, "headers": (*answer.headers, *STRICT)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    def _say_unavailable(self, name: str, error: Unavailable, at_seconds: float) -> None:
        """One line a second at most: while Kafka is away every delivery ends here."""
        if at_seconds - self._said_at_seconds >= 1:
            self._said_at_seconds = at_seconds
            _log.warning("deliveries are answered 503, the last one of %s: %s", name, error)

    async def _answer(self, scope: Scope, receive: Receive, source: Source | None, token: str | None) -> tuple[Answer, str]:
        """The answer to one request, and what became of it (`OUTCOMES`)."""
        headers = dict(scope["headers"])
        wire = await self._body(headers, receive)
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        encoded = encoding not in (b"identity", b"")
        body = _unpacked(wire, encoding, self._max_bytes) if encoded else wire
        method: str = scope["method"]
        delivery = Delivery(
            headers=headers,
            body=body,
            method=method,
            signed_body=wire if encoded else None,
            query=scope["query_string"],
            received_at_ms=self._clock(),
        )
        asked = self._stand_in(_named(scope["path"])[0]) if source is None else source
        if asked is None:
            raise Refused(_NOT_AUTHORISED)
        if method == "OPTIONS":
            return _options(asked, delivery), "ignored"
        if method in asked.provider.probes:
            return Answer(200, b"", ((b"content-length", b"0"),)), "ignored"
        if method not in asked.provider.methods:
            raise Refused(problem(405, "send deliveries with POST", headers=((b"allow", _allowed(asked)),)))
        proof = asked.proof(delivery, token)
        if source is None or proof is Proof.NONE:
            raise Refused(_NOT_AUTHORISED)
        self._metrics.verified(source.name, delivery.received_at_ms)
        if source.rate is not None and (wait := source.rate.seconds_until_free(perf_counter())):
            raise Refused(problem(429, "more deliveries than this source is allowed: send slower", headers=(retry_after(wait),)))
        taken = await self._taken(source, delivery, proof)
        if taken.answer.status >= 400:
            return taken.answer, "rejected" if taken.rejected else "refused"
        outcome = "accepted" if taken.accepted else "rejected" if taken.rejected else "ignored"
        reply = None if source.provider.reply is None else source.provider.reply(delivery)
        return taken.answer if reply is None else replied(reply.status, reply.content_type, reply.body), outcome

    def _stand_in(self, name: str) -> Source | None:
        """The source that a name which is not configured is answered like, the same for the same name; None where there are no sources."""
        if not self._stand_ins:
            return None
        return self._stand_ins[zlib.crc32(name.encode("utf-8", "surrogatepass")) % len(self._stand_ins)]

    async def _taken(self, source: Source, delivery: Delivery, proof: Proof) -> Taken:
        """What became of a delivery, now or when it was taken before: a proof without a time is as good in a copy."""
        if proof is Proof.TIMED:
            return await self._door.take(source, delivery)
        repeats = self._repeats[source.name]
        key = repeats.key(delivery)
        before = repeats.get(key, delivery.received_at_ms)
        if before is not None:
            self._metrics.repeated(source.name)
            return before
        taken = await self._door.take(source, delivery)
        if taken.answer.status != 415:
            repeats.put(key, taken, delivery.received_at_ms)
        return taken

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        declared = headers.get(b"content-length", b"")
        if len(declared) > 7 and (len(declared) > 15 or not declared.isdigit() or int(declared) > self._max_bytes + _DISCARD_MAX_BYTES):
            raise Refused(_too_large(self._max_bytes))
        try:
            async with asyncio.timeout(READ_SECONDS):
                message = await receive()
                if message["type"] == "http.request" and not message.get("more_body"):
                    body: bytes = message.get("body", b"")
                    if len(body) > self._max_bytes:
                        raise Refused(_too_large(self._max_bytes))
                    return body
                return await self._rest(message, receive)
        except TimeoutError:
            raise Refused(problem(408, "the body did not arrive in time: send it again", headers=((b"connection", b"close"),))) from None

    async def _rest(self, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        """The body that comes in pieces; what all of them hold together while they come is bounded."""
        pieces: list[bytes] = []
        size_bytes = held_bytes = 0
        try:
            while True:
                if message["type"] != "http.request":
                    raise Gone
                piece = message.get("body", b"")
                size_bytes += len(piece)
                if size_bytes <= self._max_bytes:
                    pieces.append(piece)
                    held_bytes += len(piece)
                    self._reading_bytes += len(piece)
                    if self._reading_bytes > READING_MAX_BYTES:
                        raise Refused(problem(503, "too many bodies arrive at once: send this one again", headers=(retry_after(4),)))
                elif size_bytes > self._max_bytes + _DISCARD_MAX_BYTES:
                    break
                else:
                    pieces.clear()
                if not message.get("more_body"):
                    break
                message = await receive()
        finally:
            self._reading_bytes -= held_bytes
        if size_bytes > self._max_bytes:
            raise Refused(_too_large(self._max_bytes))
        return b"".join(pieces)


def _named(path: str) -> tuple[str, str | None]:
    """The source and the token in a path; what is nobody's path names no source."""
    parts = path.removeprefix(PREFIX).strip("/").split("/")
    if len(parts) > 2:
        return "", None
    return parts[0], parts[1] if len(parts) == 2 else None


def _too_large(max_bytes: int) -> Answer:
    detail = f"the body is larger than {max_bytes} bytes: send fewer events at once"
    return problem(413, detail, headers=((b"connection", b"close"),))


def _options(source: Source, delivery: Delivery) -> Answer:
    handshake = source.provider.handshake
    said = () if handshake is None else tuple(handshake(delivery))
    return Answer(200, b"", (*said, (b"allow", _allowed(source)), (b"content-length", b"0")))


def _allowed(source: Source) -> bytes:
    return ", ".join((*source.provider.methods, *source.provider.probes, "OPTIONS")).encode()


def _unpacked(wire: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """The body without its Content-Encoding, within the same bound as a plain one. Raises Refused."""
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        raise Refused(
            problem(415, "send the body plain, or with Content-Encoding gzip or deflate", headers=((b"accept-encoding", b"gzip, deflate"),))
        )
    if encoding == b"deflate" and wire[:1] and wire[0] & 0x0F != 8:
        bits = -15  # some senders leave out the two bytes around it
    unpacked = zlib.decompressobj(bits)
    try:
        body = unpacked.decompress(wire, max_bytes + 1)
    except zlib.error:
        body = b""
    if len(body) > max_bytes:
        raise Refused(_too_large(max_bytes))
    if not unpacked.eof or unpacked.unused_data:
        raise Refused(problem(415, "the body is not what its Content-Encoding says: send it plain, or as one gzip stream"))
    return body


def _without_values(error: Exception) -> tuple[type[Exception], Exception, Any]:
    """The traceback for the log with an empty message, because a message may repeat what was sent."""
    return type(error), Exception(), error.__traceback__
