"""An installation that has a secret of its own for everything that takes one, and whoever misplaces them wherever people do."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import httpx
import msgspec

from cli.sources_signing import delivery_of_sample, signed
from services.ingest.providers import PROVIDERS
from services.ingest.sources import configured
from services.settings import Settings, SourceSettings
from tests.security.certificates import KEY_PASSWORD
from tests.security.conftest import KEY_VARIABLE, PASSWORD, PASSWORD_VARIABLE

_KEY = bytes(range(7, 39))
WEBHOOKS: Mapping[str, str] = {
    "standardwebhooks": "whsec_" + base64.b64encode(_KEY).decode(),
    "zendesk": "emVuZGVzay1zZWNyZXQtOTE3Mw==",
    "stripe": "whsec_str1peS3cretOf77Tests",
    "github": "g1thub/secret+of&tests=82",
    "freshdesk": "X-Desk-Key: fr3sh-desk/key+5521",
    "pipedrive": "crm-hook:p1pe:drive-passw0rd",
    "aircall": "a1rcall-token-c0ffee-4471",
    "zoho_crm": "z0ho/token-with-slashes/9920",
    "surveymonkey": "cl1ent-id-661&m0nkey-api-secret",
    "twilio": "tw1lio-auth-token-3310ab",
    "cloudevents": "b3arer-of-cloud-events-7",
}
PATH_TOKEN = "p4th-t0ken-in-the-address-15"
READ, EDIT, CONTROLS = "r3ad-token-Kq82-wall", "3dit-token-Vb77-board", "c0ntrols-token-Xe31-all"
OLD = "whsec_" + base64.b64encode(_KEY[::-1]).decode()


def variable(kind: str) -> str:
    """Where the secret of a kind is."""
    return f"{kind.upper()}_SECRET"


SOURCES = {
    **{kind: SourceSettings(kind=kind, secret_env=(variable(kind),)) for kind in WEBHOOKS},
    "standardwebhooks": SourceSettings(
        kind="standardwebhooks", secret_env=(variable("standardwebhooks"), "OLD_SECRET"), token_env=("PATH_TOKEN",)
    ),
}
VARIABLES = {
    **{variable(kind): secret for kind, secret in WEBHOOKS.items()},
    "OLD_SECRET": OLD,
    "PATH_TOKEN": PATH_TOKEN,
    "READ_TOKEN": READ,
    "EDIT_TOKEN": EDIT,
    "CONTROLS_TOKEN": CONTROLS,
    PASSWORD_VARIABLE: PASSWORD,
    KEY_VARIABLE: KEY_PASSWORD,
}


def secrets() -> dict[str, str]:
    """What must nowhere be said, by the name of its variable; of what is shown in parts, the part that lets in."""
    parts = {
        "FRESHDESK_SECRET": "fr3sh-desk/key+5521",
        "PIPEDRIVE_SECRET": "p1pe:drive-passw0rd",
        "SURVEYMONKEY_SECRET": "m0nkey-api-secret",
        "STANDARDWEBHOOKS_SECRET": WEBHOOKS["standardwebhooks"].removeprefix("whsec_"),
        "OLD_SECRET": OLD.removeprefix("whsec_"),
    }
    return {**VARIABLES, **parts}


class Said(NamedTuple):
    """One request, in words that hold no secret, and its whole answer."""

    asked: str
    status: int
    answer: bytes


def deliveries(settings: Settings) -> Iterator[tuple[str, str, str, dict[str, str], bytes]]:
    """(what, source, query, headers, body): of each kind good ones, bad ones, and ones with the secret where it does not belong."""
    sources = configured(settings, VARIABLES, lambda text: None)
    for kind, secret in WEBHOOKS.items():
        source = sources[kind]
        sample = delivery_of_sample(PROVIDERS[kind], f"s{kind}", time.time_ns() // 1_000_000)
        good = signed(source, [secret], sample)
        assert good is not None, kind
        headers, body = {name.decode(): value.decode() for name, value in good.headers.items()}, good.body
        query = good.query.decode()
        yield "good", kind, query, headers, body
        wrong = {name: value if name in ("content-type", "user-agent") else value[::-1] for name, value in headers.items()}
        yield "wrong signature", kind, query, wrong, body.replace(secret.encode(), b"wrong")
        yield "not signed", kind, "", {"content-type": "application/json"}, b"{}"
        yield "secret in the query", kind, str(httpx.QueryParams({"secret": secret, "token": secret})), wrong, b"{}"
        yield "secret in headers", kind, "", {**wrong, "x-secret": secret, "authorization": f"Token {secret}"}, b"{}"
        yield "secret in the body, not signed", kind, "", wrong, msgspec.json.encode({"secret": secret, "type": secret})
        unusable = signed(source, [secret], msgspec.structs.replace(sample, body=_unusable(kind, secret)))
        if unusable is not None:
            shown = {name.decode(): value.decode() for name, value in unusable.headers.items()}
            body = unusable.body.replace(b"/", b"\\/") if kind == "zoho_crm" else unusable.body  # its sender escapes slashes
            yield "signed, of no use, secret in the body", kind, unusable.query.decode(), shown, body


def _unusable(kind: str, secret: str) -> bytes:
    """What a sender that is set up wrongly might send: signed, and with its own secret in a field of the text."""
    shown = secret.partition(": ")[2] or secret
    if kind == "twilio":
        return str(httpx.QueryParams({"EventType": "task.created", "Secret": shown})).encode()
    said = {"type": "ticket.created", "id": "x", "secret": shown, "event_type": "x", "ticket": {"id": 7, "note": shown}}
    return msgspec.json.encode(said)


def post_all(settings: Settings, client: httpx.Client) -> list[Said]:
    """Every delivery, and addresses with tokens in them, right and wrong ones."""
    found = []
    base = f"http://127.0.0.1:{settings.ingest.port}"
    for what, source, query, headers, body in deliveries(settings):
        answer = client.post(f"{base}/webhooks/{source}{'?' if query else ''}{query}", headers=headers, content=body)
        found.append(_said(f"{what}: {source}", answer))
    event = {"type": "ticket.created", "id": "p1", "ticket_id": "p1", "occurred_at": "2026-03-02T08:00:00Z"}
    for what, path, body in (
        ("good", f"standardwebhooks/{PATH_TOKEN}", msgspec.json.encode(event)),
        ("bad event", f"standardwebhooks/{PATH_TOKEN}", msgspec.json.encode({**event, "occurred_at": PATH_TOKEN, "team": OLD})),
        ("no JSON", f"standardwebhooks/{PATH_TOKEN}", f"<a>{PATH_TOKEN}</a>".encode()),
        ("wrong", f"standardwebhooks/{PATH_TOKEN}x", b"{}"),
        ("of another source", f"zendesk/{PATH_TOKEN}", b"{}"),
        ("of no source", f"{PATH_TOKEN}", b"{}"),
        ("too deep", f"standardwebhooks/{PATH_TOKEN}/more", b"{}"),
    ):
        found.append(
            _said(f"path token, {what}", client.post(f"{base}/webhooks/{path}", content=body, headers={"content-type": "application/json"}))
        )
        found.append(_said(f"path token, GET, {what}", client.get(f"{base}/webhooks/{path}")))
    for path in ("/openapi.json", "/docs", "/metrics", "/readyz", "/healthz", f"/{PATH_TOKEN}", f"/docs/{OLD}"):
        found.append(_said(f"ingest {path[:6]}", client.get(base + path)))
    return found


PAGES = ("/", "/wall", "/wall/operations", "/docs", "/openapi.json", "/metrics", "/metrics/agents", "/readyz", "/healthz")
DATA = ("/v1/figures", "/v1/sources", "/v1/kpis", "/v1/boards", "/v1/boards/operations", "/v1/controls", "/v1/spikes", "/v1/nothing")
BOARD = {"title": "Ours", "tiles": [{"kpi": "issues_created", "windows": ["1h"], "title": "", "target": None, "watch": None, "dims": {}}]}


def ask_all(settings: Settings, client: httpx.Client) -> list[Said]:
    """Every page and answer, with each token in each place where one is shown or misplaced."""
    base = f"http://127.0.0.1:{settings.api.port}"
    found = []
    for name, token in {"read": READ, "edit": EDIT, "controls": CONTROLS, "wrong": "wr0ng"}.items():
        client.cookies.clear()  # of the wall that was opened with the token before
        for path in (*PAGES, *DATA):
            found.append(_said(f"{path} with {name}", client.get(base + path, headers={"authorization": f"Bearer {token}"})))
            found.append(_said(f"{path}?token of {name}", client.get(f"{base}{path}?token={token}")))
        found.append(_said(f"Basic with {name}", client.get(f"{base}/v1/kpis", auth=("u", token))))
        found.append(_said(f"cookie of {name}", client.get(f"{base}/v1/kpis", headers={"cookie": f"deskpulse_token={token}"})))
        found.append(_said(f"path of {name}", client.get(f"{base}/v1/boards/{token}", headers={"authorization": f"Bearer {READ}"})))
        for board in (BOARD, {**BOARD, "tiles": [{"kpi": "x"}]}, {"title": 3}):
            put = client.put(f"{base}/v1/controls/board/ours", json=board, headers={"authorization": f"Bearer {token}"})
            found.append(_said(f"board with {name}", put))
    return found


def _said(asked: str, answer: httpx.Response) -> Said:
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
    return Said(asked, answer.status_code, head.encode() + b"\n\n" + answer.content)
