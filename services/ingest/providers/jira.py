"""Jira Service Management and Jira, Cloud and Data Center: one webhook, the canonical events that it says.

Laws: only what the body says is emitted; no summary, text, name or address is read; a delivery that is tried again gives the same
events with the same ids; a comment counts once though two families of webhooks tell it. Other webhooks are ignored by name.
https://developer.atlassian.com/server/jira/platform/webhooks/ ·
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers import template
from services.ingest.providers.desk import complaint
from services.ingest.providers.jira_messages import (
    LINES,
    STATUSES,
    TABLE,
    JiraOptions,
    Told,
    attributes,
)
from services.ingest.providers.provider import Guide, Provider, Sample
from services.ingest.providers.telling import Outside, events_of, first_telling, identity, unnamed
from services.ingest.providers.times import any_time, millis_time
from services.ingest.providers.values import id_in, lower_name_in, name_in, number_in, object_in, objects_in, tags_in

_ISSUE_OF_COMMENT = re.compile(r"/issue/(\d{1,30})/comment/")
_DELIVERY = b"x-atlassian-webhook-identifier"


def translate(delivery: Delivery, options: JiraOptions) -> Translation:
    """The canonical events of one webhook. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    if template.is_template(body):
        return template.translate(delivery, body, options, {**STATUSES, **dict.fromkeys(map(str.lower, options.done_statuses), "solved")})
    name = body.get("webhookEvent")
    if not isinstance(name, str):
        if not isinstance(body.get("transition"), dict):
            raise Rejected(Reason.MISSING_FIELD, "no webhookEvent and no transition: this is no webhook of Jira", "/webhookEvent")
        name = "transition"
    says = TABLE.get(name)
    if says is None:
        return Translation(items=(), ignored=(name,))
    issue = object_in(body.get("issue"))
    issue_id = name_in(issue.get("id")) or _issue_of_comment(body)
    if not issue_id:
        raise Rejected(Reason.MISSING_FIELD, f"{name} names no issue", "/issue/id")
    told = Told(
        body=body,
        fields=object_in(issue.get("fields")),
        issue_id=issue_id,
        id=_named(delivery, body, name, issue_id),
        at=millis_time(body.get("timestamp"), "/timestamp"),
        options=options,
    )
    said = [*says(told), *(_rules(told) if name != "jira:issue_deleted" else ())]
    events = [event for event in said if not isinstance(event, Rejected)]
    items: list[Outside | Rejected] = [*_identified(delivery, name, told, events)]
    if name != "jira:issue_deleted":
        items += _facts(told)
    items += [refused for refused in said if isinstance(refused, Rejected)]
    return Translation(items=items, ignored=() if items else (name,))


def _named(delivery: Delivery, body: Mapping[str, Any], name: str, issue_id: str) -> str:
    """The id that Jira gives a delivery and all tries of it; without one, of what it is about."""
    delivered, stamp = delivery.header(_DELIVERY), id_in(body.get("timestamp"))
    if delivered or not stamp:
        return identity(delivered)
    changelog = id_in(object_in(body.get("changelog")).get("id"))
    return identity(name, issue_id, stamp, *([changelog] if changelog else []))


def _identified(delivery: Delivery, name: str, told: Told, events: list[Outside]) -> list[Outside]:
    common = attributes(told)
    if told.id:
        return list(events_of(told.id, common, events))
    return list(unnamed(delivery, name, common, events).items)


def _rules(told: Told) -> Iterator[Outside]:
    """The rule that looks at every issue."""
    types = (told.issue_type(), lower_name_in(object_in(told.fields.get("issuetype")).get("name")))
    category = next((each for each in types if each in told.options.complaint_types), None)
    yield from complaint(told.options, told.issue_id, tags_in(told.fields.get("labels")), category)


def _facts(told: Told) -> Iterator[Outside]:
    """What the issue carries beside its change, with ids of their own: promises that were broken, the customer's rating."""
    for value in told.fields.values():
        if isinstance(value, dict) and ("ongoingCycle" in value or "completedCycles" in value):
            yield from _broken(told, value)
    if told.options.satisfaction_field:
        yield from _rated(told)


def _broken(told: Told, sla: Mapping[str, Any]) -> Iterator[Outside]:
    for cycle in (*objects_in(sla.get("completedCycles")), object_in(sla.get("ongoingCycle"))):
        if cycle.get("breached") is not True:
            continue
        broken = _instant(cycle.get("breachTime")) or _instant(cycle.get("stopTime"))
        name = name_in(sla.get("name"))
        yield from events_of(
            identity(told.issue_id, "sla", sla.get("id") or name, broken or _instant(cycle.get("startTime"))),
            _about(told, broken),
            [{"type": "ticket.escalated", "kind": "sla", "to": name}],
        )


def _rated(told: Told) -> Iterator[Outside]:
    value = told.fields.get(told.options.satisfaction_field)
    score = number_in(value.get("rating") if isinstance(value, dict) else value)
    if score is None or not 1 <= score <= 5:
        return
    given = _instant(told.fields.get(told.options.satisfaction_date_field)) if told.options.satisfaction_date_field else None
    answer = {"question": "overall", "metric": "csat", "score": score, "scale_min": 1, "scale_max": 5}
    survey_id = identity("csat", told.issue_id)
    said = {"type": "survey.responded", "response_id": survey_id, "survey_type": "post_case", "answers": [answer]}
    yield from events_of(identity(survey_id, given, f"{score:g}"), _about(told, given), [said])


