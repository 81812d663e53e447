"""`deskpulse audit`: every figure that is served, computed again from the events, beside live traffic."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import httpx
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.addresses import urls_of
from cli.archiving.layout import Contents
from cli.archiving.parquet import LibraryMissing
from cli.archiving.store import ArchiveUnusable, Store
from cli.auditing import publication
from cli.auditing.api import HttpApi, Unreachable
from cli.auditing.beginning import Beginning, Live, beginning, from_archive, live, recomputation
from cli.auditing.comparison import questions
from cli.auditing.following import Follower
from cli.auditing.publication import Published
from cli.auditing.rounds import Auditor, Result
from cli.terminal import AsJson, say, show, show_json
from kpis.catalogue import KPIS
from kpis.reading import Reader
from schemas.canonical import millis_from, rfc3339
from schemas.rejections import Rejected
from schemas.topics import EVENTS, FACTS
from services.api.declared import targets_of
from services.kafka import wait_for_broker
from services.settings import Settings, load_settings

_BROKER_SECONDS = 30
_COLUMNS = ("kpi", "window", "anchor", "clock", "dims", "field", "served", "computed")
_SHOWN = 200


def audit(
    start: Annotated[str | None, typer.Option("--from", help="Start of a span to compare instead of the windows (RFC 3339).")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of that span, exclusive.")] = None,
    every: Annotated[float | None, typer.Option(min=1, help="Audit again after so many seconds, until Ctrl-C.")] = None,
    archive: Annotated[str | None, typer.Option(help="Where the events before Kafka's retention are archived.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds through which a difference has to stay.")] = 5,
    textfile: Annotated[Path | None, typer.Option(help="Also write the result for the node exporter's textfile collector.")] = None,
    url: Annotated[str | None, typer.Option(help="Base address of the API; else that of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every figure again from `events` and compare with what is served, while it is live.

    Exit 0 when nothing differs, 1 when something does, 2 when it cannot be told: the API or Kafka does not answer, or the figures
    stand still. What the events no longer cover is named and left out.
    """
    settings = load_settings()
    span = _span(start, end)
    try:
        found = asyncio.run(_Audit(settings, span, archive, rounds, textfile, url, as_json).run(every))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (Unreachable, ArchiveUnusable, LibraryMissing) as error:
        say(f"deskpulse: {error}")
        raise typer.Exit(2) from None
    except (KafkaError, TimeoutError) as error:
        say(f"deskpulse: {error}. Start the broker, or set kafka.bootstrap to where it is.")
        raise typer.Exit(2) from None
    except OSError as error:
        say(f"deskpulse: {textfile} cannot be written: {error.strerror or error}")
        raise typer.Exit(2) from None
    raise typer.Exit(1 if found else 0)


