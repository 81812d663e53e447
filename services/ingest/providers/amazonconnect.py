"""Amazon Connect contact events, as EventBridge delivers them: to an API destination, through SNS, or as a Lambda passes them on.

Laws: keys and words are read in any case; a transfer is a new contact of the same call, so the initial contact is the call;
"not happened" is an instant of 1970; only ids of queues, agents and contacts are read, no endpoint and no attribute.
https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.batches import told_each
from services.ingest.providers.calls import CallOptions, positive_seconds
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import iso_time
from services.ingest.providers.values import id_in, lower_name_in, name_in

_DETAIL_TYPE = "amazon connect contact event"
_OUTBOUND = frozenset({"outbound", "external_outbound", "agent_reply"})
_MOVED = frozenset({"transfer", "queue_transfer"})
_CALLERS = frozenset({"", "customer_disconnect"})


class Contact(Struct, frozen=True, kw_only=True):
    """One event of a contact: what its detail says under lower-case keys, and when the parts of the contact happened."""

    detail: Mapping[str, Any]
    contact_id: str
    call_id: str
    method: str
    channel: str | None
    queued_at: str | None
    connected_at: str | None
    disconnected_at: str | None
    initiated_at: str | None

    @property
    def is_outbound(self) -> bool:
        """Whether the company reached out; a voice contact that the API made is a call that went out."""
        return self.method in _OUTBOUND or (self.method == "api" and self.channel == "voice")


def translate(delivery: Delivery, options: CallOptions) -> Translation:
    """The canonical events of one delivery. Raises Rejected."""
    value = value_of(delivery.body)
    if isinstance(value, list):
        return told_each(delivery, value, lambda part: _said(part, options))
    return _said(value, options)


def _said(value: Any, options: CallOptions) -> Translation:
    event = _lower(_out_of_sns(value))
    kind = id_in(event.get("detail-type")).strip()
    if kind and kind.lower() != _DETAIL_TYPE:
        return Translation(items=(), ignored=(kind,))
    detail = _lower(event["detail"]) if isinstance(event.get("detail"), dict) else event
    name = id_in(detail.get("eventtype")).strip().upper()
    if not name:
        raise Rejected(Reason.MISSING_FIELD, "no eventType: let the rule pass on contact events as they are", "/detail/eventType")
    contact_id = name_in(detail.get("contactid"))
    method = id_in(detail.get("initiationmethod")).strip().lower()
    if method == "monitor" or not LINES.get(name, NOTHING).becomes:
        return Translation(items=(), ignored=(name,))
    if contact_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no contact", "/detail/contactId")
    queue, agent = _lower(detail.get("queueinfo")), _lower(detail.get("agentinfo"))
    contact = Contact(
        detail=detail,
        contact_id=contact_id,
        call_id=name_in(detail.get("initialcontactid")) or contact_id,
        method=method,
        channel=lower_name_in(detail.get("channel")),
        queued_at=iso_time(queue.get("enqueuetimestamp"), "/detail/queueInfo/enqueueTimestamp"),
        connected_at=iso_time(agent.get("connectedtoagenttimestamp"), "/detail/agentInfo/connectedToAgentTimestamp"),
        disconnected_at=iso_time(detail.get("disconnecttimestamp"), "/detail/disconnectTimestamp"),
        initiated_at=iso_time(detail.get("initiationtimestamp"), "/detail/initiationTimestamp"),
    )
    common: Outside = {
        "call_id": contact.call_id,
        "occurred_at": iso_time(event.get("time"), "/time"),
        "channel": contact.channel,
        "queue": options.queue(_last(queue.get("queuearn"))),
        "agent_id": _last(agent.get("agentarn")),
    }
    message_id = identity(event.get("id")) or identity(contact_id, name)
    said = ({**common, **each, "occurred_at": each["occurred_at"] or common["occurred_at"]} for each in _events(name, contact))
    return told(name, message_id, {}, said)


def _events(name: str, contact: Contact) -> Iterator[Outside]:
    yield from _first(contact)
    if name == "QUEUED" and not contact.is_outbound:
        yield {"type": "call.queued", "occurred_at": contact.queued_at}
    elif name == "CONNECTED_TO_AGENT" and not contact.is_outbound:
        yield {"type": "call.answered", "occurred_at": contact.connected_at}
    elif name == "DISCONNECTED":
        yield from _disconnected(contact)


def _first(contact: Contact) -> Iterator[Outside]:
    """What the first event of a contact says. None of them says that it is the first, so each says it, as one event of one id."""
    one: Outside = {"occurred_at": contact.initiated_at, "channel": contact.channel, "queue": None, "agent_id": None}
    if contact.initiated_at is None:
        return
    if contact.method in _MOVED and name_in(contact.detail.get("previouscontactid")):
        yield {"type": "call.transferred", "id": f"{contact.contact_id}:call.transferred", **one}
    if contact.method == "callback":
        yield {"type": "call.callback_accepted", "id": f"{contact.contact_id}:call.callback_accepted", **one}


def _disconnected(contact: Contact) -> Iterator[Outside]:
    if contact.queued_at is not None and contact.connected_at is None and not contact.is_outbound:
        if not name_in(contact.detail.get("nextcontactid")):  # it waits on, as another contact
            why = "caller" if id_in(contact.detail.get("disconnectreason")).strip().lower() in _CALLERS else "other"
            yield {"type": "call.abandoned", "occurred_at": contact.disconnected_at, "reason": why}
        return
    # The legs of a transferred call are contacts of their own: their ends are one event, of which the last stands.
    end = _epoch_seconds(contact.disconnected_at)
    talk = positive_seconds(_epoch_seconds(contact.connected_at), end) if contact.contact_id == contact.call_id else None
    yield {
        "type": "call.ended",
        "id": f"{contact.call_id}:call.ended",
        "version": 0 if end is None else int(end) % 2**31,
        "occurred_at": contact.disconnected_at,
        "talk_seconds": talk,
    }


def _out_of_sns(value: Any) -> Any:
    """The event in a message of SNS, or the value itself. Raises Rejected for a subscription that waits to be confirmed."""
    if not isinstance(value, dict) or "TopicArn" not in value:
        return value
    if value.get("Type") != "Notification":
        wanted = "SNS asks whether this subscription is wanted: open the SubscribeURL of this body once (deskpulse calls nobody)"
        raise Rejected(Reason.UNTRANSLATABLE, wanted, "/SubscribeURL")
    return value_of(id_in(value.get("Message")).encode("utf-8", "surrogatepass"))


def _lower(value: Any) -> Mapping[str, Any]:
    return {key.lower(): each for key, each in value.items()} if isinstance(value, dict) else {}


def _last(arn: Any) -> str | None:
    """The id at the end of an ARN; None for a text that is none."""
    head, slash, last = id_in(arn).rpartition("/")
    return name_in(last) if slash and head else None


def _epoch_seconds(at: str | None) -> float | None:
    return None if at is None else datetime.fromisoformat(at).timestamp()


def sample(unique: str, now_ms: int) -> Sample:
    """A contact that begins to wait in a queue."""
    at = rfc3339(now_ms)
    instance = "arn:aws:connect:eu-central-1:000000000000:instance/00000000-1111-2222-3333-444444444444"
    queue_arn = f"{instance}/queue/55555555-1111-2222-3333-444444444444"
    detail = {
        "eventType": "QUEUED",
        "contactId": unique,
        "channel": "VOICE",
        "instanceArn": instance,
        "initiationMethod": "INBOUND",
        "initiationTimestamp": at,
        "queueInfo": {
            "queueArn": queue_arn,
            "queueType": "STANDARD",
            "enqueueTimestamp": at,
        },
    }
    event = {
        "version": "0",
        "id": f"{unique}-m",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "000000000000",
        "time": at,
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }
    return Sample(body=msgspec.json.encode(event))


_OF_ANY = ("call.transferred", "call.callback_accepted")
LINES: Mapping[str, Line] = {
    "INITIATED": Line(_OF_ANY, "of a transfer; of a callback"),
    "CONNECTED_TO_SYSTEM": Line(_OF_ANY, "of a transfer; of a callback"),
    "CONTACT_DATA_UPDATED": NOTHING,
    "QUEUED": Line(("call.queued", *_OF_ANY)),
    "CONNECTED_TO_AGENT": Line(("call.answered", *_OF_ANY)),
    "DISCONNECTED": Line(("call.abandoned", "call.ended", *_OF_ANY), "abandoned: inbound, was in a queue, no agent"),
    "COMPLETED": Line((), "the end of the work after the contact; may repeat DISCONNECTED"),
    "PAUSED": NOTHING,
    "RESUMED": NOTHING,
    "AMD_DISABLED": NOTHING,
    "WEBRTC_API": NOTHING,
}

PROVIDER = Provider(
    kind="amazonconnect",
    title="Amazon Connect",
    schemes=("static-header", "basic-auth", "bearer"),
    translate=translate,
    lines=LINES,
    options=CallOptions,
    headers=("content-type",),
    guide=Guide(
        clicks=(
            "In Amazon EventBridge open API destinations > Connections > Create connection, with the authorization type API key "
            "(a header of your choice), Basic or OAuth client credentials.",
            "Create an API destination with that connection, {url} as the endpoint and the method POST.",
            "Create a rule on the default event bus with this pattern and the API destination as its target; pass on the whole event.",
            "Give the target a dead-letter queue, so that nothing is lost while deskpulse does not answer.",
        ),
        secret="The API key as `Header-Name: value`, or `user:password` for Basic, or a long random text as a bearer token.",
        delivery="Best effort: events may be missing, come twice or late. EventBridge tries a target for up to 24 hours.",
        template='{"source": ["aws.connect"], "detail-type": ["Amazon Connect Contact Event"]}',
        notes=(
            "`queue_names` gives the ids of queues the names to be shown.",
            "A transfer is a contact of its own at Amazon; here all contacts of one customer's call are the initial one.",
            "Chats, tasks and e-mails follow the same life cycle, with their channel; monitoring does not count.",
            "Through SNS: the subscription has to be confirmed once; its address is in the rejected body.",
        ),
        unconfirmed=("Whether an event can come twice: a repetition is known by the event's id.",),
        links=(
            "https://docs.aws.amazon.com/connect/latest/adminguide/contact-events.html",
            "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html",
        ),
    ),
    sample=sample,
)
