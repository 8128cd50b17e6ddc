"""Breathing too fast or too slowly, by the respiration rate of a device."""

from __future__ import annotations

from dataclasses import dataclass

from processors.limits import Limit, WatchesLimits
from processors.records import Column, FindingSpec, ProducedSpec
from processors.registry import register

EVIDENCE = (Column("rate", "/min"), Column("limit", "/min"), Column("extreme", "/min"))
FINDINGS = tuple(FindingSpec(code, EVIDENCE) for code in ("respiration_high", "respiration_low"))


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of the respiration rate.

    Attributes
    ----------
    high_per_min, low_per_min
        Above is high, below is low.
    margin
        A finding ends when the rate is this share on the safe side.
    high_settled_s, low_settled_s
        Younger than this a finding ends at its limit: the delays of the alarms.
    stale_s
        A finding ends without a value for so long.
    """

    high_per_min: float = 30.0  # /min, CLINICAL 4
    low_per_min: float = 8.0  # /min, CLINICAL 4
    margin: float = 0.05  # 1, CLINICAL 4: hysteresis
    high_settled_s: float = 60.0  # s, CLINICAL 4
    low_settled_s: float = 30.0  # s, CLINICAL 4
    stale_s: float = 30.0  # s, CLINICAL 2: stale time of respiration

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings."""
        high = Limit(
            "respiration_high", self.high_per_min, self.margin * self.high_per_min, self.stale_s,
            strict=True, settled_s=self.high_settled_s,
        )  # fmt: skip
        low = Limit(
            "respiration_low", self.low_per_min, self.margin * self.low_per_min, self.stale_s,
            low=True, strict=True, settled_s=self.low_settled_s,
        )  # fmt: skip
        return high, low


@register
class BreathingLimits(WatchesLimits):
    """Report respiration rates beyond their limits (CLINICAL 4)."""

    name = "breathing_limits"
    consumes: tuple[str, ...] = ("respiration",)
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())
