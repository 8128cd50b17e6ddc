"""What somebody breathes: means of particles, NowCast, dose of a day, and two indices."""

from __future__ import annotations

import numpy as np

from processors.kernels.air import AIR_STATE, N_OUT, NOWCAST_HOURS, follow_air
from processors.records import (
    NOTHING,
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

EXPOSURE = FeatureSpec(
    "air_exposure",
    (
        Column("mean_1h", "ug/m3"),
        Column("nowcast", "ug/m3"),
        Column("mean_24h", "ug/m3"),
        Column("dose_24h", "ug.h/m3"),
        Column("coverage"),
        Column("pm10_nowcast", "ug/m3"),
        Column("us_aqi"),
        Column("korean_particles"),
    ),
)
MEANS = StreamSpec(
    "air_means",
    (
        Column("mean_1h", "ug/m3"),
        Column("nowcast", "ug/m3"),
        Column("mean_24h", "ug/m3"),
        Column("sensitive"),
    ),
)


@register
class AirExposure(KeepsState):
    """Give exposure to particles at every reading of PM2.5 (CLINICAL 3.17).

    The US index (EPA 2024) is that of the NowCast, the Korean one the greater sub-index of PM2.5
    and PM10: the whole index needs O3 and NO2, which no sensor here measures. Source is the
    person's own sensor alone. Means that too little is known for are NaN: less than 45 min of an
    hour, 18 h of a day, two of the last three hours for the NowCast. A reading without one of PM10
    at its time, from somebody who has both, is known at the next reading.
    """

    name = "air_exposure"
    # PM10 first: of readings of one time it is known when PM2.5 makes the row.
    consumes: tuple[str, ...] = ("pm10", "pm2_5", "profile")
    produces: tuple[ProducedSpec, ...] = (MEANS, EXPOSURE)

    def __init__(self) -> None:
        self._state = SlotState(AIR_STATE)
        self._means = np.empty((2, NOWCAST_HOURS))

    def process(self, batch: Batch) -> Outputs:
        """Give one row per valid reading of PM2.5, as a feature and for the limits as a stream."""
        if not batch.n_samples:
            return NOTHING
        slots, t_ns = np.empty(batch.n_samples, np.int32), np.empty(batch.n_samples, np.int64)
        values = np.empty((batch.n_samples, N_OUT))
        n = follow_air(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots,
            self._state.cover(batch.slots), self._means, slots, t_ns, values,
        )  # fmt: skip
        if not n:
            return NOTHING
        exposure, means = values[:n, : N_OUT - 1], values[:n, [0, 1, 2, N_OUT - 1]]
        return Outputs(
            derived=(DerivedBlock(MEANS.name, slots[:n], t_ns[:n], means),),
            features=(FeatureBlock(EXPOSURE.name, slots[:n], t_ns[:n], exposure),),
        )
