"""The kinds of sources as the command line speaks of them: found by name with the nearest one told, described, guided through."""

from __future__ import annotations

import difflib
from typing import Any

import typer

from deploy.render.source_page import about, by_token
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider
from services.settings import Settings
from services.source_settings import SourceSettings


def kind_named(name: str) -> Provider:
    """The kind of this name. Raises typer.BadParameter with the nearest one."""
    if name in PROVIDERS:
        return PROVIDERS[name]
    near = difflib.get_close_matches(name.lower(), PROVIDERS, 1, 0.5)
    raise typer.BadParameter(
        f"there is no kind {name}; " + (f"the nearest is {near[0]}" if near else f"there are {', '.join(sorted(PROVIDERS))}")
    )


def source_named(settings: Settings, name: str) -> SourceSettings:
    """The configured source of this name. Raises typer.BadParameter with the nearest one."""
    if name in settings.sources:
        return settings.sources[name]
    if not settings.sources:
        raise typer.BadParameter(f"there is no source {name}, because none is configured: see `deskpulse sources add --help`")
    near = difflib.get_close_matches(name, settings.sources, 1)
    raise typer.BadParameter(
        f"there is no source {name}; " + (f"the nearest is {near[0]}" if near else f"configured: {', '.join(settings.sources)}")
    )


def row_of_kind(provider: Provider) -> dict[str, Any]:
    """A kind as a row of a table."""
    return {
        "kind": provider.kind,
        "title": provider.title,
        "proves itself by": "token in the path" if by_token(provider) else " or ".join(provider.schemes),
        "events": about(provider),
    }


def filled(text: str, url: str, token_url: str) -> str:
    """A line of a guide with its addresses."""
    return text.replace("{token_url}", token_url).replace("{url}", url)


def names_token(provider: Provider) -> bool:
    """Whether the guide speaks of the address with the token in it."""
    guide = provider.guide
    return any("{token_url}" in text for text in (*guide.clicks, *guide.notes, guide.secret, guide.delivery))
