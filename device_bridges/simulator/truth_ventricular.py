"""Patterns of the planted ventricular beats: runs, couplets, cycles, number, forms (CLINICAL 3.7).

A second, slow reading of the definitions, independent of the detectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.tables import F, N, V
from device_bridges.simulator.truth_person import Condition, Person
from device_bridges.simulator.truth_rhythms import LONGEST_RR_S, RR_MARGIN_S, rr_before_s
from device_bridges.simulator.truth_spans import runs

RATE_MARGIN = 0.05  # share, default: a rate so close to its limit may count either way
VT_RATE, VT_BEATS = 130.0, 6  # /min, beats, CLINICAL 3.7 (Mindray)
SLOW_VT_RATE, SLOW_VT_S = 100.0, 30.0  # /min, s, CLINICAL 3.7, default
SLOW_VT_MARGIN_S = 2.0  # s, default
RHYTHM_BEATS, SLOW_RATE = 5, 40.0  # beats, /min, CLINICAL 3.7 (Mindray)
CYCLES = 3  # CLINICAL 3.7 (Mindray)
FREQUENT, FREQUENT_IN_S = 10, 60.0  # ventricular beats, s, CLINICAL 3.7, default
FREQUENT_MARGIN = 1  # beats, default
MULTIFORM_BEATS, MULTIFORM_MARGIN = 15, 2  # beats, CLINICAL 3.7, default; beats, default
R_ON_T_SHARE, R_ON_T_PAUSE, R_ON_T_RR_S = 1 / 3, 1.25, 0.6  # 1, 1, s, CLINICAL 3.7, to be confirmed
R_ON_T_MEAN_OF = 16  # beats, default

_LETTERS = {N: "n", V: "v", F: "f"}  # S counts as n: not ventricular


def ventricular_conditions(person: Person) -> Iterator[Condition]:
    """Give the patterns; nothing for those without an ECG, whose beats have no label."""
    if "ecg" not in person.worn or not (person.label == V).any():
        return
    yield from _runs(person)
    yield from _cycles(person)
    yield from _frequent(person)
    yield from _multiform(person)
    yield from _r_on_t(person)


def _runs(person: Person) -> Iterator[Condition]:
    """Give couplets, runs, rhythms and tachycardia: ventricular beats with nothing between them."""
    for first, stop in runs(person.label == V):
        n = stop - first
        if n < 2:
            continue
        r_s = person.r_s[first:stop]
        rate = 60.0 * (n - 1) / float(r_s[-1] - r_s[0])
        span_s = float(r_s[-1] - r_s[0])
        names = {
            name
            for factor in (1.0 - RATE_MARGIN, 1.0, 1.0 + RATE_MARGIN)
            for late_s in (-SLOW_VT_MARGIN_S, 0.0, SLOW_VT_MARGIN_S)
            for name in name_run(n, factor * rate, span_s + late_s)
        }
        certain = set(name_run(n, rate, span_s)) == names
        over_s = float(person.r_s[stop]) if stop < len(person.r_s) else float(r_s[-1])
        cause = person.name_cause(first)
        values = {"beats": float(n), "rate": rate}
        for name in sorted(names):
            onset_s, end_s = float(r_s[0]), float(min(r_s[-1], person.until_s))
            if name in _BEATS_OF:
                met_s = float(r_s[min(_BEATS_OF[name], n) - 1])
                if name == "vt" and rate < VT_RATE:
                    met_s = onset_s + SLOW_VT_S
                yield Condition(name, onset_s, end_s, met_s, certain, values, cause)
            else:  # a point is known when the run is over
                yield Condition(name, onset_s, None, over_s, certain, values, cause)


_BEATS_OF = {
    "vt": VT_BEATS,
    "ventricular_rhythm": RHYTHM_BEATS,
    "ventricular_bradycardia": RHYTHM_BEATS,
}


def name_run(n: int, rate: float, span_s: float) -> tuple[str, ...]:
    """Give the codes of a run of so many beats, rate (/min) and time from first to last beat.

    >>> name_run(6, 150.0, 2.0), name_run(4, 150.0, 1.2), name_run(20, 110.0, 31.0)
    (('vt',), ('vt_nonsustained',), ('ventricular_rhythm', 'vt'))
    """
    if n == 2:
        return ("pvc_couplet",)
    if rate >= VT_RATE:
        return ("vt",) if n >= VT_BEATS else ("vt_nonsustained",)
    if n < RHYTHM_BEATS:
        return ("pvc_run",)
    if rate < SLOW_RATE:
        return ("ventricular_bradycardia",)
    if rate >= SLOW_VT_RATE and span_s >= SLOW_VT_S:
        return ("ventricular_rhythm", "vt")  # first the one, then the other
    return ("ventricular_rhythm",)


def _cycles(person: Person) -> Iterator[Condition]:
    """Give bigeminy and trigeminy: at least three cycles of N V or N N V."""
    letters = [_LETTERS.get(label, "n") for label in person.label.tolist()]
    for b in np.flatnonzero(person.rr_s > LONGEST_RR_S).tolist():
        letters[b] = letters[b].upper()  # nothing is consecutive across a long stop
    story = "".join(letters)
    for code, cycle in (("pvc_bigeminy", "[nN]v"), ("pvc_trigeminy", "[nN]nv")):
        size = 2 if code == "pvc_bigeminy" else 3
        later = cycle.replace("[nN]", "n")
        for found in re.finditer(f"{cycle}(?:{later}){{{CYCLES - 1},}}", story):
            first, stop = found.span()
            met = first + CYCLES * size - 1
            yield Condition(
                code, float(person.r_s[first]), float(min(person.r_s[stop - 1], person.until_s)),
                float(person.r_s[met]), True, {"cycles": float((stop - first) // size)},
                person.name_cause(stop - 1),
            )  # fmt: skip


def _frequent(person: Person) -> Iterator[Condition]:
    """Give the spans with ten ventricular beats in a minute."""
    is_v = person.label == V
    v_s = person.r_s[is_v]
    least = FREQUENT - FREQUENT_MARGIN
    if len(v_s) < least:
        return
    count = _in_the_last(v_s)
    # Of a run it merely follows that there are many: only what stands alone or in pairs counts.
    alone = np.ones(len(person.label), bool)
    for first, stop in runs(is_v):
        alone[first:stop] = stop - first <= 2
    own = _in_the_last(person.r_s[is_v & alone])
    own_of = np.zeros(len(v_s), np.int64)
    own_of[alone[is_v]] = own
    for first, stop in runs(count >= least):
        many = count[first:stop] >= FREQUENT
        tenth = first + (int(np.argmax(many)) if many.any() else 0)
        onset = max(tenth - FREQUENT + 1, 0)
        certain = bool((own_of[first:stop] >= FREQUENT + FREQUENT_MARGIN).any())
        yield Condition(
            "pvc_frequent", float(v_s[onset]), float(v_s[stop - 1]) + FREQUENT_IN_S,
            float(v_s[tenth]), certain, {"beats_per_min": float(count[first:stop].max())},
        )  # fmt: skip


def _in_the_last(at_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give how many of some times lie in the minute up to each of them."""
    before = np.searchsorted(at_s, at_s - FREQUENT_IN_S, "left")
    count: NDArray[np.int64] = np.arange(1, len(at_s) + 1) - before
    return count


