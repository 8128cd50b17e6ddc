"""Merge the records that a row processor consumes by participant and time, up to its horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S, Batch, DerivedBlock

NEVER: Final = np.iinfo(np.int64).min
QUIET_NS: Final = 200_000_000  # how often a processor is told that time has passed
GOING_ON_NS: Final = 2 * NS_PER_S  # a stream that stood still for so long is not going on
SPOT_WAIT_NS: Final = 120 * NS_PER_S  # default: a value a minute goes on in that time
PATIENCE_NS: Final = NS_PER_S  # DESIGN 2: a signal waits at most 1 s for another


class Merger:
    """The waiting records of one row processor, and its horizon per slot.

    Parameters
    ----------
    widths
        Number of columns of each consumed stream.
    sparse
        For each consumed stream, whether it is never waited for (controls, presence, spot values).
    patience_ns
        How long one stream is waited for while another goes on.
    spots
        For each consumed stream, whether it holds single values of a signal that is also measured
        all the time: they do not wait for the end of time for a device that is not worn.
    rows
        Row of each consumed stream in the table of watermarks; default: in their order.

    Attributes
    ----------
    horizon_ns
        int64 ``[n_slots]``: the processor has seen everything up to here; `NEVER` at first.
    late
        Records that came after their slot's horizon and were left out.
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        sparse: tuple[bool, ...],
        *,
        patience_ns: int = PATIENCE_NS,
        spots: tuple[bool, ...] = (),
        rows: tuple[int, ...] | None = None,
    ) -> None:
        self._patience_ns = patience_ns
        self._width = max(widths)
        self._waited = [j for j, is_sparse in enumerate(sparse) if not is_sparse]
        self._sparse = sparse
        self._spots = [j for j, is_spot in enumerate(spots) if is_spot]
        self._rows = tuple(range(len(widths))) if rows is None else rows
        self._waiting: list[list[DerivedBlock]] = [[] for _ in widths]
        self.horizon_ns = np.full(0, NEVER, np.int64)
        self._marks = np.full((len(self._waited), 0), NEVER, np.int64)
        self._moved_ns = np.full((len(self._waited), 0), NEVER, np.int64)
        self.late = 0

    def put(self, source: int, block: DerivedBlock) -> None:
        """Take records of consumed stream number `source`."""
        if len(block.slots):
            self._waiting[source].append(block)

    @property
    def holds_spots(self) -> bool:
        """Whether a single value waits, which time alone may let through."""
        return any(self._waiting[j] for j in self._spots)

    def forget(self, slots: NDArray[np.int32]) -> None:
        known = slots[slots < len(self.horizon_ns)]
        self.horizon_ns[known] = NEVER
        self._marks[:, slots[slots < self._marks.shape[1]]] = NEVER
        self._moved_ns[:, slots[slots < self._moved_ns.shape[1]]] = NEVER
        for blocks in self._waiting:
            blocks[:] = [_select(block, ~np.isin(block.slots, slots)) for block in blocks]

    def snapshot(self, n_slots: int) -> dict[str, Any]:
        """Give what waits and up to where of these slots, as plain values (`streams.snapshot`)."""
        return {
            "waiting": [
                [[block.name, block.slots, block.t_ns, block.values] for block in blocks]
                for blocks in self._waiting
            ],
            "horizon_ns": self.horizon_ns[:n_slots].copy(),
            "marks": self._marks[:, :n_slots].copy(),
            "moved_ns": self._moved_ns[:, :n_slots].copy(),
            "late": self.late,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where a snapshot of a merger of the same streams was taken."""
        self._waiting = [
            [DerivedBlock(*fields) for fields in blocks] for blocks in state["waiting"]
        ]
        self.horizon_ns = state["horizon_ns"].copy()
        self._marks, self._moved_ns = state["marks"].copy(), state["moved_ns"].copy()
        self.late = state["late"]

    def advance(
        self,
        watermarks: NDArray[np.int64],
        first_ns: NDArray[np.int64],
        clock_ns: NDArray[np.int64],
    ) -> Batch | None:
        """Give all records that have become complete, or None when no horizon moved.

        Parameters
        ----------
        watermarks
            int64 ``[n_streams, n_slots]``; `NEVER` where never seen.
        first_ns
            int64 ``[n_slots]``, first record of the slot on any signal.
        clock_ns
            int64 ``[n_slots]``, the slot's own clock: the horizon of a processor that consumes only
            sparse streams.
        """
        n_slots = watermarks.shape[1]
        if n_slots > len(self.horizon_ns):
            self.horizon_ns = np.concatenate(
                [self.horizon_ns, np.full(n_slots - len(self.horizon_ns), NEVER, np.int64)]
            )
        quiet = not any(self._waiting)
        marks = [watermarks[self._rows[j]] for j in self._waited]
        if len(marks) > 1:
            self._note_moves(marks, clock_ns)
        if quiet and not self._due(marks or [clock_ns]):
            return None
        horizon = self._horizon(marks, first_ns, clock_ns) if marks else clock_ns
        if self.holds_spots:
            horizon = self._let_spots_through(horizon, marks, clock_ns)
        # Nothing but time: tell it in steps. Results do not depend on when time is told.
        ahead = horizon >= self.horizon_ns[:n_slots] + (QUIET_NS if quiet else 1)
        moved = np.flatnonzero(ahead)
        if not len(moved):
            return None
        before = self.horizon_ns.copy()
        self.horizon_ns[moved] = horizon[moved]
        return self._collect(moved.astype(np.int32), before)

    def _due(self, marks: list[NDArray[np.int64]]) -> bool:
        """Tell whether any slot may have to be told of time; no horizon lies after all marks."""
        next_ns = self.horizon_ns + QUIET_NS
        return any(bool((mark >= next_ns[: len(mark)]).any()) for mark in marks)

    def _note_moves(self, marks: list[NDArray[np.int64]], clock_ns: NDArray[np.int64]) -> None:
        """Note, by the slot's clock, when each stream last went on."""
        table = np.stack(marks)
        missing = table.shape[1] - self._marks.shape[1]
        if missing > 0:
            room = np.full((len(marks), missing), NEVER, np.int64)
            self._marks = np.concatenate([self._marks, room], axis=1)
            self._moved_ns = np.concatenate([self._moved_ns, room], axis=1)
        self._moved_ns = np.where(table != self._marks, clock_ns, self._moved_ns)
        self._marks = table

    def _horizon(
        self,
        marks: list[NDArray[np.int64]],
        first_ns: NDArray[np.int64],
        clock_ns: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        if len(marks) == 1:
            return marks[0]
        waited = np.stack(marks)
        newest: NDArray[np.int64] = waited.max(axis=0)
        slowest = np.where(waited == NEVER, np.iinfo(np.int64).max, waited).min(axis=0)
        seen = newest != NEVER
        patient = np.where(seen, newest, 0) - self._patience_ns
        # A stream that goes on, however far behind, has a clock of its own: it is not given up.
        going_on = clock_ns - self._moved_ns < self._patience_ns + GOING_ON_NS
        behind = (waited != NEVER) & (waited < patient) & going_on
        slowest_going_on = np.where(behind, waited, np.iinfo(np.int64).max).min(axis=0)
        patient = np.minimum(patient, slowest_going_on)
        horizon = np.where(seen, np.maximum(slowest, patient), NEVER)
        # Signals that start one after the other are merged from their first record on.
        starting = seen & (newest - first_ns < self._patience_ns)
        settled: NDArray[np.int64] = np.where(starting, np.minimum(horizon, first_ns - 1), horizon)
        return settled

    def _let_spots_through(
        self,
        horizon: NDArray[np.int64],
        marks: list[NDArray[np.int64]],
        clock_ns: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Lift horizons to single values of slots that have nothing to wait for, or waited long."""
        lifted = horizon.copy()
        for block in (block for j in self._spots for block in self._waiting[j]):
            slots = block.slots
            worn = np.any([mark[slots] != NEVER for mark in marks], axis=0)
            ready = ~worn | (clock_ns[slots] - block.t_ns >= SPOT_WAIT_NS)
            # One that comes late still applies, from now on.
            t_ns = np.maximum(block.t_ns, self.horizon_ns[slots] + 1)
            np.maximum.at(lifted, slots[ready], t_ns[ready])
        return lifted

    def _collect(self, moved: NDArray[np.int32], before: NDArray[np.int64]) -> Batch:
        ready = [self._take(source, before) for source in range(len(self._waiting))]
        if not any(len(block.slots) for block in ready):
            return self._batch(moved, _EMPTY, np.zeros(len(moved) + 1, np.int64), _NO_SOURCES)
        slots = np.concatenate([block.slots for block in ready])
        t_ns = np.concatenate([block.t_ns for block in ready])
        counts = [len(block.slots) for block in ready]
        source = np.repeat(np.arange(len(ready), dtype=np.int8), counts)
        values = np.full((len(slots), self._width), np.nan)
        at = 0
        for block, count in zip(ready, counts, strict=True):
            values[at : at + count, : block.values.shape[1]] = block.values
            at += count
        order = np.lexsort((source, t_ns, slots))
        slots = slots[order]
        offsets = np.append(np.searchsorted(slots, moved), len(slots)).astype(np.int64)
        merged = DerivedBlock("", slots, t_ns[order], values[order])
        return self._batch(moved, merged, offsets, source[order])

    def _batch(
        self,
        moved: NDArray[np.int32],
        merged: DerivedBlock,
        offsets: NDArray[np.int64],
        source: NDArray[np.int8],
    ) -> Batch:
        zeros = np.zeros(len(moved), np.int64)
        return Batch(
            signal="",
            slots=moved,
            until_ns=self.horizon_ns[moved],
            offsets=offsets,
            values=merged.values if len(merged.slots) else np.zeros((0, self._width)),
            fs_hz=np.zeros(len(moved)),
            t0_ns=zeros,
            seq=zeros,
            t_ns=merged.t_ns,
            source=source,
        )

    def _take(self, source: int, before: NDArray[np.int64]) -> DerivedBlock:
        """Take what is complete of one stream; keep the rest waiting."""
        waiting = self._waiting[source]
        if not waiting:
            return _EMPTY
        block = waiting[0] if len(waiting) == 1 else _concatenate(waiting)
        if self._sparse[source]:
            # A profile or mark that comes late still applies, from now on.
            t_ns = np.maximum(block.t_ns, before[block.slots])
            block = DerivedBlock(block.name, block.slots, t_ns, block.values)
        else:
            late = block.t_ns <= before[block.slots]
            if late.any():
                self.late += int(late.sum())
                block = _select(block, ~late)
        # A record that is bumped to a horizon that did not move waits for its slot's next turn.
        horizon_ns = self.horizon_ns[block.slots]
        ready = (block.t_ns <= horizon_ns) & (horizon_ns > before[block.slots])
        waiting.clear()
        if ready.all():
            return block
        waiting.append(_select(block, ~ready))
        return _select(block, ready)


_NO_SOURCES: Final = np.zeros(0, np.int8)
_EMPTY: Final = DerivedBlock(
    "", np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((0, 0), np.float64)
)


def _select(block: DerivedBlock, mask: NDArray[np.bool_]) -> DerivedBlock:
    return DerivedBlock(block.name, block.slots[mask], block.t_ns[mask], block.values[mask])


def _concatenate(blocks: list[DerivedBlock]) -> DerivedBlock:
    return DerivedBlock(
        blocks[0].name,
        np.concatenate([block.slots for block in blocks]),
        np.concatenate([block.t_ns for block in blocks]),
        np.concatenate([block.values for block in blocks]),
    )
