"""One sender of webhooks as the configuration declares it: its kind, where its secrets are, how its ids are to be read.

Law: a secret is never written in the file, only the name of the variable or the file that holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def variable_name(name: str) -> str:
    """The name itself. Raises ValueError for what is no name of an environment variable, such as a secret."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name.startswith("whsec_"):
        raise ValueError("the name of an environment variable, such as ZENDESK_WEBHOOK_SECRET, never the secret itself")
    return name


def _expanded(path: Path) -> Path:
    return path.expanduser().absolute()


VariableName = Annotated[str, AfterValidator(variable_name)]
Directory = Annotated[Path, AfterValidator(_expanded)]


class Section(BaseModel):
    """A table of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class SignatureSettings(Section):
    """A signature that a source's kind does not know: an HMAC in a header.

    `signs` names what is signed: `{body}`, `{url}`, `{method}` or headers in braces; `timestamp` the header with the signed time.
    """

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["base64", "hex", "either"] = "hex"
    prefix: str = ""
    signs: Annotated[str, Field(pattern=r"\{body\}")] = "{body}"
    timestamp: str | None = None
    tolerance_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300


class SourceSettings(Section):
    """One sender of webhooks: which kind it is, where its secrets are and how its ids are to be read.

    `scheme` or `signature` replace the kind's own way of proving a sender; `url` is the address that the sender was given, where
    it is another than the public one of the service. After `quiet_after_seconds` without a delivery the source is shown as quiet; 0
    lets it be silent for ever.
    `speaks_for` names another source whose things this one tells of: its events bear that source's name, so an export of a helpdesk
    and its webhooks speak of the same tickets. Secrets, counts and what is rejected stay its own.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    secret_env: tuple[VariableName, ...] = ()
    secret_file: tuple[Directory, ...] = ()
    token_env: tuple[VariableName, ...] = ()
    ticket_source: str | None = None
    speaks_for: str | None = None
    identity: Literal["own", "external_id", "email_hash"] = "own"
    rate_per_second: Annotated[float, Field(gt=0)] | None = None
    tests_secret: bool = False
    scheme: tuple[str, ...] = ()
    signature: SignatureSettings | None = None
    quiet_after_seconds: Annotated[float, Field(ge=0)] = 86_400
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    options: dict[str, Any] = {}

    def secrets(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """The signing secrets that are valid now, in the order of the configuration; those not set or empty are left out."""
        return _values(self.secret_env, self.secret_file, environ)

    def tokens(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """The secret path tokens for `/webhooks/{source}/{token}` that are valid now."""
        return _values(self.token_env, (), environ)

    def missing(self, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
        """What is still needed before this source can be let in, each in words; empty when it is ready."""
        needs = [f"set the variable {name}" for name in (*self.secret_env, *self.token_env) if not _held(environ.get(name, ""))]
        needs += [f"write the secret to {path}" for path in self.secret_file if not _file_text(path)]
        if not (self.secret_env or self.secret_file or self.token_env):
            needs.append('name its secret: secret_env = ["SOME_VARIABLE"] (or secret_file, or token_env for a sender that cannot sign)')
        return tuple(needs)


def _file_text(path: Path) -> str:
    try:
        return _held(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""


def _held(text: str) -> str:
    """A secret without what stands around it. The prefix alone, which a script writes whose generator failed, is none: its key is empty."""
    text = text.strip()
    return "" if text == "whsec_" else text


def _values(names: tuple[str, ...], files: tuple[Path, ...], environ: Mapping[str, str]) -> tuple[str, ...]:
    found = [_held(environ.get(name, "")) for name in names] + [_file_text(path) for path in files]
    return tuple(value for value in found if value)
