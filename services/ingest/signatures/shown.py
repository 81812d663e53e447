"""Secrets that are shown instead of signed with: a header, HTTP Basic, a bearer token, a member of the body.

They prove the sender, not the body; over anything but HTTPS whoever listens has them.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qs

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.signatures.scheme import equals_any

DEFAULT_HEADER = "X-Webhook-Secret"


class StaticHeader:
    """A header with a fixed value. The secret is `Header-Name: value`, or the value alone for `X-Webhook-Secret`."""

    about = f"a fixed header: the secret is `Header-Name: value`, or the value alone of `{DEFAULT_HEADER}`"
    is_timed = False
    takes_tokens = False

    def key(self, secret: str) -> bytes:
        """The name in lower case, a line end, the value."""
        name, colon, value = secret.partition(":")
        if not colon:
            name, value = DEFAULT_HEADER, secret
        return name.strip().lower().encode() + b"\n" + value.strip().encode()

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether one of the headers is there with its value."""
        accepted = False
        for key in keys:
            name, _, value = key.partition(b"\n")
            accepted |= bool(value) and hmac.compare_digest(delivery.headers.get(name, b"").strip(), value)
        return accepted

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with the header."""
        name, _, value = self.key(secret).partition(b"\n")
        return msgspec.structs.replace(delivery, headers={**delivery.headers, name: value})


class BasicAuth:
    """HTTP Basic. The secret is `user:password`."""

    about = "HTTP Basic: the secret is `user:password`"
    is_timed = False
    takes_tokens = False

    def key(self, secret: str) -> bytes:
        """What stands behind `Basic`; b"" for a secret without a colon, which lets nobody in."""
        return base64.b64encode(secret.encode()) if ":" in secret else b""

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether the user and the password are right."""
        word, _, given = delivery.headers.get(b"authorization", b"").partition(b" ")
        return word.lower() == b"basic" and equals_any(given.strip(), [key for key in keys if key])

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with user and password."""
        return msgspec.structs.replace(delivery, headers={**delivery.headers, b"authorization": b"Basic " + self.key(secret)})


class Bearer:
    """`Authorization: Bearer …` or `?access_token=…`, which is one of the source's secrets or path tokens."""

    about = "`Authorization: Bearer <secret>`, or `?access_token=<secret>`"
    is_timed = False
    takes_tokens = True

    def key(self, secret: str) -> bytes:
        """The secret as it stands."""
        return secret.encode()

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether the token is shown."""
        word, _, token = delivery.headers.get(b"authorization", b"").partition(b" ")
        if word.lower() == b"bearer" and equals_any(token.strip(), keys):
            return True
        if b"access_token=" in delivery.query:
            given = parse_qs(delivery.query.decode("latin-1")).get("access_token", [""])[0]
            return equals_any(given.encode(), keys)
        return False

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The delivery with the token."""
        return msgspec.structs.replace(delivery, headers={**delivery.headers, b"authorization": b"Bearer " + secret.encode()})


class BodyToken:
    """The member `token` of the JSON body, as registered."""

    about = "the member `token` of the body is the secret"
    is_timed = False
    takes_tokens = False

    def key(self, secret: str) -> bytes:
        """The secret as it stands."""
        return secret.encode()

    def accepts(self, delivery: Delivery, keys: Sequence[bytes], url: str) -> bool:
        """Whether the body shows the token."""
        try:
            token = _token.decode(delivery.body).token
        except (ValueError, RecursionError):
            return False
        return token is not None and equals_any(token.encode("utf-8", "surrogatepass"), keys)

    def signed(self, delivery: Delivery, secret: str, url: str) -> Delivery:
        """The body with the token."""
        body = msgspec.json.encode({**msgspec.json.decode(delivery.body), "token": secret})
        return msgspec.structs.replace(delivery, body=body)


class _Token(msgspec.Struct):
    token: str | None = None


_token = msgspec.json.Decoder(_Token)
