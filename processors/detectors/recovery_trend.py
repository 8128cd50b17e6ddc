"""Heart-rate recovery that gets slower over the weeks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from processors.emit import event_blocks, finding_rows
from processors.kernels.finding import POINT, put
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

EVIDENCE = (
    Column("grade"),  # 1 A, 2 B, 3 C
    Column("expected", "/min"),
    Column("least_difference", "/min"),
    Column("n_events"),
)
FINDINGS = (FindingSpec("heart_rate_recovery_trend", EVIDENCE, lasting=False),)

N_GRADES = 3
# What is known of the events of one grade.
SERIES = np.dtype(
    [
        ("newest_ns", np.int64),
        ("mean", np.float32),  # /min
        ("squares", np.float32),  # sum of squared distances from the mean
        ("smoothed", np.float32),  # EWMA, /min
        ("fallen", np.float32),  # CUSUM, /min
        ("n", np.uint16),  # events in mean and squares
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Params:
    """How much slower is told; SDD is the smallest difference that is no chance.

    Attributes
    ----------
    weight
        Of the newest event in the moving average.
    slack, limit
        The sum of what events lie below what is expected, each less `slack`, is told above
        `limit`; both in SDD.
    forget_s
        Without an event of the grade for longer, average and sum begin anew.
    usual_sdd, own_events, least_sdd
        SDD until so many events are known; then that of the own ones, but no less than the last.
    least_events
        Before so many are known nothing is expected.
    """

    weight: float = 0.2  # CLINICAL 3.9
    slack: float = 0.5  # SDD, CLINICAL 3.9
    limit: float = 4.0  # SDD, CLINICAL 3.9
    forget_s: float = 48 * 3600.0  # s, CLINICAL 3.9
    usual_sdd: float = 6.5  # /min, CLINICAL 3.9: 5.8-7.2 (Arnold engineering note, n = 1)
    own_events: int = 10  # CLINICAL 3.9
    least_sdd: float = 2.8  # /min, default: HRR60 itself is exact to 2 in 95 % (CLINICAL 6)
    least_events: int = 3  # default


@register
class RecoveryTrend(KeepsState):
    """Follow HRR60 of all graded events of one grade, confirmed or not; tell a lasting fall.

    The value is the moving average. Events that raise the sum teach nothing once the own spread
    is known: a slow fall would become what is expected. After a finding the sum begins anew.
    """

    name = "recovery_trend"
    consumes: tuple[str, ...] = ("recoveries",)
    produces: tuple[ProducedSpec, ...] = FINDINGS

    def __init__(self, params: Params = Params()) -> None:
        self.params = params
        self._state = SlotState([("of_grade", SERIES, (N_GRADES,))])

    def process(self, batch: Batch) -> Outputs:
        """Give a point for each event with which the fall is too large to be chance."""
        if not batch.n_samples:
            return NOTHING
        series = self._state.cover(batch.slots)["of_grade"]
        rows, n = finding_rows(batch.n_samples), 0
        slots = np.repeat(batch.slots, np.diff(batch.offsets)).tolist()
        # A few events a day: a loop in Python is fast enough.
        for slot, t_ns, values in zip(
            slots, batch.t_ns.tolist(), batch.values[:, :3].tolist(), strict=True
        ):
            lag_ns, grade, hrr60 = values
            one = series[slot, int(grade) - 1]
            expected, sdd = float(one["mean"]), self._sdd(one)
            if self._take(one, t_ns, hrr60, sdd):
                at_ns = t_ns - int(lag_ns)
                n = put(rows, n, 0, slot, POINT, at_ns, at_ns, t_ns, 0, float(one["smoothed"]),
                        grade, expected, sdd, float(one["n"]))  # fmt: skip
        return Outputs(events=event_blocks(FINDINGS, rows[:n]))

    def _sdd(self, one: Any) -> float:
        p = self.params
        if one["n"] < p.own_events:
            return p.usual_sdd
        deviation = math.sqrt(float(one["squares"]) / (float(one["n"]) - 1.0))
        # The difference of two events that 5 % exceed by chance.
        return max(1.96 * math.sqrt(2.0) * deviation, p.least_sdd)

    def _take(self, one: Any, t_ns: int, hrr60: float, sdd: float) -> bool:
        """Take one event into its series; tell whether there is something to be told."""
        p, n = self.params, int(one["n"])
        if n == 0 or t_ns - int(one["newest_ns"]) > p.forget_s * NS_PER_S:
            one["smoothed"], one["fallen"] = hrr60, 0.0
        one["newest_ns"] = t_ns
        one["smoothed"] += p.weight * (hrr60 - one["smoothed"])
        below = float(one["mean"]) - hrr60
        if n >= p.least_events:
            one["fallen"] = max(float(one["fallen"]) + below - p.slack * sdd, 0.0)
        if n < p.own_events or (one["fallen"] == 0.0 and n < np.iinfo(np.uint16).max):
            one["n"] = n + 1
            one["mean"] -= below / (n + 1)
            one["squares"] += below * below * n / (n + 1)
        if one["fallen"] <= p.limit * sdd:
            return False
        one["fallen"] = 0.0
        return True
