"""What entities tell the ledgers: a fact has a stable id and a rising version, so a correction replaces it.

`key` names the ledger (`customer:…`, `invitation:…`, `quote:…`) and decides the partition of `facts`.
Attribute tuples follow the dimension set named in `kpis.dimensions`.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

Attributes = tuple[str | None, ...]


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", gc=False):
    """What every fact says: the ledger it belongs to, its identity there, and whether it still holds.

    `id` is the entity's key and an ordinal; of equal ids the highest `version` holds; `withdrawn` takes the fact back.
    `newest_ms` is how far the sender's event time had come; `corrects` says that a late event changed the fact.
    """

    key: str
    id: str
    version: int
    withdrawn: bool = False
    newest_ms: int = 0
    corrects: bool = False


class Contact(Fact, frozen=True, kw_only=True, tag="contact"):
    """A customer's contact with service (one ticket or one answered call); `of` is `ticket:ID` or `call:ID`.

    `started_at_ms` is None when the contact does not count as one of the customer's (opened by an agent, backfilled, never
    answered); `ended_at_ms` is the latest solve or the end of the call, None while there is none.
    """

    of: str
    is_ticket: bool
    began_at_ms: int
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    issue_type: str | None = None
    product: str | None = None
    start_attributes: Attributes = ()
    end_attributes: Attributes = ()


class Purchase(Fact, frozen=True, kw_only=True, tag="purchase"):
    """A completed purchase that was not refunded; `names` is the contact it names, as `ticket:ID` or `call:ID`."""

    at_ms: int
    names: str | None = None


class RelationshipAnswer(Fact, frozen=True, kw_only=True, tag="relationship_answer"):
    """A customer's answer to the recommendation question of a relationship survey, 0 to 10."""

    at_ms: int
    score: int
    attributes: Attributes = ()


class InvitationSent(Fact, frozen=True, kw_only=True, tag="invitation_sent"):
    """One survey invitation went out."""

    at_ms: int
    attributes: Attributes = ()


class InvitationAnswered(Fact, frozen=True, kw_only=True, tag="invitation_answered"):
    """The invitation was answered."""

    at_ms: int


class QuoteOffered(Fact, frozen=True, kw_only=True, tag="quote_offered"):
    """A quote went out."""

    at_ms: int
    attributes: Attributes = ()


class QuoteBooked(Fact, frozen=True, kw_only=True, tag="quote_booked"):
    """The quote became a booking or a won deal."""

    at_ms: int


class Withdrawn(Fact, frozen=True, kw_only=True, tag="withdrawn"):
    """A fact that holds no more, of whatever kind it was."""


AnyFact = Contact | Purchase | RelationshipAnswer | InvitationSent | InvitationAnswered | QuoteOffered | QuoteBooked | Withdrawn

_json = msgspec.json.Encoder()
_many = msgspec.json.Decoder(list[AnyFact])
_pack = msgspec.msgpack.Encoder()
_packed = msgspec.msgpack.Decoder(AnyFact)


def encode_fact(fact: AnyFact) -> bytes:
    """One fact as JSON; a record of `facts` is an array of them."""
    return _json.encode(fact)


def decode_facts(value: bytes) -> list[AnyFact]:
    """The facts of one record. Raises msgspec.DecodeError: our own writer made it, so a bad one is a bug, not bad input."""
    return _many.decode(value)


def pack_fact(fact: AnyFact) -> bytes:
    """One fact in the compact form of a ledger's state."""
    return _pack.encode(fact)


def unpack_fact(data: bytes) -> AnyFact:
    """The inverse of `pack_fact`."""
    fact: AnyFact = _packed.decode(data)
    return fact
