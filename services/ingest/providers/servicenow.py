"""ServiceNow business rules: the record of an incident as a script sends it, with what it was before where the script says so.

Laws: a record alone is a snapshot, which claims, and who counts finds what changed; with `previous` the changes themselves are
told; the insert of a record is one event however often the record comes; ids are system ids, so a display value of a person is
never read; times without a zone are UTC.
https://servicenow.github.io/sdk/4.8.0/guides/rest-message-guide
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from schemas.canonical import rfc3339
from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers import template
from services.ingest.providers.desk import (
    DONE,
    DeskOptions,
    agent_changed,
    complaint,
    priority_changed,
    standing,
    status_changed,
    team_changed,
)
from services.ingest.providers.provider import Guide, Line, Provider, Sample
from services.ingest.providers.telling import Outside, events_of, identity, unnamed
from services.ingest.providers.times import iso_time, zone_of
from services.ingest.providers.values import id_in, lower_name_in, name_in, object_in, whole_in

STATUSES = {
    **{"1": "new", "2": "open", "3": "on_hold", "6": "solved", "7": "closed", "8": "closed"},
    **{"new": "new", "in progress": "open", "on hold": "on_hold", "resolved": "solved", "closed": "closed"},
    **{"canceled": "closed", "cancelled": "closed"},
}
PRIORITIES = ("planning", "low", "moderate", "high", "critical")
_RANKS = dict(zip("54321", PRIORITIES, strict=True))
_SYSTEM_ID = re.compile(r"[0-9a-f]{32}")
_RECORDS = ("record", "current", "incident", "result")


class ServiceNowOptions(DeskOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a desk may set for ServiceNow, beside a helpdesk's settings. `tables` are those whose records are its tickets."""

    priorities: tuple[str, ...] = PRIORITIES
    tables: frozenset[str] = frozenset({"incident"})


