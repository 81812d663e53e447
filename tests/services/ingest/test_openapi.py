"""The description of the webhook paths: every kind, every method, every kind of body and answer."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.openapi import with_webhooks
from services.ingest.providers import PROVIDERS
from tests.conftest import REPOSITORY
from tests.services.ingest.senders import Remembering, app_with

DOCUMENT: dict[str, Any] = app_with(Remembering()).openapi()
PATHS = ("/webhooks/{source}", "/webhooks/{source}/{token}")


def test_every_kind_is_listed_with_title_and_page() -> None:
    kinds = DOCUMENT["components"]["schemas"]["SourceKind"]
    assert kinds["enum"] == sorted(PROVIDERS)
    for told in kinds["x-kinds"]:
        provider = PROVIDERS[told["kind"]]
        assert told["title"] == provider.title
        assert told["schemes"] == list(provider.schemes)
        assert (REPOSITORY / told["page"]).is_file()
        assert f"`{provider.kind}`: {provider.title} ({told['page']})" in kinds["description"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: str(provider.kind))
def test_every_method_of_a_kind_is_described_where_the_kind_is_named(provider: Any, path: str) -> None:
    described = DOCUMENT["paths"][path]
    for method in (*provider.methods, *provider.probes):
        assert f"`{provider.kind}`" in described[method.lower()]["description"], method
    for method in provider.methods:
        content = described[method.lower()]["requestBody"]["content"]
        sent = provider.sample("sample", 1_772_450_000_000).headers["content-type"].partition(";")[0]
        assert sent.lower() in content, "a content type that the document does not name"


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_described(path: str) -> None:
    post = DOCUMENT["paths"][path]["post"]
    assert {"202", "401", "405", "408", "413", "415", "422", "429", "503"} <= set(post["responses"])
    replying = {provider.kind for provider in PROVIDERS.values() if provider.reply is not None}
    told = " ".join(response["description"] for status, response in post["responses"].items() if status in ("200", "204"))
    assert [kind for kind in replying if f"`{kind}`" not in told] == []
    assert DOCUMENT["paths"][path]["options"]["responses"].keys() == {"200", "401", "405"}


def test_references_lead_somewhere() -> None:
    document = with_webhooks({"paths": {}})

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for each in value.values() for found in references(each)]
        return [found for each in value for found in references(each)] if isinstance(value, list) else []

    found = set(references(document))
    assert found
    assert {reference.rpartition("/")[2] for reference in found} <= set(document["components"]["schemas"])
