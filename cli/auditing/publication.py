"""What an audit leaves behind: a record of `controls`, from which the API's /metrics tell of it, and a file for the node exporter."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from services.controls import AUDIT, publish, read_controls
from services.settings import Settings

LAST = "last"


class Published(Struct, kw_only=True, frozen=True):
    """The result of the last audit that came to its end; `last_success_ms` is when one last found no difference, None for never."""

    differences: int
    compared: int
    events: int
    finished_at_ms: int
    last_success_ms: int | None


async def before(settings: Settings) -> Published | None:
    """What the last audit left; None for none. Raises KafkaError."""
    for control in await read_controls(settings):
        if (control.kind, control.id) == (AUDIT, LAST) and control.value is not None:
            return msgspec.convert(control.value, Published)
    return None


async def leave(settings: Settings, result: Published) -> None:
    """Write the result to `controls`. Raises KafkaError."""
    await publish(settings, AUDIT, LAST, msgspec.to_builtins(result))


def write_textfile(path: Path, result: Published) -> None:
    """Write the result in Prometheus' text format, whole or not at all. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.unfinished")  # the collector reads *.prom only
    unfinished.write_text(text(result), encoding="utf-8")
    unfinished.replace(path)


def text(result: Published) -> str:
    """The result in Prometheus' text format; the instant of success is left out while there was none."""
    lines = [
        "# HELP deskpulse_audit_differences Figures that differed from what follows from the events, at the last audit.",
        "# TYPE deskpulse_audit_differences gauge",
        f"deskpulse_audit_differences {result.differences}",
    ]
    if result.last_success_ms is not None:
        lines += [
            "# HELP deskpulse_audit_last_success_timestamp_seconds When an audit last found no difference.",
            "# TYPE deskpulse_audit_last_success_timestamp_seconds gauge",
            f"deskpulse_audit_last_success_timestamp_seconds {result.last_success_ms / 1000:.3f}",
        ]
    return "\n".join(lines) + "\n"
