"""What the shards tallied, told as counters and durations.

Laws: a counter stands at 0 for every label set that its subject is known by, so that the first of a kind is an increase and not a
new series; whatever is told by two classes (what was due, and what of it was breached) is counted by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kpis import histograms
from kpis.folding import TallyKey
from kpis.measures import OUTCOME
from kpis.tallies import BASES, BREACHED, MET, RATINGS, REPLIES, RESPONSES
from services.api.ports import Durations

Labels = dict[str, str]
_TICKETS = ("issues_created", "resolved_issues", "reopened", "escalations", f"{REPLIES}_due", f"{REPLIES}_breached")
_CALLS = ("calls_answered", "calls_abandoned", "speed_of_answer_due", "speed_of_answer_breached")
_CONVERSIONS = ("conversions", "conversion_opportunities")
_SUBJECTS = (_TICKETS, _CALLS, _CONVERSIONS)
"""Counters of one subject: what one of them is labelled with, the others are too."""


def counters(tallies: Mapping[TallyKey, int]) -> list[tuple[str, Labels, float]]:
    """(name, labels, value) of every counter."""
    totals: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for (name, cls, channel, team, priority), n in tallies.items():
        labels = tuple((k, v) for k, v in (("channel", channel), ("team", team), ("priority", priority)) if v)
        for counter, own in _counted_as(name, cls):
            key = (counter, (*labels, *own))
            totals[key] = totals.get(key, 0) + n
    for subject in _SUBJECTS:
        for labels in {labels for name, labels in totals if name in subject}:
            for name in subject:
                totals.setdefault((name, labels), 0)
    return [(name, dict(labels), n) for (name, labels), n in sorted(totals.items())]


def _counted_as(name: str, cls: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """The counters that a tally adds to, each with labels of its own."""
    if name == RATINGS:
        scale, _, score = cls.partition("|")
        yield name, (("scale", scale), ("score", score))
    elif name == RESPONSES:
        kind, _, group = cls.partition("|")
        yield name, (("group", group), ("kind", kind))
    elif name == "conversions":
        yield ("conversions" if cls == OUTCOME else "conversion_opportunities"), ()
    elif name == REPLIES and cls in (MET, BREACHED):
        yield f"{REPLIES}_due", ()
        if cls == BREACHED:
            yield f"{REPLIES}_breached", ()
    elif name not in BASES and not (name == "escalations" and cls.startswith("+")):
        yield name, ()
        if name == "calls_answered" and cls in ("within", "late"):
            yield "speed_of_answer_due", ()
        if name in ("calls_answered", "calls_abandoned") and cls == "late":  # given up within the target neither helps nor harms
            yield "speed_of_answer_breached", ()
            if name == "calls_abandoned":
                yield "speed_of_answer_due", ()


def durations(tallies: Mapping[TallyKey, int]) -> list[Durations]:
    """Every duration that was tallied, by KPI and channel."""
    found: dict[tuple[str, str], Durations] = {}
    for (name, cls, channel, _, _), n in tallies.items():
        if name not in BASES or cls in (MET, BREACHED):
            continue
        one = found.setdefault((name, channel), Durations(kpi=name, channel=channel))
        if cls == histograms.SUM:
            one.sum_ms += n
        elif (bound := histograms.bound_of(cls)) is not None:
            one.counts[bound] = one.counts.get(bound, 0) + n
    return [found[key] for key in sorted(found)]
