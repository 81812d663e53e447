"""`deskpulse sources test` without a broker: the sample of every kind, the answers of ingest, what takes the sample back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cli.app import run
from cli.sources_block import declared
from cli.sources_signing import signs_address
from cli.sources_trial import NotThrough, Ready, answer_of, answers, ready, withdrawals
from schemas.events import FactWithdrawn
from services.ingest.app import create_app
from services.ingest.providers import PROVIDERS
from services.ingest.sources import source_of
from services.settings import IngestSettings, Settings, SourceSettings
from tests.services.ingest.senders import Remembering

NOW_MS = 1_772_450_000_000
SECRET, TOKEN = "user:hush-hush-and-hush", "a-token-for-the-path"
ENVIRON = {"ONE_WEBHOOK_SECRET": SECRET, "ONE_WEBHOOK_TOKEN": TOKEN}


def settings_of(source: SourceSettings) -> Settings:
    """One source behind a public address."""
    return Settings(sources={"one": source}, ingest=IngestSettings(linger_ms=0, public_url="https://hooks.example.com/in"))


def sample_of(source: SourceSettings, environ: dict[str, str], unique: str = "abc123") -> Ready:
    """What would be sent."""
    built = source_of("one", source, settings_of(source), environ)
    return ready(built, source.secrets(environ), source.tokens(environ), unique, NOW_MS)


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
@pytest.mark.parametrize("way", ["as the kind does it", "token in the path"])
async def test_the_sample_of_every_kind_is_let_in_and_becomes_what_is_looked_for(kind: str, way: str) -> None:
    source = declared(PROVIDERS[kind], "one") if way != "token in the path" else SourceSettings(kind=kind, token_env=("ONE_WEBHOOK_TOKEN",))
    sample = sample_of(source, ENVIRON)
    publisher = Remembering()
    app = create_app(settings_of(source), publisher, lambda: NOW_MS, environ=ENVIRON, say=lambda text: None)
    query = f"?{sample.delivery.query.decode()}" if sample.delivery.query else ""
    headers = {name.decode(): value.decode() for name, value in sample.delivery.headers.items()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest") as client:
        answer = await client.request(sample.delivery.method, sample.path + query, content=sample.delivery.body, headers=headers)
    assert answer.status_code in (200, 202, 204), answer.text
    assert publisher.letters == []
    assert {(event.source, event.id) for event in publisher.events} == {(event.source, event.id) for event in sample.events}
    assert sample.events
    assert any("abc123" in str(event) for event in sample.events)


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_two_samples_are_about_different_things(kind: str) -> None:
    source = declared(PROVIDERS[kind], "one")
    one, other = ({event.id for event in sample_of(source, ENVIRON, unique).events} for unique in ("abc123", "def456"))
    assert one.isdisjoint(other)


def test_a_secret_of_another_form_is_told_with_the_form() -> None:
    source = SourceSettings(kind="zendesk", scheme=("basic-auth",), secret_env=("ONE_WEBHOOK_SECRET",))
    with pytest.raises(NotThrough, match="has not the form") as told:
        sample_of(source, {"ONE_WEBHOOK_SECRET": "hush-hush"})
    assert "hush-hush" not in str(told.value)


@pytest.mark.parametrize(
    ("schemes", "signs"),
    [
        pytest.param(["square"], True, id="the address is signed"),
        pytest.param(["square", "github"], False, id="one of two signs it"),
        pytest.param(["github"], False, id="the body alone"),
        pytest.param(["basic-auth"], False, id="shown"),
    ],
)
def test_which_proofs_are_bound_to_the_address(schemes: list[str], signs: bool) -> None:
    source = SourceSettings(kind="standardwebhooks", scheme=tuple(schemes), secret_env=("ONE_WEBHOOK_SECRET",))
    assert signs_address(source_of("one", source, settings_of(source), ENVIRON)) is signs


def test_every_event_of_the_sample_is_taken_back_by_its_id() -> None:
    events = sample_of(declared(PROVIDERS["zendesk"], "one"), ENVIRON).events
    back = withdrawals("one", events)
    assert [(type(event), event.of, event.source) for event in back if isinstance(event, FactWithdrawn)] == [
        (FactWithdrawn, event.id, "one") for event in events
    ]
    assert withdrawals("one", events) == back
    long = [event for event in events for _ in range(3)]
    assert len({event.id for event in withdrawals("one", long)}) == len(long)


# ---- the answers of ingest -------------------------------------------------------------------


@asynccontextmanager
async def ingest(response: web.Response, ready_status: int = 200) -> AsyncIterator[str]:
    """The address of an ingest that answers so."""
    app = web.Application()

    async def hook(request: web.Request) -> web.Response:
        return response

    async def readyz(request: web.Request) -> web.Response:
        return web.json_response({"detail": "cannot publish: no connection to Kafka"}, status=ready_status)

    app.router.add_post("/webhooks/{rest:.*}", hook)
    app.router.add_get("/readyz", readyz)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


def refusal(status: int, **body: object) -> web.Response:
    """A problem as ingest writes it."""
    return web.json_response({"status": status, **body}, status=status)


REFUSALS: Sequence[object] = [
    pytest.param(refusal(401, detail="wrong"), "started with the same secret in its environment", id="401"),
    pytest.param(refusal(503, detail="Kafka cannot acknowledge now"), "answers 503: Kafka cannot acknowledge now", id="503"),
    pytest.param(web.Response(status=502, text="<a>\x1b[31mbad gateway"), r"answers 502: <a>\x1b[31mbad gateway", id="a proxy's page"),
    pytest.param(web.json_response({"accepted": 0, "rejected": 2}, status=202), "deskpulse rejected list --source one", id="rejected"),
]


@pytest.mark.parametrize(("response", "says"), REFUSALS)
async def test_an_answer_that_is_no_yes_says_what_to_check(response: web.Response, says: str) -> None:
    sample = sample_of(SourceSettings(kind="zendesk", token_env=("ONE_WEBHOOK_TOKEN",)), ENVIRON)
    async with ingest(response) as base:
        with pytest.raises(NotThrough) as told:
            await answer_of(base, sample, "one")
    assert says in str(told.value)
    assert TOKEN not in str(told.value)


async def test_a_yes_with_any_body_is_a_yes() -> None:
    sample = sample_of(declared(PROVIDERS["zendesk"], "one"), ENVIRON)
    async with ingest(web.Response(status=200, text="<Ack>true</Ack>", content_type="text/xml")) as base:
        assert await answer_of(base, sample, "one") == (200, "<Ack>true</Ack>")


async def test_an_ingest_that_is_away_or_not_ready_is_told_before_anything_is_sent() -> None:
    with pytest.raises(NotThrough, match="start it with `deskpulse up`"):
        await answers("http://127.0.0.1:1")
    async with ingest(web.Response(), ready_status=503) as base:
        with pytest.raises(NotThrough, match="not ready: cannot publish: no connection to Kafka"):
            await answers(base)
    async with ingest(web.Response()) as base:
        await answers(base)


# ---- the command -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "secret", "code", "says"),
    [
        pytest.param("zen", "", 2, "cannot be tried yet: set the variable ZEN_SECRET", id="no secret"),
        pytest.param("zne", SECRET, 2, "there is no source zne; the nearest is zen", id="unknown source"),
        pytest.param("wrong", SECRET, 2, "sources.wrong.options", id="wrong options"),
        pytest.param("zen", SECRET, 1, "ingest does not answer at http://127.0.0.1:1", id="no ingest"),
    ],
)
def test_the_command_says_why_it_cannot_try(
    name: str, secret: str, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deskpulse.toml").write_text(
        '[ingest]\nport = 1\n[sources.zen]\nkind = "zendesk"\nsecret_env = ["ZEN_SECRET"]\n'
        '[sources.wrong]\nkind = "zendesk"\nsecret_env = ["ZEN_SECRET"]\noptions = { colour = 1 }\n'
    )
    monkeypatch.setenv("ZEN_SECRET", secret)
    assert run(["sources", "test", name]) == code
    said = capsys.readouterr()
    assert says in " ".join(said.err.split())
    assert SECRET not in said.out + said.err
