"""Beats of the ECG as they happen: streams `beats` (provisional) and `beat_windows` (standing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.errors import ContractError
from processors.kernels.lead_vote import MAX_LEADS, VOTE_STATE
from processors.kernels.qrs import (
    QRS_STATE,
    QRS_WORK,
    WINDOW,
    QrsOutputs,
    detect_qrs,
)
from processors.records import NOTHING, Batch, Column, DerivedBlock, Outputs, StreamSpec
from processors.registry import register
from processors.state import KeepsState, SlotState

BEATS = StreamSpec(
    "beats",
    (
        Column("lag_ns", "ns"),
        Column("withdrawn"),
        Column("amplitude_mv", "mV"),
        Column("confidence"),
        Column("late"),
        Column("after_gap"),
    ),
)
BEAT_WINDOWS = StreamSpec(
    "beat_windows",
    (
        Column("lag_ns", "ns"),
        Column("rr_ms", "ms"),
        Column("amplitude_mv", "mV"),
        Column("noise_mv", "mV"),
        *(Column(f"w{i:02d}", "mV") for i in range(WINDOW)),
    ),
)
BOTH_STATES = np.dtype([("qrs", QRS_STATE), ("votes", VOTE_STATE)])


@dataclass(frozen=True, slots=True)
class Params:
    """What can be chosen.

    Attributes
    ----------
    leads
        Columns of the ECG that vote on beats, each with the weight of its quality, the first also
        for the time of R and the windows; empty for all. Columns that a batch does not have are
        left out, and the first column stands in when none is left.
    """

    leads: tuple[int, ...] = (0,)


@register
class Qrs(KeepsState):
    """Find the beats of every ECG of a batch (CLINICAL 3.2); see `processors.kernels.qrs`."""

    name = "qrs"
    consumes = ("ecg",)
    produces = (BEATS, BEAT_WINDOWS)

    def __init__(self, params: Params | None = None) -> None:
        self.params = params or Params()
        self._state = SlotState(QRS_STATE)
        self._votes = SlotState(VOTE_STATE)  # stays empty where there is one lead
        self._blank, self._no_vote = np.zeros(1, QRS_STATE), np.zeros(1, VOTE_STATE)
        self._work = np.zeros(1, QRS_WORK)
        self._out = _outputs(64, 64)

    def process(self, batch: Batch) -> Outputs:
        """Give the beats and windows that became known with these samples."""
        if not batch.n_samples:
            return NOTHING
        state = self._state.cover(batch.slots)
        leads = self._leads(batch.values.shape[1])
        votes = self._votes.cover(batch.slots) if len(leads) > 1 else self._no_vote
        out = self._room(batch)
        short = detect_qrs(
            batch.values, batch.offsets, batch.slots, batch.fs_hz, batch.t0_ns, batch.seq,
            leads, state, votes, self._blank, self._work, out,
        )  # fmt: skip
        if short:
            raise ContractError(f"qrs: more beats or windows than {len(out.beats)}")
        n, m = out.counts.tolist()
        blocks = []
        if n:
            blocks.append(
                DerivedBlock(
                    BEATS.name,
                    out.beat_slots[:n].copy(),
                    out.beat_ns[:n].copy(),
                    out.beats[:n].copy(),
                )
            )
        if m:
            blocks.append(
                DerivedBlock(
                    BEAT_WINDOWS.name,
                    out.window_slots[:m].copy(),
                    out.window_ns[:m].copy(),
                    out.windows[:m].copy(),
                )
            )
        return Outputs(derived=tuple(blocks)) if blocks else NOTHING

    def forget(self, slots: NDArray[np.int32]) -> None:
        """Return these slots to the state of a participant never seen."""
        super().forget(slots)
        if self._may_vote:
            self._votes.forget(slots)

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        """Give a copy of the state of these slots, with the votes where several leads have one."""
        state = super().snapshot(slots)
        if not self._may_vote:
            return state
        both = np.zeros(len(slots), BOTH_STATES)
        both["qrs"], both["votes"] = state, self._votes.snapshot(slots)
        return both

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        """Put a snapshot back into these slots."""
        if self._may_vote:
            self._votes.restore(slots, state["votes"])
            state = state["qrs"]
        super().restore(slots, state)

    @property
    def _may_vote(self) -> bool:
        return len(self.params.leads) != 1

    def _leads(self, n_columns: int) -> NDArray[np.int64]:
        wanted = self.params.leads or tuple(range(n_columns))
        there = tuple(c for c in wanted if 0 <= c < n_columns)[:MAX_LEADS]
        return np.array(there or (0,), np.int64)

    def _room(self, batch: Batch) -> QrsOutputs:
        """Give output arrays that no batch of this size can overfill."""
        # After a gap or the learning time a row may give out what was kept for it (16 at most).
        n_beats = 24 * batch.n_rows + batch.n_samples
        n_windows = 24 * batch.n_rows + batch.n_samples // 8
        if n_beats > len(self._out.beats) or n_windows > len(self._out.windows):
            self._out = _outputs(2 * n_beats, 2 * n_windows)
        self._out.counts[:] = 0
        return self._out


def _outputs(n_beats: int, n_windows: int) -> QrsOutputs:
    return QrsOutputs(
        beat_slots=np.empty(n_beats, np.int32),
        beat_ns=np.empty(n_beats, np.int64),
        beats=np.empty((n_beats, len(BEATS.columns))),
        window_slots=np.empty(n_windows, np.int32),
        window_ns=np.empty(n_windows, np.int64),
        windows=np.empty((n_windows, len(BEAT_WINDOWS.columns))),
        counts=np.zeros(2, np.int64),
    )
