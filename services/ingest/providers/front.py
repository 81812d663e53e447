"""Front, application webhooks and rule webhooks: one event of a conversation, the canonical events that it says.

Laws: only what the body says is emitted; no subject, text, handle or name is read; the same event gives the same canonical events
with the same ids, whichever of the two webhooks brought it. Other events are ignored by name.
https://dev.frontapp.com/docs/application-webhooks · https://dev.frontapp.com/docs/rule-webhooks
"""

from __future__ import annotations

import msgspec

from schemas.rejections import Reason, Rejected
from services.ingest.bodies import object_of
from services.ingest.delivery import Delivery, Translation
from services.ingest.providers.front_messages import LINES, OUTER, TABLE, FrontOptions, Happening, attributes, says
from services.ingest.providers.provider import Guide, Provider, Reply, Sample
from services.ingest.providers.telling import identity, told, unnamed
from services.ingest.providers.times import seconds_time
from services.ingest.providers.values import name_in, object_in

_CHALLENGE = b"x-front-challenge"
_CHALLENGE_MAX_CHARS = 1000


def translate(delivery: Delivery, options: FrontOptions) -> Translation:
    """The canonical events of one event of Front. Raises Rejected when it should say something but does not."""
    body = object_of(delivery.body)
    payload = body.get("payload")
    event = payload if isinstance(payload, dict) else body
    name, outer = event.get("type"), body.get("type")
    if not isinstance(name, str) and not isinstance(outer, str):
        raise Rejected(Reason.MISSING_FIELD, "no type: this is no event of Front, which names its type", "/type")
    kind = name if isinstance(name, str) and name in TABLE else OUTER.get(outer) if isinstance(outer, str) else None
    shown = name if isinstance(name, str) else str(outer)
    if kind is None:
        return Translation(items=(), ignored=(shown,))
    said = event.get("conversation")
    conversation = object_in(said)
    conversation_id = name_in(conversation.get("id")) or name_in(said)
    if conversation_id is None:
        raise Rejected(Reason.MISSING_FIELD, f"{kind} names no conversation: send full events", "/conversation/id")
    happening = Happening(
        event=event,
        conversation=conversation,
        target=object_in(object_in(event.get("target")).get("data")),
        id=identity(event.get("id")),
        conversation_id=conversation_id,
        at=seconds_time(event.get("emitted_at"), "/emitted_at"),
        options=options,
    )
    common = attributes(happening)
    if happening.id:
        return told(shown, happening.id, common, says(kind, happening))
    return unnamed(delivery, shown, common, says(kind, happening))


def reply(delivery: Delivery) -> Reply | None:
    """The challenge that Front sends when a webhook is saved, sent back as text."""
    challenge = delivery.header(_CHALLENGE)
    if not challenge or len(challenge) > _CHALLENGE_MAX_CHARS:
        return None
    return Reply(status=200, body=challenge.encode("latin-1"), content_type=b"text/plain")


def sample(unique: str, now_ms: int) -> Sample:
    """A first message of a customer."""
    at = now_ms / 1000
    body = {
        "type": "inbound_received",
        "authorization": {"id": "cmp_sample"},
        "payload": {
            "id": f"evt_{unique}",
            "type": "inbound",
            "emitted_at": at,
            "conversation": {"id": f"cnv_{unique}", "status": "unassigned", "assignee": None, "tags": [], "created_at": at},
            "source": {"_meta": {"type": "inboxes"}, "data": [{"id": "inb_sample"}]},
            "target": {
                "_meta": {"type": "message"},
                "data": {"id": f"msg_{unique}", "type": "email", "is_inbound": True, "created_at": at, "author": None},
            },
        },
    }
    return Sample(body=msgspec.json.encode(body))


GUIDE = Guide(
    clicks=(
        "In Front open Settings > Company > Developers and create an app, or open yours.",
        "Under Features add Webhooks, and paste {url} as the endpoint; Front tests it as soon as it is saved.",
        "Choose the events of inbound and outbound messages, assignments, archiving, reopening, deleting, restoring, moving, snoozing, "
        "tags and comments.",
        "Under Basic information copy the signing key: that is the secret. Then install the app.",
        "Without an app: Settings > Rules, one rule with the action Send to a webhook, which sends full events to {url}; there the "
        "company's API secret is the secret.",
    ),
    secret="The app's signing key; for rule webhooks the API secret of Settings > Developers. Both may be given side by side.",
    delivery="Seconds late. An application tries up to 3 times and is switched off after repeated failures; a rule tries once. Mass "
    "actions send nothing.",
    notes=(
        "Archived counts as solved, which is the only end that Front has; a snoozed conversation is on hold.",
        "A conversation counts as new when its first message is seen: one not later than a minute after the conversation's own time.",
        "A comment with mentions comes as a comment and as a mention; it counts as one note.",
        "The inbox is the queue. `team_names` gives inboxes their names, `functional_teams` and `hierarchic_teams` name inboxes.",
        "Private tags of teammates are left out.",
    ),
    unconfirmed=(
        "A message of a customer whose conversation does not say when it began is told as the creation too; a conversation that "
        "was there before this source was set up then counts as new at its first message.",
        "A reply without an author is taken for a machine's; `unsigned_replies = \"human\"` takes it for a person's.",
        "The target of a move: an inbox is looked for; without one it is a move all the same.",
        "Priorities, ratings and SLA rules are in no event of Front that is known.",
    ),
    links=(
        "https://dev.frontapp.com/docs/application-webhooks",
        "https://dev.frontapp.com/docs/rule-webhooks",
    ),
)

PROVIDER = Provider(
    kind="front",
    title="Front",
    schemes=("front-application", "front-rule"),
    translate=translate,
    lines=LINES,
    options=FrontOptions,
    reply=reply,
    headers=("content-type",),
    guide=GUIDE,
    sample=sample,
)
