"""Scores of survey answers: top boxes and the net promoter score. Scales are never mixed in one mean."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from kpis.formulas.counts import shared
from kpis.kpi import Targets, Value
from kpis.measures import Measure
from kpis.slices import Cuts, Slice
from kpis.statistics import nps_interval

OVERALL = "overall"
"""The question of a response that asks for satisfaction once."""
RELATIONSHIP_WINDOWS = frozenset({"now", "90d"})
"""Windows in which the net promoter score is that of the relationship (latest answer of each customer within 90 days)."""


class TopBox(NamedTuple):
    """The share of answers in the positive set: those at or above `positive` of their scale (0 its lowest, 1 its highest).

    3/4 means 4–5 of 1–5 and 6–7 of 1–7; 2/3 means 5–7 of 1–7. `question` None takes every question of the metric.
    """

    measure: Measure
    metric: str
    positive: float
    question: str | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The answers."""
        return (self.measure,)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """Positive / valid answers, and the mean of each scale as a part of its own."""
        positive = n = 0
        sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
        for cls in cells.classes(self.measure):
            said = parsed(cls)
            if said is None:
                continue
            metric, question, scale, score = said
            if metric != self.metric or (self.question is not None and question != self.question):
                continue
            count = cells.get(cuts, self.measure, cls)
            low, high = scale_ends(scale)
            if not count or low >= high:
                continue
            n += count
            if (score - low) / (high - low) >= self.positive - 1e-9:
                positive += count
            sums[scale][0] += count
            sums[scale][1] += count * score
        value = shared(positive, n)
        value.parts |= {f"mean_{scale}": total / count for scale, (count, total) in sorted(sums.items()) if count}
        return value


class NetPromoter(NamedTuple):
    """100 × (promoters 9–10 − detractors 0–6) / answers: of the relationship for `now` and 90 d, of transactions for the others.

    The two are never pooled.
    """

    relationship: Measure
    transactional: Measure

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Both."""
        return (self.relationship, self.transactional)

    def read(self, cells: Slice, cuts: Cuts, targets: Targets) -> Value:
        """The score with the interval of the difference (one answer added to each class)."""
        by_score: dict[int, int] = defaultdict(int)
        of_relationship = cells.bounds.name in RELATIONSHIP_WINDOWS
        if of_relationship:
            for state in cells.states(self.relationship):
                by_score[int(state)] += cells.level(cuts, self.relationship, state)
        else:
            for cls in cells.classes(self.transactional):
                said = parsed(cls)
                if said is not None and said[0] == "nps" and said[2] == "0-10":
                    by_score[round(said[3])] += cells.get(cuts, self.transactional, cls)
        promoters = sum(n for score, n in by_score.items() if score >= 9)
        detractors = sum(n for score, n in by_score.items() if score <= 6)
        n = sum(by_score.values())
        parts: dict[str, float | int | str | None] = {
            "survey_type": "relationship" if of_relationship else "transactional",
            "promoters": promoters, "passives": n - promoters - detractors, "detractors": detractors,
        }  # fmt: skip
        if n <= 0:
            return Value(value=None, n=0, reason="no_data", parts=parts)
        low, high = nps_interval(promoters, detractors, n)
        value = 100 * (promoters - detractors) / n
        return Value(value=value, n=n, numerator=promoters - detractors, denominator=n, ci_low=low, ci_high=high, parts=parts)


@lru_cache(maxsize=4096)
def parsed(cls: str) -> tuple[str, str, str, float] | None:
    """(metric, question, scale, score) of a class of answers; None for the class that those share which were too many."""
    if cls.count("|") < 3:
        return None
    metric, rest = cls.split("|", 1)
    question, scale, score = rest.rsplit("|", 2)
    return metric, question, scale, float(score)


@lru_cache(maxsize=4096)
def scale_ends(scale: str) -> tuple[float, float]:
    """Both ends of a scale written as `1-5`, `-3-3` or `1e-07-5`. Ends that differ by less than is written are the same.

    Raises:
        ValueError: it is no scale.
    """
    for at in range(1, len(scale)):
        if scale[at] == "-" and scale[at - 1] not in "e-":
            return float(scale[:at]), float(scale[at + 1 :])
    raise ValueError(f"{scale!r} is no scale")


def is_negative(cls: str) -> bool:
    """Whether a class of answers is one that a dissatisfied customer gives.

    Satisfaction in the lowest quarter of its scale (1–2 of 1–5, no of yes/no), or a recommendation of 0–6.
    """
    said = parsed(cls)
    if said is None:
        return False
    metric, question, scale, score = said
    low, high = scale_ends(scale)
    if low >= high:
        return False
    height = (score - low) / (high - low)
    return (metric == "csat" and question == OVERALL and height <= 0.25 + 1e-9) or (metric == "nps" and height <= 0.6 + 1e-9)
