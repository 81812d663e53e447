"""What a provider is to ingest: how its senders prove themselves, what its bodies mean, how its sender is set up; nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from services.ingest.delivery import Delivery, Translation


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind that has nothing to set."""


class Line(Struct, frozen=True):
    """One line of a provider's table: the canonical names that a message of one name may become, none for "means nothing here"."""

    becomes: tuple[str, ...] = ()
    note: str = ""


NOTHING = Line()


class Guide(Struct, frozen=True, kw_only=True):
    """What the person who sets the sender up has to know; shown by `deskpulse sources add` and on the provider's page.

    `clicks` are the steps at the provider, in order; `{url}` stands for the address to paste, `{token_url}` for the one with the
    secret in its path. `secret` says where the secret comes from and which form it has. `delivery` says how late, how often and in
    which order deliveries come. `template` is a body to paste where the sender's administrator writes it. `unconfirmed` are facts
    that the provider does not state, each with the setting that changes what is assumed.
    """

    clicks: tuple[str, ...]
    secret: str
    delivery: str
    template: str = ""
    notes: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Sample(Struct, frozen=True, kw_only=True):
    """One delivery as this provider would send it, unsigned: for `deskpulse sources test`, the benchmark and the tests."""

    body: bytes
    headers: Mapping[str, str] = msgspec.field(default_factory=lambda: {"content-type": "application/json"})


class Reply(Struct, frozen=True):
    """What a provider wants to read instead of the counts, always 2xx."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"


class Provider(Struct, frozen=True, kw_only=True):
    """One row of the table of kinds.

    `schemes` name the ways in which its senders prove themselves (`services.ingest.signatures`), of which any is enough; with none
    only the token in the path lets one in. `tests_secret` is a public secret of test sends. `translate` is stateless and
    deterministic: a delivery and the source's options (an instance of `options`) become outside forms of canonical events; it
    raises Rejected when the body as a whole is unusable, WrongContentType, and nothing else. `lines` is its table, by the names of
    the provider's messages, which are also labels of a counter. Of a `generic` kind the sender writes canonical events and wants to
    know what was wrong; the others are answered 2xx for all that is verified, with `reply` where it gives one. `handshake` answers
    OPTIONS with headers, `probes` are the methods that are answered 200 without a proof. `headers` are those that `translate` reads
    (lower-case); they are kept with what is rejected, so a header that proves the sender is never among them;
    `query` names the parameters of the address that it reads, kept in the same way. `sample(unique,
    now_ms)` is a delivery of now, about things whose ids hold `unique`.
    """

    kind: str
    title: str
    schemes: tuple[str, ...]
    translate: Callable[[Delivery, Any], Translation]
    guide: Guide
    sample: Callable[[str, int], Sample]
    lines: Mapping[str, Line] = {}
    options: type[Struct] = NoOptions
    generic: bool = False
    tests_secret: str = ""
    reply: Callable[[Delivery], Reply | None] | None = None
    handshake: Callable[[Delivery], Sequence[tuple[bytes, bytes]]] | None = None
    methods: tuple[str, ...] = ("POST",)
    probes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("content-type", "webhook-id")
    query: tuple[str, ...] = ()
