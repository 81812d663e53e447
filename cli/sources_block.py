"""The block of a new source in deskpulse.toml: its text, and how it gets into the file.

Laws: the file's own bytes stay as they are, the block is appended; the file is read before and checked after, and what would not
parse or would change anything else is never written.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from deploy.render.source_page import by_token
from services.ingest.providers.provider import Provider
from services.settings import DEFAULT_FILE, ENV_FILE
from services.source_settings import SourceSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def declared(provider: Provider, name: str) -> SourceSettings:
    """The settings of a new source: a secret where its sender can show one, else a token in the path."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter("a name has 1 to 64 letters, digits, - and _, and begins with a letter or a digit")
    if by_token(provider):
        return SourceSettings(kind=provider.kind, token_env=(_variable(name, "TOKEN"),))
    return SourceSettings(kind=provider.kind, secret_env=(_variable(name, "SECRET"),))


def token_variable(name: str) -> str:
    """The name of the variable for a token in the path."""
    return _variable(name, "TOKEN")


def _variable(name: str, what: str) -> str:
    plain = name.upper().replace("-", "_")
    return f"{'SOURCE_' if plain[0].isdigit() else ''}{plain}_WEBHOOK_{what}"


def block(name: str, source: SourceSettings) -> str:
    """The block as TOML."""
    lines = [f"[sources.{name}]", f'kind = "{source.kind}"']
    lines += [f"{key} = {json.dumps(list(names))}" for key in ("secret_env", "token_env") if (names := getattr(source, key))]
    return "\n".join(lines) + "\n"


def file_of(environ: Mapping[str, str]) -> Path:
    """The file that the services read, or would read if it were there."""
    return Path(environ.get(ENV_FILE) or DEFAULT_FILE).expanduser()


def append(file: Path, name: str, text: str) -> None:
    """Write the block at the end of the file. Raises typer.BadParameter when that cannot be done without harm."""
    try:
        if file.exists() and not file.is_file():
            raise typer.BadParameter(f"{file} is no file to write to")
        before = file.read_bytes() if file.exists() else b""
        added = _separated(before, text)
        _check(file, _parsed(file, before), before + added, name)
        with file.open("ab") as out:
            try:
                out.write(added)
                out.flush()
            except OSError:
                os.ftruncate(out.fileno(), len(before))
                raise
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror or error}") from None


def _separated(before: bytes, text: str) -> bytes:
    """What to append: the block behind an empty line, with the line ends of the file."""
    end = b"\r\n" if b"\r\n" in before else b"\n"
    lead = b"" if not before.strip() else end if before.endswith(b"\n") else end * 2
    return lead + text.encode().replace(b"\n", end)


def _check(file: Path, before: dict[str, Any], written: bytes, name: str) -> None:
    if name in before.get("sources", {}):
        raise typer.BadParameter(f"{file} has a source {name} already: choose another name with --name")
    after = _parsed(file, written, "with the new block it would not be: add the block by hand")
    added = after.get("sources", {}).pop(name, None)
    if "sources" not in before and not after.get("sources"):
        after.pop("sources", None)
    if added is None or after != before:
        raise typer.BadParameter(f"{file} cannot take the block at its end: add it by hand")


def _parsed(file: Path, content: bytes, why: str = "correct it first") -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not UTF-8: {why}") from None
    except tomllib.TOMLDecodeError as error:
        raise typer.BadParameter(f"{file} is not TOML ({error}): {why}") from None
