"""Aircall: one event of a call at a time, not signed, with the webhook's token in the body.

Laws: of persons only their ids are read; `call.hungup` comes at once and `call.ended` half a minute later with the final data of the
same call, so both tell one event, by the call's id, of which the later one has the higher version; a call is counted once.
https://developer.aircall.io/docs/webhooks-overview
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.calls import CallOptions, Why, positive_seconds
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import seconds_time
from services.ingest.providers.values import id_in, name_in, object_in, objects_in, tags_in

MISSED: Mapping[str, Why] = {
    "agents_did_not_answer": "caller",
    "abandoned_in_classic": "caller",
    "no_available_agent": "other",
    "abandoned_in_ivr": "ivr",
    "out_of_opening_hours": "closed",
    "short_abandoned": "short",
}
"""Why a call was missed, in our words. Of these only `caller` and `other` count as abandoned."""


class AircallOptions(CallOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an Aircall source may set beside the names of numbers and teams.

    `missed_reasons` maps Aircall's reasons of a missed call to ours; a tag of `complaint_tags` makes a complaint of a call.
    """

    missed_reasons: Mapping[str, Why] = {}
    complaint_tags: frozenset[str] = frozenset()

    def why(self, reason: Any) -> Why:
        """Why a call was missed: the caller's own doing where nothing is said, `other` where the reason is not known."""
        word = id_in(reason).strip()
        return self.missed_reasons.get(word) or MISSED.get(word.lower(), "other" if word else "caller")


class Told(Struct, frozen=True, kw_only=True):
    """One event of a call, with what its translation asks for."""

    call_id: str
    data: Mapping[str, Any]
    at: str | None
    options: AircallOptions

    @property
    def is_inbound(self) -> bool:
        """Whether the customer called."""
        return self.data.get("direction") != "outbound"

    @property
    def was_answered(self) -> bool:
        """Whether a person took the call."""
        return bool(_epoch_seconds(self.data.get("answered_at")))


