"""Twilio Flex and TaskRouter: the event callback of a workspace (a form), or Event Streams (CloudEvents, one or an array).

Laws: only ids of tasks, workers and queues are read, no worker's name and no attribute but the direction; events are dated to the
millisecond where the body says it, and those of one moment are put in order by what they are; a cancelled task does not say whether
a worker had it, so both ends are told (`calls.over`).
https://www.twilio.com/docs/taskrouter/api/event/reference · https://www.twilio.com/docs/events/event-types/taskrouter
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import form_of, value_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.batches import told_each
from services.ingest.providers.calls import CallOptions, over
from services.ingest.providers.provider import NOTHING, Guide, Line, Provider, Reply, Sample
from services.ingest.providers.telling import Outside, identity, told
from services.ingest.providers.times import any_time
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in

_FORM = "application/x-www-form-urlencoded"
_PREFIX = "com.twilio.taskrouter."
ACTIVITIES: Mapping[str, str] = {
    "available": "available",
    "idle": "available",
    "busy": "busy",
    "reserved": "busy",
    "break": "away",
    "unavailable": "away",
    "offline": "offline",
}
_STATUSES = ("available", "busy", "away", "offline")


class TwilioOptions(CallOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a workspace may set beside the names of queues: `activities` are its own activities as statuses of an agent."""

    activities: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.activities.values()) - set(_STATUSES)):
            raise ValueError(f"activities: {unknown[0][:80]} is none of {', '.join(_STATUSES)}")

    def status(self, activity: Any) -> str | None:
        """The status that an activity is; case does not count. None when it is not known."""
        word = id_in(activity).strip()
        return self.activities.get(word) or self.activities.get(word.lower()) or ACTIVITIES.get(word.lower())


def translate(delivery: Delivery, options: TwilioOptions) -> Translation:
    """The canonical events of one delivery. Raises Rejected."""
    if delivery.media_type == _FORM:
        return _said(form_of(delivery.body), options)
    value = value_of(delivery.body)
    if isinstance(value, list):
        return told_each(delivery, value, lambda part: _streamed(part, options))
    return _streamed(value, options)


def _streamed(value: Any, options: TwilioOptions) -> Translation:
    """One event of Event Streams; its data, with the payload in it, says what a form would."""
    if not isinstance(value, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "Event Streams sends CloudEvents: an object, or an array of them")
    if "EventType" in value:  # the fields of a callback, passed on as JSON
        return _said(value, options)
    kind = id_in(value.get("type"))
    if not kind:
        raise Rejected(Reason.MISSING_FIELD, "no type: send CloudEvents of Event Streams, or the form of the event callback", "/type")
    if not kind.startswith(_PREFIX):
        return Translation(items=(), ignored=(kind,))
    data = object_in(value.get("data"))
    fields = {**data, **object_in(data.get("payload"))}
    at = data.get("timestamp") or fields.get("timestamp") or value.get("time")
    around = {"eventtype": kind.removeprefix(_PREFIX), "sid": value.get("id"), "timestampms": fields.get("timestamp_ms") or at}
    return _said({**fields, **around}, options, "/data/payload/task_sid")


def _said(fields: Mapping[str, Any], options: TwilioOptions, pointer: str = "/TaskSid") -> Translation:
    """What one event says. Names are compared without case and underscores: `TaskSid` and `task_sid` are one."""
    said = {name.replace("_", "").lower(): value for name, value in fields.items()}
    name = id_in(said.get("eventtype"))
    if not name:
        raise Rejected(Reason.MISSING_FIELD, "no EventType: this is no event of TaskRouter", "/EventType")
    line = LINES.get(name, NOTHING)
    if not line.becomes:
        return Translation(items=(), ignored=(name,))
    if name == "worker.activity.update":
        thing, pointer = name_in(said.get("workersid")), pointer.replace("TaskSid", "WorkerSid").replace("task_sid", "worker_sid")
    else:
        thing = name_in(said.get("tasksid"))
    if thing is None:
        raise Rejected(Reason.MISSING_FIELD, f"{name} does not say of what it is", pointer)
    entered = said.get("taskqueueentereddate") if name == "task-queue.entered" else None
    at = any_time(said.get("timestampms") or entered or said.get("timestamp"), "/TimestampMs")
    message_id = identity(said.get("sid")) or identity(name, thing, said.get("reservationsid"), at)
    if name == "worker.activity.update":
        return told(name, message_id, {"occurred_at": at}, _activity(thing, said, options))
    common: Outside = {
        "occurred_at": at,
        "call_id": thing,
        "queue": options.queue(said.get("taskqueuesid"), said.get("taskqueuename")),
        "channel": lower_name_in(said.get("taskchanneluniquename")),
        "agent_id": name_in(said.get("workersid")),
        "priority": name_in(said.get("taskpriority")),
    }
    return told(name, message_id, common, _task(name, _is_outbound(said.get("taskattributes"))))


