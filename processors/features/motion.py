"""How much a person moves, once a second: stream and feature `motion`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.motion import MOTION_STATE, N_OUT, watch_motion
from processors.records import (
    NOTHING,
    NS_PER_S,
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

COLUMNS = (
    Column("rms_m_s2", "m/s2"),
    Column("cadence", "{steps}/min"),
    Column("valid"),
    Column("still"),
)


@dataclass(frozen=True, slots=True)
class Params:
    """What can be chosen.

    Attributes
    ----------
    feature_every_s
        A row becomes a feature in every second that this divides.
    """

    feature_every_s: int = 5  # s, default


@register
class Motion(KeepsState):
    """Measure every whole second of every accelerometer; see the kernel of the same name.

    ``rms_m_s2`` is the movement without gravity, NaN where less than half of the samples are
    there; ``cadence`` is NaN for who is still or whose movement has no steps in it; ``valid`` is
    the share of the samples that are there; ``still`` is 1 below 0.4 m/s2.
    """

    name = "motion"
    consumes: tuple[str, ...] = ("acceleration",)
    produces: tuple[ProducedSpec, ...] = (
        StreamSpec("motion", COLUMNS),
        FeatureSpec("motion", COLUMNS),
    )

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(MOTION_STATE)
        self._blank = np.zeros(1, MOTION_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give a row for each second that ended with these samples."""
        if not batch.n_samples:
            return NOTHING
        seconds = np.diff(batch.offsets) / np.maximum(batch.fs_hz, 1e-3)
        room = 3 * batch.n_rows + int(seconds.sum())
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        values = np.empty((room, N_OUT))
        n = watch_motion(
            batch.values, batch.offsets, batch.slots, batch.fs_hz, batch.t0_ns, batch.seq,
            self._state.cover(batch.slots), self._blank, slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        rows = DerivedBlock("motion", slots[:n], t_ns[:n], values[:n])
        due = (t_ns[:n] // NS_PER_S) % self.params.feature_every_s == 0
        if not due.any():
            return Outputs(derived=(rows,))
        feature = FeatureBlock("motion", slots[:n][due], t_ns[:n][due], values[:n][due])
        return Outputs(derived=(rows,), features=(feature,))
