"""The trend of interstitial glucose: rate, arrow, and what is expected in 20 minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.kernels.glucose_trend import TREND_STATE, Rules, follow_glucose
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
    Column("glucose", "mg/dL"),
    Column("rate", "mg/dL/min"),
    Column("arrow"),  # 0 flat, 1 slanting, 2 up, 3 steeply up; down with a minus
    Column("expected", "mg/dL"),
    Column("since", "min"),
)


@dataclass(frozen=True, slots=True)
class Params:
    """Which readings make a trend, and where one arrow becomes the next.

    Attributes
    ----------
    rate_min, line_min
        The rate is that over so many minutes; what is expected goes on with the straight line
        through so many.
    jitter_s
        A reading may be so much older and belong to them.
    least_readings, least_span_min
        Fewer in the time of the rate, or all of them closer together, give no trend.
    ahead_min
        How far the line is drawn out.
    flat, slanting, steep
        Below the first the arrow is flat, from the second on it stands upright, above the third
        there are two.
    """

    rate_min: float = 15.0  # min, CLINICAL 3.14
    line_min: float = 20.0  # min, CLINICAL 3.14: 15 to 20
    jitter_s: float = 30.0  # s, default
    least_readings: int = 3  # CLINICAL 3.14
    least_span_min: float = 8.0  # min, default: less is the sensor's noise
    ahead_min: float = 20.0  # min, CLINICAL 3.14
    flat: float = 1.0  # mg/dL/min, CLINICAL 3.14: published (Dexcom)
    slanting: float = 2.0  # mg/dL/min, CLINICAL 3.14: published (Dexcom)
    steep: float = 3.0  # mg/dL/min, CLINICAL 3.14: published (Dexcom)

    def rules(self) -> Rules:
        """Give the same in the units of the kernel."""
        return Rules(
            rate_ns=round((60 * self.rate_min + self.jitter_s) * NS_PER_S),
            line_ns=round((60 * self.line_min + self.jitter_s) * NS_PER_S),
            least_span_ns=round(60 * self.least_span_min * NS_PER_S),
            least_readings=self.least_readings,
            ahead_min=self.ahead_min,
            flat=self.flat,
            slanting=self.slanting,
            steep=self.steep,
        )


@register
class GlucoseTrend(KeepsState):
    """Give the trend at every reading (CLINICAL 3.14).

    The rate is the difference to the oldest reading within 15 minutes. Compression lows and warm-up
    are not told apart yet.
    """

    name = "glucose_trend"
    consumes: tuple[str, ...] = ("glucose",)
    produces: tuple[ProducedSpec, ...] = (
        StreamSpec("glucose_rates", COLUMNS),
        FeatureSpec("glucose_trend", COLUMNS),
    )

    def __init__(self, params: Params = Params()) -> None:
        self._rules = params.rules()
        self._state = SlotState(TREND_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give one row per valid reading, as a stream and as a feature."""
        if not batch.n_samples:
            return NOTHING
        slots, t_ns = np.empty(batch.n_samples, np.int32), np.empty(batch.n_samples, np.int64)
        values = np.empty((batch.n_samples, len(COLUMNS)))
        n = follow_glucose(
            batch.t_ns, batch.values, batch.offsets, batch.slots,
            self._rules, self._state.cover(batch.slots), slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(
            derived=(DerivedBlock("glucose_rates", slots[:n], t_ns[:n], values[:n]),),
            features=(FeatureBlock("glucose_trend", slots[:n], t_ns[:n], values[:n]),),
        )
