"""Links of the pages lead somewhere, their configuration is accepted, and their signed request is one that ingest lets in."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from cli.app import COMMANDS
from kpis.catalogue import KPIS
from services.ingest.delivery import Delivery
from services.ingest.providers import standardwebhooks
from services.ingest.sources import Proof, source_of
from services.settings import Settings, load_settings
from services.source_settings import SourceSettings
from tests.conftest import REPOSITORY
from tests.docs.pages import blocks, every_page, links
from tests.faults.troubles import TROUBLES

SIGNED = ("README.md", "docs/adding-an-event-source.md")
SECRET = "whsec_YSBrZXkgdGhhdCBpcyBvbmx5IGZvciB0aGlzIHRlc3Q="
CURL = 'curl() { for each in "$@"; do printf "%s\\n" "$each"; done; }\n'
"""Stands for curl: prints what it was asked to send, one argument a line."""


@pytest.mark.parametrize("page", every_page(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs" / "adr").glob("*.md")), ids=lambda page: page.stem)
def test_a_decision_fits_on_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert [part for part in ("## Context", "## Decision", "## Consequences") if part not in text] == []


@pytest.mark.parametrize("page", SIGNED)
def test_the_signed_request_of_the_page_is_let_in(page: str) -> None:
    [block] = [block for block in blocks(page, "sh") if "webhook-signature" in block]
    if (shell := shutil.which("sh")) is None or shutil.which("openssl") is None:
        pytest.skip("no sh or no openssl on this machine")
    environ = {"SHOP_WEBHOOK_SECRET": SECRET, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    ran = subprocess.run([shell, "-eu", "-c", CURL + block], env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert ran.stderr == ""
    said = ran.stdout.splitlines()
    assert "http://127.0.0.1:8080/webhooks/shop" in said
    headers = dict(said[i + 1].split(": ", 1) for i, argument in enumerate(said) if argument == "-H")
    delivery = Delivery(
        headers={name.encode(): value.encode() for name, value in headers.items()},
        body=said[said.index("--data-binary") + 1].encode(),
        signed_body=None,
        query=b"",
        received_at_ms=time.time_ns() // 1_000_000,
    )
    shop = SourceSettings(kind="standardwebhooks", secret_env=("SHOP_WEBHOOK_SECRET",))
    source = source_of("shop", shop, Settings(), {"SHOP_WEBHOOK_SECRET": SECRET})
    assert source.proof(delivery, None) is Proof.TIMED
    [event] = standardwebhooks.PROVIDER.translate(delivery, None).items
    assert (event["type"], event["id"]) == ("ticket.created", headers["webhook-id"])


def test_the_configuration_of_the_page_is_accepted(tmp_path: Path) -> None:
    [block] = blocks("docs/adding-an-event-source.md", "toml")
    assert block in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (tmp_path / "deskpulse.toml").write_text(block, encoding="utf-8")
    settings = load_settings(tmp_path / "deskpulse.toml", {"SHOP_WEBHOOK_SECRET": SECRET})
    assert settings.sources["shop"].missing({"SHOP_WEBHOOK_SECRET": SECRET}) == ()
    assert settings.sources["shop"].missing({}) == ("set the variable SHOP_WEBHOOK_SECRET",)


def test_the_calendar_of_the_readme_is_accepted(tmp_path: Path) -> None:
    [block] = blocks("README.md", "toml")
    (tmp_path / "deskpulse.toml").write_text(block, encoding="utf-8")
    assert list(load_settings(tmp_path / "deskpulse.toml", {}).calendars) == ["default"]


def test_the_readme_opens_with_its_two_commands() -> None:
    first = blocks("README.md", "sh")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]


def test_the_proof_names_every_trouble_and_what_the_short_run_strikes() -> None:
    text = (REPOSITORY / "docs" / "proof.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|[^|]+\|[^|]+\| `([a-z ]+)` \| (✓?) ?\|$", text, re.MULTILINE)
    assert {name: mark == "✓" for name, mark in rows} == {trouble.name: trouble.short for trouble in TROUBLES}


@pytest.mark.parametrize("page", ["proof.md", "architecture.md"])
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:tests|kpis|services|cli|schemas)/[\w/]+(?:\.py|/)", text))
    assert named
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []


def test_the_changelog_counts_the_kpis_and_names_every_command() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"- {len(KPIS)} KPIs" in text
    assert [command.name for command in COMMANDS if command.name not in text] == []
