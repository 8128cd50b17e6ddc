"""How quickly hearts calm down after effort (CLINICAL 3.9), from the rate without its swings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import Kind
from device_bridges.simulator.tables import NO_P, SITTING, SUPINE, N
from device_bridges.simulator.truth_person import HEARTBEAT, Condition, Person
from device_bridges.simulator.truth_spans import rolling_mean, runs, touches, within

GRADE_A, GRADE_B, GRADE_C = 0.85, 0.70, 0.60  # share of HRmax, CLINICAL 3.9, default
CUTOFF_MOVING, CUTOFF_STILL, CUTOFF_120 = 12.0, 18.0, 22.0  # /min, CLINICAL 3.9
EFFORT_S, EFFORT_OF_S = 60, 90  # s of the last s, CLINICAL 3.9, default
EFFORT_SHARE, EFFORT_RESERVE = 0.70, 0.4  # of HRmax, of the reserve, CLINICAL 3.9, default
RISE = 25.0  # /min above the base, CLINICAL 3.9, default
BASE_FROM_S, BASE_TO_S = 300, 180  # s before the crossing, CLINICAL 3.9, default
LEAVE_SHARE, LEAVE_S = 0.6, 60  # of HRmax, s, CLINICAL 3.9, default
OUT_S = 125.0  # s after the stop, CLINICAL 3.9: when the drop at 120 s is out
REFRACTORY_S = OUT_S + 180.0  # s, CLINICAL 3.9, default
OF_THREE = 2  # of the last three, CLINICAL 3.9, default

RATE_MARGIN = 3.0  # /min, default: of entry conditions
DROP_MARGIN = 2.0  # /min, CLINICAL 6: error of HRR60 that is allowed
SHARE_MARGIN = 0.02  # of HRmax, default
ECTOPIC = 0.1  # share of beats, CLINICAL 3.9, default: above it there is no verdict
CLEAR_DROP = 12.0  # /min in 60 s, default: a stop that nothing else tells shows in the rate
SMALL_LATER_S = 30.0  # s, default: so much later is a small fall told that only the rate tells
NOTICED_DROP = 4.0  # /min below the peak, CLINICAL 3.9, default

BUTTON, SENSED = 1.0, 2.0  # `marker` of an effort


@dataclass(frozen=True, slots=True)
class _Stop:
    """A stop of effort; `row` is that of the event, -1 for one that nobody planned."""

    t0_s: float
    row: int
    marker: float


def recovery_conditions(person: Person) -> Iterator[Condition]:
    """Give each stop of effort that can be graded, and those after which the heart stays fast."""
    signal = person.heard_by(HEARTBEAT)
    rate = person.column("rate")
    if signal is None or not len(rate):
        return
    late: list[bool] = []  # of the graded events of good effort, in order: was it delayed
    graded_s: list[float] = []
    for stop in _stops(person):
        graded = _measure(person, rate, stop)
        if graded is None:
            continue
        values, certain = graded
        certain &= not graded_s or stop.t0_s - graded_s[-1] > REFRACTORY_S + EFFORT_S
        graded_s.append(stop.t0_s)
        cause = "effort" if stop.row >= 0 else ""
        met_s = stop.t0_s + OUT_S
        if not values["confirmed"] and values.get("hrr120", 0.0) <= CUTOFF_STILL + DROP_MARGIN:
            met_s += SMALL_LATER_S
        needs = (stop.t0_s - EFFORT_OF_S, met_s)
        told = stop.marker == BUTTON or (stop.marker == SENSED and "acceleration" in person.worn)
        # By the rate alone only where nobody is seen to walk on: that is effort again.
        seen = "acceleration" in person.worn
        by_rate = not seen and values["hrr60"] >= CLEAR_DROP
        required = certain and stop.row >= 0 and (told or by_rate)
        yield Condition(
            "heart_rate_recovery", stop.t0_s, None, met_s, required, values, cause, needs
        )
        share = values["percent_hr_max"] / 100.0
        cutoff = values["cutoff60"]
        drops = (values["hrr60"] - cutoff, values.get("hrr120", math.inf) - CUTOFF_120)
        good = told and share >= GRADE_B
        is_late = drops[0] <= 0
        before = sum(late[-2:])
        by_both = max(drops) <= -DROP_MARGIN
        by_three = is_late and before >= OF_THREE - 1
        if good:
            late.append(is_late)
        if drops[0] > DROP_MARGIN or share < GRADE_B - SHARE_MARGIN:
            continue
        sure = required and good and share >= GRADE_B + SHARE_MARGIN
        yield Condition(
            "heart_rate_recovery_delayed", stop.t0_s, None, stop.t0_s + OUT_S,
            sure and (by_both or (by_three and drops[0] <= -DROP_MARGIN)), values, cause, needs,
        )  # fmt: skip
    yield from _easings(person, rate, graded_s)


def _stops(person: Person) -> list[_Stop]:
    """Give planted ends of effort and, from the body, rests that nobody planned; by time."""
    efforts = np.flatnonzero(person.events["kind"] == Kind.EFFORT).tolist()
    planted = []
    for row in efforts:
        t0_s = float(person.events["end_s"][row])
        others = [
            (float(person.events["start_s"][k]), float(person.events["end_s"][k]))
            for k in efforts if k != row
        ]  # fmt: skip
        goes_on = any(from_s <= t0_s < to_s for from_s, to_s in others)
        if not goes_on and t0_s < person.until_s:
            planted.append(_Stop(t0_s, row, float(person.events["d"][row])))
    ends = [end_s for _, end_s in person.efforts if end_s < len(person.seconds)]
    rests = [
        _Stop(end_s, -1, SENSED)
        for end_s in ends if all(abs(end_s - stop.t0_s) > 3.0 for stop in planted)
    ]  # fmt: skip
    return sorted([*planted, *rests], key=lambda stop: stop.t0_s)


def _measure(
    person: Person, rate: NDArray[np.float64], stop: _Stop
) -> tuple[dict[str, float], bool] | None:
    """Give what a faultless measurement of a stop gives, and whether it has to be graded.

    None: there was no effort to recover from, or the run ended before the first mark.
    """
    t0_s = stop.t0_s

    def middle(from_s: float, to_s: float) -> float:
        first, last = max(math.ceil(t0_s + from_s), 0), math.floor(t0_s + to_s)
        return float(np.median(rate[first : last + 1])) if last < len(rate) else math.nan

    peak, hr60 = middle(-10.0, 0.0), middle(57.0, 63.0)
    if not np.isfinite(peak + hr60) or t0_s + 63.0 > person.until_s:
        return None
    if not _was_effort(person, rate, t0_s, -RATE_MARGIN):
        return None
    share = peak / person.rate_max
    if share < GRADE_C - SHARE_MARGIN:
        return None
    still = stop.marker != 0.0 and person.who.posture in (SITTING, SUPINE)
    grade = 1.0 if share >= GRADE_A else 2.0 if share >= GRADE_B else 3.0
    told = stop.marker == BUTTON or (stop.marker == SENSED and "acceleration" in person.worn)
    values = {
        "hr_peak": peak, "percent_hr_max": 100.0 * share, "hr60": hr60, "hrr60": peak - hr60,
        "cutoff60": CUTOFF_STILL if still else CUTOFF_MOVING, "grade": grade,
        "confirmed": float(told),
    }  # fmt: skip
    again = any(t0_s + 1.0 < a < t0_s + OUT_S + 1.0 for a, _ in person.efforts)
    hr120 = middle(115.0, 125.0)
    if np.isfinite(hr120) and not again and t0_s + OUT_S <= person.until_s:
        values |= {"hr120": hr120, "hrr120": peak - hr120}
        values |= _time_constant(rate, t0_s)
    certain = _was_effort(person, rate, t0_s, RATE_MARGIN) and share >= GRADE_C + SHARE_MARGIN
    certain &= "hrr120" in values and _is_sinus(person, t0_s)
    return values, certain


def _was_effort(person: Person, rate: NDArray[np.float64], t0_s: float, margin: float) -> bool:
    """Tell whether the state machine is in EFFORT at a stop, with entry harder by a margin."""
    stop = min(int(t0_s) + 1, len(rate))
    reserve = person.rate_max - (person.who.heart_rate_rest or person.rate_rest)
    rest = person.who.heart_rate_rest or person.rate_rest
    limit = max(EFFORT_SHARE * person.rate_max, rest + EFFORT_RESERVE * reserve)
    high = rate[:stop] >= limit + margin
    sums = np.concatenate([[0], np.cumsum(high)])
    last = np.arange(1, stop + 1)
    count = sums[last] - sums[np.maximum(last - EFFORT_OF_S, 0)]
    entered = np.flatnonzero(count >= EFFORT_S + (2 if margin > 0 else -2))
    if not len(entered):
        return False
    entry = int(entered[-1])
    quiet = runs(rate[entry:stop] < LEAVE_SHARE * person.rate_max)
    if any(b - a >= LEAVE_S for a, b in quiet):
        return False
    # The newest crossing that led to this entry: before it is the base.
    below = np.flatnonzero(~high[: max(entry - EFFORT_S, 0)])
    crossing = int(below[-1]) + 1 if len(below) else 0
    base = rest
    if crossing >= BASE_TO_S + 60:
        base = float(np.median(rate[max(crossing - BASE_FROM_S, 0) : crossing - BASE_TO_S]))
    return float(rate[crossing:stop].max()) - base >= RISE + margin


def _is_sinus(person: Person, t0_s: float) -> bool:
    """Tell whether beats around a stop allow a verdict: no fibrillation, few ectopic ones."""
    around = (person.r_s >= t0_s - 10.0) & (person.r_s <= t0_s + 65.0)
    if not around.any():
        return False
    odd = (person.label[around] != N) | (person.shape[around] == NO_P)
    drawn = person.of_kind(Kind.RATE, Kind.AF, Kind.SVT, Kind.VF, Kind.ASYSTOLE, Kind.PAUSE)
    spans = [(float(e["start_s"]) - 10.0, float(e["end_s"]) + 60.0) for e in drawn]
    return float(odd.mean()) <= 0.5 * ECTOPIC and not touches((t0_s - 10, t0_s + OUT_S), spans)


def _time_constant(rate: NDArray[np.float64], t0_s: float) -> dict[str, float]:
    """Give tau of an exponential through three seconds an equal time apart; empty: it is none."""
    first, step = math.ceil(t0_s) + 5, 55
    if first + 2 * step >= len(rate):
        return {}
    early, late = rate[first + step] - rate[first], rate[first + 2 * step] - rate[first + step]
    if not early < late < -0.1:
        return {}
    return {"tau_s": -step / math.log(late / early)}


def _easings(
    person: Person, rate: NDArray[np.float64], stops_s: Sequence[float]
) -> Iterator[Condition]:
    """Give when a fast rate falls without a stop: by the heart rate alone it may be one."""
    least = (EFFORT_SHARE - SHARE_MARGIN) * person.rate_max
    if len(rate) < EFFORT_S or float(rate.max()) < least:
        return
    highest = np.full(len(rate), -np.inf)
    smooth = np.nan_to_num(rolling_mean(rate, 10))
    windows = np.lib.stride_tricks.sliding_window_view(smooth, EFFORT_S)
    highest[EFFORT_S - 1 :] = windows.max(axis=1)
    eased = (highest >= GRADE_C * person.rate_max) & (rate <= highest - NOTICED_DROP)
    known = [(t0_s - 5.0, t0_s + REFRACTORY_S) for t0_s in stops_s]
    eased &= ~within(np.arange(len(rate), dtype=np.float64), known)
    for first, stop in runs(eased):
        onset_s, end_s = float(first - EFFORT_S), float(stop)
        yield Condition("heart_rate_recovery", onset_s, end_s, end_s, False)
