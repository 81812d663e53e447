"""Talkdesk: what a connection, a workflow or Power Automate posts when one of its call triggers fires.

Talkdesk publishes neither the body of these triggers nor a signature for them, so the administrator writes the body by our template
and shows a secret. Everything about it is the generic mapping's; where a body holds other names, the options say so.
Law: a call that ends without having started was abandoned; the end says both and what came before decides (`calls.over`).
https://docs.talkdesk.com/docs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

import msgspec

from schemas.canonical import rfc3339
from services.ingest.providers import mapping
from services.ingest.providers.mapping import translate
from services.ingest.providers.mapping_options import HEADERS, MappingOptions, Message, Place
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Sample

_ENDS = ("call.abandoned", "call.ended")
KNOWN: Mapping[str, Message] = {
    "inbound call reaches contact center": Message(becomes="call.queued"),
    "inbound call starts": Message(becomes="call.answered"),
    "inbound call ends": Message(becomes=_ENDS),
    "outbound call ends": Message(becomes="call.ended"),
    "agent logs in": Message(becomes="agent.status_changed", fields={"to": "=available"}),
    "agent logs out": Message(becomes="agent.status_changed", fields={"to": "=offline"}),
}
"""By the titles of the triggers; case and punctuation do not count."""
FIELDS: Mapping[str, Place] = {
    "call_id": ("interaction_id", "call_id", "data.interaction_id", "data.call_id"),
    "agent_id": ("user_id", "agent_id", "data.user_id", "data.agent_id"),
    "customer_id": ("contact_id", "data.contact_id"),
    "queue": ("queue", "ring_group", "data.queue", "data.ring_group"),
    "team": ("team", "data.team"),
    "channel": ("channel", "data.channel", "=voice"),
    "talk_seconds": ("talk_time", "data.talk_time"),
    "hold_seconds": ("hold_time", "data.hold_time"),
    "wrap_seconds": ("wrap_up_time", "data.wrap_up_time"),
}


class TalkdeskOptions(MappingOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of the generic mapping, with the places of the template; what is set here goes first."""

    name: Place = "event"
    id: Place = "event_id"
    time: Place = ("occurred_at", "timestamp", "data.occurred_at", "data.timestamp")

    known: ClassVar[Mapping[str, Message]] = KNOWN
    known_fields: ClassVar[Mapping[str, Place]] = FIELDS


def sample(unique: str, now_ms: int) -> Sample:
    """An inbound call that reaches the contact centre."""
    body = {
        "event": "inbound call reaches contact center",
        "event_id": f"{unique}-m",
        "interaction_id": unique,
        "queue": "support",
        "occurred_at": rfc3339(now_ms),
    }
    return Sample(body=msgspec.json.encode(body))


_TEMPLATE = {
    "event": "inbound call ends",
    "event_id": "<id of the event, if the trigger offers one>",
    "interaction_id": "<interaction id>",
    "user_id": "<agent id>",
    "contact_id": "<contact id>",
    "queue": "<ring group or queue>",
    "talk_time": "<talk time in seconds>",
    "occurred_at": "<time of the event>",
}
_OTHERS = ("contact created", "contact updated", "note created")
LINES: Mapping[str, Line] = {
    **mapping.LINES,
    **{name: Line(message.names, "with the template") for name, message in KNOWN.items()},
    "inbound call ends": Line(_ENDS, "with the template; both claims: only one of them counts, by whether the call had started"),
    **dict.fromkeys(_OTHERS, NOTHING),
}

PROVIDER = Provider(
    kind="talkdesk",
    title="Talkdesk",
    schemes=("static-header", "basic-auth", "bearer"),
    translate=translate,
    lines=LINES,
    options=TalkdeskOptions,
    headers=("content-type", *HEADERS),
    guide=Guide(
        clicks=(
            "In Talkdesk open Connections (or Power Automate with the Talkdesk connector) and create one flow for each trigger: inbound "
            "call reaches contact center, inbound call starts, inbound call ends, outbound call ends, agent logs in, agent logs out.",
            "As its action choose an HTTP request: POST to {url}, with the secret in a header.",
            "Write the body by the template, with the trigger's title in `event` and the values that the trigger offers.",
        ),
        secret="A long random text of your own: `openssl rand -hex 32`, as `Header-Name: value` where the header has another name.",
        delivery="When the flow runs, at times twice where it is repeated. Put the event's id into the body, so that it counts once.",
        template=json.dumps(_TEMPLATE, indent=2),
        notes=(
            "The Events API of Talkdesk tells of the life of partner applications only: no call comes that way.",
            "A call that ends before it started is abandoned: call.abandoned and call.ended are both told at its end, and whether "
            "it had started decides which of them counts.",
        ),
        unconfirmed=(
            "Talkdesk does not publish the bodies of its triggers: where yours hold other names, say them in `fields`, such as "
            '`fields = { call_id = "call.id" }`, and other titles in `messages`.',
            "Durations are taken for seconds: `units` changes it.",
        ),
        links=("https://docs.talkdesk.com/docs", "https://docs.talkdesk.com/reference/subscribe-to-a-new-stream"),
    ),
    sample=sample,
)
