"""A small ingest for tests of senders: checks signatures, counts events, answers as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = b"a key of the tests only"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
Answer = Callable[[int, list[bytes]], web.Response | None]


class FakeIngest:
    """Takes what is signed with SECRET; `answer(turn, events)` may answer instead, None accepts all."""

    def __init__(self, answer: Answer = lambda turn, events: None) -> None:
        self._answer = answer
        self.turns = 0
        self.accepted: list[bytes] = []
        self.message_ids: list[str] = []
        self.bodies: list[bytes] = []

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != expected:
            return web.json_response({"detail": "the signature is wrong"}, status=401)
        self.message_ids.append(headers["webhook-id"])
        self.bodies.append(body)
        lines = _events(headers["content-type"], body)
        self.turns += 1
        if (answer := self._answer(self.turns, lines)) is not None:
            return answer
        self.accepted += lines
        return web.json_response({"accepted": len(lines), "ignored": 0, "rejected": 0}, status=202)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its base address, while it runs."""
        app = web.Application(client_max_size=16 * 1_048_576)
        app.router.add_post("/webhooks/own", self._take)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            await server.close()


def _events(content_type: str, body: bytes) -> list[bytes]:
    if content_type == "application/json":
        return [orjson.dumps(event) for event in orjson.loads(body)]
    return body.split(b"\n")


def problem(status: int, detail: str, retry_after: str | None = None, **more: Any) -> web.Response:
    """A refusal as ingest writes it."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return web.json_response({"status": status, "detail": detail, **more}, status=status, headers=headers)
