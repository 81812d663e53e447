"""Every event has one entity key, and the rules of the table of keys hold."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import keys
from schemas.events import BY_TYPE, Event
from tests.schemas.examples import example


@pytest.mark.parametrize("kind", sorted(BY_TYPE))
def test_every_type_has_a_key(kind: str) -> None:
    event = example(kind, source="desk")
    key = keys.of(event)
    assert key == keys.EVERYWHERE if kind == "fact.withdrawn" else key.split(":")[1] == "desk"


@pytest.mark.parametrize(
    ("kind", "fields", "key"),
    [
        ("ticket.solved", {"ticket_id": "42"}, "ticket:desk:42"),
        ("complaint.raised", {"complaint_id": "c", "ticket_id": "42"}, "ticket:desk:42"),
        ("complaint.raised", {"complaint_id": "c"}, "complaint:desk:c"),
        ("survey.sent", {"survey_id": "s", "ticket_id": "42"}, "ticket:desk:42"),
        ("survey.responded", {"response_id": "r", "ticket_id": "42", "ticket_source": "zendesk"}, "ticket:zendesk:42"),
        ("survey.responded", {"response_id": "r", "survey_id": "s"}, "survey:desk:s"),
        ("survey.responded", {"response_id": "r"}, "survey:desk:r"),
        ("review.posted", {"review_id": "r"}, "survey:desk:r"),
        ("call.ended", {"call_id": "c"}, "call:desk:c"),
        ("lead.created", {"lead_id": "l"}, "lead:desk:l"),
        ("quote.sent", {"quote_id": "q", "lead_id": "l"}, "lead:desk:l"),
        ("quote.sent", {"quote_id": "q"}, "quote:desk:q"),
        ("deal.won", {"deal_id": "d"}, "deal:desk:d"),
        ("booking.created", {"booking_id": "b", "quote_id": "q"}, "quote:desk:q"),
        ("booking.created", {"booking_id": "b", "quote_id": "q", "lead_id": "l"}, "lead:desk:l"),
        ("booking.created", {"booking_id": "b"}, "booking:desk:b"),
        ("job.callback", {"job_id": "j", "of_job_id": "i"}, "job:desk:i"),
        ("job.callback", {"job_id": "j"}, "job:desk:j"),
        ("invoice.issued", {"invoice_id": "i", "order_id": "o"}, "order:desk:o"),
        ("invoice.issued", {"invoice_id": "i"}, "order:desk:i"),
        ("agent.time_logged", {"agent_id": "a", "ticket_id": "42"}, "ticket:desk:42"),
        ("agent.time_logged", {"agent_id": "a"}, "agent:desk:a"),
        ("help.search", {"session_id": "v"}, "visit:desk:v"),
        ("purchase.completed", {"purchase_id": "p", "ticket_id": "42"}, "purchase:desk:p"),
        ("fact.withdrawn", {"of": "e-1"}, keys.EVERYWHERE),
    ],
)
def test_the_table_of_keys(kind: str, fields: dict[str, Any], key: str) -> None:
    assert keys.of(example(kind, source="desk", **fields)) == key


def test_a_type_without_a_rule_is_a_fault_of_ours() -> None:
    class Strange(Event, frozen=True, kw_only=True, tag="strange"):
        pass

    with pytest.raises(TypeError, match="schemas/keys"):
        keys._rule(Strange)
