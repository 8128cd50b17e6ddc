"""Heart rates beyond their limits: extreme ones beat by beat, others by the meter for a minute.

Extreme ones do not begin in noise that may have made them; see `processors.kernels.rate_limits`.
"""

from __future__ import annotations

from dataclasses import dataclass

from processors.emit import event_blocks, finding_rows
from processors.kernels.rate_limits import N_CODES, RATE_STATE, Limits, watch_rates
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    FindingSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

EVIDENCE = (Column("rate", "/min"), Column("limit", "/min"), Column("beats"))
FINDINGS = tuple(
    FindingSpec(code, EVIDENCE)  # in the order of the kernel's codes
    for code in ("extreme_tachycardia", "extreme_bradycardia", "tachycardia", "bradycardia")
)


@dataclass(frozen=True, slots=True)
class Params:
    """Limits and how long they must be passed; all CLINICAL 3.7 unless stated.

    The control ``limits`` brings a participant's own rates.

    Attributes
    ----------
    extreme_fast_per_min, fast_beats
        Mean rate over so many consecutive beats; no gap among them.
    extreme_slow_per_min, slow_beats
        As above, for slow hearts.
    fast_per_min, slow_per_min, hold_s
        What the meter must show for so long.
    margin
        A finding ends when the rate is this share on the safe side.
    blank_s
        A finding ends when the meter has been blank for so long: nothing is known any more.
    event_margin_per_min
        In a group marked ``event``, extreme is above HRmax plus this.
    hr_max_at_birth, hr_max_per_year, default_age_years
        HRmax = at birth - per year * age where the profile has none.
    most
        A fast rate does not begin while a larger share of its beats is Q.
    fair
        A second of high-frequency noise that scores less may hide a beat, as one without a lead.
    """

    extreme_fast_per_min: float = 140.0  # /min, CinC 2015
    fast_beats: int = 17  # beats, CinC 2015
    extreme_slow_per_min: float = 40.0  # /min, CinC 2015
    slow_beats: int = 5  # beats, CinC 2015
    fast_per_min: float = 120.0  # /min, default
    slow_per_min: float = 45.0  # /min, default
    hold_s: float = 60.0  # s, default
    margin: float = 0.05  # 1, CLINICAL 4: hysteresis, default
    blank_s: float = 10.0  # s, CLINICAL 2: stale time of heart_rate
    event_margin_per_min: float = 10.0  # /min, default
    hr_max_at_birth: float = 208.0  # /min, Tanaka 2001 (to be confirmed)
    hr_max_per_year: float = 0.7  # /min per year, Tanaka 2001 (to be confirmed)
    default_age_years: float = 45.0  # years, CLINICAL 3.9: unknown age
    most: float = 0.5  # 1, default: most of them
    fair: float = 0.5  # 1, CLINICAL 3.10: less is bad

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            extreme_fast=self.extreme_fast_per_min,
            fast_intervals=self.fast_beats - 1,
            extreme_slow=self.extreme_slow_per_min,
            slow_intervals=self.slow_beats - 1,
            fast=self.fast_per_min,
            slow=self.slow_per_min,
            hold_ns=round(self.hold_s * NS_PER_S),
            margin=self.margin,
            blank_ns=round(self.blank_s * NS_PER_S),
            event_margin=self.event_margin_per_min,
            hr_max_at_birth=self.hr_max_at_birth,
            hr_max_per_year=self.hr_max_per_year,
            default_age=self.default_age_years,
            most=self.most,
            fair=self.fair,
        )


@register
class RateLimits(KeepsState):
    """Report hearts that beat too fast or too slowly."""

    name = "rate_limits"
    consumes: tuple[str, ...] = (
        "rr_intervals", "heart_rate_meter", "profile", "limits", "ecg_quality",
    )  # fmt: skip
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(RATE_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends; an onset lies at the first of the beats or seconds that count."""
        if not batch.n_samples:
            return NOTHING
        rows = finding_rows(N_CODES * batch.n_samples)
        n = watch_rates(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots,
            self._limits, self._state.cover(batch.slots), rows,
        )  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n])) if n else NOTHING
