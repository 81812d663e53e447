"""The section `[calendars.NAME]` of the configuration: weekly hours, public holidays, further closed days, days of their own.

Law: what passes here has a meaning, so that `services.calendars` can expand it without a second check.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not found is a KeyError, a folder's name an OSError
        raise ValueError("the name of a time zone, such as Europe/Helsinki or UTC") from None
    return name


def minutes_of(span: str) -> tuple[int, int]:
    """Start and end of a span such as 09:00-17:00 in minutes of the day; 24:00 is 1440. Raises ValueError."""
    found = _SPAN.fullmatch(span)
    if found is None:
        raise ValueError("a span of the day such as 09:00-17:00, up to 24:00")
    start = int(found[1]) * 60 + int(found[2])
    end = 1440 if found[3] is None else int(found[3]) * 60 + int(found[4])
    if end <= start:
        raise ValueError("a span that ends after it starts; one over midnight is two: 22:00-24:00, and 00:00-06:00 on the next day")
    return start, end


def _span(text: str) -> str:
    minutes_of(text)
    return text


def _written(day: Any) -> Any:
    """TOML has dates of its own: 2026-12-24 may stand with or without quotes."""
    return day.isoformat() if isinstance(day, date) and not isinstance(day, datetime) else day


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError("a date such as 2026-12-24")


def _region(name: str) -> str:
    if not name:
        return name
    import holidays as public_holidays  # slow to import, and only needed where a calendar names a country

    country, _, part = name.partition("-")
    countries = public_holidays.list_supported_countries(include_aliases=False)
    if country not in countries:
        known_otherwise = country.upper() in public_holidays.list_supported_countries()  # FIN, UK
        hint = f"; the nearest is {public_holidays.country_holidays(country.upper()).country}" if known_otherwise else ""
        raise ValueError(f'a country by its two letters (ISO 3166) such as FI, with a part as in DE-BY, or "" for none{hint}')
    if part and part not in countries[country]:
        parts = " ".join(countries[country]) or "none, only the country as a whole"
        raise ValueError(f"a part of {country} that has holidays of its own: {parts}")
    if name != country and not part:
        raise ValueError(f"{country}, or {country}- and a part of it")
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Span = Annotated[str, AfterValidator(_span)]
Day = Annotated[str, BeforeValidator(_written), AfterValidator(_day)]
Region = Annotated[str, AfterValidator(_region)]


class WeekSettings(BaseModel):
    """The open spans of each weekday by the local clock, half open; a day without any is closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    mon: tuple[Span, ...] = ()
    tue: tuple[Span, ...] = ()
    wed: tuple[Span, ...] = ()
    thu: tuple[Span, ...] = ()
    fri: tuple[Span, ...] = ()
    sat: tuple[Span, ...] = ()
    sun: tuple[Span, ...] = ()

    def by_weekday(self) -> tuple[tuple[Span, ...], ...]:
        """The spans from Monday to Sunday."""
        return self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun


class CalendarSettings(BaseModel):
    """Business hours of one schedule; `time_zone` None means that of the whole configuration.

    `holidays` names a country or a part of one whose public holidays are closed, "" none; `closed` are further closed dates;
    `special` are dates with hours of their own, which win over a holiday.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    time_zone: Zone | None = None
    hours: WeekSettings
    holidays: Region = ""
    closed: tuple[Day, ...] = ()
    special: dict[Day, tuple[Span, ...]] = {}

    @field_validator("hours")
    @classmethod
    def _open_at_all(cls, week: WeekSettings) -> WeekSettings:
        if not any(week.by_weekday()):
            raise ValueError('hours of at least one day, such as { mon = ["09:00-17:00"] }')
        return week

    @field_validator("special")
    @classmethod
    def _not_closed_too(cls, special: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if both := sorted(set(special) & set(info.data.get("closed", ()))):
            raise ValueError(f"dates that are not closed too; {', '.join(both)} stands in both")
        return special
