"""The bodies that providers really send, where they lie beside the repository, become what their index says, and nothing personal."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

import msgspec
import pytest

from schemas.codec import encode_event
from schemas.events import BY_TYPE, ID_MAX_CHARS, Event
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from tests.services.ingest.providers.recorded import became

PAYLOADS = Path(__file__).resolve().parents[5] / "shared" / "payloads"
INDEX = PAYLOADS / "INDEX.md"
NOW_MS = 1_798_761_600_000
"""The receiver's clock: after all of them."""

NARROW = frozenset(
    """
    ticket.created ticket.status_changed ticket.assigned ticket.customer_message ticket.public_reply ticket.note ticket.solved
    ticket.reopened ticket.closed ticket.merged ticket.deleted ticket.priority_changed ticket.transferred ticket.escalated
    complaint.raised call.queued call.answered call.abandoned call.ended call.transferred survey.sent survey.responded
    lead.created lead.contacted quote.requested quote.sent quote.accepted quote.declined deal.won deal.lost
    booking.created booking.moved booking.cancelled job.started job.completed
    order.entered order.processed order.delivered purchase.completed purchase.refunded invoice.issued
    """.split()
)
"""The names that the index speaks of; every other may come in addition."""

NO_DELIVERY = {
    "gorgias__integration_object.http.json": "a configuration",
    "hubspot__deal_object_from_api.json": "an object that was fetched",
    "surveymonkey__response_details_via_api.json": "an object that was fetched",
    "salesforce__outbound_message_nil_session_TRUNCATED.xml.txt": "cut in the middle of an element",
    "twilio__eventstreams.reservation.accepted.json": "cut before the payload, in which the task stands",
    "cloudevents__http_binary_mode.http.txt": "a whole request as text, its body left out",
}
"""Files that are no body of a delivery, and why: of them only "no exception" is asked."""


class Expected(NamedTuple):
    """What the index asks for: exactly these names, or one of them and no other, or nothing in particular."""

    names: tuple[str, ...]
    any_of: bool = False
    anything: bool = False


DECIDED = {"aircall__call.created.doc_sample.json": Expected(())}  # the call goes out, so the condition of the index does not hold
"""Files of which the index names a condition, and what the body says about it."""

HEADER_OF_EVENT = {"helpscout": "x-helpscout-event", "shopify": "x-shopify-topic", "zammad": "x-zammad-trigger"}
"""Kinds whose message is named in a header."""

CONTENT_TYPES = {
    "qualtrics__completedResponse.form.txt": "application/x-www-form-urlencoded",
    "twilio__taskrouter.task-queue.expression.updated.json": "application/x-www-form-urlencoded",
    "salesforce__outbound_message_case.xml": "text/xml; charset=UTF-8",
    "salesforce__outbound_message_nil_session_TRUNCATED.xml.txt": "text/xml; charset=UTF-8",
    "cloudevents__batch_structured.json": "application/cloudevents-batch+json",
    "cloudevents__structured_1.json": "application/cloudevents+json",
    "cloudevents__structured_3.json": "application/cloudevents+json",
}


class Indexed(NamedTuple):
    """One line of the index."""

    file: str
    event: str
    expected: str

    @property
    def kind(self) -> str:
        """The kind that sent it."""
        return self.file.partition("__")[0]


def index() -> list[Indexed]:
    """Every line, none where the payloads are absent."""
    text = INDEX.read_text(encoding="utf-8") if INDEX.exists() else ""
    cells = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in text.splitlines() if re.match(r"\| \w+__", line)]
    return [Indexed(*row[:3]) for row in cells]


def expected_of(text: str) -> Expected:
    """The column `expected` read."""
    plain = re.sub(r"\([^)]*\)", "", text)
    if plain.startswith(("by ", "undecided")):
        return Expected((), anything=True)
    if plain.startswith("none") or "configured" in text:
        return Expected(())
    names = tuple(re.findall(r"[a-z]+\.[a-z_]+", plain))
    assert names, text
    assert set(names) <= NARROW, text
    return Expected(names, any_of=" if " in plain)


