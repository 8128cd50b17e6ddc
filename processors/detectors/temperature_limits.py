"""Fever and hypothermia, from a thermometer worn all day or read now and then."""

from __future__ import annotations

from dataclasses import dataclass

from processors.limits import Limit, WatchesLimits
from processors.records import Column, FindingSpec, ProducedSpec
from processors.registry import register

EVIDENCE = (Column("temperature", "Cel"), Column("limit", "Cel"), Column("extreme", "Cel"))
FINDINGS = tuple(FindingSpec(code, EVIDENCE) for code in ("fever", "hypothermia"))


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of the body temperature.

    Attributes
    ----------
    fever_cel, high_cel, low_cel
        At or above is fever, and at or above the second it is told once more; below is hypothermia.
    margin_cel
        A finding ends so far on the safe side.
    settled_s
        Younger than this a finding ends at its limit: the delay of the alarms.
    stale_s, spot_stale_s
        A finding ends without a value for so long after one of a worn thermometer, and after a
        single one.
    """

    fever_cel: float = 38.0  # Cel, CLINICAL 3.18: to be confirmed
    high_cel: float = 39.5  # Cel, CLINICAL 3.18: to be confirmed
    low_cel: float = 35.0  # Cel, CLINICAL 3.18: to be confirmed
    margin_cel: float = 0.3  # Cel, default: the 5 % of CLINICAL 4 mean nothing on this scale
    settled_s: float = 600.0  # s, CLINICAL 4
    stale_s: float = 600.0  # s, CLINICAL 2: stale time of body_temperature
    spot_stale_s: float = 129_600.0  # s, CLINICAL 2: 36 h, stale time of a single value

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings."""
        fever = Limit(
            "fever", self.fever_cel, self.margin_cel, self.stale_s, worse=self.high_cel,
            settled_s=self.settled_s, other_stale_s=self.spot_stale_s,
        )  # fmt: skip
        hypothermia = Limit(
            "hypothermia", self.low_cel, self.margin_cel, self.stale_s, low=True, strict=True,
            settled_s=self.settled_s, other_stale_s=self.spot_stale_s,
        )  # fmt: skip
        return fever, hypothermia


@register
class TemperatureLimits(WatchesLimits):
    """Report body temperatures beyond their limits (CLINICAL 3.18, 4); never that of the skin."""

    name = "temperature_limits"
    consumes: tuple[str, ...] = ("body_temperature", "body_temperature.spot")
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())
