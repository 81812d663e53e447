"""Who and what there is in the company: teams, agents, customers, issues and the channels they come by.

A customer has one identity in every system, so that a purchase finds the contact before it. The ids of people are numbers, since
that is what helpdesks use.
"""

from __future__ import annotations

from typing import NamedTuple

TEAMS = ("billing", "deliveries", "technical", "accounts", "bookings", "specialists")
SPECIALISTS = "specialists"
GROUP_IDS = {team: team for team in TEAMS}
"""What the helpdesk calls a team. The adapter takes a group's id for the team, so here they are the same word."""

AGENTS: dict[str, tuple[str, ...]] = {}
_SIZES = (4, 4, 4, 3, 3, 2)
_first = 0
for _team, _size in zip(TEAMS, _SIZES, strict=True):
    AGENTS[_team] = tuple(str(810_000_000_001 + _first + i) for i in range(_size))
    _first += _size

ACCOUNT_ID = 10_000_001
BRAND_ID = "360000000901"
CUSTOMERS = 6_000
_FIRST_CUSTOMER = 900_000_000_001

CHANNELS = ("email", "chat", "phone", "web")
LANGUAGES = ("en", "fi", "sv", "de", "es")
REGIONS = ("north", "south", "east", "west")
TIERS = ("basic", "plus", "premium")
PRODUCTS = ("kettle", "lamp", "heater", "filter")
PRIORITIES = ("low", "normal", "high", "urgent")


class Issue(NamedTuple):
    """What a contact is about: its name among the helpdesk's types, the team that answers and how often it comes."""

    name: str
    team: str
    share: int


ISSUES = (
    Issue("question", "accounts", 26),
    Issue("question", "billing", 16),
    Issue("problem", "technical", 24),
    Issue("problem", "deliveries", 18),
    Issue("incident", "technical", 6),
    Issue("task", "bookings", 10),
)


class Customer(NamedTuple):
    """Somebody who writes, calls and buys; everything but the id is a property of that id."""

    id: str
    language: str
    region: str
    tier: str


def customer(number: int) -> Customer:
    """The customer of this number, 0 ≤ number < `CUSTOMERS`: always the same one."""
    mixed = number * 2_654_435_761 % 2**32
    return Customer(
        str(_FIRST_CUSTOMER + number),
        LANGUAGES[min(mixed % 11, 4)] if mixed % 3 else "en",
        REGIONS[mixed // 11 % 4],
        TIERS[(mixed // 44 % 10 > 6) + (mixed // 44 % 10 > 8)],
    )