def translate(delivery: Delivery, options: AircallOptions) -> Translation:
    """The canonical events of one message. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    name = body.get("event")
    if not isinstance(name, str) or not name:
        raise Rejected(Reason.MISSING_FIELD, "no event: this is no message of an Aircall webhook", "/event")
    says = _TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    data = object_in(body.get("data"))
    call_id = name_in(data.get("id"))
    if call_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no call", "/data/id")
    said = Told(call_id=call_id, data=data, at=seconds_time(body.get("timestamp"), "/timestamp"), options=options)
    number, team = object_in(data.get("number")), next(iter(objects_in(data.get("teams"))), {})
    common: Outside = {
        "occurred_at": said.at,
        "channel": "voice",
        "agent_id": name_in(object_in(data.get("user")).get("id")),
        "customer_id": name_in(object_in(data.get("contact")).get("id")),
        "queue": options.queue(number.get("id")),
        "team": options.team(team.get("id"), team.get("name")),
        "tags": tags_in([id_in(tag.get("name")) for tag in objects_in(data.get("tags"))]) or None,
    }
    of_call = ({"call_id": call_id, **each} if each["type"].startswith("call.") else each for each in says(said))
    return told(name, identity(name, call_id, body.get("timestamp")), common, of_call)


def _created(told: Told) -> Iterator[Outside]:
    if told.is_inbound:
        yield {"type": "call.queued", "occurred_at": _time(told, "started_at")}


def _answered(told: Told) -> Iterator[Outside]:
    if told.is_inbound:
        yield {"type": "call.answered", "occurred_at": _time(told, "answered_at")}


def _transferred(told: Told) -> Iterator[Outside]:
    if told.is_inbound:
        yield {"type": "call.transferred"}


def _over(version: int) -> Callable[[Told], Iterator[Outside]]:
    def says(told: Told) -> Iterator[Outside]:
        name = "call.abandoned" if told.is_inbound and not told.was_answered else "call.ended"
        at = _time(told, "ended_at")
        said: Outside = {"type": name, "id": f"{told.call_id}:{name}", "version": version, "occurred_at": at}
        if name == "call.abandoned":
            yield {**said, "reason": told.options.why(told.data.get("missed_call_reason"))}
        elif told.was_answered:
            talk = positive_seconds(_epoch_seconds(told.data.get("answered_at")), _epoch_seconds(told.data.get("ended_at")))
            yield {**said, "talk_seconds": talk}
        else:
            yield said

    return says


def _tagged(told: Told) -> Iterator[Outside]:
    tags = [id_in(tag.get("name")) for tag in objects_in(told.data.get("tags"))]
    if category := next((tag for tag in tags if tag in told.options.complaint_tags), None):
        complaint_id = f"call:{told.call_id}"
        yield {"type": "complaint.raised", "id": f"{complaint_id}:complaint.raised", "complaint_id": complaint_id, "category": category}


def _time(told: Told, field: str) -> str | None:
    return seconds_time(told.data.get(field), f"/data/{field}") or told.at


def _epoch_seconds(value: Any) -> int | None:
    text = id_in(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 and int(text) > 0 else None


_TABLE: Mapping[str, Callable[[Told], Iterator[Outside]]] = {
    "call.created": _created,
    "call.answered": _answered,
    "call.transferred": _transferred,
    "call.external_transferred": _transferred,
    "call.hungup": _over(0),
    "call.ended": _over(1),
    "call.tagged": _tagged,
}
_KNOWN = (
    "call.ringing_on_agent", "call.agent_declined", "call.unsuccessful_transfer", "call.hold", "call.unhold", "call.ivr_option_selected",
    "call.comm_assets_generated", "call.voicemail_left", "call.assigned", "call.archived", "call.unarchived", "call.untagged",
    "call.commented", "user.created", "user.deleted", "user.connected", "user.disconnected", "user.opened", "user.closed",
    "user.connected.v2", "user.disconnected.v2", "user.opened.v2", "user.closed.v2", "user.wut_start.v2", "user.wut_end.v2",
    "number.created", "number.opened", "number.closed", "number.deleted", "contact.created", "contact.updated", "contact.deleted",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    "call.created": Line(("call.queued",), "inbound"),
    "call.answered": Line(("call.answered",), "inbound"),
    "call.transferred": Line(("call.transferred",), "inbound"),
    "call.external_transferred": Line(("call.transferred",), "inbound"),
    "call.hungup": Line(("call.abandoned", "call.ended"), "abandoned: inbound and never answered"),
    "call.ended": Line(("call.abandoned", "call.ended"), "puts call.hungup of the same call right, under the same id"),
    "call.tagged": Line(("complaint.raised",), "when the tag is one of complaint_tags"),
    "integration.deleted": Line((), "the integration was removed at Aircall: nothing will come any more"),
    **dict.fromkeys(_KNOWN, NOTHING),
}


def sample(unique: str, now_ms: int) -> Sample:
    """An inbound call that begins to ring. Aircall's ids are numbers; this one is a text, so that it can be told."""
    now = now_ms // 1000
    data: Outside = {
        "id": unique,
        "direction": "inbound",
        "status": "initial",
        "missed_call_reason": None,
        "started_at": now,
        "answered_at": None,
        "ended_at": None,
        "duration": 0,
        "number": {"id": 4711},
        "archived": False,
        "teams": [],
        "tags": [],
    }
    return Sample(body=msgspec.json.encode({"resource": "call", "event": "call.created", "timestamp": now, "token": "", "data": data}))


PROVIDER = Provider(
    kind="aircall",
    title="Aircall",
    schemes=("body-token",),
    translate=translate,
    lines=LINES,
    options=AircallOptions,
    headers=("content-type",),
    guide=Guide(
        clicks=(
            "In the Aircall dashboard open Integrations & API, search for Webhook and choose Install.",
            "Give it a name, paste {token_url} (or {url}) as the URL and choose the events of calls.",
            "Save. The webhook's page shows its token: that is the secret.",
        ),
        secret="The token of the webhook, which Aircall repeats in every body.",
        delivery="Within seconds, in no promised order, at times twice; tried again for hours, then the webhook is switched off.",
        notes=(
            "Aircall does not sign: prefer the address with a token in it, over HTTPS.",
            "A call waits from its start, so the time in a menu (IVR) is part of the wait.",
            "Outbound calls are neither queued nor answered here; of them only an end is told.",
            "`queue_names` gives the ids of numbers the names to be shown.",
        ),
        unconfirmed=(
            "The reasons of missed calls beside agents_did_not_answer: "
            + ", ".join(f"{word} is {why}" for word, why in MISSED.items())
            + "; set `missed_reasons` to change it. One that is not known is `other`, which counts as abandoned.",
            "How often a delivery is tried again.",
        ),
        links=("https://developer.aircall.io/docs/webhooks-overview",),
    ),
    sample=sample,
)
