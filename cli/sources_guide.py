"""What `deskpulse sources add` says: the block, the address to paste, the secret that is missing, the clicks at the provider.

Law: a secret or a token is named by its variable, never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cli.sources_block import token_variable
from cli.sources_kinds import filled, names_token
from cli.sources_state import State
from deploy.render.source_page import ALL, about, by_token
from services.ingest.providers.provider import Provider
from services.source_settings import SourceSettings


class Added(NamedTuple):
    """A source that is being added; `file` None: it stands in the configuration already. `is_public`: its address is the outside's."""

    name: str
    provider: Provider
    declared: SourceSettings
    block: str
    file: Path | None
    written: bool
    state: State
    is_public: bool

    @property
    def token(self) -> str:
        """The variable of the token in the path."""
        return self.declared.token_env[0] if self.declared.token_env else token_variable(self.name)

    @property
    def token_url(self) -> str:
        """The address with the token, by the name of its variable."""
        return f"{self.state.url}/${self.token}"

    def clicks(self) -> list[str]:
        """The steps at the provider, with the addresses."""
        return [filled(click, self.state.url, self.token_url) for click in self.provider.guide.clicks]

    def as_dict(self) -> dict[str, Any]:
        """The whole, for `--json`."""
        return {
            "source": self.name,
            "kind": self.provider.kind,
            "title": self.provider.title,
            "block": self.block,
            "file": None if self.file is None else str(self.file),
            "written": self.written,
            "url": self.state.url,
            "token_url": self.token_url if by_token(self.provider) or names_token(self.provider) else None,
            "reachable_from_outside": self.is_public,
            "secret": self.provider.guide.secret,
            "needs": list(self.state.needs),
            "clicks": self.clicks(),
            "template": self.provider.guide.template or None,
            "notes": [filled(note, self.state.url, self.token_url) for note in self.provider.guide.notes],
            "page": f"docs/sources/{self.provider.kind}.md",
        }


def lines_of(added: Added) -> Iterator[str]:
    """The whole as lines for a terminal."""
    provider, guide = added.provider, added.provider.guide
    sender = "the sender" if about(provider) == ALL else provider.title
    yield from _block(added)
    yield ""
    yield f"Address: {added.state.url}"
    if by_token(provider):
        yield f"Its sender does not sign, or does not say how; it posts to the address with a token in it: {added.token_url}"
    if not added.is_public:
        yield f"{sender[:1].upper()}{sender[1:]} must reach this address from outside: put a proxy or a tunnel with HTTPS before ingest,"
        yield 'and set public_url = "https://…" in [ingest] to what it is called there.'
    yield ""
    yield f"Secret: {filled(guide.secret, added.state.url, added.token_url)}"
    if by_token(provider) or (added.declared.token_env and not added.declared.secret_env):
        yield f"  export {added.token}=$(openssl rand -hex 24)"
    elif names_token(provider):
        yield f'  Or, for the address with a token in it: token_env = ["{added.token}"] in the block, and'
        yield f"  export {added.token}=$(openssl rand -hex 24)"
    for need in added.state.needs:
        yield f"  still needed: {need}"
    yield ""
    yield f"At {sender}:"
    for number, click in enumerate(added.clicks(), 1):
        yield f"  {number}. {click}"
    if guide.template:
        yield from ("", "To paste:", guide.template.rstrip("\n"))
    for note in guide.notes:
        yield from ("", filled(note, added.state.url, added.token_url))
    yield from ("", f"Then start ingest again and try it: deskpulse sources test {added.name}", f"More: docs/sources/{provider.kind}.md")


def _block(added: Added) -> Iterator[str]:
    if added.file is None:
        yield f"The source {added.name} is in the configuration already."
        return
    yield f"# {'written to' if added.written else 'for'} {added.file}" + ("" if added.written else " (--write puts it there)")
    yield from added.block.rstrip("\n").split("\n")
