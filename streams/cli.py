"""The command ``vitals``: its subcommands are entry points, so that others can add to it."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import typer
from rich.console import Console

from processors.errors import VitalsError

GROUP = "vitals.commands"
# The order of a first day: look, run, work.
_FIRST = ("run", "annotate", "signals", "policy", "doctor")


def build() -> typer.Typer:
    """Give the application with every command that is installed."""
    app = typer.Typer(
        name="vitals",
        help="Vitalstream: the vital signs of many people, live. Findings, alarms and a page to "
        "watch them on.",
        epilog="Start with: vitals run    (simulated people, page on http://127.0.0.1:8080)",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # frames and colours leave no room for words at 80 columns
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    points = {point.name: point for point in entry_points(group=GROUP)}
    names = [name for name in _FIRST if name in points]
    names += sorted(points.keys() - set(_FIRST))
    for name in names:
        loaded = points[name].load()
        if isinstance(loaded, typer.Typer):  # a command with subcommands of its own
            app.add_typer(loaded, name=name)
        else:
            app.command(name)(loaded)

    @app.callback()
    def _main() -> None:
        """Make ``vitals NAME`` the form even if there is one command only."""

    return app


def main() -> None:
    """Run the command line; errors that are the user's to mend are one sentence, exit status 2."""
    try:
        build()(prog_name="vitals")
    except VitalsError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"[bold red]vitals:[/] {_plain(str(error))}", highlight=False
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _plain(text: str) -> str:
    """Keep brackets of a message from being read as markup."""
    return text.replace("[", r"\[")
