"""What a company decides and contributions depend on: targets and kinds, the same for a whole run until changed by a control."""

from __future__ import annotations

from msgspec import Struct


class Controls(Struct, frozen=True, kw_only=True):
    """The decisions that life cycles read.

    `escalation_kinds` are those that `escalation_rate` counts; `answer_within_ms` is the target of a call's wait;
    `short_abandon_ms` is how soon a caller may hang up without counting as a loss (5 s: no industry standard exists).
    """

    escalation_kinds: frozenset[str] = frozenset({"functional", "hierarchic", "complaint", "priority"})
    answer_within_ms: int = 20_000
    short_abandon_ms: int = 5_000


DEFAULT = Controls()
