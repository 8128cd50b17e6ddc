"""Oxygen saturation below the participant's limit, or very low."""

from __future__ import annotations

from dataclasses import dataclass

from processors.limits import Limit, WatchesLimits
from processors.records import Column, FindingSpec, ProducedSpec
from processors.registry import register

EVIDENCE = (Column("spo2", "%"), Column("limit", "%"), Column("lowest", "%"))
FINDINGS = tuple(FindingSpec(code, EVIDENCE) for code in ("spo2_low", "spo2_very_low"))


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of the median; the participant's own comes with it.

    Attributes
    ----------
    very_low_percent
        Below is very low.
    margin_percent
        A finding ends so many points above its limit.
    low_settled_s, very_low_settled_s
        Younger than this a finding ends at its limit: the delays of the alarms.
    stale_s
        A finding ends without a value for so long.
    """

    very_low_percent: float = 85.0  # %, CLINICAL 3.12
    margin_percent: float = 2.0  # points, CLINICAL 4: hysteresis
    low_settled_s: float = 15.0  # s, CLINICAL 3.12
    very_low_settled_s: float = 10.0  # s, CLINICAL 3.12
    stale_s: float = 15.0  # s, CLINICAL 2: stale time of spo2

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings."""
        low = Limit(
            "spo2_low", 0.0, self.margin_percent, self.stale_s, low=True, strict=True,
            settled_s=self.low_settled_s, level_column=1,
        )  # fmt: skip
        very_low = Limit(
            "spo2_very_low", self.very_low_percent, self.margin_percent, self.stale_s,
            low=True, strict=True, settled_s=self.very_low_settled_s, name="spo2_very_low",
        )  # fmt: skip
        return low, very_low


@register
class OxygenLimits(WatchesLimits):
    """Report low saturation by the median of five seconds (CLINICAL 3.12, 4).

    The value of a finding is the median, at its onset and at its end.
    """

    name = "oxygen_limits"
    consumes: tuple[str, ...] = ("oxygen", "limits")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())
