"""What `deskpulse send` sends: the lines of a file as they stand, or the events that an export with its mapping comes to.

Law: the lines are the same each time they are read, so that a sending can go on where it was broken off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import typer

from cli.event_lines import identified, read_lines
from cli.exports import sent
from cli.exports.backlog import Backlog, Survey
from cli.exports.mapping import BadMapping, ExportMapping, read_mapping
from cli.exports.rows import BadExport
from cli.sending_journal import digest_of_file
from services.settings import Settings, SourceSettings


class Content:
    """The lines of one sending. `survey` is what was found in an export, None for a file of events; `mapping` the same."""

    def __init__(self, file: str, mapping: ExportMapping | None, *, take_back: bool) -> None:
        self._file = file
        self._backlog = None if mapping is None else Backlog(file, mapping, time.time_ns() // 1_000_000, take_back=take_back)
        self._take_back = take_back
        self.mapping = mapping
        self.survey: Survey | None = None if self._backlog is None else self._backlog.look_through()

    def lines(self) -> Iterator[bytes]:
        """The events, a line each."""
        return identified(read_lines(self._file)) if self._backlog is None else self._backlog.lines()

    def count(self) -> int | None:
        """How many lines there are; None for standard input, which can be read but once."""
        if self._file == "-":
            return None
        return sum(1 for _ in read_lines(self._file)) if self.survey is None else self.survey.events

    @property
    def told(self) -> dict[str, Any]:
        """What tells this content from another of the same file."""
        return {
            "mapping": self.mapping and self.mapping.digest(),
            "take_back": self._take_back,
            # a row that lay in the future is none tomorrow: then the lines have other places, and this is another sending
            "told": self.survey and [self.survey.events, sum(self.survey.refused.values()), self.survey.as_of_ms],
        }


def content_of(file: str, map_file: str | None, name: str, source: SourceSettings, *, take_back: bool) -> Content:
    """The content, an export looked through already. Raises typer.BadParameter."""
    mapping = None if map_file is None else _mapping(map_file, name, source)
    try:
        return Content(file, mapping, take_back=take_back)
    except (OSError, BadExport) as error:
        raise typer.BadParameter(str(error)) from None


def check_newest(settings: Settings, file: str, name: str, mapping: ExportMapping) -> None:
    """Refuse a mapping that is another than the last one of this export without saying that it is newer. Raises typer.BadParameter."""
    path = settings.data_dir / "send" / f"{name}-{digest_of_file(file)[:16]}.mapping"
    if (objection := sent.objection(path, mapping)) is not None:
        raise typer.BadParameter(objection)
    sent.note(path, mapping)


def _mapping(file: str, name: str, source: SourceSettings) -> ExportMapping:
    try:
        mapping = read_mapping(file)
    except BadMapping as error:
        raise typer.BadParameter(str(error)) from None
    speaks_for = source.speaks_for or name
    if mapping.tickets_of != speaks_for:
        raise typer.BadParameter(
            f"the mapping is of tickets of {mapping.tickets_of}, but the source {name} tells of those of {speaks_for}, which would be "
            f'others. Such a block: [sources.backlog] kind = "standardwebhooks", speaks_for = "{mapping.tickets_of}", '
            'secret_env = ["BACKLOG_SECRET"]; then --source backlog'
        )
    return mapping
