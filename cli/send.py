"""`deskpulse send`: canonical events from a file, or the backlog of an export, through ingest over HTTP, signed as any other sender."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.addresses import urls_of
from cli.batches import BATCH_EVENTS, Batch, batches, signing_key
from cli.event_lines import delayed, repeated
from cli.exports.rows import BadExport
from cli.exports.telling import tell_survey
from cli.send_content import Content, check_newest, content_of
from cli.sending import GaveUp, Sender, Tally
from cli.sending_journal import ForeignJournal, Journal, digest_of_file, journal_path
from cli.terminal import AsJson, say, show_json, stdout
from services.settings import Settings, SourceSettings, load_settings


def send(
    file: Annotated[
        str, typer.Argument(help="JSON Lines of canonical events; - is standard input, .gz is unpacked. With --map an export of tickets.")
    ],
    source: Annotated[
        str | None, typer.Option(help="The configured source to send as; else the only one of kind standardwebhooks.")
    ] = None,
    map_file: Annotated[
        str | None, typer.Option("--map", help="The file is a helpdesk's export (CSV, JSON); this TOML says what its columns mean.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --map: look through the export, say what would be sent, send nothing.")
    ] = False,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="With --map: withdraw what the same file and mapping told, as if it had not been sent.")
    ] = False,
    rate: Annotated[str, typer.Option(help="Events per second, or max.")] = "max",
    shuffle_seconds: Annotated[float, typer.Option(min=0, help="Deliver each event up to so many seconds late, out of order.")] = 0,
    repeat_share: Annotated[float, typer.Option(min=0, max=1, help="Send this share (0-1) of the events twice.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the shuffling and repeating.")] = 0,
    connections: Annotated[int, typer.Option(min=1, max=256, help="Requests at once; 1 keeps the order strictly.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Events in one request, at most.")] = BATCH_EVENTS,
    url: Annotated[str | None, typer.Option(help="Base address of ingest; else that of the settings.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Give up after so many seconds without any answer but 'later'.")] = 120,
    journal: Annotated[
        Path | None, typer.Option(help="Where to note what was answered; else a file under data_dir, gone when all was.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Send everything, whatever a journal says was answered before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Post events and wait for the answer to each.

    A request that gets no answer, 429 or 5xx is sent again with the same ids, which counts once. An event without an id is given
    one of what it says and how many equal lines came before it. So a file may be sent again as often as you like; broken off, the
    same command goes on where it ended. Exit 1 when an event or a row was refused or the sending gave up.
    """
    settings = load_settings()
    rate_per_second = _rate(rate)
    name, chosen = _source(settings, source)
    _check_usage(file, map_file, journal, of_export_only=dry_run or take_back)
    content = content_of(file, map_file, name, chosen, take_back=take_back)
    survey, mapping = content.survey, content.mapping
    if survey is not None and not as_json:
        tell_survey(survey)
    if dry_run and survey is not None:
        if as_json:
            show_json({"backlog": survey.as_dict()})
        raise typer.Exit(1 if survey.refused else 0)
    base = (url or urls_of(settings)["ingest"]).rstrip("/")
    address, key = _door(base, name, chosen)
    if mapping is not None and not take_back:
        check_newest(settings, file, name, mapping)
    way = {"source": name, "url": base, **content.told, "disturbed": [shuffle_seconds, repeat_share, seed]}
    noted = None if file == "-" else _journal(settings, file, way, journal, again=again)
    if noted is not None and noted.lines:
        say(f"deskpulse: going on after {noted.lines:,} events that were answered before ({noted.path}); --again sends all of them")
    answered = (lambda batch, refused: None) if noted is None else noted.note
    sender = Sender(address, key, connections=connections, patience_seconds=patience, answered=answered)
    paced = batch if rate_per_second is None else max(1, min(batch, int(rate_per_second / 10)))

    def cut() -> Iterator[Batch]:
        lines = _disturbed(content.lines(), shuffle_seconds, repeat_share, Random(seed))
        return batches(lines, paced, min(512 * 1024, settings.ingest.max_body_bytes), () if noted is None else noted)

    began = time.monotonic()
    failure = _post(sender, cut, rate_per_second, content, noted, counted=not repeat_share)
    if failure is not None and not isinstance(failure, GaveUp):  # a broken .gz, a file that vanished
        failure = OSError(f"{file} cannot be read: {failure}")
    _tell_all(sender.tally, time.monotonic() - began, content, noted, failure, as_json=as_json)
    if failure is None and take_back and mapping is not None:
        say(f"deskpulse: taken back; set taken_back = {mapping.taken_back + 1} in the mapping before this export is sent again")
    refused = (sender.tally.refused, noted and noted.refused, survey and survey.refused)
    raise typer.Exit(1 if failure or any(refused) else 0)


