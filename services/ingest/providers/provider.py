"""What a provider is to ingest: how its senders prove themselves, what its bodies mean, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from services.ingest.delivery import Delivery, Translation
from services.ingest.signatures import Hmac

Verify = Callable[[Delivery], bool]


class Credentials(Struct, frozen=True, kw_only=True):
    """What a source's senders may show: signing secrets, path tokens, and whether the provider's public test secret counts.

    A secret appears in no repr.
    """

    secrets: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    accept_tests: bool = False

    def __repr__(self) -> str:
        return f"Credentials({len(self.secrets)} secrets, {len(self.tokens)} tokens)"


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind that has nothing to set."""


class Provider(Struct, frozen=True, kw_only=True):
    """One row of the table of kinds.

    `verifier` is called once a source and gives the check of each delivery; it never raises. `translate` is stateless and
    deterministic: a delivery and the source's options (an instance of `options`) become outside forms of canonical events; it
    raises Rejected when the body as a whole is unusable, WrongContentType, and nothing else. `names` are the message names that
    may be labels of a counter. Of a `generic` kind the sender writes canonical events and wants to know what was wrong; the
    others are answered 2xx for all that is verified. `handshake` answers OPTIONS with headers. `headers` are those that
    `translate` reads (lower-case); they are kept with what is rejected, so a header that proves the sender is never among them.
    """

    kind: str
    verifier: Callable[[Credentials], Verify]
    translate: Callable[[Delivery, Any], Translation]
    generic: bool = False
    options: type[Struct] = NoOptions
    names: frozenset[str] = frozenset()
    handshake: Callable[[Delivery], Sequence[tuple[bytes, bytes]]] | None = None
    headers: tuple[str, ...] = ("content-type", "webhook-id")


def signed_by(scheme: Hmac, secrets: Sequence[str]) -> Verify:
    """The check that one of the secrets signed the body, as it was on the wire or without its Content-Encoding."""
    keys = [scheme.key(secret) for secret in secrets]

    def verify(delivery: Delivery) -> bool:
        if scheme.verify(delivery.headers, delivery.body, keys, delivery.received_at_ms):
            return True
        wire = delivery.signed_body
        return wire is not None and scheme.verify(delivery.headers, wire, keys, delivery.received_at_ms)

    return verify
