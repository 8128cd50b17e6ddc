"""Heart-rate recovery after effort, from beats or a device, movement, marks and the profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.recovery import (
    ENDED,
    GRID_LAG_S,
    LIMITS,
    N_FEATURE,
    N_WORK,
    RECOVERY_STATE,
    REST_NS,
    SECOND_NS,
    Out,
    watch_recovery,
)
from processors.kernels.recovery_verdict import EVIDENCE, grade_recoveries, prepare
from processors.records import (
    NOTHING,
    POINT,
    Batch,
    Column,
    DerivedBlock,
    EventBlock,
    FeatureBlock,
    FeatureSpec,
    FindingSpec,
    Outputs,
    ProducedSpec,
    StreamSpec,
)
from processors.registry import register
from processors.state import KeepsState, SlotState

_UNITS = {
    "t0_lag_s": "s", "percent_hr_max": "%", "valid_percent": "%", "tau_s": "s",
    "t0_source": "1", "grade": "1", "delayed": "1", "confirmed": "1", "posture": "1", "r2": "1",
    "delayed_of_3": "1", "near_cutoff": "1", "device_lag_s": "s",
}  # fmt: skip
COLUMNS = tuple(Column(name, _UNITS.get(name, "/min")) for name in EVIDENCE)
FINDINGS = (
    FindingSpec("heart_rate_recovery", COLUMNS, lasting=False),
    FindingSpec("heart_rate_recovery_delayed", COLUMNS, lasting=False),
)
FEATURE = FeatureSpec(
    "recovery",
    (
        Column("state"),
        Column("percent_hr_max", "%"),
        Column("since_s", "s"),
        Column("drop", "/min"),
        Column("ended"),
    ),
)
HRR60 = EVIDENCE.index("hrr60")
GRADE, CONFIRMED = EVIDENCE.index("grade"), EVIDENCE.index("confirmed")
RECOVERIES = StreamSpec(
    "recoveries",
    (Column("lag_ns", "ns"), Column("grade"), Column("hrr60", "/min"), Column("confirmed")),
)


@dataclass(frozen=True, slots=True)
class Params:
    """The numbers of the state machine; all CLINICAL 3.9, and defaults of it unless stated.

    Attributes
    ----------
    effort_share, effort_reserve, effort_s, effort_of_s, rise
        Effort: H at or above this share of HRmax and this share of the reserve, for so many of so
        many seconds, and so far above the base.
    leave_share, leave_s
        Below this share of HRmax for so long, effort ends without a stop.
    grade_a, grade_b, grade_c
        Shares of HRmax of the peak; below the last nothing is graded.
    stop_movement, still_s
        Movement tells a stop where its median in effort is so much, and so many of ten seconds
        are below a quarter of it.
    stop_drop, stop_slope
        The heart rate tells a stop when H is so far below the peak and falls so fast.
    re_effort_s, re_effort_rise
        More than half of the movement, or H so far above the nadir, for so long is new effort.
    again_s
        So much longer is watched what fell by no more than ``cutoff60_still`` and only the heart
        rate told: if H is back at the peak, it was a swing.
    valid_share, gap_s, ectopic_share, lock_within, lock_s
        What forbids a verdict: too few valid seconds in the first minute, a gap longer than this,
        more premature beats than this share, a rate of a device that is this near to the cadence
        for longer.
    refractory_s
        After an event.
    cutoff60_moving, cutoff60_still, cutoff120
        At or below is delayed: walking or unknown posture; sitting or supine; at 120 s.
    least_r2
        Of the exponential, for its time constant to be told.
    jump_per_s, lowest, highest
        A rate that changes faster or lies outside is not valid.
    hr_max_at_birth, hr_max_at_birth_beta, hr_max_per_year, default_age
        HRmax where the profile has none; the second with a beta blocker.
    """

    effort_share: float = 0.70  # of HRmax
    effort_reserve: float = 0.4  # of the reserve
    effort_s: int = 60  # s
    effort_of_s: int = 90  # s
    rise: float = 25.0  # /min
    leave_share: float = 0.6  # of HRmax
    leave_s: int = 60  # s
    grade_a: float = 0.85  # of HRmax
    grade_b: float = 0.70  # of HRmax
    grade_c: float = 0.60  # of HRmax
    stop_movement: float = 0.5  # m/s2, default of this file: a bicycle shakes less
    still_s: int = 8  # s of 10
    stop_drop: float = 4.0  # /min
    stop_slope: float = -0.10  # /min per s
    re_effort_s: int = 10  # s
    re_effort_rise: float = 8.0  # /min
    again_s: int = 30  # s, default of this file
    valid_share: float = 0.8
    gap_s: int = 8  # s
    ectopic_share: float = 0.1
    lock_within: float = 3.0  # /min
    lock_s: int = 10  # s
    refractory_s: int = 180  # s
    cutoff60_moving: float = 12.0  # /min, Cole 1999, NEJM 341:1351 (to be confirmed)
    cutoff60_still: float = 18.0  # /min, Watanabe 2001, Circulation 104:1911 (to be confirmed)
    cutoff120: float = 22.0  # /min, Shetler 2001, JACC 38:1980 (to be confirmed)
    least_r2: float = 0.75
    jump_per_s: float = 12.0  # /min per s
    lowest: float = 30.0  # /min
    highest: float = 230.0  # /min
    hr_max_at_birth: float = 208.0  # /min, Tanaka 2001 (to be confirmed)
    hr_max_at_birth_beta: float = 164.0  # /min, Brawner 2004 (to be confirmed)
    hr_max_per_year: float = 0.7  # /min per year, Tanaka 2001 (to be confirmed)
    default_age: float = 45.0  # years

    def limits(self) -> NDArray[Any]:
        """Give the same to the kernels: one record."""
        return np.array([tuple(getattr(self, name) for name in LIMITS.names or ())], LIMITS)


@register
class Recovery(KeepsState):
    """Find stops of effort and how far the heart rate falls afterwards.

    ``heart_rate_recovery`` is given once for each graded event, also where all is well, at t0;
    ``heart_rate_recovery_delayed`` where it is delayed by the rules. Both have the drop of the
    first minute as value and the same evidence: ``t0_source`` 1 mark, 2 motion, 3 heart rate;
    ``grade`` 1 A, 2 B, 3 C; ``posture`` as in the profile; ``delayed_of_3`` of the last three
    events that count. ``hrr60_error`` is two standard errors of the drop, and ``near_cutoff`` 1
    where the cut-off is no further from it; ``device_lag_s`` is how far a device seems to be
    behind. An event without a verdict leaves its reason in the feature ``recovery``, whose
    ``ended`` is 1 verdict, 2 effort again, 3 signal, 4 rhythm, 5 cadence lock, 6 too little
    effort, and whose ``state`` is 1 effort, 2 recovery, 3 refractory.
    """

    name = "recovery"
    consumes: tuple[str, ...] = (
        "rr_intervals", "heart_rate", "motion", "ecg_quality", "profile", "mark",
    )  # fmt: skip
    produces: tuple[ProducedSpec, ...] = (*FINDINGS, FEATURE, RECOVERIES)

    def __init__(self, params: Params = Params()) -> None:
        self._limits = params.limits()
        self._state = SlotState(RECOVERY_STATE)
        self._work = np.empty(N_WORK)

    def process(self, batch: Batch) -> Outputs:
        """Give findings, and a feature of who is in effort or recovers."""
        if not batch.n_rows:
            return NOTHING
        records = self._state.cover(batch.slots)
        room = self._room(batch)
        out = Out(
            ended=np.empty(room // 60 + batch.n_rows, ENDED),
            slots=np.empty(room, np.int32),
            t_ns=np.empty(room, np.int64),
            values=np.empty((room, N_FEATURE)),
            n=np.zeros(2, np.int64),
            work=self._work,
        )
        prepare()
        watch_recovery(
            batch.t_ns, batch.source, batch.values, batch.offsets, batch.slots, batch.until_ns,
            self._limits, records, out,
        )  # fmt: skip
        n_ended, n = out.n.tolist()
        features = (FeatureBlock(FEATURE.name, out.slots[:n], out.t_ns[:n], out.values[:n]),)
        given = Outputs(features=features if n else ())
        return self._grade(out.ended[:n_ended], given) if n_ended else given

    def _grade(self, ended: NDArray[Any], given: Outputs) -> Outputs:
        """Add the findings of recoveries, all of them and the delayed ones; points at t0."""
        evidence, alarm = grade_recoveries(ended, self._limits, self._state.records)
        values = np.column_stack(
            (ended["t_ns"] - ended["t0_ns"], evidence[:, [GRADE, HRR60, CONFIRMED]])
        )
        recoveries = DerivedBlock(
            RECOVERIES.name, ended["slot"].copy(), ended["t_ns"].copy(), values
        )
        blocks = []
        for spec, which in zip(FINDINGS, (np.ones_like(alarm), alarm), strict=True):
            found, n = ended[which], int(which.sum())
            if n:
                blocks.append(
                    EventBlock(
                        code=spec.code,
                        slots=found["slot"].copy(),
                        onset_ns=found["t0_ns"].copy(),
                        at_ns=found["t0_ns"].copy(),
                        t_ns=found["t_ns"].copy(),
                        state=np.full(n, POINT, np.int8),
                        revision=np.zeros(n, np.int32),
                        value=evidence[which, HRR60],
                        evidence=evidence[which],
                    )
                )
        return replace(given, derived=(recoveries,), events=tuple(blocks))

    def _room(self, batch: Batch) -> int:
        """Bound the number of seconds a batch can hold: by its span, and by its inputs."""
        longest = REST_NS // SECOND_NS + 2
        state = self._state.records
        starts = batch.offsets[:-1]
        first = np.full(batch.n_rows, np.iinfo(np.int64).max)
        filled = batch.offsets[1:] > starts
        first[filled] = batch.t_ns[starts[filled]] // SECOND_NS
        running = state["running"][batch.slots] != 0
        begin = np.where(running, state["next"][batch.slots], first)
        span = np.maximum(batch.until_ns // SECOND_NS - GRID_LAG_S - begin + 1, 0)
        return int(np.minimum(span, longest * (np.diff(batch.offsets) + 1)).sum())
