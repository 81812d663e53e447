"""`deskpulse figures`: the figures of a running API as a table, once or live."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.live import Live

from cli.addresses import urls_of
from cli.terminal import AsJson, say, show_json, stdout, table
from services.settings import load_settings

COLUMNS = ("kpi", "window", "cut", "value", "unit", "n", "interval", "quality")
PREFERRED_WINDOWS = ("24h", "now", "today", "28d", "90d")
"""Without --window, each KPI is shown for the first of these that it has."""


class Unanswered(RuntimeError):
    """The API did not answer with figures; the message says what to do."""


def figures(
    kpi: Annotated[list[str] | None, typer.Option(help="Only these KPIs.")] = None,
    window: Annotated[list[str] | None, typer.Option(help="Only these windows, such as 1h, 24h, now.")] = None,
    by: Annotated[str | None, typer.Option(help="Split by one dimension, or by a configured pair such as channel,team.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the table up to date until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two readings of --watch.")] = 2,
    url: Annotated[str | None, typer.Option(help="Base address of the API; else that of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the board shows. Exit 1 when the API does not answer, 2 when it does not know what was asked for."""
    settings = load_settings()
    token = settings.api.token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = {"kpi": kpi or [], "window": window or [], **({"by": by} if by else {})}
    with httpx.Client(base_url=url or urls_of(settings)["api"], headers=headers, timeout=30) as client:
        try:
            if watch:
                _watch(client, asked, every)
            answer = read(client, asked)
        except Unanswered as error:
            say(f"deskpulse: {error}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            return
    if as_json:
        show_json(answer)
    else:
        stdout().print(table(rows_of(answer["figures"], every_window=bool(window)), COLUMNS, f"as of {answer['as_of']}"))


def read(client: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    """One answer of `/v1/figures`. Raises Unanswered, and typer.BadParameter for a question the API refuses."""
    try:
        answer = client.get("/v1/figures", params=asked)
    except httpx.HTTPError as error:
        raise Unanswered(f"no API answers at {client.base_url} ({type(error).__name__}): start it with `deskpulse up`") from None
    if answer.status_code == 200:
        found: dict[str, Any] = answer.json()
        return found
    try:
        detail = answer.json().get("detail", "")
    except ValueError:
        detail = answer.text[:200]
    if answer.status_code in (400, 404, 422):
        raise typer.BadParameter(detail or f"the API answers {answer.status_code}")
    raise Unanswered(f"the API at {client.base_url} answers {answer.status_code}: {detail}")


def rows_of(found: Iterable[dict[str, Any]], *, every_window: bool) -> list[dict[str, Any]]:
    """Figures as rows of the table; unless every window was asked for, one window for each KPI."""
    figures = list(found)
    if not every_window:
        has: dict[str, set[str]] = {}
        for figure in figures:
            has.setdefault(figure["kpi"], set()).add(figure["window"])
        chosen = {kpi: next((w for w in PREFERRED_WINDOWS if w in windows), min(windows)) for kpi, windows in has.items()}
        figures = [figure for figure in figures if figure["window"] == chosen[figure["kpi"]]]
    return [_row(figure) for figure in figures]


def _row(figure: dict[str, Any]) -> dict[str, Any]:
    low, high = figure.get("ci_low"), figure.get("ci_high")
    return {
        **figure,
        "cut": ", ".join(f"{name}={value}" for name, value in figure["dims"].items()) or "all",
        "interval": None if low is None or high is None else f"{low:.3g} - {high:.3g}",
        "quality": figure["quality"] + (f" ({figure['reason']})" if figure.get("reason") not in (None, figure["quality"]) else ""),
    }


def _watch(client: httpx.Client, asked: dict[str, Any], every_seconds: float) -> None:
    with Live(console=Console(), refresh_per_second=4) as live:
        while True:
            answer = read(client, asked)
            live.update(table(rows_of(answer["figures"], every_window=bool(asked["window"])), COLUMNS, f"as of {answer['as_of']}"))
            time.sleep(every_seconds)
