"""Glucose of the last day: mean, variability and time in ranges."""

from __future__ import annotations

import numpy as np

from processors.kernels.glucose_day import DAY_STATE, count_glucose
from processors.records import (
    NOTHING,
    Batch,
    Column,
    FeatureBlock,
    FeatureSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

DAY = FeatureSpec(
    "glucose_day",
    (
        Column("mean", "mg/dL"),
        Column("sd", "mg/dL"),
        Column("cv", "%"),
        Column("in_range", "%"),
        Column("above_180", "%"),
        Column("above_250", "%"),
        Column("below_70", "%"),
        Column("below_54", "%"),
        Column("readings"),
        Column("coverage"),
    ),
)


@register
class GlucoseDay(KeepsState):
    """Give the statistics of the last day at every reading (CLINICAL 3.14).

    Percentages are of readings; 70 and 180 mg/dL belong to the range. The window is the hour that
    runs and the 23 before it, hours of UTC: between 23 and 24 h. Coverage is the share of it in
    which readings were at most 15 min apart.
    """

    name = "glucose_day"
    consumes: tuple[str, ...] = ("glucose",)
    produces: tuple[ProducedSpec, ...] = (DAY,)

    def __init__(self) -> None:
        self._state = SlotState(DAY_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give one row per valid reading; those less than 20 s apart are passed by."""
        if not batch.n_samples:
            return NOTHING
        slots, t_ns = np.empty(batch.n_samples, np.int32), np.empty(batch.n_samples, np.int64)
        values = np.empty((batch.n_samples, len(DAY.columns)))
        n = count_glucose(
            batch.t_ns, batch.values, batch.offsets, batch.slots,
            self._state.cover(batch.slots), slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(features=(FeatureBlock(DAY.name, slots[:n], t_ns[:n], values[:n]),))
