"""A fake board, the application around it, and a client that calls it in process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.api.app import create_app
from services.settings import Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard


@pytest.fixture
def board() -> FakeBoard:
    """A board that is caught up."""
    return FakeBoard()


@pytest.fixture
def app(board: FakeBoard) -> FastAPI:
    """The application without a token, on the default settings."""
    return create_app(Settings(), board, environ={})


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the application."""
    async with calling(app) as client:
        yield client
