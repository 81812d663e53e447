"""The section `[api]`: where the figures and the wall boards are served, and which tokens are asked for.

Law: a token stands in the environment, never in the file, and never in a message or a repr.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from services.settings_errors import ConfigError, Problem
from services.source_settings import Section, variable_name

Port = Annotated[int, Field(ge=1, le=65_535)]
MaybeVariable = Annotated[str, AfterValidator(lambda name: variable_name(name) if name else name)]
"""The name of a variable, "" for none."""
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$|^[0-9A-Fa-f:.]+$")]
"""The name or the address by which a browser or a proxy calls us, without scheme and port."""
TOKEN_LEAST_CHARS = 16
"""A shorter token can be tried out: nobody counts wrong ones. It is taken with a warning, since a wall that goes dark helps nobody."""
TOKEN_SETTINGS = ("token_env", "edit_token_env", "controls_token_env")


class Tokens(NamedTuple):
    """The bearer tokens of the API; None is one that nobody has. A later one may do what an earlier one may."""

    read: str | None = None
    edit: str | None = None
    controls: str | None = None

    def __repr__(self) -> str:
        """Which there are, never what they are."""
        return f"Tokens({', '.join(f'{name}={token is not None}' for name, token in zip(self._fields, self, strict=True))})"


class ApiSettings(Section):
    """The figures over HTTP and the wall board. Each setting names the variable that holds a bearer token.

    `token_env` reads ("" = everybody may), `edit_token_env` edits boards, `controls_token_env` every control that can be written
    ("" = nobody may). Without the first, an API on a loopback address answers under loopback's names, `host` and `allowed_hosts`
    alone, and one on another address does once `allowed_hosts` names any.
    """

    host: str = "127.0.0.1"
    port: Port = 8081
    token_env: MaybeVariable = ""
    edit_token_env: MaybeVariable = ""
    controls_token_env: MaybeVariable = ""
    allowed_hosts: tuple[HostName, ...] = ()

    def token(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The bearer token that callers must show, None when the API is open. Raises ConfigError when it is named but empty."""
        return self._token("token_env", environ)

    def tokens(self, environ: Mapping[str, str] = os.environ) -> Tokens:
        """All three tokens. Raises ConfigError when one is named but empty, or two are the same: who may read must not write."""
        found = [(name, self._token(name, environ)) for name in TOKEN_SETTINGS]
        held: dict[str, str] = {}
        for name, token in found:
            if token is not None and (same := held.setdefault(token, name)) != name:
                raise ConfigError([Problem("the environment", f"api.{name}", f"the token of api.{same} again", "a token of its own")])
        return Tokens(*(token for _, token in found))

    def _token(self, name: str, environ: Mapping[str, str]) -> str | None:
        variable: str = getattr(self, name)
        if not variable:
            return None
        if value := environ.get(variable, "").strip():
            return value
        expected = "a bearer token in that variable (openssl rand -hex 24)"
        raise ConfigError([Problem("the environment", f"api.{name}", f"{variable} is not set", expected)])

    def short(self, environ: Mapping[str, str] = os.environ) -> list[str]:
        """The variables whose tokens are so short that they can be tried out."""
        named = [getattr(self, name) for name in TOKEN_SETTINGS]
        return [variable for variable in named if variable and 0 < len(environ.get(variable, "").strip()) < TOKEN_LEAST_CHARS]
