"""What every answer of the API tells a browser: run nothing, guess nothing, tell nobody, be framed by nobody.

Law: every answer has all of these headers, whoever made it; a route may set one itself (the pages allow their own scripts).
"""

from __future__ import annotations

from starlette.types import Message, Send

STRICT: dict[bytes, bytes] = {
    b"content-security-policy": b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def with_strict_headers(send: Send) -> Send:
    """Sends what it is given, with the headers that are missing."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            named = {name.lower() for name, _ in given}
            message = {**message, "headers": [*given, *((name, value) for name, value in STRICT.items() if name not in named)]}
        await send(message)

    return sending