def _task(name: str, outbound: bool) -> Iterator[Outside]:
    if name == "task.completed" or (outbound and name == "task.canceled"):
        yield {"type": "call.ended"}
    elif outbound:
        return
    elif name == "task-queue.entered":
        yield {"type": "call.queued"}
    elif name == "reservation.accepted":
        yield {"type": "call.answered"}
    elif name == "task-queue.moved":
        yield {"type": "call.transferred"}
    else:
        yield from over()


def _activity(worker: str, said: Mapping[str, Any], options: TwilioOptions) -> Iterator[Outside]:
    if (to := options.status(said.get("workeractivityname"))) is not None:
        yield {"type": "agent.status_changed", "agent_id": worker, "to": to}


def _is_outbound(attributes: Any) -> bool:
    """Whether the task's attributes, JSON in a text, say that the company called."""
    if isinstance(attributes, str):
        try:
            attributes = _attributes.decode(attributes)
        except (ValueError, RecursionError):
            return False
    return id_in(object_in(attributes).get("direction")).lower().startswith("outbound")


_attributes = msgspec.json.Decoder()


def reply(delivery: Delivery) -> Reply:
    """The 204 that TaskRouter wants."""
    return Reply(status=204)


def sample(unique: str, now_ms: int) -> Sample:
    """A task that enters a queue, as the event callback tells it."""
    fields = {
        "EventType": "task-queue.entered",
        "Sid": f"EV{unique}",
        "AccountSid": "AC00000000000000000000000000000000",
        "WorkspaceSid": "WS00000000000000000000000000000000",
        "ResourceType": "task",
        "ResourceSid": f"WT{unique}",
        "Timestamp": str(now_ms // 1000),
        "TimestampMs": str(now_ms),
        "TaskSid": f"WT{unique}",
        "TaskAge": "0",
        "TaskPriority": "0",
        "TaskAttributes": '{"direction":"inbound"}',
        "TaskAssignmentStatus": "pending",
        "TaskChannelUniqueName": "voice",
        "TaskQueueSid": "WQ00000000000000000000000000000000",
        "TaskQueueName": "Everyone",
        "TaskQueueEnteredDate": str(now_ms // 1000),
    }
    return Sample(body=urlencode(fields).encode(), headers={"content-type": _FORM})


_KNOWN = (
    "task.created", "task.updated", "task.wrapup", "task.deleted", "task-queue.created", "task-queue.deleted", "task-queue.timeout",
    "task-queue.expression.updated", "workflow.entered", "workflow.target-matched", "workflow.timeout", "workflow.skipped",
    "reservation.created", "reservation.rejected", "reservation.timeout", "reservation.canceled", "reservation.rescinded",
    "reservation.wrapup", "reservation.completed", "worker.created", "worker.deleted", "worker.attributes.update",
    "worker.capacity.update", "worker.channel.availability.update",
)  # fmt: skip
LINES: Mapping[str, Line] = {
    "task-queue.entered": Line(("call.queued",), "inbound"),
    "task-queue.moved": Line(("call.transferred",), "inbound"),
    "reservation.accepted": Line(("call.answered",), "inbound"),
    "task.completed": Line(("call.ended",)),
    "task.canceled": Line(("call.abandoned", "call.ended"), "both claims: only one of them counts, by what came before"),
    "worker.activity.update": Line(("agent.status_changed",), "when the activity is known"),
    **dict.fromkeys(_KNOWN, NOTHING),
}

PROVIDER = Provider(
    kind="twilio",
    title="Twilio Flex and TaskRouter",
    schemes=("twilio",),
    translate=translate,
    lines=LINES,
    options=TwilioOptions,
    reply=reply,
    headers=("content-type",),
    guide=Guide(
        clicks=(
            "In the Twilio Console open TaskRouter > Workspaces, your workspace (Flex Task Assignment) > Settings.",
            "Paste {url} as the event callback URL, choose all events and save.",
            "To lose nothing use Event Streams instead: create a webhook sink with {url}, method POST, and subscribe it to the TaskRouter "
            "events of tasks, task queues, reservations and workers.",
            "Set `url` of the source to the very address that you pasted, where deskpulse stands behind a proxy: Twilio signs it.",
        ),
        secret="The Auth Token of the account, as the Console's first page shows it.",
        delivery="The callback comes once, in any order within a second; Event Streams tries for up to 4 hours, at times twice.",
        notes=(
            "One of the two is enough. With both a call still counts once, but a transfer counts twice: their ids differ.",
            'Activities of your own are told by `activities = { "Lunch" = "away" }`.',
            "A cancelled task does not say whether a worker had it: call.abandoned and call.ended are both told, and what came "
            "before decides which of them counts.",
        ),
        unconfirmed=(
            "Whether a webhook sink of Event Streams signs with `bodySHA256` in the address: if yours does not, set `scheme` of the "
            'source, such as `scheme = ["basic-auth"]`, or post to {token_url}.',
            "Retries of the event callback: none are assumed.",
        ),
        links=(
            "https://www.twilio.com/docs/taskrouter/api/event/reference",
            "https://www.twilio.com/docs/usage/webhooks/webhooks-security",
            "https://www.twilio.com/docs/events",
        ),
    ),
    sample=sample,
)
