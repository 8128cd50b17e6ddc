"""What waves the ECG is made of, twice a second: stream `ecg_waves`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.ecg_waves import N_OUT, WAVES_STATE, watch_waves
from processors.records import NOTHING, Batch, Column, DerivedBlock, Outputs, StreamSpec
from processors.registry import register
from processors.state import KeepsState, SlotState

ECG_WAVES = StreamSpec(
    "ecg_waves",
    (
        Column("leakage"),
        Column("evenness"),
        Column("frequency", "Hz"),
        Column("peak_to_peak_mv", "mV"),
        Column("likeness"),
        Column("period_s", "s"),
    ),
)


@dataclass(frozen=True, slots=True)
class Params:
    """What can be chosen.

    Attributes
    ----------
    lead
        Column of the ECG to look at; the first where a batch does not have it.
    """

    lead: int = 0


@register
class EcgWaves(KeepsState):
    """Describe the last 4 s of every ECG; see the kernel of the same name.

    The first row comes 4 s after the signal began or came back from more than a second of loss; a
    row may leave out half of its window.
    """

    name = "ecg_waves"
    consumes = ("ecg",)
    produces = (ECG_WAVES,)

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(WAVES_STATE)
        self._blank = np.zeros(1, WAVES_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give a row for each half second that ended with these samples."""
        if not batch.n_samples:
            return NOTHING
        seconds = np.diff(batch.offsets) / np.maximum(batch.fs_hz, 1e-3)
        room = 2 * (batch.n_rows + int(seconds.sum())) + batch.n_rows
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        values = np.empty((room, N_OUT))
        lead = self.params.lead if self.params.lead < batch.values.shape[1] else 0
        n = watch_waves(
            batch.values, batch.offsets, batch.slots, batch.fs_hz, batch.t0_ns, batch.seq, lead,
            self._state.cover(batch.slots), self._blank, slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(derived=(DerivedBlock(ECG_WAVES.name, slots[:n], t_ns[:n], values[:n]),))
