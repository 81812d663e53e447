"""Causes: the planted slice is named, chance and a rise of everything name nothing, and looking at more slices costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.dimensions import Cut
from kpis.spikes import causes as scan
from kpis.spikes.causes import Slice, find
from kpis.spikes.tails import surprise

CHANNELS, TEAMS = ("chat", "email", "phone", "social"), ("billing", "returns", "tech")
Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def slices_of(now: Table, before: Table) -> list[Slice]:
    """Every channel, team and pair of both."""
    found = []
    for c, channel in enumerate(CHANNELS):
        found.append(Slice((("channel", channel),), int(now[c].sum()), int(before[c].sum())))
        for t, team in enumerate(TEAMS):
            found.append(Slice((("channel", channel), ("team", team)), int(now[c, t]), int(before[c, t])))
    for t, team in enumerate(TEAMS):
        found.append(Slice((("team", team),), int(now[:, t].sum()), int(before[:, t].sum())))
    return found


def usual(total: int = 24) -> Table:
    """As many in every pair."""
    return np.full((len(CHANNELS), len(TEAMS)), total // 12, dtype=np.int64)


BEFORE = usual(12_000)


def causes_of(now: Table, mean: float = 24.0, dispersion: float = 1.0, rest: tuple[Slice, ...] = ()) -> scan.Causes:
    return find(int(now.sum()), mean, dispersion, int(BEFORE.sum()), [*slices_of(now, BEFORE), *rest])


def with_more(more: int, channel: int | None, team: int | None) -> Table:
    now = usual()
    now[channel if channel is not None else slice(None), team if team is not None else slice(None)] += more
    return now


@pytest.mark.parametrize(
    ("channel", "team", "more", "cut", "counted"),
    [
        (0, None, 16, (("channel", "chat"),), 54),
        (None, 1, 12, (("team", "returns"),), 56),
        (2, 2, 48, (("channel", "phone"), ("team", "tech")), 50),
    ],
    ids=["a channel", "a team", "a pair"],
)
def test_the_planted_slice_is_named_and_nothing_else(channel: int | None, team: int | None, more: int, cut: Cut, counted: int) -> None:
    found = causes_of(with_more(more, channel, team)).named
    assert [each.cut for each in found] == [cut]
    assert found[0].observed == counted
    assert found[0].share == pytest.approx(1.0, abs=0.01)


def test_a_rise_of_everything_names_nothing() -> None:
    assert causes_of(usual(24 * 5)).named == []


@given(st.integers(0, 2**32 - 1), st.floats(1.0, 6.0))
@settings(max_examples=100)
def test_a_rise_of_everything_by_chance_hardly_ever_names_a_thing(seed: int, times: float) -> None:
    now = np.random.default_rng(seed).poisson(usual(60) * times).astype(np.int64)
    for each in causes_of(now, 60.0).named:
        assert each.surprise >= 2.0
        assert each.observed > 2 * each.expected


def test_no_excess_has_no_cause() -> None:
    assert causes_of(usual()) == scan.Causes([], [])
    assert find(100, 10.0, 1.0, 0, []) == scan.Causes([], [])


def test_looking_at_more_slices_makes_each_less_sure() -> None:
    now = with_more(48, 2, 2)
    alone = causes_of(now).named[0]
    many = tuple(Slice((("product", f"<script>{i}\u202e\n"),), i % 2, 2) for i in range(5000))
    among = causes_of(now, rest=many).named[0]
    assert among.cut == alone.cut
    assert alone.surprise - among.surprise == pytest.approx(np.log10((19 + 5000) / 19))
    assert alone.surprise == pytest.approx(surprise(50, alone.expected, alone.expected) - np.log10(19))


def test_of_two_that_tell_the_same_the_one_of_fewer_is_named_first() -> None:
    team = [Slice((("team", "a"),), 30, 100), Slice((("team", "b"),), 10, 900)]
    product = [Slice((("product", "x"),), 30, 98), *(Slice((("product", str(i)),), 0, 1) for i in range(902))]
    named = find(40, 10.0, 1.0, 1000, [*product, *team]).named
    assert [each.cut for each in named] == [(("team", "a"),), (("product", "x"),)]


def test_of_thousands_of_slices_by_chance_alone_none_is_named() -> None:
    rng = np.random.default_rng(2)
    values = rng.multinomial(300, np.full(3000, 1 / 3000))
    past = rng.multinomial(60_000, np.full(3000, 1 / 3000))
    slices = [Slice((("product", str(i)),), int(now), int(then)) for i, (now, then) in enumerate(zip(values, past, strict=True))]
    assert find(300, 60.0, 1.0, 60_000, slices).named == []


def test_what_clusters_is_believed_less() -> None:
    now = with_more(9, 2, 2)
    assert causes_of(now).named
    assert causes_of(now, dispersion=6.0).named == []


def test_twice_as_much_is_no_cause_and_a_little_more_is() -> None:
    before = [Slice((("team", "a"),), 0, 500), Slice((("team", "b"),), 0, 500)]

    def named(n: int) -> list[Cut]:
        return [
            each.cut for each in find(n + 100, 200.0, 1.0, 1000, [before[0]._replace(observed=n), before[1]._replace(observed=100)]).named
        ]

    assert named(200) == []
    assert named(300) == [(("team", "a"),)]


def test_a_value_that_was_never_seen_before_can_be_the_cause() -> None:
    found = causes_of(usual(), mean=12.0, rest=(Slice((("product", "new"),), 15, 0),)).named
    assert (("product", "new"),) in [each.cut for each in found]


def test_other_dimensions_tell_the_same_excess_beside_it_and_others_are_flat() -> None:
    now = with_more(48, 2, 2)
    rest = (
        Slice((("product", "app"),), 50, 1000),
        Slice((("product", "web"),), 22, 11_000),
        Slice((("language", "en"),), 36, 6000),
        Slice((("language", "fi"),), 36, 6000),
    )
    found = causes_of(now, rest=rest)
    assert {each.cut for each in found.named} == {(("channel", "phone"), ("team", "tech")), (("product", "app"),)}
    assert found.flat == ["language"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3000)), min_size=1, max_size=30), st.floats(0.01, 100), st.floats(1, 8))
def test_whatever_is_counted_what_is_named_keeps_the_laws(counted: list[tuple[int, int]], mean: float, dispersion: float) -> None:
    slices = [Slice((("team", str(i)),), now, then) for i, (now, then) in enumerate(counted)]
    observed, before = sum(now for now, _ in counted), sum(then for _, then in counted)
    found = find(observed, mean, dispersion, before, slices)
    assert len(found.named) <= scan.CAUSES_MAX
    for each in found.named:
        assert 0 < each.share <= 1
        assert each.surprise >= 2
        assert each.observed > 2 * each.expected
    assert not {each.cut[0][0] for each in found.named} & set(found.flat)


def test_a_value_that_every_case_has_is_no_cause() -> None:
    """All are handled by people, today as ever: that explains nothing of a rise."""
    everyone = Slice((("handled_by", "human"),), 40, 900)
    channels = [Slice((("channel", name),), 10, 225) for name in ("chat", "email", "phone", "web")]
    assert find(40, 5.0, 1.0, 900, [everyone, *channels]).named == []
