"""How good the ECG is, once a second: stream `ecg_quality`, and the score as a feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.signal_quality import N_OUT, QUALITY_STATE, watch_quality
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    DerivedBlock,
    FeatureBlock,
    FeatureSpec,
    Outputs,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

ECG_QUALITY = StreamSpec(
    "ecg_quality",
    (
        Column("score"),
        Column("attached"),
        Column("flat"),
        Column("railed"),
        Column("noisy"),
        Column("peak_to_peak_mv", "mV"),
        Column("present"),
    ),
)
SCORE = FeatureSpec("ecg_quality", (Column("score"),))


@dataclass(frozen=True, slots=True)
class Params:
    """What can be chosen.

    Attributes
    ----------
    lead
        Column of the ECG to judge; the first where a batch does not have it.
    feature_every_s
        The score becomes a feature in every second that this divides.
    """

    lead: int = 0
    feature_every_s: int = 5  # s, default


@register
class SignalQuality(KeepsState):
    """Judge every whole second of every ECG (CLINICAL 3.10); see the kernel of the same name."""

    name = "signal_quality"
    consumes = ("ecg",)
    produces = (ECG_QUALITY, SCORE)

    def __init__(self, params: Params | None = None) -> None:
        self.params = params or Params()
        self._state = SlotState(QUALITY_STATE)
        self._blank = np.zeros(1, QUALITY_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give a row for each second that ended with these samples."""
        if not batch.n_samples:
            return NOTHING
        state = self._state.cover(batch.slots)
        seconds = np.diff(batch.offsets) / np.maximum(batch.fs_hz, 1e-3)
        room = 2 * batch.n_rows + int(seconds.sum()) + batch.n_rows
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        values = np.empty((room, N_OUT))
        lead = self.params.lead if self.params.lead < batch.values.shape[1] else 0
        n = watch_quality(
            batch.values, batch.offsets, batch.slots, batch.fs_hz, batch.t0_ns, batch.seq, lead,
            state, self._blank, slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        rows = DerivedBlock(ECG_QUALITY.name, slots[:n], t_ns[:n], values[:n])
        due = (t_ns[:n] // NS_PER_S) % self.params.feature_every_s == 0
        if not due.any():
            return Outputs(derived=(rows,))
        score = FeatureBlock(SCORE.name, slots[:n][due], t_ns[:n][due], values[:n, :1][due])
        return Outputs(derived=(rows,), features=(score,))
