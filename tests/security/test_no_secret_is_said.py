"""No secret in any line, answer, page, metric, command's output or record, whatever is sent and whoever misplaces it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.app import run
from deploy.ports import free_ports
from schemas.topics import TOPICS
from services.kafka import read_partition
from services.settings import ApiSettings, Settings, as_environment, topic
from services.topics import partitions_of
from tests.security.conftest import KEY_VARIABLE, PASSWORD_VARIABLE, USER, Guarded, Through
from tests.security.leaks import leaks
from tests.security.running import Installation
from tests.security.secrets_everywhere import SOURCES, VARIABLES, WEBHOOKS, Said, ask_all, post_all, secrets

pytestmark = pytest.mark.broker
COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("sources", "list"),
    ("sources", "list", "--json"),
    ("topics", "--json"),
    ("rejected", "list"),
    ("rejected", "replay", "--dry-run", "--json"),
)


def test_no_secret_is_said_anywhere(
    guarded: Guarded, through: Through, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own = guarded.certificates
    [port] = free_ports(1)
    api = ApiSettings(port=port, token_env="READ_TOKEN", edit_token_env="EDIT_TOKEN", controls_token_env="CONTROLS_TOKEN")
    settings = through(
        "BOTH", {"sources": SOURCES, "api": api},
        protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-256", sasl_username=USER, sasl_password_env=PASSWORD_VARIABLE,
        ssl_certfile=own.locked, ssl_keyfile=own.locked_key, ssl_password_env=KEY_VARIABLE,
    )  # fmt: skip
    for name, value in {**as_environment(settings), **VARIABLES}.items():
        monkeypatch.setenv(name, value)
    installation = Installation(settings, VARIABLES, tmp_path / "log")
    with installation.up(), httpx.Client(timeout=30) as client:
        posted = post_all(settings, client)
        asked = ask_all(settings, client)
        assert [run([*arguments]) for arguments in COMMANDS] == [0, 0, 0, 0, 0, 0, 1]
        said = "".join(capfd.readouterr())
        run(["rejected", "list", "--json"])
        kept = json.loads(capfd.readouterr().out)["rejected"]
        for row in kept:
            for form in ([], ["--json"], ["--raw"]):
                run(["rejected", "show", row["id"], *form])
        metrics = client.get(f"http://127.0.0.1:{settings.aggregator.port}/metrics")
    said += "".join(capfd.readouterr()) + json.dumps(kept, ensure_ascii=False)
    records = asyncio.run(_records(settings))

    _reached_everything(posted, asked, kept, records)
    found = {f"{one.asked} ({one.status})": leaks(one.answer, secrets()) for one in (*posted, *asked)}
    found |= {f"the log: {line[:60]!r}": leaks(line, secrets()) for line in installation.log.read_bytes().splitlines()}
    found |= {f"a command: {line[:60]!r}": leaks(line.encode(), secrets()) for line in said.splitlines()}
    found["metrics of the aggregator"] = leaks(metrics.content, secrets())
    found |= {f"a record of {name}": leaks(record, secrets()) for name, all_of_it in records.items() for record in all_of_it}
    assert {where: what for where, what in found.items() if what} == {}


def _reached_everything(posted: list[Said], asked: list[Said], kept: list[dict[str, Any]], records: dict[str, list[bytes]]) -> None:
    """What was asked must have been answered, and what was sent must have been kept: else nothing was looked at."""
    good = {said.asked.removeprefix("good: "): said.status for said in posted if said.asked.startswith("good: ")}
    assert {kind: status for kind, status in good.items() if status >= 300} == {}
    assert set(good) == set(WEBHOOKS)
    refused = [said.status for said in posted if said.asked.startswith(("wrong signature", "not signed", "secret in"))]
    assert set(refused) == {401}
    assert {row["source"] for row in kept} >= {"standardwebhooks"}
    statuses = {said.asked: said.status for said in asked}
    assert statuses["/v1/figures with read"] == statuses["/v1/boards/operations with edit"] == 200
    assert statuses["/v1/kpis with wrong"] == 401
    assert statuses["/?token of read"] == 303
    assert statuses["board with edit"] in (200, 201, 422)
    assert all(records[name] for name in ("rejected", "controls", "sources", "events", "cells"))
    assert sorted({name for name in secrets() if leaks(secrets()[name].encode(), secrets())}) == sorted(secrets())


async def _records(settings: Settings) -> dict[str, list[bytes]]:
    """Every record of every topic: key, value and headers."""
    found: dict[str, list[bytes]] = {}
    for declared in TOPICS:
        found[declared.name] = [
            b"\n".join([record.key or b"", record.value or b"", *(name.encode() + value for name, value in record.headers)])
            for number in range(partitions_of(settings, declared))
            async for record in read_partition(settings, topic(settings, declared.name), number)
        ]
    return found
