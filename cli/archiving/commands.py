"""`deskpulse archive run` and `deskpulse archive restore`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from cli.archiving.controls import archived_controls, restore_controls, save_controls
from cli.archiving.layout import Contents
from cli.archiving.parquet import LibraryMissing
from cli.archiving.restoring import Restored, restore
from cli.archiving.saving import Limits, Saved, save
from cli.archiving.saving import Progress as Passed
from cli.archiving.store import ArchiveUnusable, Store, default_address
from cli.terminal import AsJson, say, show_json
from schemas.canonical import millis_from
from schemas.rejections import Rejected
from schemas.topics import EVENTS
from services.controls import read_controls
from services.generations import live_of, within
from services.ingest.packer import Unavailable
from services.kafka import end_offsets, wait_for_broker
from services.settings import Settings, load_settings, topic
from services.topics import ensure_topics

T = TypeVar("T")
archive = typer.Typer(help="`events` and what was decided to files, and from them back into Kafka.", no_args_is_help=True)
_BROKER_SECONDS = 30


@archive.command("run")
def archive_run(
    to: Annotated[str | None, typer.Option(help="A folder, or any address of fsspec; else a folder below data_dir.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two rounds of --follow.")] = 600,
    rows: Annotated[int, typer.Option(min=1, help="Events after which a file ends.")] = Limits().rows,
    as_json: AsJson = False,
) -> None:
    """Write `events` to Parquet files from where the archive ends, one row an event with its exact bytes, and `controls` beside them.

    May be killed at any moment: the next run goes on where the files end. Exit 1 when Kafka had let go of records before they
    were archived (all others are archived nevertheless), 2 when the archive or Kafka cannot be reached.
    """
    settings = load_settings()

    async def work() -> bool:
        Store(to or default_address(settings))  # refused before anything is waited for
        await wait_for_broker(settings, say, _BROKER_SECONDS)
        live = await _live(settings)
        store = Store(to or default_address(live))
        missing = False
        with store.one_writer():
            while True:
                began = time.monotonic()
                saved = await _round(live, store, Limits(rows=rows))
                controls = await save_controls(live, store)  # last: a round refuses the archive of another topic
                missing = missing or bool(saved.gone)
                _tell_saved(saved, controls, store, as_json)
                if not follow:
                    return missing
                await asyncio.sleep(max(0.0, began + every - time.monotonic()))

    missing = _ran(work())
    raise typer.Exit(1 if missing else 0)


@archive.command("restore")
def archive_restore(
    source: Annotated[str | None, typer.Option("--from", help="The archive's address; else a folder below data_dir.")] = None,
    since: Annotated[str | None, typer.Option(help="Only what was received from this instant on (RFC 3339).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Publish into a topic that holds events already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the archived events into an empty `events`, packed for the partitions that the settings name, and what was decided.

    Boards, policies and calendars come first, from when they held; what was decided here later than there stays as it is.

    A topic that holds events is refused, so that nobody mixes two companies by mistake. --force is safe where they are the same
    events: each has an id, and an event that is there already changes nothing. Exit 1 when the archive has holes, 2 when it cannot
    be read or Kafka cannot be reached.
    """
    settings = load_settings()
    since_ms = 0 if since is None else _instant(since)

    async def work() -> tuple[Restored, Contents, int]:
        store = Store(source or default_address(settings))
        contents = await asyncio.to_thread(store.contents)
        if not contents.partitions and not await asyncio.to_thread(archived_controls, store):
            raise ArchiveUnusable(f"there is no archive at {store.shown}: name it with --from")
        await wait_for_broker(settings, say, _BROKER_SECONDS)
        live = await _live(settings)
        await _refuse_what_is_full(live, force)
        controls = await restore_controls(live, store)
        with _bar("events") as bar:
            task = bar.add_task("restoring", total=None)
            done = await restore(live, store, contents, since_ms, say, lambda events: bar.update(task, completed=events))
        return done, contents, controls

    done, contents, controls = _ran(work())
    holes = contents.holes()
    if as_json:
        show_json({**done._asdict(), "controls": controls, "missing": [hole._asdict() for hole in holes]})
    else:
        say(f"{done.events:,} events and {controls:,} decisions (boards included) are published")
    if done.own:
        say(f"{done.own:,} logs of merged tickets stayed behind: the aggregator writes them again")
    if done.unreadable:
        say(f"{done.unreadable:,} entries stayed behind: they were never readable, and stand in the archive as they were")
    for partition in contents.partitions:
        if contents.first(partition):
            say(f"the archive of partition {partition} begins at offset {contents.first(partition):,}: Kafka had let go of what was before")
    for hole in holes:
        say(f"MISSING: {hole} are not in the archive")
    raise typer.Exit(1 if holes else 0)


async def _round(settings: Settings, store: Store, limits: Limits) -> Saved:
    with _bar("offsets") as bar:
        task = bar.add_task("archiving", total=None)

        def tell(passed: Passed) -> None:
            bar.update(task, completed=passed.passed, total=passed.total, description=f"archiving, {passed.events:,} events")

        return await save(settings, store, limits, lambda: time.time_ns() // 1_000_000, tell)


def _tell_saved(saved: Saved, controls: int, store: Store, as_json: bool) -> None:
    if as_json:
        show_json({**saved._asdict(), "controls": controls, "gone": [hole._asdict() for hole in saved.gone], "archive": store.shown})
    else:
        say(f"{saved.events:,} events in {saved.files:,} new files ({saved.bytes:,} bytes), {controls:,} controls in all, at {store.shown}")
    for hole in saved.gone:
        say(f"MISSING: Kafka had let go of {hole} before they were archived: archive more often, or keep `events` for longer")


async def _live(settings: Settings) -> Settings:
    """The settings within the generation that is live, if there is one: its `events` are meant."""
    states = {state.name: state for state in await ensure_topics(settings)}
    generation = live_of(await read_controls(settings))
    if generation is not None:
        return within(settings, generation)
    if wrong := states[topic(settings, EVENTS)].wrong:
        raise ArchiveUnusable(wrong)
    return settings


async def _refuse_what_is_full(settings: Settings, force: bool) -> None:
    name = topic(settings, EVENTS)
    held = sum((await end_offsets(settings, name, settings.kafka.partitions)).values())
    if held and not force:
        raise ArchiveUnusable(
            f"{name} is not empty: restore under another kafka.topic_prefix, or add --force if it holds the same company's events "
            "(safe: every event has an id, and one that is there already changes nothing)"
        )


def _ran(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        say("stopped: everything that was told is kept, and the next run goes on from there")
        raise typer.Exit(0) from None
    except (ArchiveUnusable, LibraryMissing, Unavailable) as error:
        say(f"deskpulse: {error}")
    except (KafkaError, TimeoutError) as error:
        say(f"deskpulse: {error}. Start the broker, or set kafka.bootstrap to where it is.")
    raise typer.Exit(2)


def _instant(text: str) -> int:
    try:
        return millis_from(text)
    except Rejected as rejected:
        raise typer.BadParameter(f"--since: {rejected.detail}") from None


def _bar(unit: str) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
