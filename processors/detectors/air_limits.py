"""Air that is bad for people with COPD or asthma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.limits import Limit, WatchesLimits
from processors.records import Batch, Column, FindingSpec, Outputs, ProducedSpec
from processors.registry import register

EVIDENCE = (Column("pm2_5", "ug/m3"), Column("limit", "ug/m3"), Column("extreme", "ug/m3"))
FINDINGS = tuple(
    FindingSpec(code, EVIDENCE)
    for code in ("air_quality_caution", "air_quality_warning", "exposure_high")
)


@dataclass(frozen=True, slots=True)
class Params:
    """Limits of fine particles.

    Attributes
    ----------
    caution, warning
        NowCast or mean of the last hour above is a finding.
    exposure
        Mean of 24 h above is one.
    margin
        A finding ends this share on the safe side.
    warning_settled_s
        Younger than this the warning ends at its limit: the delay of its alarm.
    stale_s
        A finding ends without a reading for so long.
    """

    caution: float = 35.0  # ug/m3, CLINICAL 3.17: default
    warning: float = 75.0  # ug/m3, CLINICAL 3.17: default
    exposure: float = 15.0  # ug/m3, CLINICAL 3.17: WHO 2021
    margin: float = 0.05  # 1, CLINICAL 4: hysteresis
    warning_settled_s: float = 7200.0  # s, CLINICAL 3.17
    stale_s: float = 5400.0  # s, default: a station gives one value an hour

    def limits(self) -> tuple[Limit, ...]:
        """Give them in the order of the findings; columns are the hour and the day."""
        caution, warning, exposure = self.caution, self.warning, self.exposure
        return (
            Limit("air_quality_caution", caution, self.margin * caution, self.stale_s, strict=True),
            Limit("air_quality_warning", warning, self.margin * warning, self.stale_s, strict=True,
                  settled_s=self.warning_settled_s),
            Limit("exposure_high", exposure, self.margin * exposure, self.stale_s, strict=True,
                  column=1),
        )  # fmt: skip


@register
class AirLimits(WatchesLimits):
    """Report bad air for those whose profile says that they are sensitive (CLINICAL 3.17, 4).

    The value of caution and warning is the greater of NowCast and mean of the last hour.
    """

    name = "air_limits"
    consumes: tuple[str, ...] = ("air_means",)
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        super().__init__(FINDINGS, params.limits())

    def process(self, batch: Batch) -> Outputs:
        """Give onsets and ends; for others the air is good enough whatever it is."""
        if not batch.n_samples:
            return self.watch(batch, np.zeros((0, 2)))
        mean_1h, nowcast, mean_24h, sensitive = batch.values.T
        worst = np.column_stack([np.fmax(mean_1h, nowcast), mean_24h])
        return self.watch(batch, np.where(sensitive[:, None] != 0.0, worst, -np.inf))
