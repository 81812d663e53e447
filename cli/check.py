"""`deskpulse check`: is the configuration good, and what does each source still need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import AsJson, say, show_json, stdout, table
from services.settings import load_settings


def check(
    file: Annotated[Path | None, typer.Argument(help="The file to check; else the one that the services would read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the configuration without starting anything.

    Exit 0: all good. 1: a source still needs a secret. 2: the file or a variable is wrong (with key, found, expected).
    """
    settings = load_settings(file)
    rows = [
        {"source": name, "kind": source.kind, "needs": list(source.missing()), "path": f"/webhooks/{name}"}
        for name, source in settings.sources.items()
    ]
    if as_json:
        show_json({"settings": settings.model_dump(mode="json"), "sources": rows})
    else:
        stdout().print(f"Kafka at {settings.kafka.bootstrap}, topics {settings.kafka.topic_prefix}*, time zone {settings.time_zone}")
        if rows:
            shown = [{**row, "needs": "; ".join(row["needs"]) or "nothing, it is ready"} for row in rows]
            stdout().print(table(shown, ("source", "kind", "path", "needs")))
        else:
            say("no sources yet: add a block [sources.NAME] with kind and secret_env")
    raise typer.Exit(1 if any(row["needs"] for row in rows) else 0)
