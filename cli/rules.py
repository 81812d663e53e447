"""`deskpulse rules`: the rules of Prometheus for this configuration, with their tests, into a folder that a Prometheus reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import AsJson, say, show
from deploy.render import rule_files
from deploy.render.rules import Links, every_alert
from kpis.catalogue import KPIS
from services.settings import load_settings


def rules(
    out: Annotated[
        Path | None, typer.Option(help="The folder to write rules/*.yml and tests/*.yml into; without it, list the alerts.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where people reach the API, for the links to the wall boards.")] = Links().api,
    runbook: Annotated[str, typer.Option(help="Where people reach the runbook, for the links to its sections.")] = Links().runbook,
    as_json: AsJson = False,
) -> None:
    """List or write the alerts that follow from the catalogue and from `targets` of the configuration.

    A target for which no alert could ever fire is refused with what can be set instead (exit 2). Check what was written with
    `promtool check rules` and `promtool test rules`. Files of an earlier run that are no longer needed stay: use an empty folder.
    """
    settings = load_settings()
    if out is None:
        rows = [
            {"alert": each.name, "severity": each.severity, "kpi": each.kpi or "-", "for": each.lasts or "0s", "expr": each.expr}
            for each in every_alert(settings, KPIS)
        ]
        show(rows, ("alert", "severity", "kpi", "for"), as_json=as_json)
        return
    links = Links(runbook=runbook, api=url)
    try:
        written = rule_files.write(out, rule_files.named(settings, KPIS, links))
    except OSError as error:
        say(f"deskpulse: {out} cannot be written: {error.strerror or error}")
        raise typer.Exit(1) from None
    for file in written:
        typer.echo(str(file))
