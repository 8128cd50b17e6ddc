"""Records with what is known and what was said of them, and the parts of a report on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.evaluate.baselines import goal
from loadtest.evaluate.figures import Check, Table
from loadtest.evaluate.reference import Reference, read_reference
from loadtest.evaluate.said import Said, read_said

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Case:
    """One recording.

    Attributes
    ----------
    path
        Header of a record, or a table.
    log
        Lines of the engine.
    has_signal
        The engine was given the signals, not the reference's beats.
    """

    name: str
    path: Path
    log: Path
    has_signal: bool = True

    @property
    def is_table(self) -> bool:
        return self.path.suffix != ".hea"

    @cached_property
    def reference(self) -> Reference:
        return read_reference(self.path.with_suffix(""))

    @cached_property
    def said(self) -> Said:
        return read_said(self.log)


@dataclass(frozen=True)
class Setting:
    """What is evaluated, and how the engine was fed.

    Attributes
    ----------
    database
        Name of a database, or of what was given instead.
    """

    database: str
    lead: int | None
    chunk_ms: int

    def check(self, figure: str, title: str, value: float, unit: str, note: str = "") -> Check:
        """Lay a figure beside its goal."""
        known = goal(self.database, figure)
        return Check(figure, title, value, unit, known.limit, known.at_most, known.baseline, note)


@dataclass(slots=True)
class Part:
    """One subject of a report.

    Attributes
    ----------
    pictures
        Captions, and functions that draw.
    strips
        HTML made when the page is written, for it reads signals.
    """

    title: str
    says: str
    checks: list[Check] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[tuple[str, Callable[[], Figure]]] = field(default_factory=list)
    strips: list[Callable[[], Iterator[str]]] = field(default_factory=list)


Judge = Callable[[Sequence[Case], Setting], Part | None]
