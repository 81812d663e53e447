"""Who may read and who may write: three tokens, none of them ever said back, and nothing written for a cookie."""

from __future__ import annotations

import logging

import httpx
import pytest
from fastapi import FastAPI

from services.api.access import COOKIE
from services.api.app import create_app
from services.api_settings import Tokens
from services.settings import ApiSettings, Settings
from services.settings_errors import ConfigError
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard

MINE = "/v1/controls/board/mine"
DECLARATION = {"title": "Mine", "tiles": [{"kpi": "nps", "windows": ["28d"]}]}
ENVIRON = {"READ": "r3ad-t0ken-of-the-wall", "EDIT": "3dit-t0ken-of-the-room", "CONTROL": "c0ntrol-t0ken-of-all"}
READ, EDIT, CONTROL = ENVIRON.values()
LONG, SAME = "long-enough-to-be-one", "the-same-for-both"


def app_with(*names: str) -> FastAPI:
    """The application with some of the three tokens."""
    fields = {"READ": "token_env", "EDIT": "edit_token_env", "CONTROL": "controls_token_env"}
    board = FakeBoard()
    return create_app(Settings(api=ApiSettings(**{fields[name]: name for name in names})), board, decisions=board, environ=ENVIRON)


def showing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.mark.parametrize(
    ("names", "token", "reads", "writes"),
    [
        pytest.param("", "", 200, 403, id="nothing set: open to read, nobody writes"),
        pytest.param("", "made-up", 200, 403, id="nothing set, whatever is shown"),
        pytest.param("READ", "", 401, 401, id="a token to read, not shown"),
        pytest.param("READ", READ, 200, 403, id="a token to read, shown: nobody writes"),
        pytest.param("EDIT", "", 200, 401, id="open to read, editing asks"),
        pytest.param("EDIT", "wrong", 200, 401, id="open to read, editing with a wrong one"),
        pytest.param("EDIT", EDIT, 200, 200, id="open to read, editing with the right one"),
        pytest.param("CONTROL", CONTROL, 200, 200, id="who may write controls may edit boards"),
        pytest.param("READ EDIT", READ, 200, 403, id="who may read may not write"),
        pytest.param("READ EDIT", EDIT, 200, 200, id="who may edit may read"),
        pytest.param("READ EDIT CONTROL", CONTROL, 200, 200, id="who may write controls may do all"),
        pytest.param("READ EDIT CONTROL", EDIT[:-1], 401, 401, id="nearly right"),
        pytest.param("READ EDIT CONTROL", EDIT + " x", 401, 401, id="more than right"),
        pytest.param("READ EDIT CONTROL", "pâte à choux", 401, 401, id="not even ASCII"),
    ],
)
async def test_a_token_allows_what_it_is_for_and_all_that_is_less(names: str, token: str, reads: int, writes: int) -> None:
    async with calling(app_with(*names.split())) as client:
        header = [(b"authorization", f"Bearer {token}".encode())] if token else []
        assert (await client.get("/v1/boards", headers=header)).status_code == reads
        put = await client.put(MINE, json=DECLARATION, headers=header)
        assert put.status_code == writes, put.text
        assert (await client.delete(MINE, headers=header)).status_code == writes


@pytest.mark.parametrize(
    ("names", "token", "says"),
    [
        pytest.param("", "", "api.edit_token_env", id="which setting to set"),
        pytest.param("READ", READ, "api.edit_token_env", id="which setting to set, reading asked for"),
        pytest.param("READ EDIT", READ, "this token may read", id="which token to show"),
        pytest.param("EDIT", "", "Authorization: Bearer", id="how to show it"),
    ],
)
async def test_a_refusal_says_what_to_do(names: str, token: str, says: str) -> None:
    async with calling(app_with(*names.split()), **showing(token)) as client:
        answer = await client.put(MINE, json=DECLARATION)
        assert says in answer.json()["detail"]
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_cookie_reads_and_never_writes(method: str) -> None:
    async with calling(app_with("READ", "EDIT")) as client:
        assert (await client.get("/wall/operations", params={"token": READ})).status_code == 303
        assert client.cookies[COOKIE]
        assert (await client.get("/v1/boards")).status_code == 200
        answer = await client.request(method, "/v1/controls/board/operations", json=DECLARATION)
        assert answer.status_code == 401
        assert "the cookie of a wall only reads" in answer.json()["detail"]
        again = await client.request(method, "/v1/controls/board/operations", json=DECLARATION, headers=showing(EDIT))
        assert again.status_code == 200


