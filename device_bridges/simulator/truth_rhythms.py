"""What the planted beats amount to, by the definitions of CLINICAL 3.6 and 3.7.

A second, slow reading of the definitions, independent of the detectors. Cases within a margin of a
limit are true but not required: there a detector may decide either way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import SPEC_OF, Kind
from device_bridges.simulator.tables import V
from device_bridges.simulator.truth import Condition, Person, spans

LEARNING_S = 10.0  # s, default: detectors may still be learning
AFTER_S = 15.0  # s, default: and again after a signal was hidden
RATE_MARGIN = 0.05  # share, default: a rate so close to its limit may count either way
PAUSE_MARGIN_S = 0.06  # s, default

ASYSTOLE_S = 4.0  # s, CLINICAL 3.7 (CinC 2015)
PAUSE_S = 3.0  # s, CLINICAL 3.7, default
COUNTED_PAUSE_S = 2.0  # s, CLINICAL 3.7, default
MISSED_RATIO = 1.75  # 1, CLINICAL 3.7, to be confirmed
MISSED_MARGIN = 0.35  # default: detectors take another mean
VT_RATE, VT_BEATS = 130.0, 6  # /min, beats, CLINICAL 3.7 (Mindray)
SLOW_VT_RATE, SLOW_VT_S = 100.0, 30.0  # /min, s, CLINICAL 3.7, default
SLOW_RHYTHM_RATE = 40.0  # /min, CLINICAL 3.7 (Mindray)
EXTREME_BRADY, EXTREME_BRADY_BEATS = 40.0, 5  # /min, beats, CLINICAL 3.7 (CinC 2015)
EXTREME_TACHY, EXTREME_TACHY_BEATS = 140.0, 17  # /min, beats, CLINICAL 3.7 (CinC 2015)
BRADY, TACHY, HELD_S = 45.0, 120.0, 60.0  # /min, /min, s, CLINICAL 3.7, default
FREQUENT_PER_MIN = 10  # ventricular beats, CLINICAL 3.7, default
MULTIFORM_BEATS = 15  # beats, CLINICAL 3.7, default
AF_S = 60.0  # s, CLINICAL 1.4: delays are of episodes of at least a minute
VF_S = 4.0  # s, CLINICAL 3.7 (CinC 2015)

_HIDING = (Kind.LEAD_OFF, Kind.SATURATION, Kind.SILENT, Kind.DROPOUTS, Kind.CLOCK_JUMP)
_NOISY = (Kind.MOTION, Kind.MUSCLE)
_NOISY_DB = 6.0  # dB, default: below this much of the signal is lost


def rhythm_conditions(person: Person) -> Iterator[Condition]:
    """Give what was true of a heart; nothing for those who wear nothing that hears it."""
    has_ecg = "ecg" in person.signals
    if not has_ecg and "rr" not in person.signals:
        return
    hidden = hidden_spans(person)
    found = [*_rates(person), *_af(person)]
    if has_ecg:
        found += [*_gaps(person), *_runs(person), *_patterns(person), *_counts(person)]
        found += _fibrillation(person)
    for condition in found:
        yield condition if not _is_hidden(condition, hidden, person) else _allowed(condition)


def hidden_spans(person: Person) -> list[tuple[float, float]]:
    """Give the spans in which the ECG cannot be expected to tell anything."""
    found = [(0.0, LEARNING_S)]
    for event in person.events:
        kind = int(event["kind"])
        if kind in _HIDING or (kind in _NOISY and event["a"] < _NOISY_DB):
            found.append((float(event["start_s"]) - 1.0, float(event["end_s"]) + AFTER_S))
    return found


def _is_hidden(condition: Condition, hidden: list[tuple[float, float]], person: Person) -> bool:
    end_s = condition.met_s if condition.offset_s is None else condition.offset_s
    decided_late = condition.met_s > person.until_s - 2.0
    overlaps = any(condition.onset_s < to_s and end_s > from_s for from_s, to_s in hidden)
    return decided_late or overlaps


def _allowed(condition: Condition) -> Condition:
    return Condition(
        condition.code, condition.onset_s, condition.offset_s, condition.met_s, False,
        condition.values, condition.cause,
    )  # fmt: skip


def _cause(person: Person, beat: int) -> str:
    """Name the event that made a beat."""
    row = int(person.cause[beat])
    return SPEC_OF[int(person.events["kind"][row])].name if 0 <= row < len(person.events) else ""


def _events(person: Person, kind: Kind) -> NDArray[Any]:
    rows: NDArray[Any] = person.events[person.events["kind"] == kind]
    return rows


# --- between beats --------------------------------------------------------------------------------


def _gaps(person: Person) -> Iterator[Condition]:
    """Asystole, pauses and missed beats: the time from one beat to the next."""
    if not len(person.r_s):
        return
    ends = np.append(person.r_s[1:], person.until_s)
    lengths = ends - person.r_s
    fibrillating = [(e["start_s"], e["end_s"]) for e in _events(person, Kind.VF)]
    mean_s = _trailing_mean(person.rr_s, 8)
    counted = []
    for b in np.flatnonzero(lengths >= 0.7).tolist():  # shorter ones cannot be anything
        start_s, length_s = float(person.r_s[b]), float(lengths[b])
        if any(start_s < to_s and ends[b] > from_s for from_s, to_s in fibrillating):
            continue
        cause = _cause(person, min(b + 1, len(person.r_s) - 1))
        is_last = b == len(person.r_s) - 1
        values = {"seconds": length_s}
        if length_s >= 3.5:  # nothing above 0.3 mV for 4 s is a poor signal as well, 3.10
            yield Condition("poor_signal", start_s, float(ends[b]) + 5.0, float(ends[b]), False)
        if length_s >= ASYSTOLE_S - 10 * PAUSE_MARGIN_S:
            yield Condition(
                "asystole", start_s, float(ends[b]), start_s + ASYSTOLE_S,
                length_s >= ASYSTOLE_S + 0.6, values, cause,
            )  # fmt: skip
        if length_s >= PAUSE_S - 2 * PAUSE_MARGIN_S:
            sure = PAUSE_S + PAUSE_MARGIN_S <= length_s < ASYSTOLE_S and not is_last
            yield Condition("pause", start_s, None, start_s + PAUSE_S, sure, values, cause)
        if not is_last and length_s >= (MISSED_RATIO - MISSED_MARGIN) * mean_s[b]:
            yield Condition(
                "missed_beat", start_s, None, float(ends[b]), False, {"rr_ms": 1000 * length_s}
            )
        if length_s >= COUNTED_PAUSE_S - PAUSE_MARGIN_S and not is_last:
            counted.append((start_s, length_s))
    for k in range(4, len(counted)):
        if counted[k][0] - counted[k - 4][0] <= 60.0:
            sure = min(length for _, length in counted[k - 4 : k + 1]) >= 2.06
            sure = sure and counted[k][0] - counted[k - 4][0] <= 50.0
            yield Condition(
                "pauses_frequent", counted[k - 4][0], counted[k][0] + 60.0,
                counted[k][0] + COUNTED_PAUSE_S, sure and k == 4,
            )  # fmt: skip


def _trailing_mean(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Give the mean of the last ``n`` values up to each, of fewer at the beginning."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - n, 0)
    means: NDArray[np.float64] = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return means


# --- ventricular beats ----------------------------------------------------------------------------


def _runs(person: Person) -> Iterator[Condition]:
    """Couplets and runs: two and more ventricular beats with nothing between them."""
    for first, stop in spans(person.label == V):
        n = stop - first
        if n < 2:
            continue
        onset_s, end_s = float(person.r_s[first]), float(person.r_s[stop - 1])
        cause = _cause(person, first)
        if n == 2:
            yield Condition("pvc_couplet", onset_s, None, end_s, True, {}, cause)
            continue
        rate = 60.0 * (n - 1) / (end_s - onset_s)
        values = {"beats": float(n), "rate": rate}
        named, sure = _run_code(n, rate, end_s - onset_s)
        sixth = first + min(VT_BEATS, n) - 1
        met_s = float(person.r_s[sixth]) if named == "vt" else end_s
        offset_s = end_s if named in _LASTING else None
        yield Condition(named, onset_s, offset_s, met_s, sure, values, cause)
        # While a run grows it is a shorter one first, and near a limit it may be either.
        for other in ("pvc_couplet", "pvc_run", "vt_nonsustained", "ventricular_rhythm", "vt"):
            near_vt = other != "vt" or (rate >= VT_RATE * (1 - 2 * RATE_MARGIN) and n >= 5)
            near_vt |= rate >= SLOW_VT_RATE * (1 - RATE_MARGIN) and end_s - onset_s >= 25
            if other != named and near_vt:
                yield Condition(other, onset_s, end_s, end_s, False, values, cause)


_LASTING = ("vt", "ventricular_rhythm", "ventricular_bradycardia")


def _run_code(n: int, rate: float, length_s: float) -> tuple[str, bool]:
    """Name a run of so many beats and this rate; and whether there is no doubt about it."""
    if n >= VT_BEATS and rate >= VT_RATE:
        return "vt", rate >= VT_RATE * (1 + RATE_MARGIN)
    if rate >= SLOW_VT_RATE and length_s >= SLOW_VT_S:
        return "vt", rate >= SLOW_VT_RATE * (1 + RATE_MARGIN) and length_s >= SLOW_VT_S + 2
    if n <= 5 and rate >= VT_RATE:
        return "vt_nonsustained", rate >= VT_RATE * (1 + RATE_MARGIN)
    below = rate <= VT_RATE * (1 - RATE_MARGIN)
    if n <= 4:
        return "pvc_run", below
    if rate < SLOW_RHYTHM_RATE:
        return "ventricular_bradycardia", rate <= SLOW_RHYTHM_RATE * (1 - RATE_MARGIN)
    return "ventricular_rhythm", below and rate >= SLOW_RHYTHM_RATE * (1 + RATE_MARGIN)


def _patterns(person: Person) -> Iterator[Condition]:
    """Bigeminy and trigeminy: at least three cycles of N V or N N V."""
    labels = "".join("V" if label == V else "N" for label in person.label)
    for code, cycle in (("pvc_bigeminy", "NV"), ("pvc_trigeminy", "NNV")):
        at = 0
        while (at := labels.find(cycle * 3, at)) >= 0:
            stop = at + 3 * len(cycle)
            while labels.startswith(cycle, stop):
                stop += len(cycle)
            onset_s, end_s = float(person.r_s[at]), float(person.r_s[stop - 1])
            met_s = float(person.r_s[at + 3 * len(cycle) - 1])
            # By chance three in a row may just as well be counted otherwise at their edges.
            cause = _cause(person, stop - 1)
            sure = cause in ("bigeminy", "trigeminy") and stop - at >= 4 * len(cycle)
            yield Condition(code, onset_s, end_s, met_s, sure, {}, cause)
            at = stop


def _counts(person: Person) -> Iterator[Condition]:
    """Frequent and multiform ventricular beats."""
    v_s = person.r_s[person.label == V]
    if len(v_s) >= FREQUENT_PER_MIN - 1:
        count = np.arange(1, len(v_s) + 1) - np.searchsorted(v_s, v_s - 60.0, "right")
        for first, stop in spans(count >= FREQUENT_PER_MIN - 1):
            many = bool((count[first:stop] >= FREQUENT_PER_MIN + 2).any())
            tenth = first + int(np.argmax(count[first:stop] >= FREQUENT_PER_MIN)) if many else first
            yield Condition(
                "pvc_frequent", float(v_s[first]) - 60.0, float(v_s[stop - 1]) + 60.0,
                float(v_s[tenth]), many, {"per_min": float(count[first:stop].max())},
            )  # fmt: skip
    is_v = np.flatnonzero(person.label == V)
    for a, b in itertools.pairwise(is_v.tolist()):
        if b - a < MULTIFORM_BEATS and person.shape[a] != person.shape[b]:
            met_s = float(person.r_s[b])
            # Two templates need two looks at each: one odd beat may be taken for noise.
            yield Condition("pvc_multiform", float(person.r_s[a]), met_s + 30.0, met_s, False)


# --- rates ----------------------------------------------------------------------------------------


def _rates(person: Person) -> Iterator[Condition]:
    """Too slow and too fast, over beats and over the clock."""
    if len(person.r_s) < EXTREME_TACHY_BEATS + 1:
        return
    in_effort = _effort_spans(person)
    yield from _extreme(person, in_effort)
    yield from _held(person, in_effort)


def _extreme(person: Person, in_effort: list[tuple[float, float]]) -> Iterator[Condition]:
    # Five beats may be read as five intervals or as the four between them.
    slow = 60.0 / np.maximum(
        _trailing_mean(person.rr_s, EXTREME_BRADY_BEATS),
        _trailing_mean(person.rr_s, EXTREME_BRADY_BEATS - 1),
    )
    for first, stop in spans(slow < EXTREME_BRADY * (1 + RATE_MARGIN)):
        rates = slow[first:stop]
        # A single long pause makes a slow mean of five as well: true, but not what is asked for.
        beats = person.rr_s[first:stop] > 60.0 / (EXTREME_BRADY * (1 - RATE_MARGIN))
        sure = int(beats.sum()) >= EXTREME_BRADY_BEATS + 2
        met = first + int(np.argmax(rates < EXTREME_BRADY)) if (rates < EXTREME_BRADY).any() else 0
        yield Condition(
            "extreme_bradycardia", float(person.r_s[max(first - 4, 0)]),
            float(person.r_s[stop - 1]), float(person.r_s[met or first]), sure,
            {"rate": float(rates.min())}, _cause(person, first),
        )  # fmt: skip
    limit = EXTREME_TACHY
    if person.event_group:
        limit = max(EXTREME_TACHY, person.rate_max + 10.0)  # CLINICAL 3.7, effort part
    fast = 60.0 / _trailing_mean(person.rr_s, EXTREME_TACHY_BEATS)
    fast[: EXTREME_TACHY_BEATS - 1] = 0.0
    for first, stop in spans(fast > limit * (1 - RATE_MARGIN)):
        rates = fast[first:stop]
        beyond = rates > limit * (1 + RATE_MARGIN)
        onset_s = float(person.r_s[max(first - EXTREME_TACHY_BEATS, 0)])
        met = first + int(np.argmax(rates > limit))
        sure = bool(beyond.sum() >= 3) and not _within(onset_s, in_effort)
        yield Condition(
            "extreme_tachycardia", onset_s, float(person.r_s[stop - 1]), float(person.r_s[met]),
            sure, {"rate": float(rates.max())}, _cause(person, first),
        )  # fmt: skip


def _held(person: Person, in_effort: list[tuple[float, float]]) -> Iterator[Condition]:
    """Rates of the meter that hold for a minute."""
    at_s = np.arange(int(person.until_s))
    newest = np.searchsorted(person.r_s, at_s, "right") - 1
    rate = np.where(newest >= 3, 60.0 / _trailing_mean(person.rr_s, 12)[newest], np.nan)
    for code, low_side, limit in (
        ("bradycardia", True, BRADY),
        ("tachycardia", False, TACHY),
        ("effort_rate_high", False, 0.95 * person.rate_max),  # CLINICAL 3.7
    ):
        near = rate < limit * (1 + RATE_MARGIN) if low_side else rate > limit * (1 - RATE_MARGIN)
        beyond = rate < limit * (1 - RATE_MARGIN) if low_side else rate > limit * (1 + RATE_MARGIN)
        for first, stop in spans(near):
            if stop - first < HELD_S - 5:
                continue
            longest = max((b - a for a, b in spans(beyond[first:stop])), default=0)
            sure = longest >= HELD_S + 8 and code != "effort_rate_high"
            sure = sure and not (code == "tachycardia" and person.event_group)
            sure = sure and not _within(float(first), in_effort)
            met_s = float(first) + HELD_S
            if longest:
                a = next(a for a, b in spans(beyond[first:stop]) if b - a == longest)
                met_s = float(first + a) + HELD_S
            extreme = float(np.nanmin(rate[first:stop]) if low_side else rate[first:stop].max())
            yield Condition(code, float(first), float(stop), met_s, sure, {"rate": extreme})


def _effort_spans(person: Person) -> list[tuple[float, float]]:
    """Give efforts and the five minutes after each (CLINICAL 3.7)."""
    return [(e["start_s"], e["end_s"] + 300.0) for e in _events(person, Kind.EFFORT)]


def _within(t_s: float, found: list[tuple[float, float]]) -> bool:
    return any(from_s <= t_s <= to_s for from_s, to_s in found)


# --- rhythms that the script names ----------------------------------------------------------------


def _af(person: Person) -> Iterator[Condition]:
    for event in _events(person, Kind.AF):
        row = int(np.flatnonzero(person.events == event)[0])
        beats = np.flatnonzero(person.cause == row)
        if len(beats) < 5:
            continue
        onset_s, end_s = float(person.r_s[beats[0]]), float(person.r_s[beats[-1]])
        rate = 60.0 * (len(beats) - 1) / max(end_s - onset_s, 1e-9)
        sure = end_s - onset_s >= AF_S
        values = {"rate": rate, "seconds": end_s - onset_s}
        yield Condition("af", onset_s, end_s, onset_s, sure, values, "af")


def _fibrillation(person: Person) -> Iterator[Condition]:
    for event in _events(person, Kind.VF):
        start_s, end_s = float(event["start_s"]), min(float(event["end_s"]), person.until_s)
        sure = end_s - start_s >= VF_S + 1.0
        values: Mapping[str, float] = {"seconds": end_s - start_s}
        yield Condition("vf", start_s, end_s, start_s + VF_S, sure, values, "vf")
        # A fibrillating heart may look like a run, a stop or a very fast rate to other rules.
        for code in ("vt", "asystole", "pause", "extreme_tachycardia", "extreme_bradycardia",
                     "ventricular_rhythm", "vt_nonsustained", "missed_beat",
                     "pvc_multiform", "pvc_couplet", "pvc_run"):  # fmt: skip
            yield Condition(code, start_s, end_s + 5.0, end_s, False, {}, "vf")
