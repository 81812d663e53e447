"""What is kept of a body that could not be used holds no secret of its source, in whatever form the body showed it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from services.ingest.sources import configured
from services.settings import Settings, SourceSettings
from tests.security.leaks import leaks

SECRETS = {
    "as it stands": ('s3cret/with+slash=="\u00fc', 's3cret/with+slash=="\u00fc'),
    "the value of a header": ("X-Desk-Key: v4lue/of-header", "v4lue/of-header"),
    "the password of a user": ("crm-hook:pass/w0rd-of-crm", "pass/w0rd-of-crm"),
    "the second half": ("cl1ent-id&ap1-secret-half", "ap1-secret-half"),
    "without its prefix": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
}
WRITTEN = {
    "JSON": lambda shown: json.dumps({"note": shown}),
    "JSON, not escaped": lambda shown: json.dumps({"note": shown}, ensure_ascii=False),
    "JSON, slashes escaped": lambda shown: json.dumps({"note": shown}).replace("/", "\\/"),
    "a form": lambda shown: urlencode({"note": shown}),
    "an address": lambda shown: f"https://x.example/hook/{quote(shown, safe='')}",
    "base64": lambda shown: json.dumps({"auth": base64.b64encode(shown.encode()).decode()}),
    "text": lambda shown: f"<note>{shown}</note>",
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_kept_of_a_body_holds_no_secret(secret: str, written: str) -> None:
    declared, shown = SECRETS[secret]
    settings = Settings(sources={"s": SourceSettings(kind="standardwebhooks", secret_env=("S",))})
    source = configured(settings, {"S": declared}, print)["s"]
    body = WRITTEN[written](shown).encode()
    assert leaks(body, {"it": shown})
    kept = source.masked(body)
    assert leaks(kept, {"it": shown}) == []
    assert len(kept) == len(body)
    assert kept[:1] == body[:1]
