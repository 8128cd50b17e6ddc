"""Pulses of a photoplethysmogram, and the pulse rate of every whole second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.errors import ContractError
from processors.kernels.ppg_pulse import PULSE_STATE, SHAPE, PulseOutputs, find_pulses
from processors.records import (
    NOTHING,
    Batch,
    Column,
    DerivedBlock,
    FeatureBlock,
    FeatureSpec,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

PULSES = StreamSpec(
    "pulses",
    (
        Column("lag_ns", "ns"),
        Column("interval_ms", "ms"),
        Column("amplitude", "[arb'U]"),
        Column("quality"),
    ),
)
RATE = FeatureSpec("pulse_rate", (Column("rate", "/min"), Column("quality")))


@dataclass(frozen=True, slots=True)
class Params:
    """Which column of the signal is used; one that is not there becomes the first."""

    column: int = 0


@register
class PpgPulse(KeepsState):
    """Find the pulses of every PPG of a batch (CLINICAL 3.11); see `processors.kernels.ppg_pulse`.

    A pulse is known about 175 ms after its systolic peak, 240 ms at most on the six records of the
    development data. Its interval is one of pulses, not RR; it is NaN after a gap.
    """

    name = "ppg_pulse"
    consumes: tuple[str, ...] = ("ppg",)
    produces: tuple[ProducedSpec, ...] = (PULSES, RATE)

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(PULSE_STATE)
        self._blank = np.zeros(1, PULSE_STATE)
        self._shape = np.zeros(SHAPE)
        self._out = _outputs(64, 64)

    def process(self, batch: Batch) -> Outputs:
        """Give the pulses that became known, and rate and quality of the seconds that passed.

        The rate is NaN while there are no pulses of some quality, 4 s after the last.
        """
        if not batch.n_samples:
            return NOTHING
        out = self._room(batch)
        column = self.params.column if 0 <= self.params.column < batch.values.shape[1] else 0
        state = self._state.cover(batch.slots)
        short = find_pulses(
            batch.values, batch.offsets, batch.slots, batch.fs_hz, batch.t0_ns, batch.seq,
            column, state, self._blank, self._shape, out,
        )  # fmt: skip
        if short:
            raise ContractError(f"ppg_pulse: more than {len(out.pulses)} pulses")
        n, m = out.counts.tolist()
        if not n and not m:
            return NOTHING
        derived = DerivedBlock(
            PULSES.name, out.pulse_slots[:n].copy(), out.pulse_ns[:n].copy(), out.pulses[:n].copy()
        )
        feature = FeatureBlock(
            RATE.name, out.rate_slots[:m].copy(), out.rate_ns[:m].copy(), out.rates[:m].copy()
        )
        return Outputs(derived=(derived,) if n else (), features=(feature,) if m else ())

    def _room(self, batch: Batch) -> PulseOutputs:
        """Give output arrays that no batch of this size can overfill.

        Pulses are four samples apart at the lowest rate, seconds sixteen; a row may add a bridged
        loss.
        """
        n = 4 * batch.n_rows + batch.n_samples // 4
        if n > len(self._out.pulses):
            self._out = _outputs(2 * n, 2 * n)
        self._out.counts[:] = 0
        return self._out


def _outputs(n: int, m: int) -> PulseOutputs:
    return PulseOutputs(
        pulse_slots=np.empty(n, np.int32),
        pulse_ns=np.empty(n, np.int64),
        pulses=np.empty((n, len(PULSES.columns))),
        rate_slots=np.empty(m, np.int32),
        rate_ns=np.empty(m, np.int64),
        rates=np.empty((m, len(RATE.columns))),
        counts=np.zeros(2, np.int64),
    )