def delivery_of(line: Indexed, named: str | None = None) -> Delivery:
    """The delivery that a file stands for; `named` is the message's name in its header, where the event column does not say it."""
    body = (PAYLOADS / line.file).read_bytes()
    if line.file.startswith("zendesk__request_with_headers"):
        body = json.loads(body)["payload"]["rawBody"]["data"].encode()
    if line.file.startswith("twilio__taskrouter"):
        body = urlencode(json.loads(body)).encode()
    headers = {"content-type": CONTENT_TYPES.get(line.file, "application/json")}
    if line.kind in HEADER_OF_EVENT:
        headers[HEADER_OF_EVENT[line.kind]] = named or line.event
    return Delivery(headers={name.encode(): value.encode() for name, value in headers.items()}, body=body, received_at_ms=NOW_MS)


LINES = [pytest.param(line, id=line.file) for line in index()]
pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="the recorded payloads are not beside the repository")


def _kind_is_there(line: Indexed) -> None:
    assert line.kind in PROVIDERS, f"the table of kinds has no {line.kind} yet"


@pytest.mark.parametrize("line", LINES)
def test_a_payload_becomes_what_its_index_says(line: Indexed) -> None:
    _kind_is_there(line)
    events, _, refused = became(line.kind, delivery_of(line))
    expected = DECIDED.get(line.file) or expected_of(line.expected)
    if line.file in NO_DELIVERY or expected.anything:
        return
    assert refused == []
    narrow = sorted(event.type for event in events if event.type in NARROW)
    if expected.any_of:
        assert narrow
        assert set(narrow) <= set(expected.names)
    else:
        assert narrow == sorted(expected.names)


@pytest.mark.parametrize("line", LINES)
def test_a_payload_is_told_the_same_each_time_and_tells_nothing_personal(line: Indexed) -> None:
    _kind_is_there(line)
    for named in (None, *(PROVIDERS[line.kind].lines if line.kind in HEADER_OF_EVENT else ())):
        delivery = delivery_of(line, named)
        events, ignored, refused = became(line.kind, delivery)
        assert (events, ignored, refused) == became(line.kind, delivery)
        assert len({event.id for event in events}) == len(events)
        assert all(0 < len(event.id) <= ID_MAX_CHARS for event in events)
        told = {text.casefold() for event in events for text in texts_in(event)}
        personal = {text.casefold() for text in personal_in(line, delivery.body)}
        assert personal & told == set(), named
        long = [text for text in personal if len(text) >= 8 and (" " in text or "@" in text)]
        everything = b"\n".join(map(encode_event, events)).decode().casefold()
        assert [text for text in long if json.dumps(text, ensure_ascii=False)[1:-1] in everything] == [], named
        assert "@" not in everything
        assert [reason for reason in refused if any(text in reason.casefold() for text in long)] == []


def texts_in(event: Event) -> Iterator[str]:
    """Every text that an event says."""
    return _texts(msgspec.to_builtins(event))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


PERSONAL = re.compile(
    r"(^|_)(name|names|firstname|lastname|displayname|fullname|username|login|handle|e?mail|emailaddress|phone|mobile|fax|number|digits|address"
    r"|street|city|zip|postal|postcode|body|text|subject|description|title|comment|comments|summary|note|notes|content|message|feedback"
    r"|answer|reason|quote|blurb|preview|html|url|link|website|avatar|ip|latitude|longitude)(_?\d)?$"
)
COMPANYS_OWN = frozenset(
    """
    group team teams assigned_team assignee_team queue inbox inboxes mailbox tags tag priority state status status_label issuetype project
    product products line_items items lineitems businessunit business_unit jobtype campaign channel brand location labels
    custom_fields form definition owner_team organization_fields stage pipeline source detail_type
    """.split()
)
"""Members whose names are the company's own words for its teams, queues, goods and states, which may be dimensions."""
NAMES_OF_MESSAGES = frozenset(BY_TYPE) | {
    "true",
    "false",
    "none",
    "null",
    "open",
    "closed",
    "inbound",
    "outbound",
    "email",
    "chat",
    "voice",
}
"""Words that stand for a state or a channel wherever they stand."""


