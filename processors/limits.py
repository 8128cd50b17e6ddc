"""What a detector of limits says of each of them, and the part that such detectors share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.emit import event_blocks, finding_rows
from processors.kernels.limits import LIMIT, LIMIT_STATE, levels_in_force, watch_limits
from processors.records import NOTHING, NS_PER_S, Batch, EventBlock, FindingSpec, Outputs
from processors.signals import CONTROLS
from processors.state import KeepsState, SlotState


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit and the finding of those who pass it.

    Attributes
    ----------
    code
        The finding; its `FindingSpec` has the evidence value, limit, extreme, other value.
    level
        Beyond is above it, or below it when `low`; `strict`: the level itself is not yet beyond.
    margin
        So far on the safe side the finding ends.
    stale_s, other_stale_s
        It ends as well when nothing has been known for so long after a reading of the first stream
        that is consumed, and after one of another (0: as the first).
    settled_s
        Younger than this it ends at the level itself: the delay of its alarm.
    worse
        From here on it is told once more.
    column, level_column
        The column of the records that is compared, and the one that brings the level, if any.
    other_column, other_level
        A second column that may be beyond a level of its own.
    name, other_name
        The column of the control ``limits`` that changes the level, and the other one; empty: none.
    needed, within_s
        Readings in a row that it takes, and how far apart they may be.
    """

    code: str
    level: float
    margin: float
    stale_s: float
    low: bool = False
    strict: bool = False
    settled_s: float = 0.0
    worse: float = math.nan
    column: int = 0
    level_column: int = -1
    other_column: int = -1
    other_level: float = math.nan
    needed: int = 1
    within_s: float = 0.0
    other_stale_s: float = 0.0
    name: str = ""
    other_name: str = ""


def limit_table(limits: Sequence[Limit]) -> NDArray[Any]:
    """Give the limits as the kernel takes them, dtype `LIMIT` ``[n]``."""
    table = np.zeros(len(limits), LIMIT)
    for row, limit in zip(table, limits, strict=True):
        row["level"] = limit.level, limit.other_level
        row["column"] = limit.column, limit.other_column
        row["margin"], row["worse"] = limit.margin, limit.worse
        row["level_column"], row["needed"] = (limit.level_column, -1), limit.needed
        row["sign"], row["strict"] = -1 if limit.low else 1, limit.strict
        row["firm_ns"] = round(limit.settled_s * NS_PER_S)
        row["within_ns"] = round(limit.within_s * NS_PER_S)
        stale_s = limit.stale_s, limit.other_stale_s or limit.stale_s
        row["stale_ns"] = [round(s * NS_PER_S) for s in stale_s]
    return table


class WatchesLimits(KeepsState):
    """The part of a detector that compares numbers with limits, where these are all of it."""

    consumes: tuple[str, ...]

    def __init__(self, findings: Sequence[FindingSpec], limits: Sequence[Limit]) -> None:
        self._findings = findings
        self._table = limit_table(limits)
        self._own = _Own(self.consumes, limits, self._table)
        # With room for one level at least: so the kernels get one memory layout, and compile once.
        room = max(self._own.n, 1)
        self._state = SlotState(
            [("limits", LIMIT_STATE, (len(limits),)), ("own", np.float64, (room,))]
        )

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends; a missing value changes nothing until it has been missing long."""
        return self.watch(batch, batch.values)

    def watch(self, batch: Batch, values: NDArray[np.float64]) -> Outputs:
        """Do so for other values, float64 ``[n, c]``, at the times of a batch."""
        if not batch.n_rows:
            return NOTHING
        rows = finding_rows(len(self._table) * (2 * batch.n_samples + batch.n_rows))
        state = self._state.cover(batch.slots)
        n = watch_limits(
            batch.t_ns, batch.source, self._own.beside(batch, values, state["own"]),
            batch.offsets, batch.slots, batch.until_ns, self._table, state["limits"], rows,
        )  # fmt: skip
        blocks: tuple[EventBlock, ...] = event_blocks(self._findings, rows[:n])
        return Outputs(events=blocks) if blocks else NOTHING


class _Own:
    """Levels that the control ``limits`` brings, as columns beside the values."""

    def __init__(
        self, consumes: tuple[str, ...], limits: Sequence[Limit], table: NDArray[Any]
    ) -> None:
        self._control = consumes.index("limits") if "limits" in consumes else -1
        names = [column.name for column in CONTROLS["limits"]]
        self._width = 1 + max(
            max(limit.column, limit.other_column, limit.level_column) for limit in limits
        )
        columns: list[int] = []
        defaults: list[float] = []
        for row, limit in zip(table, limits, strict=True):
            pairs = ((limit.name, limit.level), (limit.other_name, limit.other_level))
            for c, (name, level) in enumerate(pairs):
                if name:
                    row["level_column"][c] = self._width + len(columns)
                    columns.append(names.index(name))
                    defaults.append(level)
        self.n = len(columns)
        self._columns = np.array(columns, np.int64)
        self._defaults = np.array(defaults, np.float64)

    def beside(
        self, batch: Batch, values: NDArray[np.float64], own: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Give the values with the levels in force at each record in further columns.

        A record of the control has no values.
        """
        if self._control < 0:
            return values
        levels = np.empty((batch.n_samples, self.n))
        levels_in_force(
            batch.source, batch.values, batch.offsets, batch.slots, self._control,
            self._columns, self._defaults, own, levels,
        )  # fmt: skip
        is_control = (batch.source == self._control)[:, None]
        return np.hstack([np.where(is_control, np.nan, values[:, : self._width]), levels])
