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
from services.settings import ApiSettings, Settings
from tests.services.api.fake_board import FakeBoard
from tests.services.api.fake_lineages import FakeLineages

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ADDRESSES = {
    "GET /v1/kpis",
    "GET /v1/kpis/{kpi}",
    "GET /v1/figures",
    "GET /v1/series",
    "GET /v1/lineage",
    "GET /v1/progress",
    "GET /v1/sources",
    "GET /v1/spikes",
    "GET /v1/boards",
    "GET /v1/boards/{name}",
    "GET /v1/controls",
    "GET /v1/controls/{kind}/{id}",
    "PUT /v1/controls/{kind}/{id}",
    "DELETE /v1/controls/{kind}/{id}",
    "GET /metrics",
    "GET /metrics/agents",
    "GET /healthz",
    "GET /readyz",
}
"""Streams never end and are tried in test_stream.py."""
WRITES = sorted(address for address in ADDRESSES if not address.startswith("GET "))
MAY_WRITE = {"Authorization": "Bearer may-write-boards-and-tiles"}


def _app() -> FastAPI:
    board = FakeBoard()
    api = ApiSettings(edit_token_env="EDIT_TOKEN", allowed_hosts=("testserver",))
    return create_app(Settings(api=api), board, FakeLineages(board), decisions=board, environ={"EDIT_TOKEN": "may-write-boards-and-tiles"})


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """What the API of a fake board says of itself, by address."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", _app())
    found: list[Any] = [one.ok() for one in schema.get_all_operations()]  # type: ignore[union-attr]  # an address that cannot be read fails here
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
def test_every_address_is_described(operations: dict[str, Any]) -> None:
    assert set(operations) == {*ADDRESSES, "GET /v1/stream"}


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
@pytest.mark.parametrize(
    ("address", "headers"),
    [*(pytest.param(address, {}, id=address) for address in sorted(ADDRESSES))]
    + [pytest.param(address, MAY_WRITE, id=f"{address}, with the token") for address in WRITES],
)
def test_every_answer_is_one_that_is_described(operations: dict[str, Any], address: str, headers: dict[str, str]) -> None:
    @settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operations[address].as_strategy())
    def tried(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers)

    tried()
