"""Webhooks in the style of GitHub: the signature of the body, the name and the id of the message in headers, any body.

Laws: those of the generic mapping; a body whose header names a canonical event is that event.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import msgspec

from schemas.canonical import rfc3339
from services.ingest.providers.mapping import LINES, translate
from services.ingest.providers.mapping_options import HEADERS, MappingOptions, Place
from services.ingest.providers.provider import Guide, Provider, Sample


class GithubOptions(MappingOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of the generic mapping. The name is the header's, with the body's `action` behind it where there is one."""

    name: Place = ("header:x-github-event", "action")
    id: Place = "header:x-github-delivery"


def sample(unique: str, now_ms: int) -> Sample:
    """A new ticket, by its canonical name."""
    body = {"ticket_id": unique, "occurred_at": rfc3339(now_ms), "channel": "email"}
    headers = {"content-type": "application/json", "x-github-event": "ticket.created", "x-github-delivery": f"{unique}-m"}
    return Sample(body=msgspec.json.encode(body), headers=headers)


PROVIDER = Provider(
    kind="github",
    title="GitHub style",
    schemes=("github",),
    translate=translate,
    lines=LINES,
    options=GithubOptions,
    headers=("content-type", *HEADERS),
    guide=Guide(
        clicks=(
            "At GitHub open Settings > Webhooks > Add webhook of the repository or the organisation.",
            "Paste {url} as the payload URL, choose application/json and paste the secret.",
            "Choose the events that you map in the options, and save.",
            "Another system does the same when it signs its bodies as GitHub does and names the message in X-GitHub-Event.",
        ),
        secret="A long random text of your own, used as it stands: `openssl rand -hex 32`.",
        delivery="At once, without a retry: deliver what was missed again on the webhook's page. The delivery's id stays the same.",
        template="""\
[sources.bugs.options]
fields = { ticket_id = "issue.number", priority = "issue.labels.0.name" }
[sources.bugs.options.messages]
"issues.opened" = { becomes = "ticket.created", time = "issue.created_at" }
"issues.closed" = { becomes = "ticket.solved", time = "issue.closed_at" }
"issues.reopened" = { becomes = "ticket.reopened", time = "issue.updated_at" }
""",
        notes=(
            "Without options only bodies count whose X-GitHub-Event is a canonical name such as ticket.created.",
            "The signature has no time: a repetition is known by X-GitHub-Delivery.",
        ),
        links=("https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",),
    ),
    sample=sample,
)
