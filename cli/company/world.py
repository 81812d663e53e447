"""What every story draws from: chance, running numbers, the people; and the messages it leaves behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Literal, NamedTuple, TypeVar

from cli.company import people, week
from cli.company.people import Customer, Issue

Source = Literal["zendesk", "desk", "telephone", "feedback", "sales", "shop"]
T = TypeVar("T")

_WORDS = "orla venti masu kelo dara finto lumi sarpe tovi rena belko"
"""Words without meaning, for the texts that real systems send along and nobody may keep."""


class Message(NamedTuple):
    """What one system says: when it happened, the id by which a repetition is known, and the body it posts."""

    occurred_ms: int
    source: Source
    id: str
    body: dict[str, Any]


class World:
    """The company's chance and memory while its stories are told, in the order in which they begin."""

    def __init__(self, seed: int | str, *, ahead_ms: int = 0, after: int = 0) -> None:
        """Start at the beginning of the chance that `seed` names.

        The company's clock on the wall is `ahead_ms` ahead of UTC; its running numbers come after `after`.
        """
        self.rng = Random(seed)
        self._ahead_ms = ahead_ms
        self._after = after
        self._numbers: Counter[str] = Counter()

    def number(self, kind: str) -> int:
        """The next running number of this kind, from 1 (or from the one after `after`)."""
        self._numbers[kind] += 1
        return self._after + self._numbers[kind]

    def uid(self) -> str:
        """A fresh id in the form of a UUID."""
        digits = f"{self.rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def chance(self, share: float) -> bool:
        """Whether something that happens in this share of cases happens now."""
        return self.rng.random() < share

    def pick(self, among: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of these, by weight where weights are given."""
        return self.rng.choices(among, weights)[0] if weights else self.rng.choice(among)

    def customer(self) -> Customer:
        """Somebody: a few are in touch all the time, most hardly ever."""
        return people.customer(int(people.CUSTOMERS * self.rng.random() ** 1.6))

    def issue(self) -> Issue:
        """What somebody wants."""
        return self.pick(people.ISSUES, [issue.share for issue in people.ISSUES])

    def agent(self, team: str, but: str | None = None) -> str:
        """Somebody of the team, another one than `but` where there is one."""
        return self.pick([agent for agent in people.AGENTS[team] if agent != but] or people.AGENTS[team])

    def span_ms(self, median_seconds: float, spread: float = 0.7) -> int:
        """A duration around its median, skewed as durations are: log-normal, at least 1 ms."""
        return 1 + int(1000 * median_seconds * self.rng.lognormvariate(0.0, spread))

    def wait_ms(self, at_ms: int, median_seconds: float, spread: float = 0.7) -> int:
        """A duration for which somebody has to work, so the hour of `at_ms` stretches it."""
        return int(self.span_ms(median_seconds, spread) * self.slowness(at_ms)) + 1

    def slowness(self, at_ms: int) -> float:
        """What every wait is multiplied by at an instant, by the company's own hour."""
        return week.slowness(at_ms + self._ahead_ms)

    def text(self) -> str:
        """A few words without meaning."""
        return " ".join(self.rng.choices(_WORDS.split(), k=6))
