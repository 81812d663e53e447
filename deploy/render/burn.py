"""How fast the allowance of a target burns: the factors of a burn-rate alert, derived from the target itself.

A target of 90 % allows 10 % to be late; burn 1 uses up exactly that, and the greatest burn there can be (everything is late) is
1 / (1 - target): 10 here, 100 at 99 %, only 5 at 80 %. The factors that are copied from handbooks (14.4, 6) belong to targets of 99 %
and more: an 80/20 service level could never reach them.

Law: every factor lies between 1 (as promised) and the greatest burn, both excluded, or the target is refused.
"""

from __future__ import annotations

from typing import NamedTuple

HANDBOOK_FAST, HANDBOOK_SLOW = 14.4, 6.0
"""Right where the allowance is small: 2 % and 5 % of a month's allowance within 1 h and 6 h."""
LEAST_SHARE, MOST_SHARE = 0.2, 0.999
"""Below, burn 1.25 is all there can be and all late differs little from as promised; above, a handful of late cases is a whole month's
allowance, and each of them would wake somebody."""


class Speed(NamedTuple):
    """One of the two speeds: windows as PromQL durations, `late` the share of late cases that is too much in both of them."""

    word: str
    long: str
    short: str
    factor: float
    late: float


class NeverFires(ValueError):
    """A target for which no burn-rate alert can be; the text says what can be set instead."""


def speeds(share: float) -> tuple[Speed, Speed]:
    """The fast and the slow speed of a target that `share` of all cases meets. Raises NeverFires.

    Fast is half of the way from as promised to everything late, slow a quarter, unless the handbook's factor comes sooner. The short
    windows are longer than the handbook's twelfths: a service desk has few cases in five minutes, and an empty window ends an alert.
    """
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise NeverFires(f"a share from {LEAST_SHARE:g} to {MOST_SHARE:g}, or no share at all: {_why(share)}")
    allowed = 1 - share
    fast = min(HANDBOOK_FAST, 1 + 0.5 * (1 / allowed - 1))
    slow = min(HANDBOOK_SLOW, 1 + 0.25 * (1 / allowed - 1))
    return (
        Speed("fast", "1h", "15m", fast, round(fast * allowed, 6)),
        Speed("slow", "6h", "1h", slow, round(slow * allowed, 6)),
    )


def _why(share: float) -> str:
    if share >= 1:
        return "1 allows nothing to be late, so there is no allowance whose burning could be told"
    if share > MOST_SHARE:
        return "so little may be late that every single case would wake somebody"
    return "so much may be late that even all of it is hardly more than promised, and an alert could never fire"
