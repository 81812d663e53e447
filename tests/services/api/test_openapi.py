"""Every address of the API tried from its own description: whatever is asked, the answer is one that is described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from services.api.app import create_app
from services.settings import Settings
from tests.services.api.fake_board import FakeBoard
from tests.services.api.fake_lineages import FakeLineages

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ADDRESSES = {
    "/v1/kpis",
    "/v1/kpis/{kpi}",
    "/v1/figures",
    "/v1/series",
    "/v1/lineage",
    "/v1/progress",
    "/v1/sources",
    "/v1/boards/{name}",
    "/metrics",
    "/metrics/agents",
    "/healthz",
    "/readyz",
}
"""Streams never end and are tried in test_stream.py."""


def _app() -> FastAPI:
    board = FakeBoard()
    return create_app(Settings(), board, FakeLineages(board), environ={})


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """What the API of a fake board says of itself, by address."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", _app())
    found: list[Any] = [one.ok() for one in schema.get_all_operations()]  # type: ignore[union-attr]  # an address that cannot be read fails here
    return {operation.path: operation for operation in found}


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
def test_every_address_is_described(operations: dict[str, Any]) -> None:
    assert set(operations) == {*ADDRESSES, "/v1/stream"}


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_every_answer_is_one_that_is_described(operations: dict[str, Any], address: str) -> None:
    @settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operations[address].as_strategy())
    def tried(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS)

    tried()
