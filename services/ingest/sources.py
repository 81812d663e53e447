"""The configured senders, with their secrets read and their options checked.

Laws: a secret is in no repr, message or log; a kind or an option that is unknown stops the start, a secret that is not there
only closes that one source, and is said.
"""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import Struct

from schemas.standing import Standing
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider
from services.ingest.signatures import SCHEMES
from services.ingest.signatures.hashes import Hmac
from services.ingest.signatures.scheme import Scheme, equals_any
from services.settings import Settings
from services.settings_errors import ConfigError, Problem
from services.source_settings import SourceSettings

MASKED_FROM_CHARS = 8
"""Shorter secrets are ordinary words as well, and are not looked for in bodies."""


class Proof(Enum):
    """What a sender has shown: nothing that counts, a secret or a signature that a copy would show too, a signature with a time."""

    NONE = 0
    SHOWN = 1
    TIMED = 2


class Credentials(Struct, frozen=True, kw_only=True):
    """What a source's senders may show: signing secrets and path tokens. Neither appears in a repr."""

    secrets: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Credentials({len(self.secrets)} secrets, {len(self.tokens)} tokens)"


class Source:
    """One sender: who may speak for it, and how its bodies are read. `url` is its public address, which some senders sign."""

    def __init__(
        self,
        name: str,
        settings: SourceSettings,
        provider: Provider,
        options: Any,
        credentials: Credentials,
        url: str,
        schemes: Sequence[Scheme],
    ) -> None:
        self.name = name
        self.provider = provider
        self.options = options
        self.url = url
        self.speaks_for = settings.speaks_for or name
        self.ticket_source = settings.ticket_source
        self.customer_prefix = f"{self.speaks_for}:" if settings.identity == "own" else ""
        self.rate = None if settings.rate_per_second is None else Rate(settings.rate_per_second)
        self.schemes = schemes
        self._quiet_after_seconds = settings.quiet_after_seconds
        shared, with_tokens = credentials.secrets, (*credentials.secrets, *credentials.tokens)
        # an empty key would be everybody's
        self._checks = [(s, [key for t in (with_tokens if s.takes_tokens else shared) if (key := s.key(t))]) for s in schemes]
        self._tokens = [token.encode() for token in credentials.tokens]
        shown = {form for secret in with_tokens for form in _forms(secret)}
        self._masked = sorted(shown, key=len, reverse=True)
        self.can_let_in = bool(self._tokens or any(keys for _, keys in self._checks))

    def masked(self, data: bytes) -> bytes:
        """A body without the secrets in it, which some senders show there: what is kept must not let anybody in."""
        for secret in self._masked:
            data = data.replace(secret, b"*" * len(secret))
        return data

    def standing(self, door: str) -> Standing:
        """How the source stands when nothing has come yet."""
        quiet = round(self._quiet_after_seconds * 1000) or None
        return Standing(source=self.name, kind=self.provider.kind, door=door, at_ms=0, quiet_after_ms=quiet, ready=self.can_let_in)

    def proof(self, delivery: Delivery, token: str | None) -> Proof:
        """How the sender has proved itself: by the token in the path if there is one, else in one of the ways of its kind.

        The body counts as it was on the wire or without its Content-Encoding.
        """
        if token is not None:
            return Proof.SHOWN if equals_any(token.encode("utf-8", "surrogateescape"), self._tokens) else Proof.NONE
        wire = None if delivery.signed_body is None else msgspec.structs.replace(delivery, body=delivery.signed_body)
        for scheme, keys in self._checks:
            if scheme.accepts(delivery, keys, self.url) or (wire is not None and scheme.accepts(wire, keys, self.url)):
                return Proof.TIMED if scheme.is_timed else Proof.SHOWN
        return Proof.NONE


def _forms(secret: str) -> Iterator[bytes]:
    """A secret as a body may hold it: whole, or the part of it that is shown or signed with; escaped as JSON and forms escape."""
    parts = {secret, secret.removeprefix("whsec_"), secret.partition(":")[2].strip(), secret.partition("&")[2]}
    for part in parts:
        if len(part) < MASKED_FROM_CHARS:
            continue
        for text in (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]):
            yield text.encode()
            yield text.replace("/", "\\/").encode()
        yield quote(part, safe="").encode()
        yield quote_plus(part).encode()
        yield base64.b64encode(part.encode())


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
            near = next(iter(difflib.get_close_matches(declared.kind, PROVIDERS, 1)), None)
            expected = f"one of {', '.join(sorted(PROVIDERS))}"
            problems.append(Problem("the configuration", f"sources.{name}.kind", repr(declared.kind), expected, near))
            continue
        try:
            source = source_of(name, declared, settings, environ)
        except ConfigError as error:
            problems += error.problems
            continue
        if not source.can_let_in:
            say(f"source {name} lets nobody in yet: {'; '.join(declared.missing(environ))}")
        sources[name] = source
    if problems:
        raise ConfigError(problems)
    return sources


def source_of(name: str, declared: SourceSettings, settings: Settings, environ: Mapping[str, str]) -> Source:
    """One source of a kind that is known. Raises ConfigError when an option or its signature cannot be as it is set."""
    provider = PROVIDERS[declared.kind]
    if declared.speaks_for is not None:
        _check_speaks_for(name, declared, settings)
    try:
        options = msgspec.convert(declared.options, provider.options)
    except ValueError as error:
        raise ConfigError(
            [Problem("the configuration", f"sources.{name}.options", str(error), f"options of the kind {declared.kind}")]
        ) from None
    tests = (provider.tests_secret,) if declared.tests_secret and provider.tests_secret else ()
    credentials = Credentials(secrets=(*declared.secrets(environ), *tests), tokens=declared.tokens(environ))
    return Source(name, declared, provider, options, credentials, settings.url_of(name), schemes_of(declared, provider))


def _check_speaks_for(name: str, declared: SourceSettings, settings: Settings) -> None:
    other = settings.sources.get(declared.speaks_for or "")
    if other is None or other is declared or other.speaks_for is not None:
        near = next(iter(difflib.get_close_matches(declared.speaks_for or "", settings.sources, 1)), None)
        wanted = "the name of another configured source, which speaks for itself"
        raise ConfigError([Problem("the configuration", f"sources.{name}.speaks_for", repr(declared.speaks_for), wanted, near)])
    if other.identity != declared.identity:  # one customer must have one id, whoever tells of it
        same = f"{other.identity!r}, as the source {declared.speaks_for} has it"
        raise ConfigError([Problem("the configuration", f"sources.{name}.identity", repr(declared.identity), same)])


def schemes_of(declared: SourceSettings, provider: Provider) -> Sequence[Scheme]:
    """The ways in which the senders of a source prove themselves: as its settings say, else as its kind does.

    Raises ConfigError for a scheme that is not known.
    """
    if declared.signature is not None:
        signature = declared.signature
        return [
            Hmac(
                signature.header,
                digest=signature.digest,
                encoding=signature.encoding,
                prefix=signature.prefix,
                signs=signature.signs,
                timestamp=signature.timestamp,
                tolerance_ms=round(signature.tolerance_seconds * 1000),
            )
        ]
    if unknown := [name for name in declared.scheme if name not in SCHEMES]:
        raise ConfigError([Problem("the configuration", "scheme", repr(unknown[0]), f"one of {', '.join(sorted(SCHEMES))}")])
    return [SCHEMES[name] for name in declared.scheme or provider.schemes]
