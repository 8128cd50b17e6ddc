"""Glucose too low, too high, soon too low, or changing fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.limits import Limit, WatchesLimits
from processors.records import Batch, Column, FindingSpec, Outputs, ProducedSpec
from processors.registry import register

UNIT, RATE_UNIT = "mg/dL", "mg/dL/min"


def _finding(code: str, value: str, unit: str) -> FindingSpec:
    return FindingSpec(code, (Column(value, unit), Column("limit", unit), Column("extreme", unit)))


FINDINGS = (
    _finding("glucose_urgent_low", "glucose", UNIT),
    _finding("glucose_low", "glucose", UNIT),
    _finding("glucose_very_high", "glucose", UNIT),
    _finding("glucose_high", "glucose", UNIT),
    _finding("glucose_falling_fast", "rate", RATE_UNIT),
    _finding("glucose_rising_fast", "rate", RATE_UNIT),
    _finding("glucose_urgent_low_soon", "expected", UNIT),
)


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of glucose.

    Attributes
    ----------
    urgent_low, low, high, very_high
        Below, or above, is a finding.
    margin
        It ends so far on the safe side.
    fast
        A rate beyond this is one as well, and ends this share on the safe side: `fast_margin`.
    soon, soon_from, soon_rate
        Expected at or below the first is a finding for those who are not above the second and fall
        at least so fast.
    low_settled_s, fast_settled_s, high_settled_s
        Younger than this a finding ends at its limit: the delays of the alarms.
    stale_s
        A finding ends without a reading for so long.
    """

    urgent_low: float = 54.0  # mg/dL, CLINICAL 4
    low: float = 70.0  # mg/dL, CLINICAL 3.14
    high: float = 250.0  # mg/dL, CLINICAL 4
    very_high: float = 300.0  # mg/dL, CLINICAL 4
    margin: float = 10.0  # mg/dL, CLINICAL 4: hysteresis
    fast: float = 3.0  # mg/dL/min, CLINICAL 4
    fast_margin: float = 0.05  # 1, CLINICAL 4: hysteresis
    soon: float = 55.0  # mg/dL, CLINICAL 3.14: to be confirmed (Dexcom)
    soon_from: float = 120.0  # mg/dL, CLINICAL 3.14: default
    soon_rate: float = -1.0  # mg/dL/min, CLINICAL 3.14: default
    low_settled_s: float = 300.0  # s, CLINICAL 4
    fast_settled_s: float = 600.0  # s, CLINICAL 4
    high_settled_s: float = 1800.0  # s, CLINICAL 4
    stale_s: float = 900.0  # s, CLINICAL 2: stale time of glucose

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings; columns are glucose, rate, expected."""
        margin, stale_s, fast_margin = self.margin, self.stale_s, self.fast_margin * self.fast
        return (
            Limit("glucose_urgent_low", self.urgent_low, margin, stale_s, low=True, strict=True,
                  name="glucose_urgent_low"),
            Limit("glucose_low", self.low, margin, stale_s, low=True, strict=True,
                  settled_s=self.low_settled_s, name="glucose_low"),
            Limit("glucose_very_high", self.very_high, margin, stale_s, strict=True,
                  settled_s=self.high_settled_s, name="glucose_very_high"),
            Limit("glucose_high", self.high, margin, stale_s, strict=True,
                  settled_s=self.high_settled_s, name="glucose_high"),
            Limit("glucose_falling_fast", -self.fast, fast_margin, stale_s, low=True, strict=True,
                  settled_s=self.fast_settled_s, column=1),
            Limit("glucose_rising_fast", self.fast, fast_margin, stale_s, strict=True,
                  settled_s=self.fast_settled_s, column=1),
            Limit("glucose_urgent_low_soon", self.soon, margin, stale_s, low=True, column=2),
        )  # fmt: skip


@register
class GlucoseLimits(WatchesLimits):
    """Report glucose beyond its limits, and where it is going (CLINICAL 3.14, 4).

    The value is the glucose, the rate, or the glucose expected in 20 minutes.
    """

    name = "glucose_limits"
    consumes: tuple[str, ...] = ("glucose_rates", "limits")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())
        self.params = params

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends; where no trend is known, only the glucose itself decides."""
        if not batch.n_samples:
            return self.watch(batch, np.zeros((0, 3)))
        p = self.params
        glucose, rate, expected = batch.values[:, 0], batch.values[:, 1], batch.values[:, 3]
        # Who is high enough or falls slowly is certainly not low soon, whatever the line says.
        heading = np.isnan(rate) | ((glucose <= p.soon_from) & (rate <= p.soon_rate))
        soon = np.where(heading, expected, np.inf)
        return self.watch(batch, np.column_stack([glucose, rate, soon]))
