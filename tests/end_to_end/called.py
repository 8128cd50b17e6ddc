"""The command called in this process: what ``vitals ...`` prints, and its exit status.

Starting Python and its compiler for each of a hundred wrong options would take minutes. An error
that nobody catches fails the test here, where a user would see a traceback.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from streams import cli

AT_MOST_S = 120  # kernels may have to be compiled first


@dataclass(frozen=True, slots=True)
class Said:
    """Exit status and output; `sentences` is what stderr says, a line each."""

    status: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip()]

    @property
    def errors(self) -> list[str]:
        start = "vitals: "
        return [line.removeprefix(start) for line in self.sentences if line.startswith(start)]

    @property
    def warnings(self) -> list[str]:
        start = "warning: "
        return [line.removeprefix(start) for line in self.sentences if line.startswith(start)]


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """End what goes on for too long: a server that should have refused to start."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"vitals went on for {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def vitals(*arguments: object) -> Said:
    """Call ``vitals`` as its console script does."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["vitals", *map(str, arguments)])
        patch.setenv("COLUMNS", "80")
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _at_most(AT_MOST_S),
        ):
            try:
                cli.main()
                status = 0
            except SystemExit as end:
                status = int(end.code or 0)
    return Said(status, out.getvalue(), err.getvalue())