@pytest.mark.parametrize("token", [EDIT, CONTROL], ids=["edit", "controls"])
async def test_a_token_that_may_write_is_not_taken_from_an_address(token: str) -> None:
    async with calling(app_with("READ", "EDIT", "CONTROL")) as client:
        assert (await client.get("/wall/operations", params={"token": token})).status_code == 401


async def test_no_other_site_is_allowed_to_send_a_header_here() -> None:
    async with calling(app_with("EDIT"), Origin="https://elsewhere.test") as client:
        asked = await client.options(
            MINE, headers={"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
        )
        written = await client.put(MINE, json=DECLARATION, headers=showing(EDIT))
    assert asked.status_code == 405
    for answer in (asked, written):
        assert not any(name.startswith("access-control-") for name in answer.headers)


async def test_every_address_that_writes_asks_who_writes() -> None:
    """Whatever is added: an address that takes more than questions refuses who shows nothing."""
    app = app_with("EDIT")
    unsafe = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if method.upper() not in ("GET", "HEAD", "OPTIONS")
    }
    assert unsafe
    async with calling(app) as client:
        for method, path in unsafe:
            answer = await client.request(method, path.format(kind="board", id="mine"), json=DECLARATION)
            assert answer.status_code == 401, (method, path)


async def test_whether_boards_can_be_edited_is_told_to_the_page() -> None:
    for names, editable in (("READ", False), ("EDIT", True), ("CONTROL", True)):
        async with calling(app_with(names), **showing(ENVIRON[names])) as client:
            assert (await client.get("/v1/boards/operations")).json()["editable"] is editable


async def test_no_token_is_ever_said_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = app_with("READ", "EDIT", "CONTROL")
    texts: list[str] = []
    async with calling(app) as client:
        for token in (READ, EDIT, CONTROL):
            asked: list[httpx.Response] = [
                await client.get("/v1/boards", headers=showing(token + "x")),
                await client.get("/wall/operations", params={"token": token, "theme": "light"}),
                await client.get("/v1/figures", params={"token": token}, headers=showing(token)),
                await client.get(f"/v1/nothing/{'x'}", headers=showing(token)),
                await client.put(MINE, content=b"{", headers=showing(token)),
                await client.put(MINE, json={"title": "x"}, headers=showing(token)),
                await client.put(MINE, json=DECLARATION, headers=showing(token)),
                await client.get("/metrics", headers=showing(token)),
                await client.get("/openapi.json", headers=showing(token)),
            ]
            texts += [answer.text + str(answer.headers) for answer in asked]
    said = "\n".join(texts) + "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert not any(token in said for token in (READ, EDIT, CONTROL))
    assert READ not in repr(Tokens(READ, EDIT, CONTROL))
    assert str(Tokens(READ, None, None)) == "Tokens(read=True, edit=False, controls=False)"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({"READ": LONG + "a", "EDIT": LONG + "b"}, "CONTROL is not set", id="named and not set"),
        pytest.param({"READ": LONG + "a", "EDIT": " ", "CONTROL": LONG + "c"}, "EDIT is not set", id="named and blank"),
        pytest.param({"READ": SAME, "EDIT": LONG + "b", "CONTROL": SAME}, "a token of its own", id="who may read could write"),
    ],
)
def test_tokens_that_cannot_be_meant_stop_the_start(environ: dict[str, str], says: str) -> None:
    api = ApiSettings(token_env="READ", edit_token_env="EDIT", controls_token_env="CONTROL")
    with pytest.raises(ConfigError, match=says) as refused:
        create_app(Settings(api=api), FakeBoard(), environ=environ)
    assert "the-same" not in str(refused.value)


def test_a_short_token_is_taken_with_a_warning_that_names_its_variable(caplog: pytest.LogCaptureFixture) -> None:
    api = ApiSettings(token_env="READ", edit_token_env="EDIT")
    environ = {"READ": "pâte-à-choux-16x", "EDIT": f"  {'x' * 15}  "}
    assert api.tokens(environ) == Tokens(read="pâte-à-choux-16x", edit="x" * 15)
    create_app(Settings(api=api), FakeBoard(), environ=environ)
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "EDIT has fewer than 16 characters" in warning
    assert "xxx" not in warning
