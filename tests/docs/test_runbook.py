"""The runbook answers every alert, and what it tells somebody to type, open or look at exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import typer
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from typer.core import TyperGroup

from cli.app import app
from deploy.render.alerts import Alert
from deploy.render.rules import SHIPPED, every_alert
from kpis.catalogue import KPIS
from services.api.app import create_app
from services.settings import Settings, TargetSettings
from tests.conftest import REPOSITORY
from tests.deploy.grafana.serving import AGENTS_PATH, API_PATH, AggregatorGoingOn, ingest_goes_on, ingest_metrics, told_board
from tests.docs.pages import anchors, links_with_anchors
from tests.services.api.calling import calling

RUNBOOK = REPOSITORY / "docs" / "runbook.md"
PAGES = tuple(REPOSITORY / "docs" / name for name in ("runbook.md", "wall.md", "operations.md", "architecture.md"))
COMMANDED = PAGES[:3]
ANSWERS = ("For customers", "Look first", "Do first", "Usually", "Over by itself", "Threshold", "Tried")
"""What somebody who was just woken up asks, in this order; a family of alerts may answer in common."""
LIMITED = [kpi.id for kpi in KPIS if "now" in kpi.windows and kpi.better == "down"]
EVERY_TARGET = SHIPPED.model_copy(
    update={"targets": {**SHIPPED.targets, **{name: TargetSettings(within=600) for name in LIMITED}}},
)
"""Settings with a limit on every KPI that can have one: every alert that an installation may send."""
ALERTS = every_alert(EVERY_TARGET, KPIS)
_TOLD_APART = {"info": "Information"}
_SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_FAMILY = re.compile(r"^## [^\n]+\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)(/[\w/.-]*)?")
_PORTS_OF_OTHERS = {"9090", "9093", "3000"}


def text_of(page: Path) -> str:
    """A page."""
    return page.read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """The text below each alert's heading, with what its family says in common."""
    text = text_of(RUNBOOK)
    out = {}
    for family in re.split(r"^(?=## )", text, flags=re.MULTILINE):
        common = _FAMILY.match(family)
        for name, own in _SECTION.findall(family):
            out[name] = f"{own}\n{common[1] if common else ''}"
    return out


def code(page: Path) -> Iterator[str]:
    """Every line of code of a page, in blocks and in sentences; comments are left out."""
    for block, inline in _CODE.findall(text_of(page)):
        for line in (block or inline).splitlines():
            yield re.sub(r"\s{2,}#.*|^#.*", "", line).strip()


def commands(page: Path) -> list[str]:
    """What a page tells somebody to type into `deskpulse`, each without the word itself."""
    lines = {rest for line in code(page) for rest in re.findall(r"(?:^|\s)deskpulse\s+([a-z…][^>|&;]*)", line)}
    return sorted(line.strip() for line in lines if not line.startswith("…"))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert.name))
def test_every_alert_has_a_section_that_answers(alert: Alert) -> None:
    section = sections().get(alert.name)
    assert section is not None, f"docs/runbook.md has no section ### {alert.name}"
    assert [answer for answer in ANSWERS if f"**{answer}:**" not in section] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert.name))
def test_a_section_says_how_severe_it_is_and_after_how_long(alert: Alert) -> None:
    own = sections()[alert.name].strip()
    first = own.split("\n\n")[0]
    assert first.startswith(_TOLD_APART.get(alert.severity, alert.severity.capitalize()))
    wanted = f"{alert.lasts.removesuffix('m')} min" if alert.lasts else "at once"
    assert wanted in first


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    assert [name for name in sections() if name not in {alert.name for alert in ALERTS}] == []


