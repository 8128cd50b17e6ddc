"""Progress and warnings on stderr, so that stdout stays for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_CONSOLE = Console(stderr=True, soft_wrap=True)


def _shown() -> dict[str, Any]:
    """Give the settings of a bar: none at all where nobody looks on."""
    return {"transient": True, "refresh_per_second": 4, "disable": not _CONSOLE.is_terminal}


def warner() -> Callable[[str], None]:
    """Give a function that prints one warning as one line."""

    def warn(text: str) -> None:
        _CONSOLE.print(f"[yellow]warning:[/] {text.replace('[', chr(92) + '[')}", highlight=False)

    return warn


def complain(text: str) -> None:
    """Print one error as one line, as those that end a command."""
    _CONSOLE.print(f"[bold red]vitals:[/] {text.replace('[', chr(92) + '[')}", highlight=False)


def counted(n: int, noun: str) -> str:
    """Say how many: ``1 recording``, ``2 recordings``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


@contextmanager
def signal_progress(n_recordings: int) -> Iterator[Callable[[int, float], None]]:
    """Show how many recordings are done and how much signal; nothing where nobody looks on."""
    columns = (
        TextColumn("[bold]annotating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[hours]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_CONSOLE, **_shown()) as bar:
        task = bar.add_task("", total=n_recordings, hours="compiling kernels")

        def show(done: int, signal_s: float) -> None:
            bar.update(task, completed=done, hours=f"{signal_s / 3600:.2f} h of signal")

        yield show


@contextmanager
def reading_progress(n_recordings: int) -> Iterator[Callable[[], None]]:
    """Show how many recordings have been read."""
    columns = (TextColumn("[bold]reading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_CONSOLE, **_shown()) as bar:
        task = bar.add_task("", total=n_recordings)
        yield lambda: bar.advance(task)
