"""One stream of RR intervals: from the ECG while it gives beats, else from a strap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.rr import RR_STATE, choose_intervals
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    DerivedBlock,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

COLUMNS = (
    Column("lag_ns", "ns"),
    Column("rr_ms", "ms"),
    Column("source"),
    Column("label"),
    Column("valid"),
)


@dataclass(frozen=True, slots=True)
class Params:
    """Which interval counts.

    Attributes
    ----------
    fresh_s
        A strap is not heard while the newest ECG beat is at most this old.
    shortest_ms, longest_ms
        An interval outside them is not valid.
    pause_ms
        A strap's interval of this length or more is a gap: without a signal, beats may be lost.
    """

    fresh_s: float = 10.0  # s, CLINICAL 2: stale time of rr
    shortest_ms: float = 200.0  # ms, CLINICAL 2: plausible range of rr
    longest_ms: float = 5000.0  # ms, CLINICAL 2: plausible range of rr
    pause_ms: float = 3000.0  # ms, CLINICAL 3.4 and 3.7: default


@register
class RrIntervals(KeepsState):
    """Merge labelled beats and strap intervals into ``rr_intervals``, one row per beat."""

    name = "rr"
    consumes: tuple[str, ...] = ("beat_labels", "rr")
    produces: tuple[ProducedSpec, ...] = (StreamSpec("rr_intervals", COLUMNS),)

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(RR_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give a row for each first label and each strap interval that is let through."""
        n = batch.n_samples
        if not n:
            return NOTHING
        slots, t_ns = np.empty(n, np.int32), np.empty(n, np.int64)
        values = np.empty((n, len(COLUMNS)))
        n = choose_intervals(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots,
            round(self.params.fresh_s * NS_PER_S), self.params.shortest_ms,
            self.params.longest_ms, self.params.pause_ms,
            self._state.cover(batch.slots), slots, t_ns, values,
        )  # fmt: skip
        return Outputs(derived=(DerivedBlock("rr_intervals", slots[:n], t_ns[:n], values[:n]),))
