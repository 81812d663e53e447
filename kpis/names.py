"""Numbers for cuts and components, so that a cell is one integer key: cut and component side by side.

Numbers are given in the order of first use and mean nothing outside the process; at rest cells carry the names.
Hostile names stay bounded: past `VALUES_MAX` cuts of one kind, or `COMPONENTS_MAX` components of one measure, the rest share one.
"""

from __future__ import annotations

from collections import Counter

from kpis.dimensions import Cut
from kpis.measures import BY_KEY

COMPONENT_BITS = 20
COMPONENT_MASK = (1 << COMPONENT_BITS) - 1
VALUES_MAX = 50_000
"""Values of one dimension (or pairs of two) that cells tell apart: a hundred times what is published."""
COMPONENTS_MAX = 10_000
"""Components of one measure that cells tell apart; the widest need below 4,000 (three sketches' bins)."""
OTHER = "__other__"


class Names:
    """Both tables."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.components: list[tuple[str, str]] = []
        self.gauges: set[int] = set()
        self._cut_numbers: dict[Cut, int] = {}
        self._component_numbers: dict[tuple[str, str], int] = {}
        self._by_measure: dict[str, list[str]] = {}
        self._cuts_by_kind: Counter[tuple[str, ...]] = Counter()

    def cut(self, cut: Cut) -> int:
        """The number of a cut, given on first use."""
        number = self._cut_numbers.get(cut)
        return self._new_cut(cut) if number is None else number

    def component(self, measure_key: str, component: str) -> int:
        """The number of a measure's component, given on first use."""
        number = self._component_numbers.get((measure_key, component))
        return self._new_component(measure_key, component) if number is None else number

    def key(self, cut: Cut, measure_key: str, component: str) -> int | None:
        """The key of a cell that something may have been added to, else None."""
        cut_number = self._cut_numbers.get(cut)
        number = self._component_numbers.get((measure_key, component))
        return None if cut_number is None or number is None else cut_number << COMPONENT_BITS | number

    def of_key(self, key: int) -> tuple[Cut, str, str]:
        """(cut, measure@version, component) of a key."""
        return (self.cuts[key >> COMPONENT_BITS], *self.components[key & COMPONENT_MASK])

    def components_of(self, measure_key: str) -> list[str]:
        """All components a measure ever had, in order of first sight."""
        return self._by_measure.get(measure_key, [])

    def _new_cut(self, cut: Cut) -> int:
        kind = tuple(name for name, _ in cut)
        if self._cuts_by_kind[kind] >= VALUES_MAX:
            overflow = tuple((name, OTHER) for name in kind)
            if overflow in self._cut_numbers:
                return self._cut_numbers[overflow]
            cut = overflow
        self._cuts_by_kind[kind] += 1
        number = self._cut_numbers[cut] = len(self.cuts)
        self.cuts.append(cut)
        return number

    def _new_component(self, measure_key: str, component: str) -> int:
        known = self._by_measure.setdefault(measure_key, [])
        if len(known) >= COMPONENTS_MAX:
            component = OTHER
            if (measure_key, component) in self._component_numbers:
                return self._component_numbers[measure_key, component]
        number = self._component_numbers[measure_key, component] = len(self.components)
        self.components.append((measure_key, component))
        known.append(component)
        if measure_key in BY_KEY and BY_KEY[measure_key].kind == "gauge":
            self.gauges.add(number)
        return number