def translate(delivery: Delivery, options: ServiceNowOptions) -> Translation:
    """The canonical events of one record. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    if template.is_template(body):
        return template.translate(delivery, body, options, STATUSES)
    record = next((found for name in _RECORDS if (found := object_in(body.get(name)))), body)
    table = lower_name_in(_value(record.get("sys_class_name"))) or "incident"
    if table not in options.tables:
        return Translation(items=(), ignored=(table,))
    ticket_id = name_in(_value(record.get("sys_id"))) or name_in(_value(record.get("number")))
    if ticket_id is None:
        raise Rejected(Reason.MISSING_FIELD, "no sys_id: let the script send the record's sys_id", "/sys_id")
    zone = zone_of(options.time_zone)
    created = iso_time(_value(record.get("sys_created_on")), "/sys_created_on", zone)
    updated = iso_time(_value(record.get("sys_updated_on")), "/sys_updated_on", zone)
    common = _common(record, ticket_id, updated, options)
    said: list[Outside] = []
    refused: list[Rejected] = []  # a journal without its author does not cost the record what else it says
    for part in (_changes(record, object_in(body.get("previous")), common, options), _journals(body, record, common, ticket_id)):
        try:
            said.extend(part)
        except Rejected as rejected:
            refused.append(rejected)
    # the record's birth is told by each of its snapshots: its own id, its own time, and nothing that may change
    born: list[Outside] = [{"type": "ticket.created"}] if created is not None else []
    first = list(events_of(identity(ticket_id), {"ticket_id": ticket_id, "occurred_at": created}, born))
    message_id = identity(ticket_id, _value(record.get("sys_mod_count")) or updated or "")
    if message_id == identity(ticket_id, ""):
        then = unnamed(delivery, table, common, said).items
    else:
        then = list(events_of(message_id, common, said))
    items = [*first, *then, *refused]
    return Translation(items=items, ignored=() if items else (table,))


def _common(record: Mapping[str, Any], ticket_id: str, updated: str | None, options: ServiceNowOptions) -> Outside:
    return {
        "ticket_id": ticket_id,
        "occurred_at": updated,
        "sequence": whole_in(_value(record.get("sys_mod_count"))),
        "customer_id": _person(record.get("caller_id")),
        "organisation_id": _person(record.get("company")),
        "agent_id": _person(record.get("assigned_to")),
        "team": options.team(_value(record.get("assignment_group"))),
        "channel": lower_name_in(_value(record.get("contact_type"))),
        "priority": _priority(record.get("priority")),
        "issue_type": lower_name_in(_value(record.get("category"))),
    }


def _changes(record: Mapping[str, Any], previous: Mapping[str, Any], common: Outside, options: ServiceNowOptions) -> Iterator[Outside]:
    state = _value(record.get("state")) or _value(record.get("incident_state"))
    to = options.status(state, STATUSES)
    if to is None and id_in(state):
        raise Rejected(Reason.UNTRANSLATABLE, "the state is not a known one: map its code in options.statuses", "/state")
    if previous:
        yield from _told(record, previous, to, options)
    else:
        owners = {
            ours: read(record[theirs])
            for ours, theirs, read in (("agent_id", "assigned_to", _person), ("team", "assignment_group", _value))
            if theirs in record
        }
        yield from standing(options, to, common["priority"], owners)
    yield from complaint(options, common["ticket_id"], (), common["issue_type"])


def _told(record: Mapping[str, Any], previous: Mapping[str, Any], to: str | None, options: ServiceNowOptions) -> Iterator[Outside]:
    before = options.status(_value(previous.get("state")) or _value(previous.get("incident_state")), STATUSES)
    if to is not None and before is not None:
        yield from status_changed(to, before)
    reopened = (whole_in(_value(record.get("reopen_count"))) or 0) > (whole_in(_value(previous.get("reopen_count"))) or 0)
    if reopened and "reopen_count" in previous and before not in DONE:
        yield {"type": "ticket.reopened"}
    if "assigned_to" in previous and _person(previous["assigned_to"]) != _person(record.get("assigned_to")):
        yield from agent_changed(_person(record.get("assigned_to")), _person(previous["assigned_to"]))
    if "assignment_group" in previous and _value(previous["assignment_group"]) != _value(record.get("assignment_group")):
        yield from team_changed(options, _value(record.get("assignment_group")), _value(previous["assignment_group"]))
    if "priority" in previous:
        yield from priority_changed(options, _priority(record.get("priority")), _priority(previous["priority"]))
    urgency = whole_in(_value(record.get("escalation")))
    if "escalation" in previous and (urgency or 0) > (whole_in(_value(previous["escalation"])) or 0):
        yield {"type": "ticket.escalated", "kind": "sla"}


def _journals(body: Mapping[str, Any], record: Mapping[str, Any], common: Outside, ticket_id: str) -> Iterator[Outside]:
    """What was written: the script says in which journal (`journal`) and who wrote it (`author`)."""
    named = body.get("journal")
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    author = _person(body.get("author"))
    for name in ("comments", "work_notes"):
        if name not in names:
            continue
        count = id_in(_value(record.get("sys_mod_count"))) or common["occurred_at"] or "entry"
        said: Outside = {"message_id": identity(ticket_id, count, name), "actor_id": author}
        if name == "work_notes":
            yield {"type": "ticket.note", **said}
        elif author is None:
            raise Rejected(Reason.UNTRANSLATABLE, "who wrote the comment is not said: let the script send the author's sys_id", "/author")
        elif author == common["customer_id"]:
            yield {"type": "ticket.customer_message", **said}
        else:
            yield {"type": "ticket.public_reply", **said}


def _value(field: Any) -> Any:
    """The value of a field, also of one that comes with a link or a display value beside it."""
    found = field.get("value") if isinstance(field, dict) else field
    return (found.strip() or None) if isinstance(found, str) else found


def _person(field: Any) -> str | None:
    """The system id of a reference; None for a display value, which would be a name."""
    found = id_in(_value(field))
    return found if _SYSTEM_ID.fullmatch(found) else None


def _priority(field: Any) -> str | None:
    word = id_in(_value(field)).lower()
    return _RANKS.get(word[:1], name_in(word)) if word[1:2] in ("", " ") else name_in(word)


_STATUS = ("ticket.status_changed", "ticket.solved", "ticket.closed", "ticket.reopened")
_OWNERS = ("ticket.assigned", "ticket.transferred", "ticket.priority_changed", "ticket.escalated")
_WRITTEN = ("ticket.customer_message", "ticket.public_reply", "ticket.note")
LINES: Mapping[str, Line] = {
    "incident": Line(
        ("ticket.created", *_STATUS, *_OWNERS, *_WRITTEN, "complaint.raised"),
        "how the record stands; with `previous` what changed; with `journal` and `author` what was written",
    ),
}


def sample(unique: str, now_ms: int) -> Sample:
    """A new incident."""
    at = rfc3339(now_ms)[:19].replace("T", " ")
    record = {
        "sys_class_name": "incident",
        "sys_id": unique,
        "number": f"INC-{unique}",
        "state": "1",
        "priority": "3",
        "contact_type": "email",
        "assigned_to": "",
        "assignment_group": "",
        "sys_created_on": at,
        "sys_updated_on": at,
        "sys_mod_count": "0",
    }
    return Sample(body=msgspec.json.encode({"record": record}))


_SCRIPT = """\
(function executeRule(current, previous) {
  var names = ['sys_id', 'sys_class_name', 'number', 'state', 'priority', 'contact_type', 'category', 'caller_id', 'company',
    'assigned_to', 'assignment_group', 'escalation', 'reopen_count', 'sys_created_on', 'sys_updated_on', 'sys_mod_count'];
  function values(record) {
    var found = {};
    names.forEach(function (name) { found[name] = String(record.getValue(name) || ''); });
    return found;
  }
  var body = { record: values(current), author: String(gs.getUserID()) };
  if (previous && current.operation() == 'update') { body.previous = values(previous); }
  body.journal = ['comments', 'work_notes'].filter(function (name) { return current[name].changes() && !current[name].nil(); });
  var request = new sn_ws.RESTMessageV2();
  request.setEndpoint('ADDRESS');
  request.setHttpMethod('post');
  request.setRequestHeader('Content-Type', 'application/json');
  request.setRequestHeader('X-Webhook-Secret', gs.getProperty('deskpulse.secret'));
  request.setRequestBody(JSON.stringify(body));
  request.executeAsync();
})(current, previous);"""
GUIDE = Guide(
    clicks=(
        "In System Properties add the property deskpulse.secret, of type password2, with your secret.",
        "Open System Definition > Business Rules > New; choose the table Incident and tick Advanced.",
        "Set When to after, and tick Insert and Update.",
        "On the tab Advanced paste the template as the script, with {url} in the place of ADDRESS.",
        "Save, change an incident and look at System Logs > Outbound HTTP Requests.",
    ),
    secret="Your own: `X-Webhook-Secret: value`, the header that the script sends. `user:password` where a REST message sends HTTP Basic.",
    delivery="Each change once, in no promised order; by itself ServiceNow does not try again.",
    template=_SCRIPT,
    notes=(
        "A record without `previous` is taken as it stands; a ticket that comes back or another owner is found when it is counted.",
        "Records of other tables need `tables`, and their states `statuses`, since their codes mean other things.",
        "Breached SLAs and surveys come from rules of their own with a flat body: `event` is a canonical name such as ticket.escalated, "
        "beside it ticket_id and `kind`.",
        "Persons count only by their system id: a name in its place is not read.",
    ),
    unconfirmed=(
        "The codes of states: 1 new, 2 open, 3 on hold, 6 solved, 7 and 8 (cancelled) closed; `statuses` changes them. A code that is "
        "none of these is kept in `rejected`.",
        "Times are in UTC, as the base system keeps them; `time_zone` is for scripts that send display values.",
        "A rising `escalation` of the record is told as an escalation of kind sla.",
    ),
    links=("https://servicenow.github.io/sdk/4.8.0/guides/rest-message-guide",),
)

PROVIDER = Provider(
    kind="servicenow",
    title="ServiceNow",
    schemes=("static-header", "basic-auth"),
    translate=translate,
    lines={**template.LINES, **LINES},
    options=ServiceNowOptions,
    methods=("POST", "PUT", "PATCH"),
    guide=GUIDE,
    sample=sample,
)
