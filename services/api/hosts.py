"""Under which names the API answers, where no token guards it.

A web page whose own name is made to lead to this machine would read everything here: to the browser it is the same site
(DNS rebinding). Its requests bear that name in `Host`, so an API that listens on loopback alone, or is told its names, answers to
those and to no other. Laws: with a read token nothing is looked at, since no other site's page has it; health answers always.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.access import OPEN
from services.api.problems import problem, shown
from services.api_settings import ApiSettings

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d*)?")


class Hosts:
    """Pure ASGI: answers 421 to who calls the API by a name that is not its own."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        """`names` beside those of loopback, as `name_in` gives them."""
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets through what is meant for this API."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("host")
        if len(given) == 1 and ((name := name_in(given[0])) in self._names or is_loopback(name)):
            await self._app(scope, receive, send)
            return
        await problem(
            421,
            f"this API is not called {shown(given[0]) if given else 'nothing'}: open it as 127.0.0.1 or localhost, or add the name to "
            "api.allowed_hosts, or set api.token_env",
        )(scope, receive, send)


def names_of(api: ApiSettings) -> frozenset[str] | None:
    """The names beside loopback's under which an API without a read token answers; None when it answers to every name.

    It does where it listens for other machines too and was not told how they call it.
    """
    if api.allowed_hosts or is_loopback(name_in(api.host)):
        return frozenset(name for name in map(name_in, (api.host, *api.allowed_hosts)) if name)
    return None


def name_in(host: str) -> str:
    """The name in a `Host`, small, without port, brackets and a last dot; "" when it is none."""
    host = host.strip().lower()
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"  # as addresses stand in the settings
    found = _HOST.fullmatch(host)
    return "" if found is None else found[1].strip("[]").removesuffix(".")


def is_loopback(name: str) -> bool:
    """Whether a name leads to this machine, whatever a name server says."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
