"""The table of kinds: a new provider is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from services.ingest.providers import cloudevents, standardwebhooks, zendesk
from services.ingest.providers.provider import Provider

PROVIDERS: Mapping[str, Provider] = {
    provider.kind: provider for provider in (standardwebhooks.PROVIDER, cloudevents.PROVIDER, zendesk.PROVIDER)
}
"""Every kind that `sources.<name>.kind` may name."""
