"""`deskpulse sources` without a broker: what is listed, what is written, what a body becomes."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.app import run
from cli.sources_block import append, block, declared
from cli.sources_state import unusable
from cli.sources_translate import content_type_of
from deploy.render.source_page import by_token
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider
from services.ingest.sources import Credentials, Source, schemes_of
from services.settings import load_settings
from services.source_settings import SourceSettings

NOW_MS = 1_772_450_000_000
SECRET = "user:hush-hush-and-hush"
TICKET = {"type": "ticket.created", "id": "e1", "occurred_at": "2026-03-01T10:00:00Z", "ticket_id": "T-1", "channel": "email"}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESKPULSE_CONFIG", raising=False)


class Command:
    """`deskpulse …` in this process: its exit code, what it prints, and what it says beside."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run it."""
        self._capsys.readouterr()
        code = run(list(arguments))
        said = self._capsys.readouterr()
        return code, said.out, " ".join(said.err.split())


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line."""
    return Command(capsys)


def configure(text: str) -> None:
    """Write deskpulse.toml."""
    Path("deskpulse.toml").write_text(text, encoding="utf-8")


# ---- list and check --------------------------------------------------------------------------


def test_a_source_is_listed_with_its_address_its_proof_and_what_it_needs(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(
        '[ingest]\npublic_url = "https://hooks.example.com/in"\n'
        '[sources.zen]\nkind = "zendesk"\nsecret_env = ["ZEN_SECRET"]\n'
        '[sources.bus]\nkind = "cloudevents"\ntoken_env = ["BUS_TOKEN"]\n'
        '[sources.own]\nkind = "zendesk"\nsecret_env = ["OWN_SECRET"]\nurl = "https://x.example/y"\nsignature = { header = "X-Mine" }\n'
    )
    monkeypatch.setenv("OWN_SECRET", SECRET)
    code, out, _ = command("sources", "list", "--json")
    found = {row["source"]: (row["url"], row["proves"], row["needs"]) for row in json.loads(out)["sources"]}
    assert (code, "kinds" in json.loads(out)) == (0, False)
    assert found == {
        "zen": ("https://hooks.example.com/in/webhooks/zen", "zendesk or basic-auth", ["set the variable ZEN_SECRET"]),
        "bus": ("https://hooks.example.com/in/webhooks/bus", "bearer or token in the path", ["set the variable BUS_TOKEN"]),
        "own": ("https://x.example/y", "signature in X-Mine", []),
    }
    code, out, _ = command("sources", "list")
    assert code == 0
    assert "nothing, it is ready" in out
    assert SECRET not in out


def test_every_kind_is_listed_with_its_title(command: Command) -> None:
    code, out, said = command("sources", "list", "--kinds", "--json")
    assert (code, said) == (0, "")
    listed = {row["kind"]: row["title"] for row in json.loads(out)["kinds"]}
    assert listed == {kind: provider.title for kind, provider in PROVIDERS.items()}
    code, out, said = command("sources", "list", "--kinds")
    assert [kind for kind in PROVIDERS if kind not in out] == []
    assert "no sources yet" in said


WRONG = [
    pytest.param('kind = "zendes"\nsecret_env = ["S"]', "Did you mean zendesk?", 2, id="unknown kind"),
    pytest.param('kind = "zendesk"\nsecret_env = ["S"]\noptions = { colour = 1 }', "options of the kind zendesk", 2, id="unknown option"),
    pytest.param('kind = "zendesk"\nsecret_env = ["S"]\nscheme = ["rot13"]', "scheme: found 'rot13'", 2, id="unknown scheme"),
    pytest.param('kind = "zendesk"\nsecret_env = ["S", "T"]', "", 1, id="second secret missing"),
    pytest.param('kind = "zendesk"\nscheme = ["basic-auth"]\nsecret_env = ["NO_COLON"]', "", 1, id="secret of another form"),
    pytest.param('kind = "zendesk"\nsecret_env = ["S"]', "", 0, id="ready"),
    pytest.param('kind = "zendesk"\nscheme = ["square"]\nsecret_env = ["S"]', "set ingest.public_url", 0, id="the address is signed"),
]


@pytest.mark.parametrize(("lines", "says", "code"), WRONG)
def test_check_says_of_each_source_what_is_wrong(
    lines: str, says: str, code: int, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S", SECRET)
    monkeypatch.setenv("NO_COLON", "hush-hush-and-hush")
    configure(f"[sources.one]\n{lines}\n")
    found, out, said = command("check")
    assert found == code
    assert says in said
    assert "/webhooks/one" in out
    assert "hush-hush" not in out + said
    _, out, _ = command("check", "--json")
    [row] = json.loads(out)["sources"]
    assert (bool(row["problems"]), bool(row["needs"])) == (code == 2, code == 1)


def test_a_secret_alone_lets_nobody_in_where_the_sender_can_show_none() -> None:
    provider = msgspec.structs.replace(PROVIDERS["zendesk"], schemes=())
    secret, token = (SourceSettings(kind="zendesk", **{name: ("S",)}) for name in ("secret_env", "token_env"))

    def needs(settings: SourceSettings) -> list[str]:
        credentials = Credentials(secrets=settings.secrets({"S": SECRET}), tokens=settings.tokens({"S": SECRET}))
        source = Source("one", settings, provider, provider.options(), credentials, "http://one", schemes_of(settings, provider))
        return unusable(source, settings, {"S": SECRET})

    assert ["name a token" in need for need in needs(secret)] == [True]
    assert needs(token) == []


# ---- add -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_what_add_writes_is_ready_once_its_variable_is_set(kind: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = PROVIDERS[kind]
    code, out, _ = command("sources", "add", kind, "--write")
    assert code == 0
    [source] = tomllib.loads(Path("deskpulse.toml").read_text(encoding="utf-8"))["sources"].values()
    [variable] = source.get("secret_env", []) + source.get("token_env", [])
    assert f"set the variable {variable}" in out
    assert f"http://127.0.0.1:8080/webhooks/{kind}" in out
    assert "public_url" in out
    assert "{url}" not in out
    assert "{token_url}" not in out
    assert [line for line in provider.guide.template.splitlines() if line not in out] == []
    assert load_settings().sources[kind].kind == kind
    assert command("check")[0] == 1
    monkeypatch.setenv(variable, SECRET)
    assert command("check")[:1] == (0,)
    code, out, said = command("sources", "add", kind)
    assert (code, "hush-hush" in out + said) == (0, False)
    assert "is in the configuration already" in out


@pytest.mark.parametrize("kind", sorted(kind for kind, provider in PROVIDERS.items() if by_token(provider)))
def test_a_kind_that_cannot_sign_is_shown_the_address_with_the_name_of_the_token(kind: str, command: Command) -> None:
    _, out, _ = command("sources", "add", kind, "--name", "one", "--json")
    added = json.loads(out)
    assert added["token_url"] == "http://127.0.0.1:8080/webhooks/one/$ONE_WEBHOOK_TOKEN"
    assert tomllib.loads(added["block"]) == {"sources": {"one": {"kind": kind, "token_env": ["ONE_WEBHOOK_TOKEN"]}}}
    assert "openssl rand -hex 24" in command("sources", "add", kind)[1]


def test_without_write_nothing_is_written_and_the_address_is_the_public_one(command: Command) -> None:
    configure('[ingest]\npublic_url = "https://hooks.example.com"\n')
    before = Path("deskpulse.toml").read_bytes()
    code, out, _ = command("sources", "add", "zendesk", "--name", "zen-emea", "--json")
    added = json.loads(out)
    assert (code, added["url"], added["written"]) == (0, "https://hooks.example.com/webhooks/zen-emea", False)
    assert (added["reachable_from_outside"], added["page"]) == (True, "docs/sources/zendesk.md")
    assert any("https://hooks.example.com/webhooks/zen-emea" in click for click in added["clicks"])
    assert '["ZEN_EMEA_WEBHOOK_SECRET"]' in added["block"]
    assert Path("deskpulse.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["zendes"], "the nearest is zendesk", id="unknown kind"),
        pytest.param(["zendesk", "--name", "shop", "--write"], "there is a source shop already", id="name taken"),
        pytest.param(["zendesk", "--name", "shop"], "of kind standardwebhooks", id="name of another kind"),
        pytest.param(["zendesk", "--name", "a b"], "a name has", id="no name"),
    ],
)
def test_add_refuses_with_a_word(arguments: list[str], says: str, command: Command) -> None:
    configure('[sources.shop]\nkind = "standardwebhooks"\n')
    before = Path("deskpulse.toml").read_bytes()
    code, out, said = command("sources", "add", *arguments)
    assert (code, out) == (2, "")
    assert says in said
    assert Path("deskpulse.toml").read_bytes() == before


FILES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"time_zone = 'UTC'", id="no line end"),
    pytest.param(b"# ours\r\n[kafka]\r\npartitions = 4\r\n", id="lines of Windows"),
    pytest.param(b"[sources.a]\nkind = 'zendesk'\n# the end\n", id="another source"),
    pytest.param("[sources.a]\nkind = 'zendesk'\n[sources.a.options.team_names]\n'1' = 'Tëam'".encode(), id="tables below"),
]


@pytest.mark.parametrize("before", FILES)
def test_the_file_keeps_its_bytes_and_gains_one_source(before: bytes, tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_bytes(before)
    new = declared(PROVIDERS["zendesk"], "new")
    append(file, "new", block("new", new))
    after = file.read_bytes()
    assert after.startswith(before)
    parsed = tomllib.loads(after.decode())
    assert parsed["sources"].pop("new") == {"kind": "zendesk", "secret_env": ["NEW_WEBHOOK_SECRET"]}
    assert {key: value for key, value in parsed.items() if value} == tomllib.loads(before.decode())
    assert (b"\r\n" in before) == (b"\r\n" in after.removeprefix(before))


@pytest.mark.parametrize(
    ("before", "says"),
    [
        pytest.param(b"[kafka\n", "is not TOML", id="not TOML"),
        pytest.param(b"\xff", "is not UTF-8", id="not UTF-8"),
        pytest.param(b"sources = { a = { kind = 'zendesk' } }\n", "add the block by hand", id="sources on one line"),
        pytest.param(b"[sources.new]\nkind = 'zendesk'\n", "has a source new already", id="the name is taken"),
    ],
)
def test_a_file_that_cannot_take_the_block_is_left_alone(before: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_bytes(before)
    with pytest.raises(Exception, match=says):
        append(file, "new", block("new", declared(PROVIDERS["zendesk"], "new")))
    assert file.read_bytes() == before


# ---- translate -------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: str(provider.kind))
def test_the_sample_of_every_kind_is_translated(provider: Provider, command: Command) -> None:
    sample = provider.sample("abc123", NOW_MS)
    Path("body").write_bytes(sample.body)
    headers = [part for name, value in sample.headers.items() for part in ("--header", f"{name}: {value}")]
    code, out, said = command("sources", "translate", provider.kind, "body", *headers)
    events = json.loads(out)
    assert (code, said, bool(events)) == (0, "", True)
    assert {event["source"] for event in events} == {provider.kind}
    assert [event for event in events if "occurred_at" not in event or "received_at_ms" in event] == []


def translated(command: Command, body: bytes, *arguments: str, kind: str = "standardwebhooks") -> tuple[int, Any, str]:
    """The exit code, the events and what is said of a body in a file."""
    Path("body.json").write_bytes(body)
    code, out, said = command("sources", "translate", kind, "body.json", *arguments)
    return code, json.loads(out), said


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_whole_request_is_read_with_its_headers(end: str, command: Command) -> None:
    lines = [
        "POST /sink HTTP/1.1",
        "Host: a",
        "CE-Specversion: 1.0",
        "ce-type: ticket.solved",
        "ce-id: c1",
        "Content-Type: application/json",
    ]
    request = end.join([*lines, "", '{"ticket_id": "1"}']).encode()
    code, events, said = translated(command, request, kind="cloudevents")
    assert (code, said) == (0, "")
    assert [(event["type"], event["id"], event["ticket_id"]) for event in events] == [("ticket.solved", "c1", "1")]
    assert translated(command, request, "--header", "ce-id: c2", kind="cloudevents")[1][0]["id"] == "c2"


def test_what_is_ignored_is_said_and_nothing_is_wrong(command: Command) -> None:
    body = {"type": "zen:event-type:ticket.subject_changed", "id": "m", "time": "2026-03-01T10:00:00Z", "detail": {"id": "1"}, "event": {}}
    code, events, said = translated(command, json.dumps(body).encode(), kind="zendesk")
    assert (code, events) == (0, [])
    assert "ignored: ticket.subject_changed says nothing to a KPI" in said


def test_what_is_rejected_is_said_by_place_and_the_rest_is_printed(command: Command) -> None:
    code, events, said = translated(command, json.dumps([TICKET, {"type": "ticket.solved", "id": "e2"}]).encode())
    assert (code, [event["id"] for event in events]) == (1, ["e1"])
    assert said == "rejected: item 1: missing_field at /ticket_id: ticket.solved needs the field ticket_id"
    code, events, said = translated(command, b"{]")
    assert (code, events) == (1, [])
    assert said.startswith("rejected: not_json: ")
    code, events, said = translated(command, b"a=b", "--header", "Content-Type: text/plain")
    assert (code, events) == (1, [])
    assert said.startswith("rejected: wrong content type")


def test_the_headers_reach_the_translation(command: Command) -> None:
    body = json.dumps({name: value for name, value in TICKET.items() if name != "id"}).encode()
    _, [event], _ = translated(command, body, "--header", "Webhook-Id: msg_7", "--header", "x-other: a: b")
    assert event["id"] == "msg_7"


def test_the_query_reaches_the_translation(command: Command) -> None:
    body = PROVIDERS["servicemonster"].sample("abc", NOW_MS).body
    plain, told = (translated(command, body, *query, kind="servicemonster")[1:] for query in ((), ("--query", "?event=OnDeleted")))
    assert plain != told


def test_options_come_from_a_file_or_from_a_configured_source(command: Command, tmp_path: Path) -> None:
    detail = {"id": "1", "group_id": "77", "created_at": "2026-03-01T10:00:00Z"}
    body = {"type": "zen:event-type:ticket.created", "id": "m", "time": "2026-03-01T10:00:00Z", "detail": detail, "event": {}}
    Path("options.toml").write_text('[team_names]\n77 = "billing"\n', encoding="utf-8")
    _, [event], _ = translated(command, json.dumps(body).encode(), "--options", "options.toml", kind="zendesk")
    assert (event["team"], event["source"]) == ("billing", "zendesk")
    configure('[sources.zen]\nkind = "zendesk"\n[sources.zen.options.team_names]\n77 = "sales"\n')
    code, out, _ = command("sources", "translate", "--source", "zen", "body.json")
    [event] = json.loads(out)
    assert (code, event["team"], event["source"]) == (0, "sales", "zen")


def test_standard_input_is_read(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(TICKET).encode())))
    code, out, _ = command("sources", "translate", "standardwebhooks", "-")
    assert (code, [event["ticket_id"] for event in json.loads(out)]) == (0, ["T-1"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["zendes", "body.json"], "the nearest is zendesk", id="unknown kind"),
        pytest.param(["zendesk", "nowhere.json"], "nowhere.json cannot be read", id="no file"),
        pytest.param(["zendesk"], "give the kind and the file", id="one argument"),
        pytest.param(["zendesk", "body.json", "--header", "nonsense"], "a header is written as", id="no header"),
        pytest.param(["zendesk", "body.json", "--options", "nowhere.toml"], "nowhere.toml cannot be read", id="no options"),
        pytest.param(["zendesk", "body.json", "--options", "body.json"], "body.json is not TOML", id="options are no TOML"),
        pytest.param(["zendesk", "body.json", "--options", "wrong.toml"], "options of the kind zendesk", id="unknown option"),
        pytest.param(["--source", "zen", "body.json"], "there is no source zen", id="unknown source"),
        pytest.param(["zendesk", "body.json", "--source", "own"], "the source own is of kind standardwebhooks", id="another kind"),
    ],
)
def test_wrong_use_of_translate_is_exit_2(arguments: list[str], says: str, command: Command) -> None:
    Path("body.json").write_text("{}", encoding="utf-8")
    Path("wrong.toml").write_text("colour = 1\n", encoding="utf-8")
    configure('[sources.own]\nkind = "standardwebhooks"\n')
    code, out, said = command("sources", "translate", *arguments)
    assert (code, out) == (2, "")
    assert says in said


@pytest.mark.parametrize(
    ("file", "body", "expected"),
    [
        pytest.param("a.json", b"a=b", "application/json", id="json by name"),
        pytest.param("a.XML", b"{}", "text/xml", id="xml by name"),
        pytest.param("a.ndjson", b"{}", "application/x-ndjson", id="lines by name"),
        pytest.param("a.txt", b" \n{}", "application/json", id="json by its looks"),
        pytest.param("-", b"<?xml?><a/>", "text/xml", id="xml by its looks"),
        pytest.param("a.txt", b"Sid=EV1&EventType=task.created&Empty=\n", "application/x-www-form-urlencoded", id="form by its looks"),
        pytest.param("a.txt", b"POST /x HTTP/1.1\na: b=c\n", "application/json", id="no form"),
        pytest.param("a.txt", b"", "application/json", id="empty"),
    ],
)
def test_the_content_type_is_told_by_name_and_looks(file: str, body: bytes, expected: str) -> None:
    assert content_type_of(file, body) == expected
