"""Business time: what of a span lies within business hours, over all schedules that were in force, each for as long as it was.

Law: a span cut in two has the business time of its parts; without calendars there is none (None), not 0.
"""

from __future__ import annotations

from kpis.controls import DEFAULT_CALENDAR, Controls

Schedules = tuple[tuple[int, str], ...]
"""(from ms, name of the calendar), ascending; before the first, and where a name is unknown, the default calendar is in force."""


def business_ms(schedules: Schedules, controls: Controls, start_ms: int, end_ms: int) -> int | None:
    """Business milliseconds within [start, end); 0 for an empty span, None where no calendar is known."""
    calendars = controls.calendars
    if not calendars:
        return None
    default = calendars.get(DEFAULT_CALENDAR)
    if not schedules:
        return None if default is None else default.open_ms(start_ms, end_ms)
    total = 0
    edges = [*(at for at, _ in schedules), max(end_ms, schedules[-1][0])]
    spans = [(start_ms, edges[0], default), *((at, edges[i + 1], calendars.get(name, default)) for i, (at, name) in enumerate(schedules))]
    for low, high, calendar in spans:
        low, high = max(low, start_ms), min(high, end_ms)
        if low < high:
            if calendar is None:
                return None
            total += calendar.open_ms(low, high)
    return total
