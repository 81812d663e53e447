"""The configuration of all services: `deskpulse.toml`, overridden by `DESKPULSE_…` variables, checked before anything starts.

Laws: an unknown key is an error with the nearest known name; a secret is never written in the file, never printed and never
part of a repr; the same file and environment always give the same Settings. Nothing is read at import.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from schemas.topics import DERIVED, EVENTS
from services.api_settings import ApiSettings as ApiSettings  # part of the settings
from services.api_settings import Port
from services.calendar_settings import CalendarSettings, Zone
from services.settings_errors import ConfigError, Problem, problems_of
from services.source_settings import Directory, Section, VariableName
from services.source_settings import SourceSettings as SourceSettings  # part of the settings

DEFAULT_FILE = "deskpulse.toml"
ENV_PREFIX = "DESKPULSE_"
ENV_FILE = "DESKPULSE_CONFIG"


Count = Annotated[int, Field(ge=1)]


class SecuritySettings(Section):
    """How clients speak to Kafka; passwords are named by variable or file, never written here.

    `ssl_cafile` are the authorities that may sign the broker's certificate (None: those of the machine); `ssl_certfile` is our own
    certificate, with its key in `ssl_keyfile` unless both are in one file. All are PEM.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = "PLAINTEXT"
    ssl_cafile: Directory | None = None
    ssl_certfile: Directory | None = None
    ssl_keyfile: Directory | None = None
    ssl_password_env: VariableName | None = None
    ssl_password_file: Directory | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: Annotated[str, Field(min_length=1)] | None = None
    sasl_password_env: VariableName | None = None
    sasl_password_file: Directory | None = None

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def with_password(self) -> bool:
        """Whether a user logs in."""
        return self.protocol in ("SASL_SSL", "SASL_PLAINTEXT")

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> SecuritySettings:
        """Refuse what would silently not be used: who wrote a password or an authority wants it to be."""
        given = [name for name, field in type(self).model_fields.items() if name != "protocol" and getattr(self, name) != field.default]
        idle = [name for name in given if not (self.encrypted if name.startswith("ssl_") else self.with_password)]
        if idle:
            raise ValueError(f"a protocol that uses {', '.join(idle)}, which {self.protocol} does not")
        if self.with_password and self.sasl_username is None:
            raise ValueError(f"sasl_username, which {self.protocol} needs")
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise ValueError("ssl_certfile, the certificate that belongs to ssl_keyfile")
        return self


