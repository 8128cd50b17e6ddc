"""What the planted beats amount to: stops, pauses and fibrillation (CLINICAL 3.6, 3.7).

A second, slow reading of the definitions, independent of the detectors. Cases within a margin of a
limit are true but not required: there a detector may decide either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from device_bridges.simulator.events import Kind
from device_bridges.simulator.truth_person import Condition, Person
from device_bridges.simulator.truth_spans import runs, touches

ASYSTOLE_S = 4.0  # s, CLINICAL 3.7 (CinC 2015)
PAUSE_S = 3.0  # s, CLINICAL 3.7, default
COUNTED_PAUSE_S = 2.0  # s, CLINICAL 3.7, default
FREQUENT_PAUSES, FREQUENT_IN_S = 5, 60.0  # s, CLINICAL 3.7, default
RR_MARGIN_S = 0.06  # s, default: an RR so close to its limit may count either way
LONGEST_RR_S = 5.0  # s, CLINICAL 2: longest plausible RR

MISSED_RATIO, MISSED_FAST_S, FAST_RR_S = 1.75, 1.0, 0.6  # 1, s, s, CLINICAL 3.7, to be confirmed
MISSED_MARGIN = 0.15  # 1, default: detectors take the mean of other beats
MEAN_OF, MEAN_KEPT = 8, 20  # beats in a mean RR, beats for which it may be kept, default
SLOW_RR_S = 1.6  # s, default: of a heart so slow all RR are long, and none of them is a pause

LOW_S = 4.0  # s, CLINICAL 3.10: less than 0.3 mV for so long is a poor signal as well

AF_S = 30.0  # s, CLINICAL 3.6: a clinical episode, to be confirmed
AF_DECIDE_S = 60.0  # s, CLINICAL 1.4: delays are of episodes of at least a minute
AF_BREAK_S = 10.0  # s, default: without a beat of fibrillation for longer it is over
VF_S = 4.0  # s, CLINICAL 3.7 (CinC 2015)

# What a fibrillating heart may look like to rules that wait for beats.
_SEEN_IN_VF = (
    "asystole", "pause", "missed_beat", "poor_signal", "lead_off", "vt", "vt_nonsustained",
    "ventricular_rhythm", "ventricular_bradycardia", "pvc_run", "pvc_couplet", "pvc_r_on_t",
    "pvc_bigeminy", "pvc_trigeminy", "pvc_frequent", "pvc_multiform", "extreme_tachycardia",
    "extreme_bradycardia", "tachycardia", "bradycardia", "pauses_frequent",
)  # fmt: skip


def rhythm_conditions(person: Person) -> Iterator[Condition]:
    """Give stops, pauses and fibrillation; nothing for those who wear nothing that hears them."""
    if "ecg" in person.worn:
        yield from _stops(person)
        yield from _frequent_pauses(person)
        yield from _ventricular_fibrillation(person)
    if person.heard_by(("ecg", "rr")):
        yield from _atrial_fibrillation(person)
    if person.heard_by(("ecg", "rr")) == "rr":
        yield from _long_rr(person)


def rr_before_s(person: Person, n: int) -> NDArray[np.float64]:
    """Give the mean of the ``n`` RR before each beat's own, of fewer at the beginning.

    RR that are not plausible are left out; infinite where there is none.
    """
    usable = person.rr_s <= LONGEST_RR_S
    sums = np.concatenate([[0.0], np.cumsum(np.where(usable, person.rr_s, 0.0))])
    counts = np.concatenate([[0], np.cumsum(usable)])
    last = np.arange(len(person.rr_s))
    first = np.maximum(last - n, 0)
    number = counts[last] - counts[first]
    return np.where(number > 0, (sums[last] - sums[first]) / np.maximum(number, 1), np.inf)


def _stops(person: Person) -> Iterator[Condition]:
    """Give asystole, pauses and missed beats: the time from one beat to the next."""
    for onset_s, rr_s, usual_s, cause in _intervals(person):
        end_s = onset_s + rr_s
        is_vf = touches((onset_s, end_s), person.fibrillation)
        if rr_s >= LOW_S - 0.5:
            yield Condition("poor_signal", onset_s, end_s + 5.0, end_s, False, {}, cause)
        is_asystole = rr_s >= ASYSTOLE_S + RR_MARGIN_S
        if rr_s >= ASYSTOLE_S - RR_MARGIN_S and not is_vf:
            yield Condition(
                "asystole", onset_s, min(end_s, person.until_s), onset_s + ASYSTOLE_S, is_asystole,
                {"seconds": rr_s}, cause,
            )  # fmt: skip
        if rr_s >= PAUSE_S - RR_MARGIN_S and not is_vf:
            sure = rr_s >= PAUSE_S + RR_MARGIN_S and not is_asystole  # then it merely follows
            yield Condition(
                "pause", onset_s, None, onset_s + PAUSE_S, sure, {"seconds": rr_s}, cause
            )
        if rr_s >= _missed_from_s(usual_s):
            values = {"rr_ms": 1000.0 * rr_s, "mean_rr_ms": 1000.0 * usual_s}
            yield Condition("missed_beat", onset_s, None, end_s, False, values, cause)


def _missed_from_s(usual_s: Any) -> Any:
    """Give from which RR on a beat may count as missed, of a usual RR or of many."""
    least_s = np.where(usual_s <= FAST_RR_S, MISSED_FAST_S, MISSED_RATIO * usual_s)
    return (1.0 - MISSED_MARGIN) * least_s


def _intervals(person: Person) -> Iterator[tuple[float, float, float, str]]:
    """Give start, length, usual length and cause of each interval that may be something."""
    # A mean may be that of some beats ago: one of regular beats only is kept meanwhile.
    usual_s = minimum_filter1d(
        rr_before_s(person, MEAN_OF), MEAN_KEPT, origin=MEAN_KEPT // 2 - 1, mode="nearest"
    )
    least_s = np.minimum(_missed_from_s(usual_s), PAUSE_S - RR_MARGIN_S)
    for b in np.flatnonzero(person.rr_s >= least_s).tolist():
        rr_s = float(person.rr_s[b])
        yield float(person.r_s[b]) - rr_s, rr_s, float(usual_s[b]), person.name_cause(b)
    if len(person.r_s) and person.r_s[-1] < person.until_s:  # no beat any more
        last_s = float(person.r_s[-1])
        yield last_s, person.until_s - last_s, float(usual_s[-1]), ""


def _frequent_pauses(person: Person) -> Iterator[Condition]:
    """Give the spans with five counted pauses in a minute."""
    counted = person.rr_s >= COUNTED_PAUSE_S - RR_MARGIN_S
    at_s, rr_s = person.r_s[counted], person.rr_s[counted]
    n = FREQUENT_PAUSES
    if len(at_s) < n:
        return
    slow = rr_before_s(person, MEAN_OF)[counted] >= SLOW_RR_S
    span_s = at_s[n - 1 :] - at_s[: 1 - n]
    shortest_s = np.lib.stride_tricks.sliding_window_view(rr_s, n).min(axis=1)
    for first, stop in runs(span_s <= FREQUENT_IN_S + 2.0):
        nominal = (span_s <= FREQUENT_IN_S) & (shortest_s >= COUNTED_PAUSE_S)
        certain = (span_s <= FREQUENT_IN_S - 5.0) & (shortest_s >= COUNTED_PAUSE_S + RR_MARGIN_S)
        certain &= ~np.lib.stride_tricks.sliding_window_view(slow, n).any(axis=1)
        inside = slice(first, stop)
        k = first + int(np.argmax(nominal[inside])) if nominal[inside].any() else first
        last_s = float(at_s[stop - 1])
        yield Condition(
            "pauses_frequent", float(at_s[k]), last_s + FREQUENT_IN_S, float(at_s[k + n - 1]),
            bool(certain[inside].any()), {"pauses": float(n)},
            needs=(float(at_s[k] - rr_s[k]), float(at_s[k + n - 1])),
        )  # fmt: skip


def _long_rr(person: Person) -> Iterator[Condition]:
    """Give the gaps of a strap: without a signal, a long RR is one (CLINICAL 3.4)."""
    usual_s = rr_before_s(person, MEAN_OF)
    least_s = np.minimum(PAUSE_S, MISSED_RATIO * usual_s) * (1.0 - MISSED_MARGIN)
    for b in np.flatnonzero(person.rr_s >= least_s).tolist():
        end_s = float(person.r_s[b])
        yield Condition("gap", end_s - float(person.rr_s[b]), end_s, end_s, False)


def _atrial_fibrillation(person: Person) -> Iterator[Condition]:
    """Give the spans in which beats were those of fibrillation."""
    rows = np.flatnonzero(person.events["kind"] == Kind.AF)
    beats = np.flatnonzero(np.isin(person.cause, rows))
    if not len(beats):
        return
    parts = np.split(beats, np.flatnonzero(np.diff(person.r_s[beats]) > AF_BREAK_S) + 1)
    for part in parts:
        onset_s, end_s = float(person.r_s[part[0]]), float(person.r_s[part[-1]])
        length_s = end_s - onset_s
        rate = 60.0 * (len(part) - 1) / length_s if length_s > 0 else 0.0
        needs = (onset_s, onset_s + max(min(length_s, AF_DECIDE_S), AF_S))
        yield Condition(
            "af", onset_s, min(end_s, person.until_s), onset_s, length_s >= 1.05 * AF_S,
            {"rate": rate, "seconds": length_s}, "af", needs,
        )  # fmt: skip
        # The bends of an irregular rhythm may look like other things for a moment.
        yield Condition("missed_beat", onset_s, end_s, end_s, False, {}, "af")


def _ventricular_fibrillation(person: Person) -> Iterator[Condition]:
    for event in person.of_kind(Kind.VF):
        onset_s, end_s = float(event["start_s"]), min(float(event["end_s"]), person.until_s)
        sure = end_s - onset_s >= VF_S + 1.0
        values = {"seconds": end_s - onset_s}
        yield Condition("vf", onset_s, end_s, onset_s + VF_S, sure, values, "vf")
        for code in _SEEN_IN_VF:
            yield Condition(code, onset_s, end_s + 5.0, end_s, False, {}, "vf")
