"""A kind's sample as its sender would send it: as a delivery, with the proof that the source of now accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.providers.provider import Provider
from services.ingest.signatures.scheme import Scheme
from services.ingest.sources import Proof, Source


def delivery_of_sample(provider: Provider, unique: str, now_ms: int) -> Delivery:
    """The kind's sample, unsigned, about things whose ids hold `unique`."""
    sample = provider.sample(unique, now_ms)
    headers = {name.lower().encode(): value.encode() for name, value in sample.headers.items()}
    method = "POST" if "POST" in provider.methods else provider.methods[0]
    return Delivery(headers=headers, body=sample.body, received_at_ms=now_ms, method=method)


def signed(source: Source, secrets: Sequence[str], delivery: Delivery) -> Delivery | None:
    """The delivery as a sender with one of the secrets sends it; None when the source would let none of them in."""
    for _, _, ready in _attempts(source, secrets, delivery):
        if source.proof(ready, None) is not Proof.NONE:
            return ready
    return None


def signs_address(source: Source) -> bool:
    """Whether every proof that this source takes is bound to the address that its sender was given."""
    delivery = delivery_of_sample(source.provider, "check", 1_700_000_000_000)
    attempts = list(_attempts(source, ("user:password",), delivery))
    return bool(attempts) and not any(
        scheme.accepts(ready, [scheme.key(secret)], f"{source.url}/elsewhere") for scheme, secret, ready in attempts
    )


def _attempts(source: Source, secrets: Sequence[str], delivery: Delivery) -> Iterator[tuple[Scheme, str, Delivery]]:
    for secret in secrets:
        for scheme in source.schemes:
            try:
                yield scheme, secret, scheme.signed(delivery, secret, source.url)
            except (ValueError, TypeError, msgspec.MsgspecError):
                continue  # a proof inside the body does not fit every body
