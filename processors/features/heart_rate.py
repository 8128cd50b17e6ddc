"""The heart rate of the tile: from RR intervals by the meter's rules, else from a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.cadence import most_rows
from processors.kernels.heart_rate import METER_STATE, SECOND_NS, read_meter
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

COLUMNS = (Column("rate", "/min"), Column("source"))


@dataclass(frozen=True, slots=True)
class Params:
    """Rules of the meter (mean of 12 without the extremes is fixed by the size of its ring).

    Attributes
    ----------
    slow_ms
        When each of the last 3 RR is longer, the mean of the last 4 is shown.
    blank_s
        Without a beat for this or for twice the mean RR, if longer, the value is blank.
    fresh_s
        Age at which a device's value is blank, and after which silent beats give way to a device.
    idle_s
        So long after the newest input the meter stops giving rows.
    """

    slow_ms: float = 1200.0  # ms, CLINICAL 3.8: published (Mindray manuals)
    blank_s: float = 3.0  # s, CLINICAL 3.8: default
    fresh_s: float = 10.0  # s, CLINICAL 2: stale time of heart_rate and rr
    idle_s: float = 60.0  # s, default: bounds the rows of one long silence


@register
class HeartRate(KeepsState):
    """Read the heart rate meter at every whole second; NaN is a blank."""

    name = "heart_rate"
    consumes: tuple[str, ...] = ("rr_intervals", "heart_rate")
    produces: tuple[ProducedSpec, ...] = (
        StreamSpec("heart_rate_meter", COLUMNS),
        FeatureSpec("heart_rate", COLUMNS),
    )

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState(METER_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give the meter for each whole second that has passed, as a stream and as a feature."""
        if not batch.n_rows:
            return NOTHING
        state, idle_ns = self._state.cover(batch.slots), round(self.params.idle_s * NS_PER_S)
        room = most_rows(batch, state, SECOND_NS, idle_ns)
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        values = np.empty((room, len(COLUMNS)))
        n = read_meter(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self.params.slow_ms, round(self.params.blank_s * NS_PER_S),
            round(self.params.fresh_s * NS_PER_S), idle_ns, state, slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(
            derived=(DerivedBlock("heart_rate_meter", slots[:n], t_ns[:n], values[:n]),),
            features=(FeatureBlock("heart_rate", slots[:n], t_ns[:n], values[:n]),),
        )
