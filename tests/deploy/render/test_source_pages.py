"""The pages of the sources say what the declarations say, all of it, in a form that can be followed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from msgspec import Struct

from deploy.render import source_page
from deploy.render.artefacts import artefacts
from deploy.render.source_page import WITH_TEMPLATE
from deploy.render.source_page_options import meanings, rows, toml
from services.ingest.providers import PROVIDERS
from services.ingest.providers.provider import Provider
from services.ingest.signatures import SCHEMES
from services.settings import load_settings
from tests.conftest import REPOSITORY

EVERY = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: str(provider.kind))
FOLDER = REPOSITORY / "docs" / "sources"


def page_of(provider: Provider) -> str:
    """The page of a kind."""
    return source_page.pages()[f"docs/sources/{provider.kind}.md"]


def test_there_is_one_page_for_each_kind_and_a_list_of_them() -> None:
    named = {f"{kind}.md" for kind in PROVIDERS} | {"README.md"}
    assert {file.name for file in FOLDER.iterdir()} == named, "run make render; delete the pages of kinds that are gone"
    assert {name.rpartition("/")[2] for name in artefacts() if name.startswith("docs/sources/")} == named
    index = source_page.index(PROVIDERS.values())
    assert [kind for kind in PROVIDERS if f"]({kind}.md) | `{kind}` |" not in index] == []


@EVERY
def test_the_page_says_all_that_is_declared(provider: Provider) -> None:
    page, guide = page_of(provider), provider.guide
    said = [*guide.links, *(SCHEMES[name].about for name in provider.schemes)]
    said += [_filled(text, provider) for text in (*guide.clicks, *guide.notes, *guide.unconfirmed)]
    assert [text for text in said if text not in page] == []
    assert [name for name in provider.lines if f"`{name}`" not in page] == []
    assert [line.note for line in provider.lines.values() if line.note.lower() not in page.lower() and line.note != WITH_TEMPLATE] == []
    assert [name for line in provider.lines.values() for name in line.becomes if f"`{name}`" not in page] == []
    assert [line for line in guide.template.splitlines() if line.strip() and f"\n   {line}\n" not in page] == []


def _filled(text: str, provider: Provider) -> str:
    url = f"https://HOST/webhooks/{provider.kind}"
    return text.replace("{token_url}", f"`{url}/TOKEN`").replace("{url}", f"`{url}`")


@EVERY
def test_the_block_of_the_page_is_accepted(provider: Provider, tmp_path: Path) -> None:
    block = re.findall(r"^   ```toml\n(.*?)^   ```$", page_of(provider), re.MULTILINE | re.DOTALL)[0]
    file = tmp_path / "deskpulse.toml"
    file.write_text(re.sub(r"^   ", "", block, flags=re.MULTILINE), encoding="utf-8")
    source = load_settings(file, {}).sources[provider.kind]
    assert source.kind == provider.kind
    assert source.missing({}) == (f"set the variable {(source.secret_env + source.token_env)[0]}",)


@EVERY
def test_every_option_is_explained_with_its_default(provider: Provider) -> None:
    for name, form, default, meaning in rows(provider.options):
        assert meaning, f"{provider.options.__name__} says nothing of {name} in its docstring"
        assert form != "value", f"{name} has no form in words"
        if default not in ("", "required"):
            tomllib.loads(f"x = {default.strip('`')}")


@EVERY
def test_rows_of_tables_are_whole(provider: Provider) -> None:
    lines = [line for line in page_of(provider).splitlines() if line.startswith("| ")]
    assert [line for line in lines if not line.endswith(" |")] == []


class _Question(Struct, frozen=True):
    """One question. `scale` is its highest answer."""

    scale: float | None = None


class _Options(Struct, frozen=True, kw_only=True):
    """What may be set.

    `words` maps theirs to ours, e.g. by name; a tag of `tags` or of `more` counts. `questions` by id.
    """

    token: str
    words: Mapping[str, str] = {}
    tags: frozenset[str] = frozenset({"b", "a"})
    more: tuple[str, ...] = ("x",)
    questions: Mapping[str, _Question] = {}
    mode: Literal["one", "two"] = "one"
    limit: int | None = None


def test_options_are_told_from_their_declaration() -> None:
    assert rows(_Options) == [
        ("`token`", "text", "required", ""),
        ("`words`", "table of texts", "`{}`", "`words` maps theirs to ours, e.g. by name."),
        ("`tags`", "list of texts", '`["a", "b"]`', "A tag of `tags` or of `more` counts."),
        ("`more`", "list of texts", '`["x"]`', "A tag of `tags` or of `more` counts."),
        ("`questions`", "table of *_ question*s", "`{}`", "`questions` by id."),
        ("`mode`", '`"one"` or `"two"`', '`"one"`', ""),
        ("`limit`", "whole number", "", ""),
    ]
    assert meanings(_Question) == {"scale": "`scale` is its highest answer."}


@pytest.mark.parametrize(
    "value",
    [True, 3, 1.5, 'a"b\\c', ["x", 1], {"a b": {"c": [1]}, "d": False}, {}, "ä"],
    ids=repr,
)
def test_a_value_is_written_as_toml_reads_it(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}") == {"x": value}