OWN_WORDS = {
    "front__rule.conversation_tagged.json": {"urgent": "the name of the tag"},
    "jira__updated_priority_v2.json": {"test": "the key of the project, which the summary begins with"},
    "servicetitan__jobcompleted.json": {"51340759": "the number of the job", "furnace heating problem >5": "the type of the job"},
}
"""The company's own words where the name of the member does not tell."""


def personal_in(line: Indexed, body: bytes) -> set[str]:
    """Every text of four or more characters that stands under a name which promises words, names or addresses."""
    found: set[str] = set()
    for path, text in _leaves(_value_of(line, body), ()):
        key = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path[-1]).lower() if path else ""
        parents = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", step).lower().replace("__c", "") for step in path[:-1]}
        promised = PERSONAL.search(key) and not parents & COMPANYS_OWN
        if (promised and len(text) >= 4 and text.casefold() not in NAMES_OF_MESSAGES) or "@" in text:
            found.add(text)
    return {text for text in found if text.casefold() not in OWN_WORDS.get(line.file, ())}


def _value_of(line: Indexed, body: bytes) -> Any:
    if line.file.endswith((".form.txt", "expression.updated.json")):
        fields = {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        return {**fields, "MSG": json.loads(fields["MSG"])} if "MSG" in fields else fields
    if line.file.endswith(".xml"):
        return [{element.tag.rpartition("}")[2]: element.text or ""} for element in ElementTree.fromstring(body).iter()]
    try:
        return json.loads(body)
    except ValueError:
        return None


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value.strip()
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, path)


@pytest.mark.parametrize("line", [pytest.param(line, id=line.file) for line in index() if line.kind == "hubspot"])
def test_an_element_of_hubspots_array_is_the_same_in_it(line: Indexed) -> None:
    _kind_is_there(line)
    alone = delivery_of(line)
    if not alone.body.lstrip().startswith(b"["):
        in_array = msgspec.structs.replace(alone, body=b"[" + alone.body + b"]")
        assert became(line.kind, in_array)[0] == became(line.kind, alone)[0]


def test_the_index_is_read_whole() -> None:
    lines = index()
    assert {line.file for line in lines} == {file.name for file in PAYLOADS.iterdir()} - {"INDEX.md"}
    assert set(NO_DELIVERY) | set(CONTENT_TYPES) <= {line.file for line in lines}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("call.answered", Expected(("call.answered",)), id="one"),
        pytest.param("ticket.status_changed, ticket.solved", Expected(("ticket.status_changed", "ticket.solved")), id="two"),
        pytest.param("survey.responded (score must be fetched)", Expected(("survey.responded",)), id="with a remark"),
        pytest.param("none (outbound)", Expected(()), id="none"),
        pytest.param("none, lead.created (if configured)", Expected(()), id="none by default, of two"),
        pytest.param("lead.created (if configured)", Expected(()), id="a rule that is off"),
        pytest.param("call.queued if inbound", Expected(("call.queued",), any_of=True), id="a condition"),
        pytest.param(
            "ticket.created if the conversation is new, else ticket.customer_message",
            Expected(("ticket.created", "ticket.customer_message"), any_of=True),
            id="either",
        ),
        pytest.param("by configured type", Expected((), anything=True), id="by something"),
        pytest.param("undecided: author side is not in this body", Expected((), anything=True), id="undecided"),
    ],
)
def test_how_the_index_is_read(text: str, expected: Expected) -> None:
    assert expected_of(text) == expected
