"""From the configured calendars to definitions of business time, their public holidays written out as dates.

Law: a definition is complete, so that whoever reads it later needs neither the configuration nor a list of holidays.
"""

from __future__ import annotations

import warnings

from kpis.calendar import Definition, Hours
from services.calendar_settings import CalendarSettings, minutes_of
from services.settings import Settings

HOLIDAY_YEARS = range(2010, 2041)
"""The years whose public holidays are written out; before and after them a calendar has only its `closed` dates."""


def definitions_of(settings: Settings) -> dict[str, Definition]:
    """Every configured calendar by its name, in force from the beginning; empty where there is none."""
    return {name: definition(section, settings.time_zone) for name, section in settings.calendars.items()}


def definition(section: CalendarSettings, time_zone: str) -> Definition:
    """One calendar; `time_zone` is that of a section which names none."""
    special = {day: [minutes_of(span) for span in spans] for day, spans in sorted(section.special.items())}
    return Definition(
        zone=section.time_zone or time_zone,
        hours=tuple(Hours(weekday, *minutes_of(span)) for weekday, spans in enumerate(section.hours.by_weekday()) for span in spans),
        holidays=tuple(sorted({*_public(section.holidays), *section.closed} - set(special))),
        extra=special,
    )


def _public(region: str) -> list[str]:
    """The public holidays of a country or a part of it, days off for one that falls on a weekend included."""
    if not region:
        return []
    import holidays as public_holidays  # slow to import, and only needed where a calendar names a country

    country, _, part = region.partition("-")
    with warnings.catch_warnings():  # some say that holidays by the moon are known for fewer years than we ask for
        warnings.simplefilter("ignore")
        return [day.isoformat() for day in public_holidays.country_holidays(country, subdiv=part or None, years=HOLIDAY_YEARS)]
