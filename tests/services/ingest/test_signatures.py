"""The two ways of signing that every installation meets first, written out by hand; all ways are in `providers/test_vectors.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.delivery import Delivery
from services.ingest.signatures import SCHEMES
from services.ingest.signatures.scheme import attempt_ms, equals_any
from tests.services.ingest.senders import KEY, NOW_MS, OTHER_SECRET, SECRET, ZENDESK_SECRET, signed, signed_by_zendesk

BODY = b'{"n": 1}'


def _delivery(headers: dict[str, str], body: bytes) -> Delivery:
    return Delivery(headers={name.encode(): value.encode() for name, value in headers.items()}, body=body, received_at_ms=NOW_MS)


def _verifies(scheme: str, headers: dict[str, str], body: bytes, secrets: list[str]) -> bool:
    row = SCHEMES[scheme]
    return row.accepts(_delivery(headers, body), [row.key(secret) for secret in secrets], "")


STANDARD = signed(BODY)
ZENDESK = signed_by_zendesk(BODY)


@pytest.mark.parametrize(
    ("scheme", "headers", "body", "secrets", "accepted"),
    [
        pytest.param("standard-webhooks", STANDARD, BODY, [SECRET], True, id="standard"),
        pytest.param("standard-webhooks", STANDARD, BODY, [OTHER_SECRET, SECRET], True, id="standard-rotation"),
        pytest.param("standard-webhooks", STANDARD, BODY, [OTHER_SECRET], False, id="standard-other-secret"),
        pytest.param("standard-webhooks", STANDARD, BODY, [], False, id="standard-no-secret"),
        pytest.param("standard-webhooks", STANDARD, BODY + b" ", [SECRET], False, id="standard-other-body"),
        pytest.param("standard-webhooks", signed(BODY, at_ms=NOW_MS - 300_000), BODY, [SECRET], True, id="standard-300-s-old"),
        pytest.param("standard-webhooks", signed(BODY, at_ms=NOW_MS - 301_000), BODY, [SECRET], False, id="standard-301-s-old"),
        pytest.param("standard-webhooks", signed(BODY, at_ms=NOW_MS + 301_000), BODY, [SECRET], False, id="standard-301-s-early"),
        pytest.param(
            "standard-webhooks",
            STANDARD | {"webhook-signature": f"v1a,AAAA v1,wrong {STANDARD['webhook-signature']}"},
            BODY,
            [SECRET],
            True,
            id="standard-one-of-several",
        ),
        pytest.param("standard-webhooks", {"webhook-signature": STANDARD["webhook-signature"]}, BODY, [SECRET], False, id="standard-bare"),
        pytest.param("zendesk", ZENDESK, BODY, [ZENDESK_SECRET], True, id="zendesk"),
        pytest.param("zendesk", ZENDESK, BODY, [SECRET], False, id="zendesk-other-secret"),
        pytest.param("zendesk", signed_by_zendesk(BODY, timestamp=str(NOW_MS // 1000)), BODY, [ZENDESK_SECRET], True, id="zendesk-epoch"),
        pytest.param("zendesk", signed_by_zendesk(BODY, timestamp="2026-03-02"), BODY, [ZENDESK_SECRET], False, id="zendesk-a-date"),
    ],
)
def test_own_vectors(scheme: str, headers: dict[str, str], body: bytes, secrets: list[str], accepted: bool) -> None:
    assert _verifies(scheme, headers, body, secrets) is accepted


@given(st.binary(max_size=100))
def test_any_timestamp_is_a_time_or_none(timestamp: bytes) -> None:
    found = attempt_ms(timestamp)
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        pytest.param(SECRET, KEY, id="prefixed"),
        pytest.param(SECRET.removeprefix("whsec_"), KEY, id="bare"),
        pytest.param(SECRET.rstrip("="), KEY, id="unpadded"),
        pytest.param("not base64!", b"not base64!", id="text"),
    ],
)
def test_standard_keys(secret: str, key: bytes) -> None:
    assert SCHEMES["standard-webhooks"].key(secret) == key


def test_equals_any_takes_bytes_of_any_kind() -> None:
    assert equals_any("ключ".encode(), [b"a", "ключ".encode()])
    assert not equals_any(b"", [b"a"])
    assert not equals_any(b"a", [])
