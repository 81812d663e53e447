"""Signatures are those that the vendors' pages describe; the vectors are computed with the plain formulas, by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from random import Random

import pytest

from cli.company import signing
from cli.company.deliveries import Kind

NOW_MS = 1_767_609_000_123


def test_zendesk_signs_the_timestamp_and_then_the_body_with_the_secret_as_text() -> None:
    headers = signing.headers("zendesk", "c2VjcmV0", "x", b"{}", NOW_MS)
    assert headers["x-zendesk-webhook-signature-timestamp"] == "2026-01-05T10:30:00Z"
    expected = hmac.new(b"c2VjcmV0", b"2026-01-05T10:30:00Z{}", hashlib.sha256).digest()
    assert base64.b64decode(headers["x-zendesk-webhook-signature"]) == expected


@pytest.mark.parametrize("kind", ["standardwebhooks", "cloudevents"])
def test_the_generic_kinds_sign_id_time_and_body_with_the_decoded_secret(kind: Kind) -> None:
    headers = signing.headers(kind, "whsec_c2VjcmV0", "m1", b"{}", NOW_MS)
    expected = hmac.new(b"secret", b"m1.1767609000.{}", hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


@pytest.mark.parametrize(
    ("kind", "many", "content_type"),
    [
        pytest.param("standardwebhooks", True, "application/json", id="flat events"),
        pytest.param("cloudevents", False, "application/cloudevents+json", id="one, structured"),
        pytest.param("cloudevents", True, "application/cloudevents-batch+json", id="a batch"),
    ],
)
def test_the_content_type_names_the_form(kind: Kind, many: bool, content_type: str) -> None:
    assert signing.headers(kind, "whsec_c2VjcmV0", "m1", b"[]", NOW_MS, many=many)["content-type"] == content_type


def test_secrets_have_the_form_of_their_kind_and_differ() -> None:
    rng = Random(1)
    first, second = (signing.secret_for("cloudevents", rng) for _ in range(2))
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert first != second
    assert not signing.secret_for("zendesk", rng).startswith("whsec_")
