"""`deskpulse send`: canonical events from a file through ingest over HTTP, signed as any other sender."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.addresses import urls_of
from cli.batches import BATCH_EVENTS, Batch, batches, signing_key
from cli.event_lines import delayed, read_lines, repeated
from cli.sending import GaveUp, Sender, Tally
from cli.terminal import AsJson, say, show_json, stdout
from services.settings import Settings, SourceSettings, load_settings


def send(
    file: Annotated[str, typer.Argument(help="JSON Lines of canonical events; - is standard input, .gz is unpacked.")],
    source: Annotated[
        str | None, typer.Option(help="The configured source to send as; else the only one of kind standardwebhooks.")
    ] = None,
    rate: Annotated[str, typer.Option(help="Events per second, or max.")] = "max",
    shuffle_seconds: Annotated[float, typer.Option(min=0, help="Deliver each event up to so many seconds late, out of order.")] = 0,
    repeat_share: Annotated[float, typer.Option(min=0, max=1, help="Send this share (0-1) of the events twice.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the shuffling and repeating.")] = 0,
    connections: Annotated[int, typer.Option(min=1, max=256, help="Requests at once; 1 keeps the order strictly.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Events in one request, at most.")] = BATCH_EVENTS,
    url: Annotated[str | None, typer.Option(help="Base address of ingest; else that of the settings.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Give up after so many seconds without any answer but 'later'.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Post events and wait for the answer to each.

    A request that gets no answer, 429 or 5xx is sent again with the same ids, which counts once. Exit 1 when an event was
    refused or the sending gave up.
    """
    settings = load_settings()
    rate_per_second = _rate(rate)
    name, chosen = _source(settings, source)
    secrets, tokens = chosen.secrets(os.environ), chosen.tokens(os.environ)
    if not secrets and not tokens:
        raise typer.BadParameter(f"the source {name} has no secret yet: {'; '.join(chosen.missing(os.environ))}")
    if file != "-" and not Path(file).is_file():
        raise typer.BadParameter(f"there is no file {file}")
    base = (url or urls_of(settings)["ingest"]).rstrip("/")
    address = f"{base}/webhooks/{name}" if secrets else f"{base}/webhooks/{name}/{tokens[0]}"
    lines = _disturbed(read_lines(file), shuffle_seconds, repeat_share, Random(seed))
    paced = batch if rate_per_second is None else max(1, min(batch, int(rate_per_second / 10)))
    sender = Sender(address, signing_key(secrets[0]) if secrets else None, connections=connections, patience_seconds=patience)
    began = time.monotonic()
    failure = None
    try:
        cut = batches(lines, paced, min(512 * 1024, settings.ingest.max_body_bytes))
        asyncio.run(_with_progress(sender, cut, rate_per_second, None if file == "-" else _count(file, repeat_share)))
    except GaveUp as error:
        failure = str(error)
    except (OSError, EOFError) as error:  # a broken .gz, a file that vanished
        failure = f"{file} cannot be read: {error}"
    elapsed = time.monotonic() - began
    if as_json:
        show_json({**sender.tally.as_dict(elapsed), "failure": failure})
    else:
        _tell(sender.tally, elapsed)
    if failure:
        say(f"deskpulse: {failure}")
    raise typer.Exit(1 if failure or sender.tally.refused else 0)


def _rate(text: str) -> float | None:
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e9:
        raise typer.BadParameter(f"--rate is a number of events per second above 0, or max; not {text}")
    return rate


def _source(settings: Settings, name: str | None) -> tuple[str, SourceSettings]:
    fitting = {key: source for key, source in settings.sources.items() if source.kind == "standardwebhooks"}
    if name is None and len(fitting) == 1:
        return next(iter(fitting.items()))
    if name is not None and name in fitting:
        return name, fitting[name]
    known = ", ".join(fitting) or "none"
    what = f"the source {name} is not one of them" if name else "choose one with --source"
    raise typer.BadParameter(
        f"canonical events are sent as a source of kind standardwebhooks; configured: {known}; {what}. "
        'Such a block: [sources.own] kind = "standardwebhooks", secret_env = ["OWN_WEBHOOK_SECRET"]'
    )


def _disturbed(lines: Iterator[bytes], shuffle_seconds: float, repeat_share: float, rng: Random) -> Iterator[bytes]:
    if shuffle_seconds:
        lines = delayed(lines, shuffle_seconds, rng)
    return repeated(lines, repeat_share, rng) if repeat_share else lines


def _count(file: str, repeat_share: float) -> int | None:
    """How many lines will be sent, for the bar; None when that is not known before."""
    return None if repeat_share else sum(1 for _ in read_lines(file))


async def _with_progress(sender: Sender, cut: Iterator[Batch], rate_per_second: float | None, total: int | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("sending", total=total, note="")
        began = time.monotonic()

        async def follow() -> None:
            while True:
                tally = sender.tally
                note = f"{tally.sent / max(1e-6, time.monotonic() - began):,.0f}/s, {tally.refused} refused"
                progress.update(task, completed=tally.sent, note=f"{note}, waiting: {tally.waiting}" if tally.waiting else note)
                await asyncio.sleep(0.2)

        following = asyncio.create_task(follow())
        try:
            await sender.send(cut, rate_per_second)
        finally:
            following.cancel()


def _tell(tally: Tally, elapsed_seconds: float) -> None:
    said = tally.as_dict(elapsed_seconds)
    p50, p99 = said["answer_p50_seconds"], said["answer_p99_seconds"]
    times = "" if p50 is None else f"; answers p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"
    again = f", {tally.retries} requests sent again" if tally.retries else ""
    stdout().print(
        f"sent {tally.sent:,} events in {elapsed_seconds:.1f} s ({said['events_per_second'] or 0:,.0f}/s): {tally.accepted:,} accepted, "
        f"{tally.ignored:,} ignored, {tally.refused:,} refused{again}{times}",
    )
    for reason, count in tally.reasons.most_common():
        stdout().print(f"  refused {count:,}: {reason}")
