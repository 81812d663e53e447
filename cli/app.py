"""The command `deskpulse`: which commands there are. Each is one small file; nothing heavy is imported before it is needed.

Laws: exit 0 when good, 1 when the thing that was checked failed, 2 for bad usage or configuration; errors go to standard
error in one plain sentence.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, NamedTuple

import typer
from rich.console import Console

from services.settings_errors import ConfigError


class Command(NamedTuple):
    """A command: its name, the function (or the `typer.Typer` of subcommands) that is it (`module:function`), one line of help."""

    name: str
    function: str
    help: str


COMMANDS: tuple[Command, ...] = (
    Command("demo", "cli.demo:demo", "A simulated company on this machine: broker, services, webhooks, wall board."),
    Command("up", "cli.up:up", "The three services as children of one process."),
    Command("ingest", "cli.services:ingest", "One service: webhooks in."),
    Command("aggregator", "cli.services:aggregator", "One service: the Faust agents."),
    Command("api", "cli.services:api", "One service: figures out."),
    Command("topics", "cli.topics:topics", "Create the topics, or check those that are there."),
    Command("send", "cli.send:send", "Post canonical events from a file through ingest, signed."),
    Command("compute", "cli.compute:compute", "Every figure from a file of events alone."),
    Command("kpis", "cli.kpis:kpis", "The catalogue, or one KPI."),
    Command("figures", "cli.figures:figures", "The figures of a running API, as a table."),
    Command("explain", "cli.explain:explain", "Where a figure comes from: what counts, what is left out and why."),
    Command("rejected", "cli.rejected:rejected", "What could not be used, why, and sending it again."),
    Command("audit", "cli.audit:audit", "Compute every figure again from the events and compare with what is served."),
    Command("rebuild", "cli.rebuild:rebuild", "Make every figure anew beside the live ones, and switch."),
    Command("archive", "cli.archiving.commands:archive", "Events to Parquet files, and back into Kafka."),
    Command("sources", "cli.sources:sources", "Who sends webhooks: what is missing, how a sender is set up, whether it works."),
    Command("rules", "cli.rules:rules", "The alerts of this configuration, as rules of Prometheus with their tests."),
    Command("check", "cli.check:check", "Check the configuration and say what each source still needs."),
)
_BY_NAME = {command.name: command for command in COMMANDS}


class _Commands(typer.core.TyperGroup):
    """Finds a command by name and imports its file only then."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = _BY_NAME.get(cmd_name)
        if command is None:
            return None
        module, _, function = command.function.partition(":")
        found = getattr(importlib.import_module(module), function)
        if isinstance(found, typer.Typer):  # a group of subcommands
            return typer.main.get_group(found)
        one = typer.Typer(add_completion=False, rich_markup_mode=None)
        one.command(command.name, help=None, short_help=command.help)(found)
        return typer.main.get_command(one)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.help) for command in COMMANDS])


app = typer.Typer(cls=_Commands, add_completion=False, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _deskpulse() -> None:
    """Live customer-service KPIs from webhooks through Kafka to a board."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        app(args=arguments, prog_name="deskpulse")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except ConfigError as error:
        for problem in error.problems:
            Console(stderr=True).print(f"deskpulse: {problem}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 2
    return 0


if __name__ == "__main__":
    main()
