"""What is known of one configured source: its address, how its sender proves itself, what is still missing, what is wrong.

Law: nothing of a secret is said but the name of the variable or the file that should hold it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from cli.sources_signing import delivery_of_sample, signed, signs_address
from cli.terminal import say
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider
from services.ingest.signatures import SCHEMES
from services.ingest.sources import Source, configured
from services.settings import Settings
from services.settings_errors import ConfigError, Problem
from services.source_settings import SourceSettings


class State(NamedTuple):
    """One source: `needs` is what keeps its senders out, `problems` are errors of its settings, `notes` what may become one."""

    name: str
    kind: str
    url: str
    proves: str
    needs: tuple[str, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As a row of a table; the columns are among its names."""
        return {
            "source": self.name,
            "kind": self.kind,
            "url": self.url,
            "path": f"/webhooks/{self.name}",
            "proves": self.proves,
            "needs": list(self.needs),
            "problems": [str(problem) for problem in self.problems],
            "notes": list(self.notes),
        }

    def said(self) -> str:
        """What is missing in words."""
        return "; ".join((*self.needs, *("wrong, see below" for _ in self.problems[:1]))) or "nothing, it is ready"


def states(settings: Settings, environ: Mapping[str, str]) -> list[State]:
    """All configured sources, in the order of the configuration."""
    return [state_of(name, declared, settings, environ) for name, declared in settings.sources.items()]


def state_of(name: str, declared: SourceSettings, settings: Settings, environ: Mapping[str, str]) -> State:
    """One source as it is configured now."""
    provider = PROVIDERS.get(declared.kind)
    source, problems = _source(name, declared, settings, environ)
    needs = list(declared.missing(environ))
    notes: list[str] = []
    if source is not None and not needs:
        needs += unusable(source, declared, environ)
    if source is not None and not (settings.ingest.public_url or declared.url) and signs_address(source):
        notes.append(f"{name}: its sender signs the address, so set ingest.public_url to what it was given")
    proves = "" if provider is None else proofs(declared, provider)
    return State(name, declared.kind, settings.url_of(name), proves, tuple(needs), problems, tuple(notes))


def tell_problems(found: list[State]) -> None:
    """What is wrong with the settings of these sources, and what may become wrong, on standard error."""
    for state in found:
        for text in (*(f"deskpulse: {problem}" for problem in state.problems), *state.notes):
            say(text)


def proofs(declared: SourceSettings, provider: Provider) -> str:
    """How the senders of a source prove themselves, in the ids of the schemes."""
    own = declared.signature
    ways = list(declared.scheme or provider.schemes) if own is None else [f"signature in {own.header}"]
    if not (declared.secret_env or declared.secret_file):
        ways = [way for way in ways if way in SCHEMES and SCHEMES[way].takes_tokens and declared.token_env]
    if declared.token_env:
        ways.append("token in the path")
    return " or ".join(ways) or "nothing yet"


def _source(
    name: str, declared: SourceSettings, settings: Settings, environ: Mapping[str, str]
) -> tuple[Source | None, tuple[Problem, ...]]:
    try:
        return configured(settings.model_copy(update={"sources": {name: declared}}), environ, lambda text: None)[name], ()
    except ConfigError as error:
        return None, error.problems


def unusable(source: Source, declared: SourceSettings, environ: Mapping[str, str]) -> list[str]:
    """Why nobody would be let in although everything that is named is there."""
    if not source.can_let_in:
        return ['name a token: token_env = ["SOME_VARIABLE"], because a sender of this kind cannot sign']
    secrets = declared.secrets(environ)
    delivery = delivery_of_sample(source.provider, "check", time.time_ns() // 1_000_000)
    if secrets and signed(source, secrets, delivery) is None:
        return [f"a secret of another form: {source.provider.guide.secret}"]
    return []
