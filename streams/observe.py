"""Looking at a run from outside: what a load test, and later metrics, are told of each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.stores import Record

if TYPE_CHECKING:
    from streams.live import Told


class Observer:
    """Told what a run does; does nothing by itself. Every method must be quick."""

    def sent(self, until_ns: int, late_ns: int) -> None:
        """Note that a step was handed over, so much after it was due; on the event loop."""

    def processed(self, told: Told) -> None:
        """Note what the engine made of a step; on the engine thread."""

    def ended(self, told: Told) -> None:
        """Note what a store still keeps after the last step; on the engine thread."""

    def written(self, records: Sequence[Record]) -> None:
        """Note what the store has committed; on the writer thread."""
