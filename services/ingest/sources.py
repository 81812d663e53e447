"""The configured senders, with their secrets read and their options checked.

Laws: a secret is in no repr, message or log; a kind or an option that is unknown stops the start, a secret that is not there
only closes that one source, and is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Credentials, Provider
from services.ingest.signatures import equals_any
from services.settings import Settings, SourceSettings
from services.settings_errors import ConfigError, Problem


class Source:
    """One sender: who may speak for it, and how its bodies are read."""

    def __init__(self, name: str, settings: SourceSettings, provider: Provider, options: Any, credentials: Credentials) -> None:
        self.name = name
        self.provider = provider
        self.options = options
        self.ticket_source = settings.ticket_source
        self.customer_prefix = f"{name}:" if settings.identity == "own" else ""
        self.rate = None if settings.rate_per_second is None else Rate(settings.rate_per_second)
        self._verify = provider.verifier(credentials)
        self._tokens = [token.encode() for token in credentials.tokens]

    def is_verified(self, delivery: Delivery, token: str | None) -> bool:
        """Whether the sender has proved itself: by the token in the path if there is one, else as the provider signs."""
        if token is not None:
            return equals_any(token.encode("utf-8", "surrogateescape"), self._tokens)
        return self._verify(delivery)


class Rate:
    """A bucket of one second's worth of deliveries (at least one), refilled steadily."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._left = self._size
        self._at = float("-inf")

    def seconds_until_free(self, now_seconds: float) -> float:
        """0.0 and one delivery taken, or how long to wait until one is free."""
        self._left = min(self._size, self._left + max(0.0, now_seconds - self._at) * self._per_second)
        self._at = now_seconds
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_second


def configured(settings: Settings, environ: Mapping[str, str], say: Callable[[str], None]) -> dict[str, Source]:
    """All sources by name. `say` is told of those that cannot be let in yet. Raises ConfigError with every problem at once."""
    problems: list[Problem] = []
    sources: dict[str, Source] = {}
    for name, declared in settings.sources.items():
        provider = PROVIDERS.get(declared.kind)
        if provider is None:
            problems.append(
                Problem("the configuration", f"sources.{name}.kind", repr(declared.kind), f"one of {', '.join(sorted(PROVIDERS))}")
            )
            continue
        try:
            options = msgspec.convert(declared.options, provider.options)
        except ValueError as error:
            problems.append(Problem("the configuration", f"sources.{name}.options", str(error), f"options of the kind {declared.kind}"))
            continue
        credentials = Credentials(secrets=declared.secrets(environ), tokens=declared.tokens(environ), accept_tests=declared.tests_secret)
        if not (credentials.secrets or credentials.tokens or credentials.accept_tests):
            say(f"source {name} lets nobody in yet: {'; '.join(declared.missing(environ))}")
        sources[name] = Source(name, declared, provider, options, credentials)
    if problems:
        raise ConfigError(problems)
    return sources
