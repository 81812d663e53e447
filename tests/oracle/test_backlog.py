"""The first day: an export of tickets and the webhooks that follow; every figure is the oracle's too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.settings import Settings
from tests.cli.exported import NOW_MS, admitted, looked_through
from tests.cli.test_backlog_tickets import BACKLOG, WEBHOOKS, WIDE, webhook
from tests.oracle.compared import Asked, Both

MARCH = "2026-03-01T"
LATER: list[dict[str, Any]] = [
    *(event for told, _, _ in WEBHOOKS.values() for event in told),
    webhook("ticket.public_reply", "3", f"{MARCH}12:00:00Z", message_id="m"),
    webhook("ticket.solved", "3", f"{MARCH}13:00:00Z"),
    webhook("ticket.customer_message", "2", f"{MARCH}12:00:00Z", message_id="q"),
    webhook("ticket.status_changed", "2", f"{MARCH}12:00:00Z", to="open"),
    webhook("ticket.solved", "6", f"{MARCH}05:00:00Z"),
    webhook("ticket.reopened", "6", f"{MARCH}14:00:00Z"),
]


@pytest.mark.parametrize("closed", ["skip", "send"])
@pytest.mark.parametrize("later", [[], LATER], ids=["the export alone", "webhooks too"])
def test_every_figure_of_the_first_day(tmp_path: Path, closed: str, later: list[dict[str, Any]]) -> None:
    _, said = looked_through(tmp_path, BACKLOG, f'closed = "{closed}"' + WIDE)
    with Both(admitted([*said, *later]), Settings(), NOW_MS) as both:
        assert both.differences(Asked()) == []
