"""`deskpulse sources list|add|test|translate`: who sends webhooks, what is missing, how a sender is set up, and whether it works."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError

from cli.addresses import urls_of
from cli.rejected_text import plain
from cli.sources_block import append, block, declared, file_of
from cli.sources_guide import Added, lines_of
from cli.sources_kinds import kind_named, row_of_kind, source_named
from cli.sources_state import state_of, states, tell_problems
from cli.sources_translate import content_type_of, headers_of, options_in, request_in, translated
from cli.terminal import AsJson, say, show_json, stdout, table
from services.ingest.delivery import Delivery
from services.ingest.packer import Unavailable
from services.ingest.providers import PROVIDERS
from services.ingest.sources import Source, configured, source_of
from services.kafka import wait_for_broker
from services.settings import Settings, load_settings
from services.source_settings import SourceSettings

_BROKER_SECONDS = 10

sources = typer.Typer(
    help="Who sends webhooks: what is configured, what is missing, how a sender is set up, whether it works.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
)


@sources.command("list")
def list_sources(
    kinds: Annotated[bool, typer.Option("--kinds", help="Also every kind that a source may have.")] = False, as_json: AsJson = False
) -> None:
    """List every configured source: its kind, its address, how its sender proves itself, what it still needs."""
    settings = load_settings()
    found = states(settings, os.environ)
    every = [row_of_kind(PROVIDERS[kind]) for kind in sorted(PROVIDERS)]
    if as_json:
        show_json({"sources": [state.row() for state in found], **({"kinds": every} if kinds else {})})
        return
    if found:
        rows = [{**state.row(), "needs": state.said()} for state in found]
        stdout().print(table(rows, ("source", "kind", "url", "proves", "needs")))
    else:
        say("no sources yet: `deskpulse sources add KIND --write` adds one" + ("" if kinds else "; --kinds lists what there is"))
    tell_problems(found)
    if kinds:
        stdout().print(table(every, ("kind", "title", "proves itself by", "events")))


@sources.command()
def add(
    kind: Annotated[str, typer.Argument(help="The kind of the sender, as in `deskpulse sources list --kinds`.")],
    name: Annotated[str | None, typer.Option(help="What the source is to be called; else as its kind. It is part of the address.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Append the block to deskpulse.toml.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the block for the configuration, the address to paste, the secret that is missing and the clicks at the provider.

    A source that is there already is shown as it is; with --write its name is refused.
    """
    settings = load_settings()
    provider = kind_named(kind)
    called = name or provider.kind
    file = file_of(os.environ)
    standing = settings.sources.get(called)
    if standing is not None and (write or standing.kind != provider.kind):
        raise typer.BadParameter(f"there is a source {called} already, of kind {standing.kind}: choose another name with --name")
    new = declared(provider, called) if standing is None else standing
    text = block(called, new)
    if write:
        append(file, called, text)
    within = settings.model_copy(update={"sources": {**settings.sources, called: new}})
    state = state_of(called, new, within, os.environ)
    added = Added(
        called, provider, new, text, None if standing is not None else file, write, state, bool(settings.ingest.public_url or new.url)
    )
    if as_json:
        show_json(added.as_dict())
        return
    for line in lines_of(added):
        stdout().print(line, soft_wrap=True)


