"""How senders prove who they are: one row a scheme, all computed on the raw bytes and compared in constant time.

Laws: a missing, wrong, malformed or too old signature is False, never an exception; any of several secrets is enough, so that
they can be rotated; a scheme knows nothing of what the body means.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

TOLERANCE_MS = 300_000
"""How old or early a signed timestamp may be: what Standard Webhooks' own libraries allow; others name nothing wider."""

ZENDESK_TESTS_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
"""Public: Zendesk signs the test sends of a webhook that does not exist yet with it. Anybody can forge it."""

Headers = Mapping[bytes, bytes]


def _as_text(secret: str) -> bytes:
    return secret.encode()


def _decoded(secret: str) -> bytes:
    """The key of a Standard Webhooks secret: base64 behind `whsec_`; a secret of another form is taken as it stands."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()


class Hmac(Struct, frozen=True, kw_only=True):
    """A keyed hash in a header.

    `before` names the headers whose values are signed before the body, each followed by `separator`. `timestamp` is the header
    with the time of the attempt (RFC 3339 or epoch seconds), None where the scheme has none. With `listed` the header holds
    several signatures with spaces between, of which any may match.
    """

    header: bytes
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["base64", "hex"] = "base64"
    prefix: bytes = b""
    before: tuple[bytes, ...] = ()
    separator: bytes = b""
    timestamp: bytes | None = None
    tolerance_ms: int = TOLERANCE_MS
    listed: bool = False
    key: Callable[[str], bytes] = _as_text

    def verify(self, headers: Headers, body: bytes, keys: Sequence[bytes], now_ms: int) -> bool:
        """Whether one of the keys (made by `key` from the secrets) signed this body. `now_ms` is the receiver's clock."""
        given = headers.get(self.header)
        if not given or any(name not in headers for name in self.before):
            return False
        if self.timestamp is not None and not self._is_fresh(headers.get(self.timestamp, b""), now_ms):
            return False
        signed = b"".join([headers.get(name, b"") + self.separator for name in self.before]) + body
        candidates = given.split(b" ") if self.listed else [given]
        accepted = False
        for key in keys:
            expected = self._encoded(hmac.digest(key, signed, self.digest))
            for candidate in candidates:
                accepted |= hmac.compare_digest(candidate, expected)
        return accepted

    def _encoded(self, digest: bytes) -> bytes:
        return self.prefix + (base64.b64encode(digest) if self.encoding == "base64" else digest.hex().encode())

    def _is_fresh(self, timestamp: bytes, now_ms: int) -> bool:
        at_ms = attempt_ms(timestamp)
        return at_ms is not None and abs(now_ms - at_ms) <= self.tolerance_ms


def attempt_ms(timestamp: bytes) -> int | None:
    """Milliseconds since 1970 of a timestamp header: RFC 3339 with a zone, or epoch seconds. None when it is neither."""
    if timestamp.isdigit():
        return int(timestamp) * 1000 if len(timestamp) <= 12 else None
    try:
        at = datetime.fromisoformat(timestamp.decode("ascii")) if len(timestamp) <= 64 else None
    except ValueError:
        return None
    if at is None or at.tzinfo is None:
        return None
    try:
        return int(at.astimezone(UTC).timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


SCHEMES: Mapping[str, Hmac] = {
    # https://developer.zendesk.com/documentation/webhooks/verifying (the timestamp comes first; the secret is used as text)
    "zendesk": Hmac(
        header=b"x-zendesk-webhook-signature",
        before=(b"x-zendesk-webhook-signature-timestamp",),
        timestamp=b"x-zendesk-webhook-signature-timestamp",
    ),
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    "standard-webhooks": Hmac(
        header=b"webhook-signature",
        prefix=b"v1,",
        before=(b"webhook-id", b"webhook-timestamp"),
        separator=b".",
        timestamp=b"webhook-timestamp",
        listed=True,
        key=_decoded,
    ),
}
"""The schemes by the ids that the signature vectors use."""


def equals_any(given: bytes, allowed: Sequence[bytes]) -> bool:
    """Whether `given` is one of the allowed values, in a time that does not tell which or how far it agreed."""
    accepted = False
    for value in allowed:
        accepted |= hmac.compare_digest(given, value)
    return accepted