def _about(told: Told, at: str | None) -> Outside:
    """What stands in a fact that every later webhook repeats: nothing that changes; without a time of its own, that of the first."""
    if at is not None:
        return {"ticket_id": told.issue_id, "occurred_at": at}
    return {"ticket_id": told.issue_id, "occurred_at": told.at, "version": first_telling(told.at)}


def _instant(value: Any) -> str | None:
    """A time of a cycle, in whichever of its forms; one that cannot be read is not said."""
    if isinstance(value, dict):
        value = value.get("epochMillis") or value.get("iso8601") or value.get("jira")
    try:
        return any_time(value)
    except Rejected:
        return None


def _issue_of_comment(body: Mapping[str, Any]) -> str:
    """The issue's id in the address of a comment that comes without its issue; "" when it is not there."""
    address = object_in(body.get("comment")).get("self")
    found = _ISSUE_OF_COMMENT.search(address[:2000]) if isinstance(address, str) else None
    return found.group(1) if found else ""


def sample(unique: str, now_ms: int) -> Sample:
    """A new request of a customer."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    customer = {"accountId": f"{unique}-c", "accountType": "customer"}
    fields = {
        "issuetype": {"id": "10010", "name": "Service Request"},
        "project": {"id": "10000", "key": "HELP"},
        "priority": {"id": "3", "name": "Medium"},
        "status": {"id": "10001", "name": "Waiting for support", "statusCategory": {"key": "indeterminate"}},
        "labels": [],
        "assignee": None,
        "creator": customer,
        "reporter": customer,
        "created": at,
        "updated": at,
    }
    body = {
        "timestamp": now_ms,
        "webhookEvent": "jira:issue_created",
        "issue_event_type_name": "issue_created",
        "issue": {"id": unique, "key": "HELP-1", "fields": fields},
    }
    return Sample(
        body=msgspec.json.encode(body),
        headers={"content-type": "application/json", _DELIVERY.decode(): f"{unique}-delivery"},
    )


GUIDE = Guide(
    clicks=(
        "In Jira open Settings > System > WebHooks > Create a WebHook (a Jira administrator may).",
        "Paste {url} as the URL and make up a secret of at least 32 characters; give it to Jira and to this source.",
        "Choose the service projects by a JQL filter, such as project = HELP.",
        "Tick Issue created, updated and deleted, and Comment created; leave Exclude body off; create it.",
        "A rule of Jira Automation instead: the action Send web request to {url}, or to {token_url} where no header can be set, with "
        "method POST, the custom data of the template, and a header with the secret.",
    ),
    secret="The webhook's secret, as it stands. For Automation, which cannot sign, the header and its value: `X-Deskpulse-Token: …`.",
    delivery="Most within 30 s, of bulk changes up to 15 min late; up to 5 tries, which carry one identifier.",
    template=template.text(
        event="ticket.status_changed",
        ticket_id="{{issue.id}}",
        status="{{issue.status.name}}",
        priority="{{issue.priority.name}}",
        issue_type="{{issue.issueType.name}}",
        agent_id="{{issue.assignee.accountId}}",
        customer_id="{{issue.reporter.accountId}}",
        tags="{{#issue.labels}}{{.}} {{/}}",
        occurred_at="{{now.toMillis}}",
    ),
    notes=(
        "A ticket is the issue's id, a number, not its key: the key changes when an issue moves to another project. A backlog export "
        "names it Issue id.",
        "A status counts by Jira's category where the webhook has it; `statuses` and `done_statuses` go first, by name or id.",
        'Old servers that send no comment_created set `comments = "issue_updated"`; never count both families.',
        "A comment with jsdPublic false is a note; without jsdPublic it is public. It is the customer's if the reporter wrote it.",
        "An SLA that runs out fires no webhook: the escalation shows with the issue's next one, dated when it ran out. Automation's "
        "trigger SLA threshold breached may send the template with ticket.escalated and kind sla at once.",
        "Old servers name people by user name; only a hash of it is kept, the same for the same name.",
    ),
    unconfirmed=(
        "A comment of an account of type customer is the customer's, though another person reported the issue; "
        "`customer_accounts = false` asks only for the reporter.",
        "The customer's rating: `satisfaction_field` names its field (`rating`, 1 to 5), `satisfaction_date_field` the field with its "
        "time; without that the time of the first webhook that shows it counts.",
        "Whether webhooks of OAuth and Connect apps are signed: use one that an administrator made.",
        "Request type, channel and team are custom fields: `request_type_field`, `channel_field`, `team_field`.",
    ),
    links=(
        "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
        "https://confluence.atlassian.com/adminjiraserver/managing-webhooks-938846912.html",
    ),
)

PROVIDER = Provider(
    kind="jira",
    title="Jira Service Management",
    schemes=("hub-sha256-hex", "static-header"),
    translate=translate,
    lines={**template.LINES, **LINES},
    options=JiraOptions,
    headers=("content-type", _DELIVERY.decode()),
    guide=GUIDE,
    sample=sample,
)
