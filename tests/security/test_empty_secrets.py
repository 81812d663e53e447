"""A secret that holds nothing lets nobody in: neither an empty one nor a prefix without a key, which anybody could sign with."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path

import pytest

from services.ingest.delivery import Delivery
from services.ingest.sources import Proof, configured
from services.settings import Settings, SourceSettings

NOW_MS = 1_772_450_000_000


@pytest.mark.parametrize("secret", ["", " ", "whsec_", " whsec_\n"])
def test_an_empty_secret_lets_nobody_in(secret: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(secret, encoding="utf-8")
    declared = SourceSettings(kind="standardwebhooks", secret_env=("S",), secret_file=(file,), token_env=("T",))
    environ = {"S": secret, "T": secret}
    assert len(declared.missing(environ)) == 3
    said: list[str] = []
    source = configured(Settings(sources={"shop": declared}), environ, said.append)["shop"]
    assert "shop" in "".join(said)
    assert not source.can_let_in
    body = json.dumps({"type": "ticket.created", "id": "e", "ticket_id": "1", "occurred_at": "2026-03-02T08:00:00Z"}).encode()
    at = b"%d" % (NOW_MS // 1000)
    for key in (b"", b"whsec_", secret.encode()):
        signature = b"v1," + base64.b64encode(hmac.digest(key, b"m." + at + b"." + body, "sha256"))
        headers = {b"webhook-id": b"m", b"webhook-timestamp": at, b"webhook-signature": signature}
        delivery = Delivery(headers=headers, body=body, received_at_ms=NOW_MS, method="POST")
        assert source.proof(delivery, None) is Proof.NONE
    assert source.proof(delivery, secret) is Proof.NONE
