"""Dimensions: by what a figure may be split, and the cuts that an entity's attributes belong to.

A contribution carries one tuple of attributes in the order of its dimension set; None is "not said" and belongs to no cut of
that dimension. Ids of customers and tickets are never dimensions.
"""

from __future__ import annotations

from typing import NamedTuple

Cut = tuple[tuple[str, str], ...]
"""The total is (), one dimension value is (("channel", "email"),), a pair holds two in the order of its set."""

TOTAL: Cut = ()
Attributes = tuple[str | None, ...]


class DimensionSet(NamedTuple):
    """The dimensions a measure is kept by. An attribute tuple begins with the name of its set; `names` orders what follows."""

    name: str
    names: tuple[str, ...]

    def nothing(self) -> Attributes:
        """Attributes of which nothing was said."""
        return (self.name, *([None] * len(self.names)))

    def position(self, dimension: str) -> int:
        """Where a dimension's value stands in an attribute tuple of this set."""
        return 1 + self.names.index(dimension)


TICKET = DimensionSet(
    "ticket",
    (
        "channel",
        "team",
        "queue",
        "priority",
        "issue_type",
        "product",
        "brand",
        "region",
        "language",
        "customer_tier",
        "handled_by",
        "agent",
    ),
)
COMPLAINT = DimensionSet("complaint", (*TICKET.names, "department"))
SURVEY = DimensionSet("survey", (*TICKET.names, "survey_type", "survey_channel"))
SALE = DimensionSet(
    "sale", ("channel", "team", "brand", "region", "product", "job_type", "crew", "equipment", "booking_channel", "customer_tier", "agent")
)
CUSTOMER = DimensionSet("customer", ("channel", "brand", "customer_tier", "region", "language", "product"))

SETS: dict[str, DimensionSet] = {s.name: s for s in (TICKET, COMPLAINT, SURVEY, SALE, CUSTOMER)}
NAMES: tuple[str, ...] = tuple(dict.fromkeys(name for s in SETS.values() for name in s.names))
OUTRIGHT = "="
"""First member of an attribute tuple that names its one cut outright: ("=", dimension, value, …)."""


def cuts_of(names: tuple[str, ...], attributes: Attributes, pairs: tuple[tuple[str, str], ...]) -> list[Cut]:
    """The total, every single dimension that was said, and every configured pair of which both were said."""
    said = {name: value for name, value in zip(names, attributes[1:], strict=True) if value is not None}
    cuts: list[Cut] = [TOTAL]
    cuts += [((name, value),) for name, value in said.items()]
    cuts += [((a, said[a]), (b, said[b])) for a, b in pairs if a in said and b in said]
    return cuts


def named_outright(attributes: Attributes) -> Cut:
    """The one cut that an attribute tuple beginning with `OUTRIGHT` names."""
    rest = attributes[1:]
    return tuple((str(rest[i]), str(rest[i + 1])) for i in range(0, len(rest), 2))


def outright(cut: Cut) -> Attributes:
    """The inverse of `named_outright`."""
    flat: list[str | None] = [OUTRIGHT]
    for name, value in cut:
        flat += (name, value)
    return tuple(flat)
