"""`deskpulse check`: is the configuration good, and what does each source still need."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.sources_state import states, tell_problems
from cli.terminal import AsJson, say, show_json, stdout, table
from kpis.controls import DEFAULT_CALENDAR
from services.api_settings import TOKEN_LEAST_CHARS, TOKEN_SETTINGS, ApiSettings
from services.calendar_settings import CalendarSettings
from services.kafka import client_options
from services.settings import load_settings


def check(
    file: Annotated[Path | None, typer.Argument(help="The file to check; else the one that the services would read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the configuration without starting anything.

    Exit 0: all good. 1: a source or the API still needs something, such as a secret or a token. 2: the file, a variable, a kind or an
    option of a source is wrong (with key, found, expected).
    """
    settings = load_settings(file)
    client_options(settings)  # an unreadable certificate or password is found here, not by the first service that starts
    found = states(settings, os.environ)
    rows = [state.row() for state in found]
    access = _access_rows(settings.api, os.environ)
    calendars = [_calendar_row(name, section, settings.time_zone) for name, section in settings.calendars.items()]
    if as_json:
        show_json({"settings": settings.model_dump(mode="json"), "sources": rows, "calendars": calendars, "access": access})
    else:
        stdout().print(f"Kafka at {settings.kafka.bootstrap}, topics {settings.kafka.topic_prefix}*, time zone {settings.time_zone}")
        if rows:
            shown = [{**state.row(), "needs": state.said()} for state in found]
            stdout().print(table(shown, ("source", "kind", "url", "proves", "needs")))
        else:
            say("no sources yet: `deskpulse sources add KIND --write` adds one")
        stdout().print(table(access, ("may", "by", "needs")))
        for variable in settings.api.short(os.environ):
            say(f"the token in {variable} has fewer than {TOKEN_LEAST_CHARS} characters: openssl rand -hex 24 makes a better one")
        if calendars:
            stdout().print(table(calendars, ("calendar", "time_zone", "hours", "holidays", "closed", "special")))
            if DEFAULT_CALENDAR not in settings.calendars:
                say(f"no [calendars.{DEFAULT_CALENDAR}]: tickets without a schedule, calls and leads have no business time")
    tell_problems(found)
    missing = any(state.needs for state in found) or any(row["needs"] for row in access)
    raise typer.Exit(2 if any(state.problems for state in found) else 1 if missing else 0)


def _access_rows(api: ApiSettings, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """What may be done through the API, by whom, and which variable is still to be set; tokens are named, never shown."""
    tokens = [getattr(api, name) for name in TOKEN_SETTINGS]
    held = [environ.get(variable, "").strip() if variable else "" for variable in tokens]
    rows = []
    for may, name, variable, token in zip(("read figures", "edit boards", "write controls"), TOKEN_SETTINGS, tokens, held, strict=True):
        needs = "" if token or not variable else f"set the variable {variable}"
        if token and held.count(token) > 1:
            needs = f"a token of its own: {variable} holds another one's"
        nobody = "everybody" if name == TOKEN_SETTINGS[0] else f"nobody (api.{name})"
        rows.append({"may": may, "by": f"the token in {variable}" if variable else nobody, "needs": needs})
    return rows


def _calendar_row(name: str, section: CalendarSettings, time_zone: str) -> dict[str, str]:
    """One calendar as it was understood; `time_zone` is that of a section which names none."""
    days = zip(type(section.hours).model_fields, section.hours.by_weekday(), strict=True)
    return {
        "calendar": name,
        "time_zone": section.time_zone or time_zone,
        "hours": "; ".join(f"{day} {' '.join(spans)}" for day, spans in days if spans),
        "holidays": section.holidays or "none",
        "closed": ", ".join(section.closed) or "none",
        "special": ", ".join(f"{day} {' '.join(spans) or 'closed'}" for day, spans in sorted(section.special.items())) or "none",
    }