class KafkaSettings(Section):
    """Where Kafka is and how our topics are cut.

    `generation` and `events_generation` choose which of the generations of topics side by side is meant (`services.generations`);
    0 is the one that is live, or the only one.
    """

    bootstrap: Annotated[str, Field(pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")] = "127.0.0.1:9092"
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = "deskpulse."
    partitions: Annotated[int, Field(ge=1, le=1000)] = 8
    difference_partitions: Annotated[int, Field(ge=1, le=1000)] = 1
    replication_factor: Annotated[int, Field(ge=1, le=9)] = 1
    generation: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    events_generation: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    security: SecuritySettings = SecuritySettings()


class IngestSettings(Section):
    """The door for webhooks. `public_url` is what senders call it, where a proxy stands before it; "" is the host and port."""

    host: str = "127.0.0.1"
    port: Port = 8080
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1_048_576)] = 1_048_576
    linger_ms: Annotated[int, Field(ge=0, le=1000)] = 5
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+[^\s?#/])?$")] = ""


class AggregatorSettings(Section):
    """The Faust worker; its port serves health and own metrics."""

    host: str = "127.0.0.1"
    port: Port = 8082
    checkpoint_ms: Annotated[int, Field(ge=1, le=60_000)] = 100
    fold_ms: Annotated[int, Field(ge=10, le=600_000)] = 10_000
    event_time_skew_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 60_000
    day_level_days: Annotated[int, Field(ge=61, le=3650)] = 800
    entity_retention_days: Annotated[int, Field(ge=1, le=3650)] = 21


class DimensionSettings(Section):
    """Which pairs of dimensions are counted together, and how many values of one are published."""

    pairs: tuple[tuple[str, str], ...] = (("channel", "team"),)
    max_values: Count = 500


class TargetSettings(Section):
    """A promise: the median `p50`, and the `share` (0-1) of cases that are done `within` so many seconds."""

    p50: Annotated[float, Field(gt=0)] | None = None
    within: Annotated[float, Field(gt=0)] | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None


DEFAULT_TARGETS: Mapping[str, Mapping[str, float]] = {
    "first_reply_time_seconds": {"p50": 1800, "within": 3600, "share": 0.9},
    "speed_of_answer_seconds": {"within": 20, "share": 0.8},
}
EscalationKind = Literal["functional", "hierarchic", "complaint", "priority", "sla"]
DEFAULT_ESCALATION_KINDS: tuple[EscalationKind, ...] = ("functional", "hierarchic", "complaint", "priority")
"""What `escalation_rate` counts unless told; "sla" can be added."""
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Settings(BaseSettings):
    """Everything that may differ between two installations. Constructed directly it reads neither file nor environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", validate_default=True)

    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "main"
    data_dir: Directory = Path("~/.local/share/deskpulse")
    time_zone: Zone = "UTC"
    now: Literal["wall", "watermark"] = "wall"
    kafka: KafkaSettings = KafkaSettings()
    ingest: IngestSettings = IngestSettings()
    aggregator: AggregatorSettings = AggregatorSettings()
    api: ApiSettings = ApiSettings()
    sources: dict[SourceName, SourceSettings] = {}
    dimensions: DimensionSettings = DimensionSettings()
    escalation_kinds: tuple[EscalationKind, ...] = DEFAULT_ESCALATION_KINDS
    targets: dict[str, TargetSettings] = {}
    calendars: dict[SourceName, CalendarSettings] = {}

    @field_validator("targets", mode="before")
    @classmethod
    def _over_the_defaults(cls, given: Any) -> Any:
        return {**DEFAULT_TARGETS, **given} if isinstance(given, Mapping) else given

    def url_of(self, source: str) -> str:
        """The address to which the senders of a source post."""
        own = self.sources[source].url if source in self.sources else None
        return own or f"{self.ingest.public_url or f'http://{self.ingest.host}:{self.ingest.port}'}/webhooks/{source}"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: file and environment are read by `load_settings`, where they can be named in an error."""
        return (init_settings,)


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force: defaults, then the file, then `DESKPULSE_…` variables.

    `path` None means the file named by DESKPULSE_CONFIG, else `deskpulse.toml` in the working directory if there is one.
    `environ` None means this process's environment. Raises ConfigError.
    """
    environ = os.environ if environ is None else environ
    file = _file(path, environ)
    from_file = {} if file is None else _toml(file)
    from_environ = _environ(environ)
    try:
        return Settings(**_merged(from_file, from_environ))
    except ValidationError as error:
        raise ConfigError(problems_of(error, Settings, str(file or "the built-in defaults"), from_environ)) from None


def as_environment(settings: Settings) -> dict[str, str]:
    """Variables with which a child process loads exactly these settings, whatever file lies in its working directory."""
    sections = settings.model_dump(mode="json", exclude_none=True)
    variables = {f"{ENV_PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value) for name, value in sections.items()}
    return {**variables, ENV_FILE: os.devnull}


def topic(settings: Settings, name: str) -> str:
    """The full name of one of our topics (`schemas.topics`): prefix, and from the second generation on its number, included."""
    kafka = settings.kafka
    number = kafka.generation if name in DERIVED else kafka.events_generation if name == EVENTS else 0
    return f"{kafka.topic_prefix}g{number}.{name}" if number > 1 else kafka.topic_prefix + name


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if named := environ.get(ENV_FILE):
        return Path(named).expanduser()
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(file), "", error.strerror or "unreadable", "a readable TOML file (see DESKPULSE_CONFIG)")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(file), "", "bytes that are not UTF-8", "TOML, written in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(str(file), "", f"text that is not TOML: {error}", "TOML 1.0")]) from None


def _environ(environ: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environ.items() if name.upper().startswith(ENV_PREFIX)}
    try:
        given: dict[str, Any] = source()
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        key = field[1] if field else ""
        raise ConfigError(
            [Problem(f"{ENV_PREFIX}{key.upper()}", key, "text that is not JSON", "JSON, or one variable for each value")]
        ) from None
    unknown = ENV_PREFIX.lower()
    for name in source.env_vars:
        key = name.removeprefix(unknown).split("__")[0]
        if key not in Settings.model_fields and ("__" in name or _looks_like_ours(key)):
            given[key] = "…"  # refused by the validation below, which knows the nearest name
    return given


def _looks_like_ours(key: str) -> bool:
    """A near miss of a top-level key. Other names are not ours to refuse: secrets, DESKPULSE_CONFIG, what an orchestrator sets."""
    return key != "config" and bool(get_close_matches(key, list(Settings.model_fields), 1, 0.8))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        under = next((k for k in out if k.lower() == key), key)  # variables have no case; names of sources do
        both = isinstance(value, Mapping) and isinstance(out.get(under), Mapping)
        out[under] = _merged(out[under], value) if both else value
    return out
