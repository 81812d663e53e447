"""Keyed hashes in a header: the scheme of nearly everybody, told apart by what is signed and how it is written."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.signatures.scheme import TOLERANCE_MS, full_url, is_fresh

Digest = Literal["sha1", "sha256", "sha512"]
Encoding = Literal["base64", "hex", "either"]
Part = Callable[[Delivery, str], bytes | None]


def as_text(secret: str) -> bytes:
    """The key of a secret that is used as it stands."""
    return secret.encode()


class Hmac:
    """An HMAC in `header`, behind `prefix`.

    `signs` says what is signed: `{body}`, `{url}` (the public address with its query), `{decoded_url}` (the same with the escapes
    of `url_escapes` undone), `{method}` or the name of a header in braces; everything else stands for itself. `timestamp` is the
    header whose time must be recent, None where the scheme has none; `early` says whether one too far ahead is refused too.
    With `listed` the header holds several signatures with spaces between, of which any may match.
    """

    takes_tokens = False

    def __init__(
        self,
        header: str,
        *,
        digest: Digest = "sha256",
        encoding: Encoding = "hex",
        prefix: str = "",
        signs: str = "{body}",
        timestamp: str | None = None,
        tolerance_ms: int = TOLERANCE_MS,
        early: bool = True,
        listed: bool = False,
        key: Callable[[str], bytes] = as_text,
        url_escapes: Mapping[bytes, bytes] | None = None,
        timestamp_unit: Literal["seconds", "millis"] = "seconds",
    ) -> None:
        self.header = header.lower().encode()
        self.timestamp = None if timestamp is None else timestamp.lower().encode()
        self.is_timed = timestamp is not None
        self.key = key
        self._digest, self._encoding, self._prefix, self._listed = digest, encoding, prefix.encode(), listed
        self._tolerance_ms, self._early, self._unit = tolerance_ms, early, timestamp_unit
        self._names = [name.encode() for name in re.findall(r"\{([^}]*)\}", signs.lower()) if name not in _PARTS]
        self._signed_bytes = _compiled(signs, url_escapes or {})
        written = "base64 or hex" if encoding == "either" else encoding
        self.about = f"`{header}: {prefix}<{written}>`, HMAC-{digest.upper().replace('SHA', 'SHA-')} of `{signs}`"

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the keys signed this delivery."""
        given = delivery.headers.get(self.header)
        if not given:
            return False
        if self.timestamp is not None:
            at = delivery.headers.get(self.timestamp, b"")
            if not is_fresh(at, delivery.received_at_ms, self._tolerance_ms, early=self._early):
                return False
        signed = self._signed_bytes(delivery, url)
        if signed is None:
            return False
        candidates = given.split(b" ") if self._listed else [given.strip()]
        accepted = False
        for key in keys:
            for expected in self._encoded(hmac.digest(key, signed, self._digest)):
                for candidate in candidates:
                    accepted |= hmac.compare_digest(candidate, expected)
        return accepted

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with its signature, and with a timestamp and an id where the scheme signs them."""
        headers = dict(delivery.headers)
        if self.timestamp is not None:
            at = delivery.received_at_ms if self._unit == "millis" else delivery.received_at_ms // 1000
            headers.setdefault(self.timestamp, b"%d" % at)
        for name in self._names:
            headers.setdefault(name, b"msg-" + hashlib.blake2b(delivery.body, digest_size=8).hexdigest().encode())
        ready = msgspec.structs.replace(delivery, headers=headers)
        signed = self._signed_bytes(ready, url)
        assert signed is not None, "every header that is signed has just been set"
        headers[self.header] = self._encoded(hmac.digest(self.key(secret), signed, self._digest))[0]
        return ready

    def _encoded(self, digest: bytes) -> tuple[bytes, ...]:
        as_hex, as_base64 = self._prefix + digest.hex().encode(), self._prefix + base64.b64encode(digest)
        return (as_hex, as_base64) if self._encoding == "either" else (as_hex,) if self._encoding == "hex" else (as_base64,)


class PlainHash:
    """A plain SHA-256 of the secret and what `signs` says, in hex: no HMAC. `version` is a header and the value it must have."""

    is_timed = False
    takes_tokens = False

    def __init__(self, header: str, version: tuple[str, str], signs: str) -> None:
        self.about = f"`{header}: <hex>` with `{version[0]}: {version[1]}`, SHA-256 of the secret and `{signs}`"
        self._header, self._version = header.lower().encode(), (version[0].lower().encode(), version[1].encode())
        self._signed_bytes = _compiled(signs, {})
        self.key = as_text

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the keys was hashed with this delivery."""
        given = delivery.headers.get(self._header)
        if not given or delivery.headers.get(self._version[0]) != self._version[1]:
            return False
        signed = self._signed_bytes(delivery, url) or b""
        accepted = False
        for key in keys:
            accepted |= hmac.compare_digest(given, hashlib.sha256(key + signed).hexdigest().encode())
        return accepted

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with its hash."""
        digest = hashlib.sha256(secret.encode() + (self._signed_bytes(delivery, url) or b"")).hexdigest().encode()
        return msgspec.structs.replace(delivery, headers={**delivery.headers, self._version[0]: self._version[1], self._header: digest})


class Stamped:
    """`t=<epoch seconds>,v1=<hex>` in one header, HMAC-SHA256 of `t.body`; several v1 may stand side by side, others are skipped."""

    is_timed = True
    takes_tokens = False

    def __init__(self, header: str, tolerance_ms: int, *, early: bool = True) -> None:
        self.about = f"`{header}: t=<epoch seconds>,v1=<hex>`, HMAC-SHA-256 of `{{t}}.{{body}}`"
        self._header, self._tolerance_ms, self._early = header.lower().encode(), tolerance_ms, early
        self.key = as_text

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the keys signed the body and the time, which must be recent."""
        fields = [field.partition(b"=") for field in delivery.headers.get(self._header, b"").split(b",")[:20]]
        at = next((value.strip() for name, _, value in fields if name.strip() == b"t"), b"")
        if not is_fresh(at, delivery.received_at_ms, self._tolerance_ms, early=self._early):
            return False
        candidates = [value.strip() for name, _, value in fields if name.strip() == b"v1"]
        accepted = False
        for key in keys:
            expected = hmac.digest(key, at + b"." + delivery.body, "sha256").hex().encode()
            for candidate in candidates:
                accepted |= hmac.compare_digest(candidate, expected)
        return accepted

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with time and signature."""
        at = b"%d" % (delivery.received_at_ms // 1000)
        digest = hmac.digest(secret.encode(), at + b"." + delivery.body, "sha256").hex().encode()
        return msgspec.structs.replace(delivery, headers={**delivery.headers, self._header: b"t=%s,v1=%s" % (at, digest)})


_PARTS = frozenset({"body", "url", "decoded_url", "method"})


def _compiled(signs: str, escapes: Mapping[bytes, bytes]) -> Callable[[Delivery, str], bytes | None]:
    """What `signs` says as a function; None where a header that is signed is missing."""
    if signs == "{body}":
        return lambda delivery, url: delivery.body
    pieces = [_part(piece, escapes) for piece in re.split(r"(\{[^}]*\})", signs) if piece]

    def signed_bytes(delivery: Delivery, url: str) -> bytes | None:
        found = [piece(delivery, url) for piece in pieces]
        return None if None in found else b"".join([piece for piece in found if piece is not None])

    return signed_bytes


def _part(piece: str, escapes: Mapping[bytes, bytes]) -> Part:
    if not piece.startswith("{"):
        literal = piece.encode()
        return lambda delivery, url: literal
    name = piece[1:-1].lower()
    if name == "body":
        return lambda delivery, url: delivery.body
    if name == "url":
        return lambda delivery, url: full_url(url, delivery.query)
    if name == "method":
        return lambda delivery, url: delivery.method.encode()
    if name == "decoded_url":
        any_escape = re.compile(b"|".join(escapes), re.IGNORECASE)
        return lambda delivery, url: any_escape.sub(lambda found: escapes[found[0].upper()], full_url(url, delivery.query))
    header = name.encode()
    return lambda delivery, url: delivery.headers.get(header)
