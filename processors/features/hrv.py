"""Heart rate variability over the last 1 and 5 minutes, from intervals between normal beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from processors.cadence import most_rows
from processors.kernels.hrv import HRV_STATE, STEP_NS, WIDTH, Limits, measure_variability
from processors.records import (
    NOTHING,
    NS_PER_S,
    Batch,
    Column,
    FeatureBlock,
    FeatureSpec,
    Outputs,
    ProducedSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

COLUMNS = (
    Column("mean_nn_ms", "ms"),
    Column("sdnn_ms", "ms"),
    Column("rmssd_ms", "ms"),
    Column("pnn50_percent", "%"),
    Column("sd1_ms", "ms"),
    Column("sd2_ms", "ms"),
    Column("n"),
    Column("accepted_percent", "%"),
    Column("coverage_percent", "%"),
)


@dataclass(frozen=True, slots=True)
class Params:
    """Which intervals count, and how many must; the windows are fixed by the size of the state.

    Attributes
    ----------
    shortest_ms, longest_ms
        Intervals outside of them are refused.
    change
        So is one that differs by more than this share from the last that was accepted,
    steady
        unless it is this many in a row, each close to the one before: then the rate has changed.
    gap_s
        Beats further apart than their interval and this are not neighbours: some were lost.
    large_ms
        Differences above it make pNN50.
    accepted_percent, missing_percent
        Values are given where more of the intervals are accepted, and less of the time is without
        an accepted one; else they are blank (NaN), and only the counts are given.
    idle_s
        So long after the newest interval rows rest.
    """

    shortest_ms: float = 375.0  # ms, CLINICAL 3.4: published (Clifford toolbox)
    longest_ms: float = 2000.0  # ms, CLINICAL 3.4: published (Clifford toolbox)
    change: float = 0.2  # 1, CLINICAL 3.4: published (Clifford toolbox)
    steady: int = 3  # intervals, default
    gap_s: float = 2.0  # s, CLINICAL 3.4: published (Clifford toolbox)
    large_ms: float = 50.0  # ms, CLINICAL 3.5: definition of pNN50
    accepted_percent: float = 80.0  # %, CLINICAL 3.5: published (Clifford toolbox)
    missing_percent: float = 15.0  # %, CLINICAL 3.5: published (Clifford toolbox)
    idle_s: float = 60.0  # s, default: bounds the rows of one long silence

    def limits(self) -> Limits:
        """Give the same in the units of the kernel."""
        return Limits(
            shortest_ms=self.shortest_ms,
            longest_ms=self.longest_ms,
            change=self.change,
            steady=self.steady,
            gap_ns=round(self.gap_s * NS_PER_S),
            large_ms=self.large_ms,
            accepted_percent=self.accepted_percent,
            missing_percent=self.missing_percent,
            idle_ns=round(self.idle_s * NS_PER_S),
        )


@register
class Hrv(KeepsState):
    """Measure variability at every whole 10 s, over the 60 s and the 300 s before.

    An interval belongs to the 10 s in which it became known, 0.6 s after its beat. Both windows are
    sums of pieces of 10 s that are made anew each time, so nothing drifts and the values are those
    of the same intervals in one batch: SDNN with n - 1, RMSSD over pairs of neighbours that both
    lie in the window, SD1 = RMSSD / sqrt 2, SD2 = sqrt(2 SDNN^2 - SD1^2) (CLINICAL 3.5).

    Differs from CLINICAL 3.4 and 3.5: what is refused is left out and not interpolated; the tests
    by Lipponen and Tarvainen, which need the beats after, are those of `processors.rr_correction`,
    for whole stretches on demand; a label that is revised later does not change what its beat was
    counted as.
    """

    name = "hrv"
    consumes: tuple[str, ...] = ("rr_intervals",)
    produces: tuple[ProducedSpec, ...] = (
        FeatureSpec("hrv_60", COLUMNS),
        FeatureSpec("hrv_300", COLUMNS),
    )

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(HRV_STATE)

    def process(self, batch: Batch) -> Outputs:
        """Give a row of each window for each whole 10 s that have passed."""
        if not batch.n_rows:
            return NOTHING
        state = self._state.cover(batch.slots)
        room = most_rows(batch, state, STEP_NS, self._limits.idle_ns)
        slots, t_ns = np.empty(room, np.int32), np.empty(room, np.int64)
        short, long = np.empty((room, WIDTH)), np.empty((room, WIDTH))
        n = measure_variability(
            batch.t_ns, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, state, slots, t_ns, short, long,
        )  # fmt: skip
        if not n:
            return NOTHING
        return Outputs(
            features=(
                FeatureBlock("hrv_60", slots[:n], t_ns[:n], short[:n]),
                FeatureBlock("hrv_300", slots[:n], t_ns[:n], long[:n]),
            )
        )
