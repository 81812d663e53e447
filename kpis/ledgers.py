"""Ledgers of one partition of `facts`: the facts known of each customer, invitation and quote.

Law: contributions depend on the set of facts alone; of equal ids the highest version holds; a ledger that grew past `FACTS_MAX`
counts nowhere. A ledger that was touched contributes the difference between what it stands for now and what it stood for at the
last checkpoint.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from kpis.contributions import Contributions
from kpis.corrections import note_corrections
from kpis.dimensions import Attributes
from kpis.lifecycles.ledger import Rules, contributions
from kpis.tallies import newly_converted
from schemas.facts import AnyFact, pack_fact, unpack_fact

FACTS_MAX = 5_000
"""A customer with more contacts, purchases and answers is no person but an id that many share ("guest"): as a ledger it counts nowhere."""
AWAKE_MAX = 2_000
"""Ledgers kept awake after a checkpoint, with what they stand for; the bytes stay what holds."""


class Ledgers:
    """All ledgers of one partition, and what changed since the last `changes()`."""

    def __init__(self, rules: Rules, facts_max: int = FACTS_MAX) -> None:
        self.rules = rules
        self._facts_max = facts_max
        self.rows = Contributions()
        self.counters: Counter[str] = Counter()
        self.corrections: Counter[tuple[str, int]] = Counter()
        self.tallies: Counter[tuple[int, Attributes]] = Counter()
        self.newest_ms = 0
        self._rest: dict[str, bytes] = {}
        self._live: dict[str, tuple[dict[str, AnyFact], Contributions]] = {}
        self._awake: dict[str, tuple[dict[str, AnyFact], Contributions]] = {}
        self._corrected: set[str] = set()
        self._full: set[str] = set()

    def __len__(self) -> int:
        """How many ledgers are held."""
        return len(self._rest) + sum(1 for key in self._live if key not in self._rest)

    def apply(self, fact: AnyFact) -> None:
        """Take one fact; an equal or lower version of a known one changes nothing."""
        self.newest_ms = max(self.newest_ms, fact.newest_ms)
        if fact.key in self._full:
            self.counters["ledger_too_large"] += 1
            return
        facts, _ = self._open(fact.key)
        known = facts.get(fact.id)
        if known is not None and known.version >= fact.version:
            self.counters["duplicate"] += 1
            return
        if fact.corrects:
            self._corrected.add(fact.key)
            fact = msgspec.structs.replace(fact, corrects=False)  # how it came is no part of what is known
        facts[fact.id] = fact
        self.counters["applied"] += 1
        if len(facts) > self._facts_max:
            facts.clear()
            self._full.add(fact.key)
            self.counters["ledger_too_large"] += 1

    def facts_of(self, key: str) -> dict[str, AnyFact]:
        """The facts known of a ledger by their ids, withdrawn ones included; nothing is changed or kept awake by looking."""
        live = self._live.get(key) or self._awake.get(key)
        if live is not None:
            return dict(live[0])
        data = self._rest.get(key)
        return {} if data is None else {fact.id: fact for fact in facts_at_rest(data)}

    def _open(self, key: str) -> tuple[dict[str, AnyFact], Contributions]:
        live = self._live.get(key)
        if live is None and (live := self._awake.pop(key, None)) is not None:
            self._live[key] = live
        if live is None:
            data = self._rest.get(key)
            facts = {} if data is None else {fact.id: fact for fact in facts_at_rest(data)}
            live = self._live[key] = (facts, self._stands_for(key, facts))
        return live

    def _stands_for(self, key: str, facts: dict[str, AnyFact]) -> Contributions:
        return contributions(key[: key.index(":")], (fact for fact in facts.values() if not fact.withdrawn), self.rules)

    def changes(self, tallied_from_ms: int = 0) -> list[tuple[bytes, bytes | None]]:
        """What one checkpoint writes of the state; the contributions of what was touched are added to `rows`.

        What happened from `tallied_from_ms` on is news, and is added to `tallies`.
        """
        out: list[tuple[bytes, bytes | None]] = []
        if len(self._awake) + len(self._live) > AWAKE_MAX:
            self._awake = {}
        for key, (facts, before) in self._live.items():
            after = self._stands_for(key, facts)
            self.rows.add_all(after)
            self.rows.add_all(before, -1)
            if key.startswith("customer:"):
                for tally, n in newly_converted(before.rows.items(), after.rows.items(), tallied_from_ms):
                    self.tallies[tally] += n
            if key in self._corrected:
                difference = Contributions()
                difference.add_all(after)
                difference.add_all(before, -1)
                note_corrections(self.corrections, difference.rows.items(), self.newest_ms)
            self._awake[key] = (facts, after)
            data = _FULL if key in self._full else _PACK.encode([pack_fact(facts[fact_id]) for fact_id in sorted(facts)])
            self._rest[key] = data
            out.append((key.encode(), data))
        self._live = {}
        self._corrected.clear()
        return out

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the state topic; the last value of a key wins, None removes it."""
        if value is None:
            self._rest.pop(key.decode(), None)
        else:
            self._rest[key.decode()] = value
            if value == _FULL:
                self._full.add(key.decode())


def facts_at_rest(data: bytes) -> list[AnyFact]:
    """The facts of one ledger at rest, withdrawn ones included; none of one that grew too large."""
    return [] if data == _FULL else [unpack_fact(packed) for packed in _LIST.decode(data)]


_PACK = msgspec.msgpack.Encoder()
_FULL = _PACK.encode("full")
_LIST = msgspec.msgpack.Decoder(list[bytes])