@pytest.mark.parametrize("file", sorted((REPOSITORY / "deploy" / "prometheus").rglob("*.yml")), ids=lambda file: str(file.name))
def test_the_link_in_a_message_leads_to_a_section(file: Path) -> None:
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    urls = [rule["annotations"]["runbook_url"] for group in read.get("groups", []) for rule in group.get("rules", []) if "alert" in rule]
    places = [url.partition("#") for url in urls]
    assert [place for place in places if place[0] != "docs/runbook.md" or place[2] not in anchors(RUNBOOK)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    wrong = []
    for target, anchor in links_with_anchors(page):
        file = (page.parent / target) if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            wrong.append(f"{target}#{anchor}")
    assert wrong == []


@pytest.mark.parametrize(
    ("page", "line"), [(page, line) for page in COMMANDED for line in commands(page)], ids=lambda one: getattr(one, "name", one)
)
def test_a_command_of_the_page_exists_with_these_options(page: Path, line: str) -> None:
    assert unknown(line) == []


def test_a_command_that_does_not_exist_is_found_out() -> None:
    assert unknown("rejected lst") == ["there is no deskpulse rejected lst"]
    assert unknown("rejected list --newest 3") == ["deskpulse rejected list has no --newest"]
    assert unknown("explain escalation_rat --window 24h") == ["there is no KPI escalation_rat"]
    assert unknown("explain escalation_rate --window 24d") == ["escalation_rate has no window 24d"]


def unknown(line: str) -> list[str]:
    """What of a line (without the word `deskpulse`) names no command, option, KPI or window."""
    words = line.split()
    command: Any = typer.main.get_command(app)
    path = "deskpulse"
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        word = words.pop(0)
        found = command.get_command(typer.Context(command), word)
        if found is None:
            return [f"there is no {path} {word}"]
        path, command = f"{path} {word}", found
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    wrong = [f"{path} has no {word}" for word in words if word.startswith("--") and word not in {*options, "--help"}]
    windows = {kpi.id: kpi.windows for kpi in KPIS}
    named = [word for before, word in zip(["", *words], words, strict=False) if before == "--kpi"]
    if path in ("deskpulse explain", "deskpulse kpis") and words and words[0].islower():
        named.append(words[0])
    for kpi in named:
        if kpi not in windows:
            wrong.append(f"there is no KPI {kpi}")
    for before, word in zip(["", *words], words, strict=False):
        if before == "--window" and named and named[-1] in windows and word not in windows[named[-1]]:
            wrong.append(f"{named[-1]} has no window {word}")
    return wrong


async def _families() -> set[str]:
    """The names of everything that the services tell a Prometheus."""
    metrics = ingest_metrics()
    ingest_goes_on(metrics)
    texts = [generate_latest(metrics.registry).decode(), AggregatorGoingOn().look()]
    async with calling(create_app(Settings(), told_board(), environ={})) as client:
        texts += [(await client.get(path)).text for path in (API_PATH, AGENTS_PATH)]
    only_while_parts_are_left_out = {"deskpulse_series_suppressed"}
    return only_while_parts_are_left_out | {
        sample.name for text in texts for family in text_string_to_metric_families(text) for sample in family.samples
    }


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.name))
async def test_every_metric_of_the_page_is_told_by_a_service(page: Path) -> None:
    named = set(re.findall(r"\bdeskpulse_[a-z_0-9]+\b", text_of(page)))
    assert sorted(named - await _families()) == []


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.name))
def test_every_query_of_the_page_is_promql(page: Path) -> None:
    for line in code(page):
        if re.search(r"\bdeskpulse_\w+", line) and not line.startswith(("deskpulse ", "curl ", "/")):
            promql.parse(line)


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.name))
async def test_every_address_of_the_page_is_served(page: Path) -> None:
    named = {(port, path or "/") for port, path in _ADDRESS.findall(text_of(page)) if port not in _PORTS_OF_OTHERS}
    others = {(str(section.port), path) for section in (SHIPPED.ingest, SHIPPED.aggregator) for path in ("/healthz", "/readyz", "/metrics")}
    async with calling(create_app(SHIPPED, told_board(), environ={})) as client:
        of_api = {path for port, path in named if port == str(SHIPPED.api.port)}
        answered = {path for path in of_api if (await client.get(path, follow_redirects=True)).status_code != 404}
    assert sorted(named - others - {(str(SHIPPED.api.port), path) for path in answered}) == []


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.name))
def test_every_setting_of_the_page_exists(page: Path) -> None:
    wrong = []
    for section, name in re.findall(r"`(api|ingest|kafka|aggregator|dimensions)\.(\w+)`", text_of(page)):
        if name not in type(getattr(SHIPPED, section)).model_fields:
            wrong.append(f"{section}.{name}")
    assert wrong == []


@pytest.mark.parametrize("page", COMMANDED, ids=lambda page: str(page.name))
def test_the_files_and_constants_that_the_page_names_are_there(page: Path) -> None:
    text = text_of(page)
    files = set(re.findall(r"`((?:deploy|kpis|services|cli)/[\w/.-]+\.(?:py|yml|json))`", text))
    assert [file for file in sorted(files) if not (REPOSITORY / file).exists()] == []
    source = "\n".join((REPOSITORY / file).read_text(encoding="utf-8") for file in sorted(files))
    named = set(re.findall(r"`((?!DESKPULSE)[A-Z]{3,}_?[A-Z_]+)`", text))
    assert [name for name in sorted(named) if not re.search(rf"^{name}\b", source, re.MULTILINE)] == []
