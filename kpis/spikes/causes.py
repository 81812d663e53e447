"""The cause of an unusual number: the slices (values of dimensions, and pairs of them) that carry the excess.

Every slice is asked how much better "this slice alone counts more" explains what was counted than "all count as usual"
(Kulldorff's likelihood ratio), less what looking at so many slices of its kind is worth by chance. The best is the cause when it
explains more than "everything counts more, everywhere alike". Expected of a slice is the expected of the whole × the slice's
share of the last weeks.
Laws: no slice is named that chance explains, corrected for the number of slices looked at; what is named has more than twice what
is expected of it; a slice's excess is never more than was counted in it.
Sources: Kulldorff (1997), a spatial scan statistic; the share of the excess as in Bhagwan et al. (2014), Adtributor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, log10
from typing import NamedTuple

from kpis.dimensions import Cut
from kpis.spikes.tails import surprise

CAUSES_MAX = 3
_SURE = 2.0
"""−log10 of the chance, corrected, up to which a slice is named: one in a hundred."""
_NAMING = 2.0
"""What naming a slice must be worth, in log likelihood: one that always holds nearly everything explains nothing."""
_FLAT = 1.3
"""A dimension of which no value stands out by more than one chance in twenty, corrected, is told as one that does not matter."""


class Slice(NamedTuple):
    """A slice as it was counted in the incident and in the weeks before."""

    cut: Cut
    observed: int
    before: int


class Cause(NamedTuple):
    """A slice that carries an excess: `share` of the whole excess (0–1), `surprise` corrected for the slices looked at."""

    cut: Cut
    observed: int
    expected: float
    share: float
    surprise: float


class Causes(NamedTuple):
    """The causes, the one that explains most first, and the dimensions in which nothing stands out."""

    named: list[Cause]
    flat: list[str]


class _Scored(NamedTuple):
    cause: Cause
    score: float


def find(observed: int, mean: float, dispersion: float, before: int, slices: Sequence[Slice]) -> Causes:
    """The causes of `observed` where `mean` was expected and `before` were counted in the weeks before, in all and in each slice.

    `dispersion` is by how much more than by chance these counts vary.
    """
    excess = observed - mean
    if excess <= 0 or not slices:
        return Causes([], [])
    kinds = _sizes(slices)
    everywhere = _ratio(observed, mean) / dispersion
    scored = []
    for one in slices:
        expected = mean * (one.before + 0.5) / (before + 1.0)
        if one.observed < 2 or one.observed <= 2 * expected:
            continue
        corrected = surprise(one.observed, expected, expected * dispersion) - log10(len(slices))
        if corrected < _SURE:
            continue
        share = min(1.0, (one.observed - expected) / excess)
        score = _ratio(one.observed, expected) / dispersion - log(kinds[_kind(one.cut)]) - _NAMING
        scored.append(_Scored(Cause(one.cut, one.observed, expected, share, corrected), score))
    scored.sort(key=lambda each: (-each.score, each.cause.cut))
    named = _told_apart(scored, everywhere)
    return Causes([each.cause for each in named], _flat(observed, before, slices, kinds, named))


def _told_apart(scored: list[_Scored], everywhere: float) -> list[_Scored]:
    """The best, and beside it what other dimensions say of the same excess; nothing when everything rose alike."""
    if not scored or scored[0].score <= everywhere:
        return []
    named = scored[:1]
    told = set(_kind(scored[0].cause.cut))
    for each in scored[1:]:
        kind = _kind(each.cause.cut)
        if len(named) == CAUSES_MAX:
            break
        if not told & set(kind) and each.score > everywhere and each.cause.share >= named[0].cause.share / 2:
            named.append(each)
            told |= set(kind)
    return named


def _flat(observed: int, before: int, slices: Sequence[Slice], kinds: Mapping[tuple[str, ...], int], named: list[_Scored]) -> list[str]:
    """Single dimensions whose values share what was counted as they always do."""
    strongest: dict[str, float] = {}
    for one in slices:
        if len(one.cut) == 1:
            usual = observed * (one.before + 0.5) / (before + 1.0)
            told = surprise(one.observed, usual, usual) - log10(kinds[_kind(one.cut)])
            dimension = one.cut[0][0]
            strongest[dimension] = max(strongest.get(dimension, 0.0), told)
    causes = {name for each in named for name in _kind(each.cause.cut)}
    return sorted(name for name, told in strongest.items() if told < _FLAT and name not in causes)


def _ratio(observed: int, expected: float) -> float:
    return observed * log(observed / expected) - (observed - expected) if observed > expected > 0 else 0.0


def _sizes(slices: Sequence[Slice]) -> dict[tuple[str, ...], int]:
    sizes: dict[tuple[str, ...], int] = {}
    for one in slices:
        sizes[_kind(one.cut)] = sizes.get(_kind(one.cut), 0) + 1
    return sizes


def _kind(cut: Cut) -> tuple[str, ...]:
    return tuple(name for name, _ in cut)
