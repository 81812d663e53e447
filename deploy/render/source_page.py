"""docs/sources/: one page for each kind of source, from the declaration of its provider, and the list of them."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping

from deploy.render.markdown import code, head, joined, sentence, table
from deploy.render.source_page_options import inside, rows
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Line, Provider
from services.ingest.signatures import SCHEMES

WITH_TEMPLATE = "with the template"
"""The note of the lines that `services.ingest.providers.template` adds to a kind."""

FOLDER = "docs/sources"
ALL = "all"
_MANY = 12
_WIDTH = 138
_HOST = "https://HOST"

_INDEX = """\
One page for each kind of source: how its sender is set up, what it sends, what becomes of it. `deskpulse sources list --kinds` shows the
same list, `deskpulse sources add KIND` the steps with your own address. A system that is not here sends events in our words through
`standardwebhooks`: [adding an event source](../adding-an-event-source.md). What the events mean: [events](../events.md)."""

_TOKEN = """\
A sender that cannot be made to sign posts to an address with a token in its path, `{token_url}`; that works for every kind. Put a long
random text into a variable (`openssl rand -hex 24`) and name that in the block: `token_env = ["{variable}"]`. Whoever sees the address
has the token, so use HTTPS."""

_ONLY_TOKEN = """\
Its sender does not sign, or does not say how. It posts to an address with a token in its path, `{token_url}`, which only the two of
you know. Whoever sees the address has the token, so use HTTPS."""

_LINES = """\
What a message may become, by the name that the sender gives it; the fields of each event: [events](../events.md). A name that is not
here is counted and means nothing."""

_WITH_TEMPLATE = """\
With the template above the administrator chooses the name, in `event`, and a message becomes:"""

_REJECTED = """\
What should become an event but cannot (an id is missing, a time cannot be read) is kept with its reason: `deskpulse rejected list
--source {kind}`. What a body becomes, without sending it: `deskpulse sources translate {kind} body.json`."""


def pages(providers: Iterable[Provider] = tuple(PROVIDERS.values())) -> Mapping[str, str]:
    """Every page by its path from the repository's root."""
    listed = sorted(providers, key=lambda provider: provider.title.lower())
    return {f"{FOLDER}/README.md": index(listed), **{f"{FOLDER}/{one.kind}.md": page(one) for one in listed}}


def index(providers: Iterable[Provider]) -> str:
    """The list of kinds."""
    cells = [(f"[{one.title}]({one.kind}.md)", f"`{one.kind}`", _signed(one), about(one)) for one in providers]
    lines = [*head("Sources", "services/ingest/providers/"), *_INDEX.split("\n"), ""]
    return joined([*lines, *table(("sender", "kind", "proves itself by", "events"), cells)])


def page(provider: Provider) -> str:
    """The page of one kind."""
    lines = head(provider.title, f"services/ingest/providers/{_module(provider)}")
    lines += [f"Kind `{provider.kind}`. Events: {about(provider)}.", ""]
    return joined(
        [*lines, *_set_up(provider), *_proof(provider), *_messages(provider), *_options(provider), *_delivery(provider), *_links(provider)]
    )


def _set_up(provider: Provider) -> list[str]:
    guide, variable = provider.guide, _variable(provider)
    where = "At the sender" if about(provider) == ALL else f"At {provider.title}"
    token = " and a long random text of your own for `TOKEN`" if any("{token_url}" in click for click in guide.clicks) else ""
    named = "token_env" if by_token(provider) else "secret_env"
    lines = ["## Setting it up", "", f"1. `deskpulse sources add {provider.kind} --write` puts this into deskpulse.toml:", ""]
    lines += ["   ```toml", f"   [sources.{provider.kind}]", f'   kind = "{provider.kind}"', f'   {named} = ["{variable}"]', "   ```", ""]
    lines += [f"2. {where}, with the address of your ingest (`public_url` in `[ingest]`) for `{_HOST}`{token}:", ""]
    lines += [f"   * {_filled(click, provider)}" for click in guide.clicks] + [""]
    if guide.template:
        lines += [
            f"   {line}".rstrip() for line in ("To paste:", "", f"```{_language(guide.template)}", *_lines(guide.template), "```", "")
        ]
    what = "token" if by_token(provider) else "secret"
    lines += [f"3. Put the {what} into the variable `{variable}` where ingest runs. {sentence(_filled(guide.secret, provider))}", ""]
    lines += [
        "4. Start ingest again (`deskpulse ingest`, or `deskpulse up`), then try it: a sample goes the whole way to the figures and is",
        "   taken back.",
        "",
        "   ```sh",
        "   deskpulse check",
        f"   deskpulse sources test {provider.kind}",
        "   ```",
        "",
    ]
    if guide.notes:
        lines += ["## Good to know", "", *[f"* {_filled(note, provider)}" for note in guide.notes], ""]
    return lines


def _proof(provider: Provider) -> list[str]:
    lines = ["## How its sender proves itself", ""]
    token = {"variable": _variable(provider, "TOKEN"), "token_url": f"{_HOST}/webhooks/{provider.kind}/TOKEN"}
    if not provider.schemes:
        return [*lines, *_wrapped(_ONLY_TOKEN.format(**token)), ""]
    lines += ["Any of these is enough:", ""] if len(provider.schemes) > 1 and not by_token(provider) else []
    lines += [f"* `{name}`: {SCHEMES[name].about}." for name in provider.schemes]
    if by_token(provider):
        lines = [*lines[:2], *_wrapped(_ONLY_TOKEN.format(**token)), "", "Where something before it can show a secret:", "", *lines[2:]]
        return [*lines, ""]
    return [*lines, "", *_wrapped(_TOKEN.format(**token)), ""]