class _Audit:
    def __init__(
        self,
        settings: Settings,
        span: tuple[int, int] | None,
        archive: str | None,
        rounds: int,
        textfile: Path | None,
        url: str | None,
        as_json: bool,
    ) -> None:
        self._settings, self._span, self._rounds, self._textfile, self._as_json = settings, span, rounds, textfile, as_json
        self._url = url or urls_of(settings)["api"]
        self._store = None if archive is None else Store(archive)

    async def run(self, every_seconds: float | None) -> int:
        """How many differences the last audit found; audits on and on with `every_seconds`."""
        await wait_for_broker(self._settings, say, _BROKER_SECONDS)
        while True:
            now = await live(self._settings)
            found = await self._within(now, every_seconds)
            if every_seconds is None:
                return found

    async def _within(self, now: Live, every_seconds: float | None) -> int:
        """Audit one generation until another one is live."""
        settings = now.settings
        contents = Contents([]) if self._store is None else await asyncio.to_thread(self._store.contents)
        begins = await beginning(settings, contents, _now_ms())
        again = recomputation(now)
        token = settings.api.token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with AsyncExitStack() as stack:
            api = HttpApi(await stack.enter_async_context(httpx.AsyncClient(base_url=self._url, headers=headers, timeout=120)))
            asked = list(questions(await api.catalogue(), settings.dimensions.pairs, self._span))
            events = await stack.enter_async_context(Follower(settings, EVENTS, begins.starts))
            facts = await stack.enter_async_context(Follower(settings, FACTS, dict.fromkeys(begins.starts, 0)))
            bar = _Bar(begins.records)

            def reader_at(at_ms: int) -> Reader:
                return Reader(
                    again.cells,
                    now_ms=at_ms,
                    watermark_ms=None,
                    targets=targets_of(settings, KPIS),
                    kpis=KPIS,
                    max_values=settings.dimensions.max_values,
                )

            wall = settings.now == "wall"
            auditor = Auditor(
                api, again, events, facts, reader_at, begins.coverage, wall=wall, rounds=self._rounds, applied=bar.applied
            )  # fmt: skip
            if self._store is not None:
                with bar.shown("reading the archive"):
                    await from_archive(self._store, contents, begins, again, lambda newest: _now_ms() if wall else newest, bar.applied)
            while True:
                began = time.monotonic()
                with bar.shown("reading events, then comparing"):
                    result = await auditor.run(asked, bar.compared)
                after = await live(self._settings)
                now.timeline.become(after.timeline)
                if after.generation != now.generation:
                    say("another generation became live meanwhile: what was compared does not count, the audit begins anew")
                    return 0 if every_seconds else await self._within(after, None)
                await self._finish(settings, result, begins, time.monotonic() - began)
                if every_seconds is None:
                    return len(result.differences)
                await asyncio.sleep(max(0.0, began + every_seconds - time.monotonic()))

    async def _finish(self, settings: Settings, result: Result, begins: Beginning, seconds: float) -> None:
        before = await publication.before(settings)
        finished = _now_ms()
        success = finished if not result.differences else None if before is None else before.last_success_ms
        count = len(result.differences)
        left = Published(
            differences=count, compared=result.compared, events=result.events, finished_at_ms=finished, last_success_ms=success
        )
        await publication.leave(settings, left)
        if self._textfile is not None:
            publication.write_textfile(self._textfile, left)
        self._tell(result, begins, seconds)

    def _tell(self, result: Result, begins: Beginning, seconds: float) -> None:
        coverage = begins.coverage
        since = None if coverage.from_ms is None else rfc3339(coverage.from_ms)
        differing = [difference._asdict() for difference in result.differences]
        if self._as_json:
            show_json(
                {
                    "as_of": rfc3339(result.as_of_ms),
                    "events": result.events,
                    "compared": result.compared,
                    "rounds": result.rounds,
                    "seconds": round(seconds, 2),
                    "differences": differing,
                    "events_since": since,
                    "left_out": coverage.named(),
                    "refused": result.refused,
                }
            )
        elif differing:
            show(differing[:_SHOWN], _COLUMNS, as_json=False, title=f"{len(differing):,} differences (at most {_SHOWN} shown)")
        if since is not None:
            say(f"the events reach back to {since} only; left out is what began before: " + "; ".join(coverage.named()))
        for why in result.refused:
            say(f"not compared: {why}")
        if not differing:
            rate = f"{result.events / seconds:,.0f} events/s" if seconds else ""
            say(f"{result.compared:,} figures served, all equal to what follows from {result.events:,} events ({seconds:.0f} s, {rate})")


class _Bar:
    """How far the audit is, on standard error."""

    def __init__(self, records: int) -> None:
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[done]}"))
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=max(records, 1), done="")
        self._events = self._figures = 0
        self._began = time.monotonic()

    def shown(self, what: str) -> Progress:
        """Show the bar while the block runs."""
        self._began, self._events, self._figures = time.monotonic(), 0, 0
        self._progress.update(self._task, description=what)
        return self._progress

    def applied(self, events: int) -> None:
        """One record more."""
        self._events += events
        self._update(1)

    def compared(self, figures: int) -> None:
        """So many figures more."""
        self._figures += figures
        self._update(0)

    def _update(self, records: int) -> None:
        rate = self._events / max(time.monotonic() - self._began, 0.001)
        done = f"{self._events:,} events, {rate:,.0f}/s, {self._figures:,} figures"
        self._progress.update(self._task, advance=records, done=done)


def _span(start: str | None, end: str | None) -> tuple[int, int] | None:
    if (start is None) != (end is None):
        raise typer.BadParameter("--from and --to go together")
    return None if start is None or end is None else (_instant(start, "--from"), _instant(end, "--to"))


def _instant(text: str, name: str) -> int:
    try:
        return millis_from(text)
    except Rejected as rejected:
        raise typer.BadParameter(f"{name}: {rejected.detail}") from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
