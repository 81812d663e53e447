"""`deskpulse rejected list|show|replay`: what could not be used, why, and sending it again."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
import re
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.rejected_letters import ID_FORM, Kept, Seen, Wanted, letters
from cli.rejected_replay import Outcome, Publishing, send_again
from cli.rejected_text import COLUMNS, plain, row_of, told_of
from cli.terminal import AsJson, say, show_json, stdout, table
from schemas.canonical import millis_from
from schemas.rejections import Reason, Rejected
from services.ingest.packer import Unavailable
from services.ingest.publisher import KafkaPublisher
from services.ingest.replay import Replay
from services.ingest.sources import configured
from services.kafka import wait_for_broker
from services.settings import Settings, load_settings

T = TypeVar("T")
Since = Annotated[
    str | None, typer.Option("--since", metavar="T", help="Rejected at or after T: RFC 3339, a date, or 90s, 30m, 2h, 7d ago.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="T", help="Rejected before T.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only this reason; may be given several times.")]
FromSource = Annotated[str | None, typer.Option("--source", help="Only of this source.")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="How long to wait for a broker that is away, in seconds.")]

rejected = typer.Typer(
    help="What could not be used, why, and sending it again.", add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


@rejected.command("list")
def list_letters(
    since: Since = None,
    until: Until = None,
    reason: Reasons = None,
    source: FromSource = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show the newest N; the counts are of all.")] = 50,
    wait_seconds: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """List what was kept out, oldest first, and count it by reason. Exit 2 when Kafka cannot be read."""
    wanted = _wanted(since, until, reason, source)
    rows: deque[dict[str, Any]] = deque(maxlen=limit)
    counts: Counter[str] = Counter()

    async def collect(found: AsyncIterator[Kept]) -> None:
        async for kept in found:
            rows.append(row_of(kept))
            counts[kept.letter.reason] += 1

    _run(wanted, wait_seconds, collect)
    if as_json:
        show_json({"rejected": list(rows), "counts": dict(counts.most_common())})
        return
    if rows:
        stdout().print(table(rows, COLUMNS))
    more = f" (the newest {len(rows)} are shown: --limit)" if counts.total() > len(rows) else ""
    stdout().print(f"{counts.total():,} rejected{more}" + "".join(f"\n  {n:,} {plain(name)}" for name, n in counts.most_common()))


@rejected.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As in the list.")],
    wait_seconds: Wait = 30,
    raw: Annotated[bool, typer.Option("--raw", help="Write the original bytes to standard output, and nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show everything that is known of one, with its body as text, or in hex where it is none."""
    [kept] = _found(frozenset({letter_id}), wait_seconds)
    if raw:
        sys.stdout.buffer.write(kept.body)
        sys.stdout.buffer.flush()
    elif as_json:
        show_json(told_of(kept, as_json=True))
    else:
        for name, value in told_of(kept, as_json=False).items():
            stdout().print(f"{name:<12} {value}", soft_wrap=True)


