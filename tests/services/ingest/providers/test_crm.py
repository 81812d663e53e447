"""Traps of the customer systems: batches, thin bodies, SOAP with a session in it, what a retry changes and what it does not."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.deadletters import DeadLetter
from schemas.rejections import Rejected
from services.ingest.delivery import Delivery
from services.ingest.providers import PROVIDERS
from services.ingest.providers.salesforce_soap import without_session
from services.ingest.replay import delivery_of as replayed
from services.ingest.signatures import SCHEMES
from tests.services.ingest.providers.recorded import NOW_MS, became, delivery_of, options_of, recordings

RECORDED = {(kind, name): recorded for kind, name, recorded in recordings()}


def _ids(kind: str, body: Any, options: dict[str, Any] | None = None) -> list[str]:
    events, _, _ = became(kind, delivery_of({"body": body}), options_of(kind, options))
    return [event.id for event in events]


def _body(kind: str, name: str) -> Any:
    return json.loads(json.dumps(RECORDED[kind, name]["body"]))


def _soap(name: str) -> bytes:
    text: str = RECORDED["salesforce", name]["text"]
    return text.encode()


def _xml(body: bytes) -> Delivery:
    return Delivery(headers={b"content-type": b"text/xml"}, body=body, received_at_ms=NOW_MS)


# What a retry changes is in no id, what tells two facts apart is


def test_hubspot_sends_again_with_another_number_of_the_attempt() -> None:
    first, again = _body("hubspot", "deal_won"), _body("hubspot", "deal_won")
    again[0]["attemptNumber"] = 7
    assert _ids("hubspot", first) == _ids("hubspot", again)


@pytest.mark.parametrize("field", ["portalId", "subscriptionId", "eventId", "objectId", "occurredAt"])
def test_hubspots_event_id_alone_is_not_unique(field: str) -> None:
    first, other = _body("hubspot", "deal_won"), _body("hubspot", "deal_won")
    other[0][field] += 1
    assert not set(_ids("hubspot", first)) & set(_ids("hubspot", other))


def test_pipedrive_two_counts_attempts_elsewhere() -> None:
    first, again = _body("pipedrive", "v2_deal_won"), _body("pipedrive", "v2_deal_won")
    again["meta"]["attempt"] = 4
    assert _ids("pipedrive", first) == _ids("pipedrive", again)


def test_pipedrive_one_sends_again_with_another_retry_and_tells_edits_of_one_second_apart() -> None:
    first, again, later = (_body("pipedrive", "v1_deal_won") for _ in range(3))
    again["retry"] = 3
    later["meta"]["timestamp_micro"] += 5
    assert _ids("pipedrive", first) == _ids("pipedrive", again)
    assert not set(_ids("pipedrive", first)) & set(_ids("pipedrive", later))


def test_zoho_names_the_records_in_any_order() -> None:
    first, again = _body("zoho_crm", "leads_inserted"), _body("zoho_crm", "leads_inserted")
    again["ids"].reverse()
    assert len(first["ids"]) == 2
    assert sorted(_ids("zoho_crm", first)) == sorted(_ids("zoho_crm", again))


def test_zoho_reads_no_module_out_of_an_address() -> None:
    body = _body("zoho_crm", "quote_inserted")
    assert body["resource_uri"].endswith("/Leads")
    assert [id_.rpartition(":")[2] for id_ in _ids("zoho_crm", body)] == ["quote.requested"]


def test_the_two_messages_of_one_association_name_the_same_deal_and_lead() -> None:
    told = []
    for name in ("deal_of_a_contact", "contact_of_a_deal"):
        events, _, _ = became("hubspot", delivery_of(RECORDED["hubspot", name]))
        told += [(event.type, event.deal_id, event.lead_id) for event in events]  # type: ignore[attr-defined]
    assert told == [("deal.created", "7701", "6601")] * 2


# Batches


def test_an_element_of_hubspots_batch_that_cannot_be_used_is_kept_alone() -> None:
    recorded = RECORDED["hubspot", "batch_of_both_names"]
    translation = PROVIDERS["hubspot"].translate(delivery_of(recorded), options_of("hubspot", recorded["options"]))
    [place] = [place for place, item in enumerate(translation.items) if isinstance(item, Rejected)]
    assert translation.original is not None
    assert json.loads(translation.original(place)) == recorded["body"][2]
    assert translation.many


def test_a_change_event_that_cannot_be_used_is_kept_alone() -> None:
    recorded = RECORDED["salesforce", "cdc_several_at_once"]
    translation = PROVIDERS["salesforce"].translate(delivery_of(recorded), options_of("salesforce"))
    [place] = [place for place, item in enumerate(translation.items) if isinstance(item, Rejected)]
    assert translation.original is not None
    assert json.loads(translation.original(place)) == {"no": "header"}


def test_the_records_of_one_change_event_are_told_apart() -> None:
    ids = _ids("salesforce", _body("salesforce", "cdc_cases_closed_together"))
    assert len(set(ids)) == 4


def test_a_transaction_alone_does_not_name_a_change() -> None:
    """The conversion of a lead is four events under one key."""
    first, second, third = (_body("salesforce", "cdc_case_created") for _ in range(3))
    second["payload"]["ChangeEventHeader"]["sequenceNumber"] = 2
    third["event"]["replayId"] = 7  # only a cursor
    assert _ids("salesforce", first) == _ids("salesforce", third)
    assert not set(_ids("salesforce", first)) & set(_ids("salesforce", second))


# Salesforce's SOAP


def test_an_outbound_message_is_acknowledged_and_a_relay_is_not() -> None:
    reply = PROVIDERS["salesforce"].reply
    assert reply is not None
    said = reply(_xml(_soap("case_new")))
    assert said is not None
    assert (said.status, said.content_type) == (200, b"text/xml")
    outbound, envelope = "{http://soap.sforce.com/2005/09/outbound}", "{http://schemas.xmlsoap.org/soap/envelope/}"
    ack = ElementTree.fromstring(said.body).find(f"{envelope}Body/{outbound}notificationsResponse/{outbound}Ack")
    assert ack is not None
    assert ack.text == "true"
    assert reply(_xml(b"")) == said, "a message that cannot be read is kept, and not asked for again"
    assert reply(delivery_of(RECORDED["salesforce", "cdc_gap"])) is None


DOCTYPES = [
    pytest.param(b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 50 + b'"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>', id="entities"),
    pytest.param(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', id="a file"),
    pytest.param(b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>', id="a document type elsewhere"),
    pytest.param(b"<!DOCTYPE soapenv:Envelope>" + _soap("case_new").partition(b"?>")[2], id="an empty one"),
]


@pytest.mark.parametrize("body", DOCTYPES)
def test_a_document_type_is_refused_before_it_is_read(body: bytes) -> None:
    events, _, refused = became("salesforce", _xml(body))
    assert events == []
    assert refused == ["untranslatable: the XML has a document type: an outbound message has none, and none is read"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(_soap("case_new")[:-200], "no XML that can be read", id="cut off"),
        pytest.param(b"<a>" * 30 + b"</a>" * 30, "deeper or longer", id="deep"),
        pytest.param(b"<a/>", "no notification", id="something else"),
        pytest.param(b'<?xml version="1.0" encoding="utf-7"?><a/>', "no XML that can be read", id="letters that nobody has"),
        pytest.param(b"<a>&amp;&lol;</a>", "no XML that can be read", id="an entity that nobody defined"),
    ],
)
def test_xml_that_cannot_be_used_is_kept_with_its_reason(body: bytes, says: str) -> None:
    events, _, [refused] = became("salesforce", _xml(body))
    assert events == []
    assert says in refused


def test_the_letters_of_a_message_may_have_two_bytes() -> None:
    text = _soap("case_new").decode().replace("UTF-8", "UTF-16")
    events, _, refused = became("salesforce", _xml(text.encode("utf-16")))
    assert ([event.type for event in events], refused) == (["ticket.created"], [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_soap("case_status_not_mapped"), id="one notification"),
        pytest.param(_soap("case_status_not_mapped")[:-100], id="cut off"),
        pytest.param(_soap("case_status_not_mapped").partition(b"SECRET!SESSION")[0] + b"SECRET!SESS", id="cut off in the session"),
        pytest.param(_soap("case_new").replace(b"SECRET!SESSION", b"<![CDATA[SECRET!SESSION]]>") + b"<", id="as character data"),
        pytest.param(_soap("case_new").decode().replace("UTF-8", "UTF-16").encode("utf-16")[:-40], id="letters of two bytes"),
    ],
)
def test_the_session_is_not_in_what_is_kept(body: bytes) -> None:
    translation = PROVIDERS["salesforce"].translate(_xml(body), options_of("salesforce"))
    assert [type(item) for item in translation.items] == [Rejected]
    assert translation.original is not None
    kept = translation.original(0)
    assert b"SECRET!SESS" not in kept
    assert b"SECRET!SESS" not in kept.replace(b"\0", b"")


def test_a_session_that_is_null_hides_nothing_else() -> None:
    body = _soap("case_changed")
    assert without_session(body) == body


def test_a_kept_message_counts_after_its_status_was_mapped() -> None:
    body = _soap("case_status_not_mapped")
    translation = PROVIDERS["salesforce"].translate(_xml(body), options_of("salesforce"))
    assert translation.original is not None
    letter = DeadLetter(
        id="1", source="crm", kind="salesforce", reason="untranslatable", detail="", received_at_ms=NOW_MS,
        headers={"content-type": "text/xml"}, body_base64="", ordinal=0,
    )  # fmt: skip
    mapped = {"statuses": {"Parked": "on_hold"}}
    events, _, refused = became("salesforce", replayed(letter, translation.original(0)), options_of("salesforce", mapped))
    assert refused == []
    assert [event.id for event in events] == [event.id for event in became("salesforce", _xml(body), options_of("salesforce", mapped))[0]]


@given(st.binary(max_size=40), st.binary(max_size=40))
@example(b"", b"</SessionId>")
def test_whatever_stands_around_the_session_it_is_left_out(before: bytes, after: bytes) -> None:
    body = before.replace(b"<", b"") + b"<SessionId>00D!SECRET</SessionId>" + after
    assert b"00D!SECRET" not in without_session(body)


@given(st.binary(max_size=200), st.integers(0, 2_000), st.integers(0, 40))
def test_any_bytes_in_a_message_are_events_or_reasons(piece: bytes, start: int, cut: int) -> None:
    whole = _soap("two_notifications")
    translation = PROVIDERS["salesforce"].translate(_xml(whole[:start] + piece + whole[start + cut :]), options_of("salesforce"))
    assert all(isinstance(item, dict | Rejected) for item in translation.items)


# What each lets in, and what its options refuse


@pytest.mark.parametrize(
    ("kind", "schemes"),
    [
        ("hubspot", ("hubspot-v3", "hubspot-v2", "hubspot-v1")),
        ("salesforce", ("static-header",)),
        ("pipedrive", ("basic-auth",)),
        ("zoho_crm", ("body-token",)),
        ("close_crm", ("static-header",)),
    ],
)
def test_how_its_senders_prove_themselves(kind: str, schemes: tuple[str, ...]) -> None:
    assert PROVIDERS[kind].schemes == schemes
    assert set(schemes) <= SCHEMES.keys()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("hubspot", {"stages": {"1": "deal.maybe"}}, id="a meaning that is none"),
        pytest.param("hubspot", {"statuses": {"1": "asleep"}}, id="a status that is none"),
        pytest.param("hubspot", {"currency": "euro"}, id="a currency that is none"),
        pytest.param("hubspot", {"properties": {"ticket.x": "colour"}}, id="a property that means nothing"),
        pytest.param("salesforce", {"actions": {"04k": "ticket.painted"}}, id="an action that is none"),
        pytest.param("salesforce", {"currency": "€"}, id="a currency that is a sign"),
        pytest.param("pipedrive", {"time_zone": "Nowhere/Else"}, id="a zone that is none"),
        pytest.param("zoho_crm", {"fields": {}}, id="an option that is none"),
        pytest.param("close_crm", {"stages": {"Won": "won"}}, id="a meaning without its family"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        options_of(kind, options)


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        pytest.param("hubspot", [{"objectId": 1}], "/subscriptionType", id="hubspot without a name"),
        pytest.param("hubspot", [{"subscriptionType": "deal.creation", "eventId": 1}], "/objectId", id="hubspot without an object"),
        pytest.param("hubspot", [{"subscriptionType": "deal.creation", "objectId": 1}], "/eventId", id="hubspot without an id"),
        pytest.param("hubspot", ["text"], "", id="hubspot with a text"),
        pytest.param("hubspot", [{**_body("hubspot", "deal_won")[0], "occurredAt": "soon"}], "/occurredAt", id="hubspot without a time"),
        pytest.param("pipedrive", {"data": {}}, "/meta", id="pipedrive without meta"),
        pytest.param("pipedrive", {"meta": {"action": "create", "entity": "deal", "id": "m"}}, "/meta/entity_id", id="pipedrive, no deal"),
        pytest.param("pipedrive", {"meta": {"action": "added", "object": "deal", "id": 1}}, "/meta", id="pipedrive without a time"),
        pytest.param("zoho_crm", {"operation": "insert"}, "/module", id="zoho without a module"),
        pytest.param("zoho_crm", {"operation": "insert", "module": "Leads", "ids": []}, "/ids", id="zoho without records"),
        pytest.param("close_crm", {"event": {"action": "created"}}, "/event", id="close without an object"),
        pytest.param(
            "close_crm", {"event": {"action": "created", "object_type": "lead", "object_id": "l"}}, "/event/id", id="close, no id"
        ),
    ],
)
def test_what_lacks_something_is_kept_with_its_place(kind: str, body: Any, pointer: str) -> None:
    events, _, [refused] = became(kind, delivery_of({"body": body}))
    assert events == []
    assert (f"(at {pointer})" in refused) == bool(pointer)
    assert "SECRET" not in refused