def _messages(provider: Provider) -> list[str]:
    lines = ["## What it says", ""]
    if provider.generic:
        lines += ["Its sender writes our [events](../events.md), and reads in the answer what was wrong with them.", ""]
    lines += _table_of_messages(provider) if provider.lines else []
    return lines + _wrapped(_REJECTED.format(kind=provider.kind)) + [""]


def _table_of_messages(provider: Provider) -> list[str]:
    """Messages that become something in a table; those of the template in one of their own; those without a story by name."""
    own = {name: line for name, line in provider.lines.items() if line.note != WITH_TEMPLATE}
    pasted = {name: line for name, line in provider.lines.items() if line.note == WITH_TEMPLATE}
    nothing = [name for name, line in own.items() if not line.becomes and not line.note]
    alike = _alike(own)
    telling = {name: line for name, line in own.items() if name not in nothing and line.note not in alike}
    lines: list[str] = []
    if telling:
        cells = [(f"`{name}`", code(line.becomes) if line.becomes else "nothing", line.note) for name, line in telling.items()]
        lines += [*_LINES.split("\n"), "", *table(("message", "becomes", "note"), cells)]
    for note, names in alike.items():
        lines += [f"{sentence(note).rstrip('.')}: {code(names)}.", ""]
    if nothing:
        lines += [f"Known and counted, but they say nothing to a KPI: {code(nothing)}.", ""]
    if pasted:
        rendered = [(f"`{name}`", code(line.becomes)) for name, line in pasted.items()]
        lines += [_WITH_TEMPLATE, "", *table(("event", "becomes"), rendered)]
    return lines


def _alike(own: Mapping[str, Line]) -> dict[str, list[str]]:
    """Names that become the event of the same name, many of them under one note, by that note."""
    found: dict[str, list[str]] = {}
    for name, line in own.items():
        if line.note and line.becomes == (name,):
            found.setdefault(line.note, []).append(name)
    return {note: names for note, names in found.items() if len(names) >= _MANY}


def _options(provider: Provider) -> list[str]:
    cells = rows(provider.options)
    if not cells:
        return []
    columns = ("option", "form", "default", "meaning")
    lines = [
        "## Options",
        "",
        f"In `[sources.{provider.kind}.options]`, each only where the default does not fit:",
        "",
        *table(columns, cells),
    ]
    for cls in inside(provider.options):
        title = re.sub(r"(?<!^)(?=[A-Z])", " ", cls.__name__)
        about = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        lines += [f"### {title.capitalize()}", "", *([sentence(about), ""] if about else []), *table(columns, rows(cls))]
    return lines


def _delivery(provider: Provider) -> list[str]:
    guide = provider.guide
    lines = ["## Delivery", "", sentence(guide.delivery), ""]
    if guide.unconfirmed:
        lines += ["## Not confirmed", "", f"{provider.title} does not state these; what is assumed can be changed:", ""]
        lines += [f"* {_filled(fact, provider)}" for fact in guide.unconfirmed] + [""]
    return lines


def _links(provider: Provider) -> list[str]:
    links = provider.guide.links
    return ["## Links", "", *[f"* <{link}>" for link in links], ""] if links else []


def about(provider: Provider) -> str:
    """What its messages are about: the first words of the canonical names they may become, or "all"."""
    found = dict.fromkeys(name.partition(".")[0] for line in provider.lines.values() for name in line.becomes if name != "fact.withdrawn")
    return ALL if provider.generic or len(found) >= _MANY else ", ".join(found) or "none"


def by_token(provider: Provider) -> bool:
    """Whether its sender posts to the address with a token in it, as the first step that names an address says, or as it must."""
    named = [click for click in provider.guide.clicks if "url}" in click]
    return not provider.schemes or (bool(named) and "{token_url}" in named[0] and "{url}" not in named[0])


def _language(template: str) -> str:
    """What a template is written in, for the colours of the page."""
    for name, read in (("json", json.loads), ("toml", tomllib.loads)):
        try:
            read(template)
        except ValueError:
            continue
        return name
    return "text"


def _lines(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def _wrapped(text: str) -> list[str]:
    """Lines of a paragraph; what stands in backticks stays on one."""
    whole = re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", "\0"), " ".join(text.split()))
    return [line.replace("\0", " ") for line in textwrap.wrap(whole, _WIDTH, break_long_words=False, break_on_hyphens=False)]


def _signed(provider: Provider) -> str:
    """How it proves itself, in the ids of the schemes."""
    if by_token(provider):
        return "the token in the path"
    return " or ".join(f"`{name}`" for name in provider.schemes) or "the token in the path"


def _filled(text: str, provider: Provider) -> str:
    url = f"{_HOST}/webhooks/{provider.kind}"
    return text.replace("{token_url}", f"`{url}/TOKEN`").replace("{url}", f"`{url}`")


def _variable(provider: Provider, what: str = "") -> str:
    return f"{provider.kind.upper()}_WEBHOOK_{what or ('TOKEN' if by_token(provider) else 'SECRET')}"


def _module(provider: Provider) -> str:
    return f"{provider.translate.__module__.rpartition('.')[2]}.py"