@sources.command("test")
def try_out(
    name: Annotated[str, typer.Argument(help="A configured source.")],
    timeout: Annotated[float, typer.Option(min=0.1, metavar="S", help="Give up after so many seconds.")] = 60,
    keep: Annotated[bool, typer.Option("--keep", help="Do not take the sample back: it stays in the figures.")] = False,
    url: Annotated[str | None, typer.Option(help="Base address of ingest; else that of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Post a signed sample as this source's sender would, follow it to the figures, and take it back.

    Exit 0: it came through. 1: it did not, and where it stopped. 2: the source cannot be tried yet.
    """
    settings = load_settings()
    chosen = source_named(settings, name)
    source = configured(settings.model_copy(update={"sources": {name: chosen}}), os.environ, lambda text: None)[name]
    if not source.can_let_in:
        raise typer.BadParameter(f"the source {name} cannot be tried yet: {state_of(name, chosen, settings, os.environ).said()}")
    failure, found = _tried(settings, chosen, source, timeout, keep, (url or urls_of(settings)["ingest"]).rstrip("/"))
    if as_json:
        show_json({"source": name, "kind": chosen.kind, **found, "failure": failure})
    elif failure is None:
        _tell_trial(name, found)
    if failure is not None:
        say(f"deskpulse: {failure}")
    raise typer.Exit(0 if failure is None else 1)


def _tried(
    settings: Settings, chosen: SourceSettings, source: Source, timeout: float, keep: bool, base: str
) -> tuple[str | None, dict[str, Any]]:
    """Why the sample did not come through (None: it did), and what is known of its way."""
    from cli.auditing.api import Unreachable  # these load what the other commands of the group do not need
    from cli.auditing.beginning import live
    from cli.sources_trial import NotThrough, answers, followed, ready

    async def run() -> dict[str, Any]:
        now_ms = time.time_ns() // 1_000_000
        sample = ready(source, chosen.secrets(os.environ), chosen.tokens(os.environ), f"test{token_hex(6)}", now_ms)
        found: dict[str, Any] = {"events": [{"type": type(event).__struct_config__.tag, "id": event.id} for event in sample.events]}
        await answers(base)
        await wait_for_broker(settings, say, _BROKER_SECONDS)
        within = (await live(settings)).settings
        api = (urls_of(settings)["api"], settings.api.token())
        return found | await followed(within, *api, base, source.name, sample, keep=keep, timeout_seconds=timeout, say=say)

    try:
        return None, asyncio.run(run())
    except (NotThrough, Unreachable, Unavailable) as error:
        return str(error), {}
    except (KafkaError, OSError) as error:  # TimeoutError is one
        return f"Kafka at {settings.kafka.bootstrap}: {error}", {}


def _tell_trial(name: str, found: Mapping[str, Any]) -> None:
    out = stdout()
    out.print(
        f"ingest answered {found['status']} after {found['answer_seconds']:.2f} s: {found['answer'] or 'with no body'}", soft_wrap=True
    )
    for event in found["events"]:
        out.print(f"  {event['type']} {plain(event['id'])}", soft_wrap=True)
    out.print(f"the figures include it after {found['seconds']:.1f} s")
    for figure in found["figures"]:
        values = " -> ".join("-" if value is None else f"{value:g}" for value in (figure["before"], figure["after"]))
        out.print(f"  {figure['kpi']} ({figure['window']}): {values}, n {figure['n_before']} -> {figure['n_after']}")
    if not found["figures"]:
        out.print("  no value changed: these events count only together with others")
    if found["taken_back"]:
        out.print("the sample is taken back: the figures are as if it had never been sent")
    else:
        out.print(f"the sample stays in the figures (--keep), as events of the source {name}")


@sources.command()
def translate(
    given: Annotated[
        list[str],
        typer.Argument(metavar="KIND FILE", help="A body, or a whole request; - is standard input; with --source the file alone."),
    ],
    header: Annotated[list[str] | None, typer.Option(metavar="'K: V'", help="A header it came with; several times.")] = None,
    options: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Options, as in [sources.NAME.options].")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Kind and options of this configured source.")] = None,
    query: Annotated[str, typer.Option(metavar="A=B", help="The query of the address that it was posted to.")] = "",
) -> None:
    """Print, as a JSON array, the canonical events that a body becomes. No signature is asked and nothing is sent.

    Exit 0: nothing was rejected. 1: something was, and why. 2: the kind, the file or an option is wrong.
    """
    kind, file = _kind_and_file(given, source)
    if source is not None:
        settings = load_settings()
        chosen = source_named(settings, source)
        if kind not in (None, chosen.kind):
            raise typer.BadParameter(f"the source {source} is of kind {chosen.kind}")
    else:
        settings, chosen = Settings(), SourceSettings(kind=kind_named(str(kind)).kind)
    if options is not None:
        chosen = chosen.model_copy(update={"options": options_in(options)})
    kind_named(chosen.kind)
    recorded, body = request_in(_body(file))
    headers = recorded | headers_of(header or ())
    headers.setdefault(b"content-type", content_type_of(file, body).encode())
    delivery = Delivery(headers=headers, body=body, query=query.removeprefix("?").encode(), received_at_ms=time.time_ns() // 1_000_000)
    told = translated(source_of(source or chosen.kind, chosen, settings, {}), delivery)
    show_json(told.events)
    for name in told.ignored:
        say(f"ignored: {plain(name)} says nothing to a KPI")
    for why in told.rejected:
        say(f"rejected: {plain(why)}")
    raise typer.Exit(1 if told.rejected else 0)


def _kind_and_file(given: list[str], source: str | None) -> tuple[str | None, str]:
    if source is not None and len(given) == 1:
        return None, given[0]
    if len(given) != 2:
        raise typer.BadParameter("give the kind and the file: deskpulse sources translate zendesk body.json")
    return given[0], given[1]


def _body(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror or error}") from None