def _multiform(person: Person) -> Iterator[Condition]:
    """Give the spans in which the last 15 beats hold ventricular beats of two forms."""
    beats = np.flatnonzero(person.label == V)
    if len(set(person.shape[beats].tolist())) < 2:
        return
    apart = _beats_since_other(beats, person.shape[beats])
    near = np.flatnonzero(apart < MULTIFORM_BEATS + MULTIFORM_MARGIN)
    breaks = np.flatnonzero(np.diff(beats[near]) > MULTIFORM_BEATS + MULTIFORM_MARGIN) + 1
    for part in np.split(near, breaks):
        if not len(part):
            continue
        first = int(beats[part[0]])
        last = min(int(beats[part[-1]]) + MULTIFORM_BEATS, len(person.r_s) - 1)
        certain = bool((apart[part] < MULTIFORM_BEATS - MULTIFORM_MARGIN).any())
        met_s, end_s = float(person.r_s[first]), min(float(person.r_s[last]), person.until_s)
        cause = person.name_cause(first)
        yield Condition("pvc_multiform", met_s, end_s, met_s, certain, {}, cause)


def _beats_since_other(beats: NDArray[np.int64], shapes: NDArray[np.int8]) -> NDArray[np.int64]:
    """Give how many beats ago the newest ventricular beat of another form was; huge: never."""
    apart = np.full(len(beats), np.iinfo(np.int64).max)
    for form in set(shapes.tolist()):
        mine, others = shapes == form, beats[shapes != form]
        k = np.searchsorted(others, beats[mine]) - 1
        apart[mine] = np.where(k >= 0, beats[mine] - others[np.maximum(k, 0)], apart[mine])
    return apart


def _r_on_t(person: Person) -> Iterator[Condition]:
    """Give early ventricular beats with a pause after them, in a heart that is not fast."""
    mean_s = rr_before_s(person, R_ON_T_MEAN_OF)
    for b in np.flatnonzero(person.label[:-1] == V).tolist():
        usual_s, rr_s, next_s = float(mean_s[b]), person.rr_s[b], person.rr_s[b + 1]
        early_s = min(R_ON_T_SHARE * usual_s - rr_s, next_s - R_ON_T_PAUSE * usual_s)
        early_s = min(early_s, usual_s - R_ON_T_RR_S)
        if np.isfinite(usual_s) and early_s > -RR_MARGIN_S:
            values = {"rr_ms": 1000.0 * float(rr_s), "mean_rr_ms": 1000.0 * usual_s}
            yield Condition(
                "pvc_r_on_t", float(person.r_s[b]), None, float(person.r_s[b + 1]),
                bool(early_s >= RR_MARGIN_S), values, person.name_cause(b),
            )  # fmt: skip
