"""Blood pressure that calls for help, or is too low: each by two readings in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.limits import Limit, WatchesLimits
from processors.records import Batch, Column, FindingSpec, Outputs, ProducedSpec
from processors.registry import register

EVIDENCE = (Column("systolic", "mm[Hg]"), Column("limit", "mm[Hg]"), Column("extreme", "mm[Hg]"))
FINDINGS = (
    FindingSpec("blood_pressure_crisis", (*EVIDENCE, Column("diastolic", "mm[Hg]"))),
    FindingSpec("blood_pressure_low", EVIDENCE),
)


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of the blood pressure.

    Attributes
    ----------
    crisis_systolic, crisis_diastolic
        Either at or above its limit is a crisis, if the next reading within `repeat_s` says so too.
    low_systolic
        Below is low, if the next reading says so too, within the stale time.
    margin
        A finding ends so far on the safe side; a crisis needs both values there.
    least_pulse_pressure
        A reading with less between systolic and diastolic is implausible.
    stale_s, ambulatory_stale_s
        A finding ends without a reading for so long.
    """

    crisis_systolic: float = 180.0  # mm[Hg], CLINICAL 3.15: to be confirmed
    crisis_diastolic: float = 120.0  # mm[Hg], CLINICAL 3.15: to be confirmed
    repeat_s: float = 300.0  # s, CLINICAL 4
    low_systolic: float = 90.0  # mm[Hg], CLINICAL 4
    margin: float = 5.0  # mm[Hg], CLINICAL 4: hysteresis
    least_pulse_pressure: float = 10.0  # mm[Hg], CLINICAL 3.15
    stale_s: float = 129_600.0  # s, CLINICAL 2: 36 h, stale time of a single reading
    ambulatory_stale_s: float = 5400.0  # s, CLINICAL 2: 90 min

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings."""
        crisis = Limit(
            "blood_pressure_crisis", self.crisis_systolic, self.margin, self.stale_s,
            other_column=1, other_level=self.crisis_diastolic, needed=2, within_s=self.repeat_s,
            other_stale_s=self.ambulatory_stale_s, name="systolic_crisis",
            other_name="diastolic_crisis",
        )  # fmt: skip
        low = Limit(
            "blood_pressure_low", self.low_systolic, self.margin, self.stale_s, low=True,
            strict=True, needed=2, within_s=self.stale_s, other_stale_s=self.ambulatory_stale_s,
            name="systolic_low",
        )  # fmt: skip
        return crisis, low


@register
class PressureLimits(WatchesLimits):
    """Report blood pressure beyond its limits by the second reading (CLINICAL 3.15, 4).

    The onset is the first of the two readings; the value is the systolic pressure of the second.
    """

    name = "pressure_limits"
    consumes: tuple[str, ...] = ("blood_pressure", "blood_pressure.ambulatory", "limits")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())
        self.params = params

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends; an implausible reading changes nothing."""
        pressure = batch.values[:, :2]
        plausible = pressure[:, :1] - pressure[:, 1:] >= self.params.least_pulse_pressure
        return self.watch(batch, np.where(plausible, pressure, np.nan))
