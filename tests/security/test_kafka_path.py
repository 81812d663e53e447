"""Through secured doors of a real broker as through open ones: what is posted comes out in the figures, and all commands work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import pytest

from cli.app import run
from cli.company import signing
from services.settings import Settings, SourceSettings, as_environment
from tests.security.certificates import KEY_PASSWORD
from tests.security.conftest import KEY_VARIABLE, PASSWORD, PASSWORD_VARIABLE, USER, Guarded, Through
from tests.security.running import Installation

pytestmark = pytest.mark.broker
EVENTS = 40
SOURCES = {"desk": SourceSettings(kind="standardwebhooks", secret_env=("DESK_SECRET",))}
WRONG = "n0t-the-p4ssword-77"


def with_password(guarded: Guarded) -> tuple[str, dict[str, Any]]:
    """A user with SCRAM, who reads no certificate of ours."""
    return "PASSWORD", {
        "protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": USER, "sasl_password_env": PASSWORD_VARIABLE,
    }  # fmt: skip


def with_certificate(guarded: Guarded) -> tuple[str, dict[str, Any]]:
    """A certificate whose key has a password."""
    own = guarded.certificates
    return "MUTUAL", {"ssl_certfile": own.locked, "ssl_keyfile": own.locked_key, "ssl_password_env": KEY_VARIABLE}


@pytest.mark.parametrize("way", [with_password, with_certificate])
def test_what_is_posted_comes_out_in_the_figures(
    guarded: Guarded, through: Through, tmp_path: Path, way: Callable[[Guarded], tuple[str, dict[str, Any]]]
) -> None:
    door, security = way(guarded)
    settings = through(door, {"sources": SOURCES}, **security)
    secret = signing.secret_for("standardwebhooks", SystemRandom())
    installation = Installation(
        settings, {PASSWORD_VARIABLE: PASSWORD, KEY_VARIABLE: KEY_PASSWORD, "DESK_SECRET": secret}, tmp_path / "log"
    )
    events = tmp_path / "events.jsonl"
    now = datetime.now(UTC).isoformat()
    rows = [{"type": "ticket.created", "id": f"e{n}", "ticket_id": f"t{n}", "occurred_at": now} for n in range(EVENTS)]
    events.write_text("\n".join(json.dumps(row) for row in [*rows, {"type": "ticket.created", "id": "bad"}]), encoding="utf-8")

    if way is with_password:
        assert installation.command("topics").returncode == 0
    with installation.up():
        assert installation.command("send", str(events)).returncode == 1  # the last one is refused
        _until_created(settings, EVENTS)
        if way is with_password:  # the same client reads for them, whichever way it came in
            audited = installation.command("audit", "--json")
            assert (audited.returncode, json.loads(audited.stdout)["differences"]) == (0, [])
            kept = json.loads(installation.command("rejected", "list", "--json").stdout)
            assert [row["source"] for row in kept["rejected"]] == ["desk"]
    assert b"Traceback" not in installation.log.read_bytes()


@pytest.mark.parametrize(
    "command", [["ingest"], ["aggregator"], ["api"], ["up"], ["topics"], ["audit"], ["rejected", "list"]], ids=" ".join
)
def test_whoever_has_the_wrong_password_ends_with_exit_2_and_the_name_of_the_setting(
    guarded: Guarded, through: Through, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: list[str]
) -> None:
    door, security = with_password(guarded)
    settings = through(door, {"sources": SOURCES}, **security)
    for name, value in {**as_environment(settings), PASSWORD_VARIABLE: WRONG, "DESK_SECRET": "whsec_AAAA"}.items():
        monkeypatch.setenv(name, value)
    assert run(command) == 2
    out, said = capfd.readouterr()
    assert "kafka.security.sasl_password_env: found a password that is not the one of 'deskpulse'" in said
    assert WRONG not in out + said
    assert "Traceback" not in said


def _until_created(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        answer = httpx.get(f"http://127.0.0.1:{settings.api.port}/v1/figures", params={"kpi": "issues_created", "window": "1h"}, timeout=20)
        if answer.status_code == 200 and [figure["value"] for figure in answer.json()["figures"]] == [count]:
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