@rejected.command()
def replay(
    since: Since = None,
    until: Until = None,
    reason: Reasons = None,
    source: FromSource = None,
    letter_id: Annotated[list[str] | None, typer.Option("--id", help="Only this one; may be given several times.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of each, and send nothing.")] = False,
    wait_seconds: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Send it again, translated by the configuration of now. What counted already counts once all the same.

    Exit 0 when all that was tried is accepted, 1 when some is still rejected (it is not kept twice), 2 when Kafka cannot be
    reached.
    """
    settings = load_settings()
    wanted = _wanted(since, until, reason, source, letter_id)
    again = Replay(configured(settings, os.environ, lambda text: None), settings.kafka.partitions)
    if wanted.ids:
        _found(wanted.ids, wait_seconds)  # before anything is sent: all of them must be there
    outcome = Outcome()

    async def send(found: AsyncIterator[Kept]) -> None:
        if dry_run:
            await send_again(found, wanted, again, None, _now_ms, outcome)
        else:
            async with Publishing(KafkaPublisher(settings, say), settings.ingest.linger_ms, wait_seconds) as publishing:
                await send_again(found, wanted, again, publishing.put, _now_ms, outcome)

    _run(wanted, wait_seconds, send)
    if as_json:
        show_json({"dry_run": dry_run, **outcome.as_dict()})
    else:
        _tell(outcome, dry_run)
    raise typer.Exit(1 if outcome.still else 0)


def _tell(outcome: Outcome, dry_run: bool) -> None:
    said, would = outcome.as_dict(), "would be " if dry_run else ""
    out = stdout()
    if outcome.listed:
        rows = [{name: value if value is None else plain(value) for name, value in row.items()} for row in outcome.listed]
        out.print(table(rows, ("id", "source", "before", "reason", "where", "detail")))
    out.print(
        f"{outcome.letters:,} rejected, of which {outcome.accepted:,} {would}usable now: {outcome.events:,} events {would}accepted, "
        f"{outcome.ignored:,} messages ignored, {said['still_rejected']:,} still rejected"
    )
    for name, count in outcome.still.most_common():
        out.print(f"  still rejected {count:,}: {plain(name)}")
    for name, left in said["left"].items():
        out.print(f"  left alone {left['letters']:,}: {name}: {left['why']}", soft_wrap=True)
    if outcome.left:
        out.print("  (one of these can be sent all the same by --id)")


def _wanted(since: str | None, until: str | None, reasons: list[str] | None, source: str | None, ids: list[str] | None = None) -> Wanted:
    for name in reasons or ():
        if name not in frozenset(Reason):
            near = difflib.get_close_matches(name, list(Reason), 1)
            raise typer.BadParameter(
                f"there is no reason {name}; " + (f"the nearest is {near[0]}" if near else f"there are {', '.join(Reason)}")
            )
    return Wanted(_instant(since, "--since"), _instant(until, "--until"), frozenset(reasons or ()), source, frozenset(ids or ()))


_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _instant(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if ago := re.fullmatch(r"(\d{1,9})([smhd])", text):
        return max(0, _now_ms() - int(ago[1]) * _UNITS_MS[ago[2]])
    try:
        return millis_from(text)
    except Rejected as wrong:
        raise typer.BadParameter(f"{name}: {wrong.detail}, or as 90s, 30m, 2h, 7d ago") from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _found(ids: frozenset[str], wait_seconds: float) -> list[Kept]:
    """The letters of these ids. Raises typer.BadParameter unless all of them are there."""
    wrong = sorted(one for one in ids if not (ID_FORM.fullmatch(one) or re.fullmatch(r"[0-9a-f]{32}", one)))
    if wrong:
        raise typer.BadParameter(f"{wrong[0]} is no id: it is as 0-17 in `deskpulse rejected list`")
    found: list[Kept] = []

    async def collect(letters: AsyncIterator[Kept]) -> None:
        async for kept in letters:
            found.append(kept)
            if len(found) == len(ids):
                return

    _run(Wanted(ids=ids), wait_seconds, collect)
    missing = sorted(ids - {kept.id for kept in found} - {kept.letter.id for kept in found})
    if missing:
        raise typer.BadParameter(f"there is no {missing[0]} in rejected (any more): see `deskpulse rejected list`")
    return found


def _run(wanted: Wanted, wait_seconds: float, use: Callable[[AsyncIterator[Kept]], Coroutine[Any, Any, None]]) -> None:
    """Read what is wanted and use it, with a progress bar; Kafka out of reach is exit 2 with a word."""
    settings = load_settings()
    try:
        asyncio.run(_with_letters(settings, wanted, wait_seconds, use))
    except (KafkaError, Unavailable, OSError) as error:  # TimeoutError is one
        say(f"deskpulse: {error} (kafka.bootstrap is {settings.kafka.bootstrap}). Run it again once Kafka answers: nothing counts twice.")
        raise typer.Exit(2) from None


async def _with_letters(
    settings: Settings, wanted: Wanted, wait_seconds: float, use: Callable[[AsyncIterator[Kept]], Coroutine[Any, Any, None]]
) -> None:
    await wait_for_broker(settings, say, wait_seconds)
    with _progress() as seen:
        async with contextlib.aclosing(letters(settings, wanted, seen)) as found:
            await use(found)


@contextlib.contextmanager
def _progress() -> Iterator[Seen]:
    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("records of rejected", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