def _check_usage(file: str, map_file: str | None, journal: Path | None, *, of_export_only: bool) -> None:
    if file != "-" and not Path(file).is_file():
        raise typer.BadParameter(f"there is no file {file}")
    if file == "-" and (map_file or journal):
        raise typer.BadParameter("an export is read twice, and a journal belongs to a file: standard input is neither")
    if of_export_only and map_file is None:
        raise typer.BadParameter("--dry-run and --take-back are of an export: name its mapping with --map")


def _door(base: str, name: str, source: SourceSettings) -> tuple[str, bytes | None]:
    """Where to post, and the key to sign with; None where the address holds a token."""
    secrets, tokens = source.secrets(os.environ), source.tokens(os.environ)
    if secrets:
        return f"{base}/webhooks/{name}", signing_key(secrets[0])
    if tokens:
        return f"{base}/webhooks/{name}/{tokens[0]}", None
    raise typer.BadParameter(f"the source {name} has no secret yet: {'; '.join(source.missing(os.environ))}")


def _post(
    sender: Sender,
    cut: Callable[[], Iterator[Batch]],
    rate_per_second: float | None,
    content: Content,
    noted: Journal | None,
    *,
    counted: bool,
) -> Exception | None:
    """Post all batches, and why it ended before; the journal is closed. `counted` says whether it is known how many lines there are."""
    failure: Exception | None = None
    try:
        total = content.count() if counted else None
        left = None if total is None else total - (noted.lines if noted else 0)
        asyncio.run(_with_progress(sender, cut(), rate_per_second, left))
    except (GaveUp, OSError, EOFError, BadExport) as error:
        failure = error
    except BaseException:
        if noted is not None:
            noted.close(complete=False)
        raise
    if noted is not None:
        noted.close(complete=failure is None)
    return failure


def _tell_all(
    tally: Tally, elapsed_seconds: float, content: Content, noted: Journal | None, failure: Exception | None, *, as_json: bool
) -> None:
    if as_json:
        found: dict[str, Any] = {} if content.survey is None else {"backlog": content.survey.as_dict()}
        if noted is not None:
            found |= {"answered_before": noted.lines, "refused_before": noted.refused}
        show_json({**tally.as_dict(elapsed_seconds), **found, "failure": None if failure is None else str(failure)})
    else:
        _tell(tally, elapsed_seconds)
    if failure is not None:
        say(f"deskpulse: {failure}")


def _journal(settings: Settings, file: str, way: dict[str, Any], path: Path | None, *, again: bool) -> Journal | None:
    """The journal of this sending; None, and a word about it, where none can be kept: then a break costs work, not correctness."""
    try:
        sending = {"file": digest_of_file(file), **way}
        return Journal(path or journal_path(settings.data_dir, file, sending), sending, again=again)
    except ForeignJournal as error:
        raise typer.BadParameter(str(error)) from None
    except OSError as error:
        if path is not None:
            raise typer.BadParameter(f"the journal {path} cannot be kept: {error.strerror}") from None
        say(f"deskpulse: no journal is kept ({error.strerror}): after a break everything is sent again, which counts once")
        return None


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
