"""Calendars in the configuration: what they mean, with the public holidays of a country, and every mistake named."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays as public_holidays
import msgspec
import pytest
from pydantic import TypeAdapter

from kpis.calendar import Calendar, Definition, Hours
from services.calendar_settings import Region
from services.calendars import HOLIDAY_YEARS, definition, definitions_of
from services.settings import Settings, as_environment, load_settings
from services.settings_errors import ConfigError

DESK = """
time_zone = "Europe/Stockholm"
[calendars.default]
time_zone = "Europe/Helsinki"
hours = { mon = ["09:00-17:00"], tue = ["09:00-12:00", "13:00-17:00"], fri = ["08:30-16:00"], sun = ["22:00-24:00"] }
holidays = "FI"
closed = ["2026-12-28"]
special = { "2026-12-24" = ["09:00-12:00"] }
[calendars.night-desk]
hours.mon = ["00:00-24:00"]
closed = [2026-05-04]
special.2026-05-05 = []
"""


def _settings(folder: Path, text: str) -> Settings:
    file = folder / "deskpulse.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, {})


def _is_open(defined: Definition, text: str) -> bool:
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(defined.zone))
    return Calendar([defined]).is_open(int(at.timestamp() * 1000))


def test_a_calendar_is_what_its_section_says(tmp_path: Path) -> None:
    found = definitions_of(_settings(tmp_path, DESK))
    assert list(found) == ["default", "night-desk"]
    assert found["default"].zone == "Europe/Helsinki"
    assert found["default"].hours == (
        Hours(0, 540, 1020),
        Hours(1, 540, 720),
        Hours(1, 780, 1020),
        Hours(4, 510, 960),
        Hours(6, 1320, 1440),
    )
    assert found["default"].extra == {"2026-12-24": [(540, 720)]}
    assert found["night-desk"] == Definition(
        zone="Europe/Stockholm", hours=(Hours(0, 0, 1440),), holidays=("2026-05-04",), extra={"2026-05-05": []}
    )


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        pytest.param("2026-11-23T09:00", True, id="a Monday at nine"),
        pytest.param("2026-11-23T08:59:59", False, id="a second before"),
        pytest.param("2026-11-24T12:30", False, id="lunch on Tuesday"),
        pytest.param("2026-11-25T10:00", False, id="a weekday without hours"),
        pytest.param("2026-06-19T10:00", False, id="Midsummer Eve"),
        pytest.param("2027-03-26T10:00", False, id="Good Friday of another year"),
        pytest.param("2026-12-24T10:00", True, id="a special day wins over the holiday"),
        pytest.param("2026-12-24T12:00", False, id="and ends at noon"),
        pytest.param("2026-12-28T10:00", False, id="a closed date"),
        pytest.param("2026-12-27T23:59", True, id="up to midnight"),
    ],
)
def test_a_desk_in_helsinki(tmp_path: Path, instant: str, is_open: bool) -> None:
    assert _is_open(definitions_of(_settings(tmp_path, DESK))["default"], instant) == is_open


@pytest.mark.parametrize(
    ("region", "day", "closed"),
    [
        pytest.param("DE", "2026-06-04", False, id="Corpus Christi in Germany"),
        pytest.param("DE-BY", "2026-06-04", True, id="Corpus Christi in Bavaria"),
        pytest.param("US", "2026-07-03", True, id="a Friday off for a holiday on Saturday"),
        pytest.param("IN", "2040-01-26", True, id="a country whose moon holidays end earlier"),
        pytest.param("", "2026-01-01", False, id="none"),
    ],
)
def test_public_holidays_are_those_of_the_country_or_its_part(tmp_path: Path, region: str, day: str, closed: bool) -> None:
    settings = _settings(tmp_path, f'[calendars.default]\nhours.mon = ["09:00-17:00"]\nholidays = "{region}"\n')
    assert (day in definitions_of(settings)["default"].holidays) == closed


def test_every_country_can_be_asked_for_all_years() -> None:
    """A sample of them all, evenly taken, with one part of each that has parts."""
    taken = sorted(public_holidays.list_supported_countries(include_aliases=False).items())[::9]
    regions = [f"{country}-{parts[0]}" if parts else country for country, parts in taken]
    check = TypeAdapter(Region)
    assert [check.validate_python(region) for region in regions] == regions
    section = Settings(calendars={"default": {"hours": {"mon": ["09:00-17:00"]}}}).calendars["default"]
    for region in regions:
        days = definition(section.model_copy(update={"holidays": region}), "UTC").holidays
        assert list(days) == sorted(set(days))
        assert all(HOLIDAY_YEARS[0] - 1 <= int(day[:4]) <= HOLIDAY_YEARS[-1] for day in days)


def test_without_a_section_there_is_no_calendar() -> None:
    assert definitions_of(Settings()) == {}


def test_a_child_process_gets_the_same_calendars(tmp_path: Path) -> None:
    settings = _settings(tmp_path, DESK)
    assert load_settings(environ=as_environment(settings)).calendars == settings.calendars


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "deskpulse.toml"
    file.write_text(DESK, encoding="utf-8")
    environ = {"DESKPULSE_CALENDARS__DEFAULT__HOLIDAYS": "SE", "DESKPULSE_CALENDARS__DEFAULT__HOURS__SAT": json.dumps(["10:00-12:00"])}
    found = load_settings(file, environ).calendars["default"]
    assert (found.holidays, found.hours.sat, found.hours.mon) == ("SE", ("10:00-12:00",), ("09:00-17:00",))


def test_a_definition_is_the_same_after_the_wire(tmp_path: Path) -> None:
    """What is published and read again is equal to what would be published now, so that nothing changes at a restart."""
    for defined in definitions_of(_settings(tmp_path, DESK)).values():
        assert msgspec.json.decode(msgspec.json.encode(defined), type=Definition) == defined


OPEN = 'hours.mon = ["09:00-17:00"]\n'
MISTAKES = [
    pytest.param('holidays = "FI"', ("default.hours: found nothing", "no default"), id="no hours"),
    pytest.param("hours = {}", ("default.hours: found a table", "hours of at least one day"), id="no day"),
    pytest.param('hours.mo = ["09:00-17:00"]', ("default.hours.mo", "an unknown key", "Did you mean mon?"), id="unknown day"),
    pytest.param('hours.mon = "09:00-17:00"', ("default.hours.mon: found '09:00-17:00'", "tuple"), id="no list"),
    pytest.param('hours.mon = ["9-17"]', ("default.hours.mon.0: found '9-17'", "a span of the day such as 09:00-17:00"), id="no span"),
    pytest.param('hours.mon = ["09:00-24:01"]', ("found '09:00-24:01'", "up to 24:00"), id="after midnight"),
    pytest.param('hours.mon = ["22:00-06:00"]', ("found '22:00-06:00'", "one over midnight is two"), id="over midnight"),
    pytest.param('hours.mon = ["09:00-09:00"]', ("found '09:00-09:00'", "ends after it starts"), id="an empty span"),
    pytest.param(OPEN + 'time_zone = "Helsinki"', ("default.time_zone: found 'Helsinki'", "the name of a time zone"), id="unknown zone"),
    pytest.param(OPEN + 'holidays = "fi"', ("default.holidays: found 'fi'", "such as FI", "the nearest is FI"), id="small letters"),
    pytest.param(OPEN + 'holidays = "FIN"', ("found 'FIN'", "two letters", "the nearest is FI"), id="three letters"),
    pytest.param(
        OPEN + 'holidays = "DE-XX"', ("found 'DE-XX'", "a part of DE that has holidays of its own: BB BE BW BY"), id="unknown part"
    ),
    pytest.param(OPEN + 'holidays = "FR-"', ("found 'FR-'", "FR, or FR- and a part of it"), id="no part"),
    pytest.param(OPEN + 'closed = ["24.12.2026"]', ("default.closed.0: found '24.12.2026'", "a date such as 2026-12-24"), id="no date"),
    pytest.param(OPEN + "closed = [2026-12-24T09:00:00]", ("default.closed.0", "string"), id="a time instead of a date"),
    pytest.param(OPEN + 'special.2026-02-30 = ["09:00-12:00"]', ("2026-02-30", "a date such as"), id="no such date"),
    pytest.param(
        OPEN + 'special.2026-12-24 = ["12:00-09:00"]', ("default.special.2026-12-24.0", "ends after"), id="a special day backwards"
    ),
    pytest.param(
        OPEN + 'closed = [2026-12-24]\nspecial.2026-12-24 = ["09:00-12:00"]',
        ("default.special: found a table", "2026-12-24 stands in both"),
        id="closed and special",
    ),
    pytest.param(OPEN + 'holiday = "FI"', ("default.holiday", "an unknown key", "Did you mean holidays?"), id="unknown key"),
]


@pytest.mark.parametrize(("section", "says"), MISTAKES)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, section: str, says: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        _settings(tmp_path, f"[calendars.default]\n{section}\n")
    assert len(caught.value.problems) == 1
    for words in ("calendars.", str(tmp_path), *says):
        assert words in str(caught.value)
