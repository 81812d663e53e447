"""By which names an API without a read token may be called, and that a token makes the name of no account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.app import create_app
from services.api.hosts import is_loopback, name_in, names_of
from services.settings import ApiSettings, Settings, load_settings
from services.settings_errors import ConfigError
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard

ENVIRON = {"READ": "one-that-reads-it-all", "EDIT": "one-that-edits-boards"}
EVERYWHERE = ("/v1/kpis", "/", "/wall/operations", "/metrics", "/docs", "/static/wall.js", "/openapi.json", "/v1/nothing")


@pytest.mark.parametrize(
    ("api", "host", "status"),
    [
        pytest.param({}, "127.0.0.1:8081", 200, id="the address"),
        pytest.param({}, "localhost", 200, id="localhost"),
        pytest.param({}, "LocalHost.:18081", 200, id="localhost, another port, capitals, a dot"),
        pytest.param({}, "[::1]:8081", 200, id="the other family"),
        pytest.param({}, "pulse.localhost:8081", 200, id="below localhost"),
        pytest.param({}, "127.0.0.53", 200, id="another address of loopback"),
        pytest.param({}, "evil.test", 421, id="a name pointed here"),
        pytest.param({}, "evil.test:8081", 421, id="with the port"),
        pytest.param({}, "127.0.0.1.evil.test", 421, id="a name that begins like the address"),
        pytest.param({}, "localhost.evil.test", 421, id="a name that begins like localhost"),
        pytest.param({}, "notlocalhost", 421, id="a name that ends like localhost"),
        pytest.param({}, "evil.test@localhost", 421, id="a user"),
        pytest.param({}, "localhost:8081:80", 421, id="two ports"),
        pytest.param({}, "192.168.1.7", 421, id="an address that is not loopback"),
        pytest.param({}, "", 421, id="nothing"),
        pytest.param({"host": "localhost"}, "evil.test", 421, id="listening on localhost"),
        pytest.param({"host": "::1"}, "evil.test", 421, id="listening on the other family"),
        pytest.param({"allowed_hosts": ["pulse.example.com"]}, "Pulse.Example.com:443", 200, id="a name that is allowed"),
        pytest.param({"allowed_hosts": ["pulse.example.com"]}, "a.pulse.example.com", 421, id="below one that is allowed"),
        pytest.param({"allowed_hosts": ["2001:db8::7"]}, "[2001:db8::7]:8081", 200, id="an address that is allowed"),
        pytest.param({"edit_token_env": "EDIT"}, "evil.test", 421, id="a token to edit does not guard reading"),
        pytest.param({"host": "0.0.0.0"}, "evil.test", 200, id="listening everywhere, no names given"),
        pytest.param({"host": "10.1.2.3"}, "evil.test", 200, id="listening elsewhere, no names given"),
        pytest.param({"host": "0.0.0.0", "allowed_hosts": ["api"]}, "evil.test", 421, id="listening everywhere, names given"),
        pytest.param({"host": "0.0.0.0", "allowed_hosts": ["api"]}, "api:8081", 200, id="the name of a container"),
        pytest.param({"host": "0.0.0.0", "allowed_hosts": ["api"]}, "127.0.0.1:8081", 200, id="loopback beside names given"),
        pytest.param({"host": "pulse.lan", "allowed_hosts": ["api"]}, "pulse.lan:8081", 200, id="the host itself beside names given"),
    ],
)
async def test_without_a_read_token_a_name_must_be_ours(api: dict[str, object], host: str, status: int) -> None:
    app = create_app(Settings(api=ApiSettings(**api)), FakeBoard(), environ=ENVIRON)
    async with calling(app, Host=host) as client:
        assert (await client.get("/v1/kpis")).status_code == status
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_nothing_is_told_under_another_name_but_what_to_do(path: str) -> None:
    async with calling(create_app(Settings(), FakeBoard(), environ={}), Host="evil.test<b>") as client:
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        said = (await client.get(path)).json()
    assert said["title"] == "Misdirected Request"
    for way in ("127.0.0.1", "localhost", "api.allowed_hosts", "api.token_env"):
        assert way in said["detail"]


async def test_two_names_are_none() -> None:
    async with calling(create_app(Settings(), FakeBoard(), environ={})) as client:
        answer = await client.get("/v1/kpis", headers=[("Host", "localhost"), ("Host", "evil.test")])
    assert answer.status_code == 421


@pytest.mark.parametrize("allowed", [(), ("pulse.example.com",)], ids=["no names given", "names given"])
async def test_with_a_read_token_the_token_guards(allowed: tuple[str, ...]) -> None:
    api = ApiSettings(token_env="READ", allowed_hosts=allowed)
    async with calling(create_app(Settings(api=api), FakeBoard(), environ=ENVIRON), Host="evil.test") as client:
        assert (await client.get("/v1/kpis")).status_code == 401
        assert (await client.get("/v1/kpis", headers={"Authorization": f"Bearer {ENVIRON['READ']}"})).status_code == 200


@given(st.text(max_size=20), st.integers(0, 65_535))
def test_whatever_is_written_before_a_name_does_not_make_it_ours(before: str, port: int) -> None:
    names = names_of(ApiSettings())
    assert names is not None
    for host in (f"{before}evil.test", f"{before}evil.test:{port}", f"{before}@evil.test"):
        name = name_in(host)
        assert name not in names
        assert not is_loopback(name)


@pytest.mark.parametrize("written", ["https://pulse.example.com", "pulse.example.com:443", "pulse.example.com/", "*", ""])
def test_what_is_no_name_is_refused_at_the_start(written: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.allowed_hosts"):
        load_settings(None, {"DESKPULSE_CONFIG": "/dev/null", "DESKPULSE_API__ALLOWED_HOSTS": f'["{written}"]'})
