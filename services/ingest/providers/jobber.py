"""Jobber: thin messages that name a topic and a thing; what the topic says is all there is, the rest lies behind an API.

Laws: the time is read under both spellings that Jobber sends; an id is the number inside its global id, whichever form came;
nothing is told that needs the thing itself (amounts, customers, states).
https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told, unnamed
from services.ingest.providers.times import iso_time
from services.ingest.providers.values import id_in, name_in, object_in

_IDS = {
    "lead.created": "lead_id",
    "quote.requested": "quote_id",
    "quote.sent": "quote_id",
    "quote.accepted": "quote_id",
    "quote.declined": "quote_id",
    "order.entered": "order_id",
    "job.started": "job_id",
    "job.completed": "job_id",
    "invoice.issued": "invoice_id",
}
_TOPICS = {
    "REQUEST_CREATE": "quote.requested",
    "QUOTE_SENT": "quote.sent",
    "QUOTE_APPROVED": "quote.accepted",
    "JOB_CREATE": "order.entered",
    "INVOICE_CREATE": "invoice.issued",
}


class JobberOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a source of kind jobber may set.

    With `leads` a new client is a lead. `job_done` is the topic at which a job counts as completed. `topics` maps further topics
    (or other names of the known ones) to what they mean; "" takes a meaning away.
    """

    leads: bool = False
    job_done: Literal["JOB_COMPLETE", "VISIT_COMPLETE"] = "JOB_COMPLETE"
    topics: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.topics.values()) - {*_IDS, ""}):
            raise ValueError(f"topics: {', '.join(unknown)} is none of {', '.join(_IDS)}")

    def meaning(self, topic: str) -> str | None:
        """What a topic means; the source's own mapping goes first. None for nothing."""
        if topic in self.topics:
            return self.topics[topic] or None
        if topic == "CLIENT_CREATE":
            return "lead.created" if self.leads else None
        return "job.completed" if topic == self.job_done else _TOPICS.get(topic)


def translate(delivery: Delivery, options: JobberOptions) -> Translation:
    """The canonical event of one message. Raises Rejected when it should say something but does not."""
    event = object_in(object_in(object_of(delivery.body).get("data")).get("webHookEvent"))
    topic = event.get("topic")
    if not isinstance(topic, str):
        raise Rejected(Reason.MISSING_FIELD, "no topic: this is no message of a Jobber webhook", "/data/webHookEvent/topic")
    kind = options.meaning(topic)
    if kind is None:
        if topic == "PAYMENT_CREATE":
            detail = "a payment comes without its amount: take the topic out of the app, or send purchases from a source that has amounts"
            raise Rejected(Reason.UNTRANSLATABLE, detail, "/data/webHookEvent/topic")
        return Translation(items=(), ignored=(topic,))
    item_id = _number(event.get("itemId"))
    if item_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{topic} names no item", "/data/webHookEvent/itemId")
    spelt = "occurredAt" if event.get("occurredAt") else "occuredAt"  # apps made before December 2023 get the second
    at = iso_time(event.get(spelt), f"/data/webHookEvent/{spelt}")
    common: Outside = {_IDS[kind]: item_id, "occurred_at": at, "customer_id": item_id if topic.startswith("CLIENT_") else None}
    if at is None:
        return unnamed(delivery, topic, common, [{"type": kind}])
    return told(topic, identity(topic, _number(event.get("accountId")), item_id, at), common, [{"type": kind}])


def _number(value: Any) -> str | None:
    """The number in a global id (base64 of `gid://Jobber/Client/123`, or of the number alone); an id of another form as it stands."""
    text = id_in(value)
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        plain = ""
    if not text.isdecimal() and (plain.startswith("gid://") or plain.isdecimal()):
        text = plain
    return name_in(text.rpartition("/")[2] if text.startswith("gid://") else text)


def sample(unique: str, now_ms: int) -> Sample:
    """A new request."""
    item_id = base64.b64encode(f"gid://Jobber/Request/{unique}".encode()).decode()
    event = {"topic": "REQUEST_CREATE", "appId": "sample", "accountId": "MQ==", "itemId": item_id, "occurredAt": rfc3339(now_ms)}
    return Sample(body=msgspec.json.encode({"data": {"webHookEvent": event}}))


LINES: Mapping[str, Line] = {
    "CLIENT_CREATE": Line(("lead.created",), "with `leads = true`"),
    **{topic: Line((kind,)) for topic, kind in _TOPICS.items()},
    "JOB_COMPLETE": Line(("job.completed",), "with `job_done`"),
    "VISIT_COMPLETE": Line(("job.completed",), 'with `job_done = "VISIT_COMPLETE"`'),
    "mapped topic": Line(tuple(_IDS), "as `topics` says"),
    "PAYMENT_CREATE": Line((), "kept in `rejected`: it says no amount"),
    **dict.fromkeys(
        (
            "CLIENT_UPDATE", "JOB_UPDATE", "JOB_CLOSE", "QUOTE_CREATE", "QUOTE_UPDATE", "INVOICE_UPDATE", "PAYMENT_UPDATE",
            "REQUEST_UPDATE", "TIMESHEET_ENTRY_CREATE", "APP_CONNECT", "APP_DISCONNECT",
        ),
        NOTHING,
    ),
}  # fmt: skip

GUIDE = Guide(
    clicks=(
        "In Jobber's Developer Center open your app, or make one, with read access to the things whose topics you choose.",
        "Under Webhooks add one webhook for each topic: REQUEST_CREATE, JOB_CREATE, JOB_COMPLETE and, where your account offers them, "
        "the topics for quotes and invoices; paste {url} as the address of each.",
        "Save, then connect the app to your account.",
    ),
    secret="The client secret of the app (OAuth), on the app's page in the Developer Center, as it stands.",
    delivery="Seconds late, at times twice; Jobber wants an answer within one second and may disable webhooks that fail often.",
    notes=(
        "Messages are thin: they name a thing and no amount, customer or state. So a completed job has no value here, and payments are "
        "kept in `rejected`: leave their topics out.",
        "A request and the quote made for it have different ids in Jobber, so they are two quotes here.",
    ),
    unconfirmed=(
        "The names QUOTE_SENT, QUOTE_APPROVED and INVOICE_CREATE: map the names your account offers with `topics`, such as "
        '`topics = { QUOTE_ACCEPTED = "quote.accepted" }`.',
        'Whether jobs or visits are what you call a job: `job_done = "VISIT_COMPLETE"` counts visits.',
    ),
    links=("https://developer.getjobber.com/docs/using_jobbers_api/setting_up_webhooks",),
)

PROVIDER = Provider(
    kind="jobber",
    title="Jobber",
    schemes=("jobber",),
    translate=translate,
    lines=LINES,
    options=JobberOptions,
    headers=(),
    guide=GUIDE,
    sample=sample,
)
