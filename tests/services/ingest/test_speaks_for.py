"""A source that speaks for another: its events are the other's, everything else stays its own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from schemas import keys
from schemas.deadletters import DeadLetter
from services.ingest.replay import Replay
from services.ingest.sources import configured
from services.settings import Settings
from services.settings_errors import ConfigError
from services.source_settings import SourceSettings
from tests.services.ingest.senders import ENVIRON, EVENT, NOW_MS, Remembering, app_of, post, signed

DESK = SourceSettings(kind="zendesk", secret_env=("ZENDESK",))
SHARED = SourceSettings(kind="zendesk", secret_env=("ZENDESK",), identity="external_id")


def backlog(**more: Any) -> SourceSettings:
    """A source with a secret of its own."""
    return SourceSettings(**{"kind": "standardwebhooks", "secret_env": ("NEW",), "speaks_for": "desk", **more})


async def test_its_events_are_those_of_the_other_source_and_its_counts_its_own() -> None:
    publisher = Remembering()
    app = app_of({"desk": DESK, "backlog": backlog()}, publisher)
    body = json.dumps([EVENT, {**EVENT, "type": "ticket.nonsense"}]).encode()
    answer = await post(app, "/webhooks/backlog", body, signed(body))
    assert answer.json()["accepted"] == 1
    [event] = publisher.events
    assert (event.source, event.customer_id, keys.of(event)) == ("desk", "desk:7", "ticket:desk:42")
    [letter] = publisher.letters
    assert letter["source"] == "backlog"
    assert (await post(app, "/webhooks/desk", body, signed(body))).status_code == 401, "its secret opens no other door"


async def test_what_was_rejected_is_sent_again_as_the_other_source() -> None:
    sources, publisher = {"desk": DESK, "backlog": backlog()}, Remembering()
    body = json.dumps({**EVENT, "type": "ticket.nonsense"}).encode()
    await post(app_of(sources, publisher), "/webhooks/backlog", body, signed(body))
    letter = msgspec.convert(publisher.letters[0], DeadLetter)
    again = Replay(configured(Settings(sources=sources), ENVIRON, lambda text: None), 8).judged(letter, json.dumps(EVENT).encode(), NOW_MS)
    assert [packed.key for packed in again.into] == ["ticket:desk:42"]


@pytest.mark.parametrize(
    ("desk", "other", "said"),
    [
        pytest.param(DESK, backlog(speaks_for="dsk"), r"sources\.backlog\.speaks_for: found 'dsk'.*Did you mean desk\?", id="nobody"),
        pytest.param(DESK, backlog(speaks_for="backlog"), r"sources\.backlog\.speaks_for", id="itself"),
        pytest.param(backlog(speaks_for="backlog"), backlog(), r"sources\.desk\.speaks_for", id="in a circle"),
        pytest.param(SHARED, backlog(), r"sources\.backlog\.identity.*as the source desk has it", id="other ids of customers"),
    ],
)
def test_it_speaks_for_a_source_that_is_there_with_the_same_customers(desk: SourceSettings, other: SourceSettings, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configured(Settings(sources={"desk": desk, "backlog": other}), ENVIRON, lambda text: None)
