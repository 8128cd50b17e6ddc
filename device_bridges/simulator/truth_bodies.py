"""What planted bodies amount to: oxygen, breath, warmth, glucose, pressure, air (CLINICAL 3.12-18).

Each value is taken at the moments at which the participant's device reads it, without its error.
What lies so near a limit that the error decides is true but not required.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.truth_person import Condition, Person
from device_bridges.simulator.truth_spans import Episode, episodes, runs

SPO2_LOW, SPO2_VERY_LOW = 90.0, 85.0  # %, CLINICAL 3.12
SPO2_MARGIN, SPO2_BACK, SPO2_SURE_S = 1.0, 2.0, 10.0  # points, points (CLINICAL 4), s, default
BREATH_HIGH, BREATH_LOW = 30.0, 8.0  # /min, CLINICAL 4
BREATH_MARGIN, BREATH_SURE_S = 1.5, 30.0  # /min, s, default
APNOEA_S, APNOEA_MARGIN_S = 20.0, 2.0  # s, CLINICAL 3.13; s, default
FEVER, HYPOTHERMIA = 38.0, 35.0  # Cel, CLINICAL 3.18, to be confirmed
WARM_MARGIN, WARM_BACK = 0.15, 0.3  # Cel, default
GLUCOSE_MARGIN, GLUCOSE_BACK = 0.06, 10.0  # share, default: 2.3 SD; mg/dL, CLINICAL 4
GLUCOSE_LIMITS = (
    ("glucose_urgent_low", 54.0, -1.0),  # mg/dL, CLINICAL 4
    ("glucose_low", 70.0, -1.0),  # mg/dL, CLINICAL 4
    ("glucose_high", 250.0, 1.0),  # mg/dL, CLINICAL 4
    ("glucose_very_high", 300.0, 1.0),  # mg/dL, CLINICAL 4
)
FAST_PER_MIN, FAST_MARGIN, FAST_OVER_S = 3.0, 1.0, 900.0  # mg/dL/min, same, s, CLINICAL 3.14
SOON_LEVEL, SOON_IN_MIN, SOON_OVER_S = 55.0, 20.0, 1200.0  # mg/dL, min, s, CLINICAL 3.14
SOON_BELOW, SOON_FALL = 120.0, 1.0  # mg/dL, mg/dL/min, CLINICAL 3.14, default
SOON_MARGIN = 0.15  # share, default: of level and fall
LEAST_READINGS = 3  # CLINICAL 3.14

CRISIS_SYSTOLIC, CRISIS_DIASTOLIC = 180.0, 120.0  # mm[Hg], CLINICAL 3.15, to be confirmed
REPEAT_S = 300.0  # s, CLINICAL 4
LOW_SYSTOLIC = 90.0  # mm[Hg], CLINICAL 4
STOP_SYSTOLIC, STOP_DIASTOLIC = 250.0, 115.0  # mm[Hg], CLINICAL 3.15
HIGH_MAN, HIGH_WOMAN, HIGH_DIASTOLIC = 210.0, 190.0, 110.0  # mm[Hg], CLINICAL 3.15
PRESSURE_MARGIN, PRESSURE_BACK = 7.0, 5.0  # mm[Hg], default: 2.3 SD of a cuff; CLINICAL 4

AIR_MARGIN = 0.15  # share, default: error of small sensors
NOWCAST_S = 10_800.0  # s, CLINICAL 3.17: the NowCast falls more slowly than the mean of an hour
AIR_LIMITS = (  # mean over s, of which so much must be known; ug/m3; CLINICAL 3.17, default
    ("air_quality_caution", 3600.0, 3600.0, 35.0),
    ("air_quality_warning", 3600.0, 3600.0, 75.0),
    ("exposure_high", 86_400.0, 0.75 * 86_400.0, 15.0),
)
AIR_LEAST_S = 900.0  # s, default: with less of an hour known, nothing is said at all


def body_conditions(person: Person) -> Iterator[Condition]:
    """Give what is beyond a limit, of what somebody's devices measure."""
    for signal, rule in (
        ("spo2", _oxygen),
        ("respiration", _breath),
        ("body_temperature", _warmth),
        ("glucose", _glucose),
        ("blood_pressure", _pressure),
        ("pm2_5", _air),
    ):
        if signal in person.worn:
            yield from rule(person)


def _condition(
    code: str, found: Episode, values: dict[str, float], *, certain: bool = True
) -> Condition:
    return Condition(
        code, found.onset_s, found.offset_s, found.met_s, found.certain and certain, values
    )


def _oxygen(person: Person) -> Iterator[Condition]:
    at_s, spo2 = person.readings("spo2", "spo2")
    own = SPO2_LOW if person.who.spo2_low is None else person.who.spo2_low
    for code, limit in (("spo2_low", own), ("spo2_very_low", SPO2_VERY_LOW)):
        for found in episodes(
            at_s, limit - spo2, SPO2_MARGIN, end_s=person.until_s, back=SPO2_BACK,
            extra_s=SPO2_SURE_S,
        ):  # fmt: skip
            lowest = float(spo2[found.first : found.stop].min())
            yield _condition(code, found, {"lowest": lowest, "limit": limit})


def _breath(person: Person) -> Iterator[Condition]:
    at_s, rate = person.readings("respiration", "breath_rate")
    breathing = np.where(rate > 0.0, rate, np.nan)
    for code, beyond, limit in (
        ("respiration_high", breathing - BREATH_HIGH, BREATH_HIGH),
        ("respiration_low", BREATH_LOW - breathing, BREATH_LOW),
    ):
        for found in episodes(
            at_s, beyond, BREATH_MARGIN, end_s=person.until_s, extra_s=BREATH_SURE_S
        ):
            inside = breathing[found.first : found.stop]
            extreme = float(inside.max() if code == "respiration_high" else inside.min())
            yield _condition(code, found, {"extreme": extreme, "limit": limit})
    for first, stop in runs(person.column("breath_rate") == 0.0):
        length_s = float(stop - first)
        if length_s < APNOEA_S - APNOEA_MARGIN_S:
            continue
        arrested = any(a <= first <= b for a, b in person.arrests)  # then it merely follows
        yield Condition(
            "apnoea", float(first), min(float(stop), person.until_s), first + APNOEA_S,
            length_s >= APNOEA_S + APNOEA_MARGIN_S and not arrested, {"seconds": length_s},
            "" if arrested else "apnoea",
        )  # fmt: skip


def _warmth(person: Person) -> Iterator[Condition]:
    at_s, warm = person.readings("body_temperature", "body_temperature")
    for code, limit, sign in (("fever", FEVER, 1.0), ("hypothermia", HYPOTHERMIA, -1.0)):
        for found in episodes(
            at_s, sign * (warm - limit), WARM_MARGIN, end_s=person.until_s, back=WARM_BACK, least=2
        ):
            extreme = float((sign * warm[found.first : found.stop]).max() * sign)
            yield _condition(code, found, {"extreme": extreme, "limit": limit})


# --- glucose --------------------------------------------------------------------------------------


def _glucose(person: Person) -> Iterator[Condition]:
    at_s, glucose = person.readings("glucose", "glucose")
    for code, limit, sign in GLUCOSE_LIMITS:
        for found in episodes(
            at_s, sign * (glucose - limit), GLUCOSE_MARGIN * limit, end_s=person.until_s,
            back=GLUCOSE_BACK, least=2,
        ):  # fmt: skip
            extreme = float((sign * glucose[found.first : found.stop]).max() * sign)
            yield _condition(code, found, {"extreme": extreme, "limit": limit})
    yield from _glucose_trends(person, at_s, glucose)


def _glucose_trends(
    person: Person, at_s: NDArray[np.float64], glucose: NDArray[np.float64]
) -> Iterator[Condition]:
    """Give spans of fast change, and of a line that leads to an urgent low soon."""
    per_min, _ = line(person, at_s, glucose, FAST_OVER_S)
    known = ~_before_start(person, at_s, FAST_OVER_S)
    for code, sign in (("glucose_falling_fast", -1.0), ("glucose_rising_fast", 1.0)):
        for found in episodes(
            at_s, sign * per_min - FAST_PER_MIN, FAST_MARGIN, end_s=person.until_s, least=2
        ):
            certain = bool(known[found.first])
            yield _condition(code, found, {"limit": FAST_PER_MIN}, certain=certain)
    per_min, newest = line(person, at_s, glucose, SOON_OVER_S)
    predicted = newest + SOON_IN_MIN * per_min
    beyond = np.minimum.reduce(
        [1.0 - predicted / SOON_LEVEL, 1.0 - glucose / SOON_BELOW, -per_min / SOON_FALL - 1.0]
    )
    known = ~_before_start(person, at_s, SOON_OVER_S)
    for found in episodes(at_s, beyond, SOON_MARGIN, end_s=person.until_s, least=2):
        certain = bool(known[found.first])
        yield _condition("glucose_urgent_low_soon", found, {}, certain=certain)


def line(
    person: Person, at_s: NDArray[np.float64], values: NDArray[np.float64], over_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit a line through the readings of the last ``over_s``; give its slope per min and its end.

    NaN with fewer than three readings. What a worn sensor read before the start is taken as the
    first value, so that it is known and even.
    """
    every_s = max(person.worn["glucose"].every_s, 1.0)
    n = int(over_s / every_s) + 1
    slope, end = np.full(len(values), np.nan), np.full(len(values), np.nan)
    before = min(int(person.worn["glucose"].history_s / every_s), n - 1)
    if n < LEAST_READINGS or not len(values) or before + len(values) < n:
        return slope, end
    padded = np.concatenate([np.full(before, values[0]), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, n)
    t_min = (np.arange(n) - (n - 1) / 2.0) * every_s / 60.0
    fitted = windows @ t_min / float(t_min @ t_min)
    slope[len(slope) - len(fitted) :] = fitted
    end[len(end) - len(fitted) :] = windows.mean(axis=1) + fitted * t_min[-1]
    return slope, end


def _before_start(person: Person, at_s: NDArray[np.float64], over_s: float) -> NDArray[np.bool_]:
    """Tell at which times a window reaches back before the start, where readings are not known."""
    reaches: NDArray[np.bool_] = at_s - person.worn["glucose"].phase_s < over_s
    return reaches


# --- pressure -------------------------------------------------------------------------------------


def _pressure(person: Person) -> Iterator[Condition]:
    at_s, systolic = person.readings("blood_pressure", "systolic")
    _, diastolic = person.readings("blood_pressure", "diastolic")
    if not len(at_s):
        return
    crisis = np.maximum(systolic - CRISIS_SYSTOLIC, diastolic - CRISIS_DIASTOLIC)
    low = LOW_SYSTOLIC - systolic
    repeats = np.diff(at_s, prepend=-np.inf) <= REPEAT_S
    for code, beyond in (
        ("blood_pressure_crisis", np.where(repeats, _both(crisis), np.nan)),
        ("blood_pressure_low", _both(low)),
    ):
        for found in episodes(
            at_s, beyond, PRESSURE_MARGIN, end_s=person.until_s, back=PRESSURE_BACK
        ):
            first_s = float(at_s[max(found.first - 1, 0)])  # the reading that the second confirms
            yield Condition(code, first_s, found.offset_s, found.met_s, found.certain)
    effort = person.column("effort")[at_s.astype(np.int64)] > 0.1
    high = HIGH_MAN if person.male else HIGH_WOMAN
    stop = np.maximum(systolic - STOP_SYSTOLIC, diastolic - STOP_DIASTOLIC)
    much = np.maximum(systolic - high, diastolic - HIGH_DIASTOLIC)
    for code, beyond in (
        ("blood_pressure_exercise_stop", np.where(effort, stop, np.nan)),
        ("blood_pressure_exercise_high", np.where(effort, much, np.nan)),
    ):
        for found in episodes(
            at_s, beyond, PRESSURE_MARGIN, end_s=person.until_s, back=PRESSURE_BACK
        ):
            yield _condition(code, found, {})


def _both(beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give how far this reading and the one before are both beyond; NaN for the first."""
    return np.concatenate([[np.nan], np.minimum(beyond[1:], beyond[:-1])])


# --- air ------------------------------------------------------------------------------------------


def _air(person: Person) -> Iterator[Condition]:
    if not person.who.sensitive:  # the limits are for people with asthma or COPD
        return
    at_s, dust = person.readings("pm2_5", "pm2_5")
    for code, over_s, needed_s, limit in AIR_LIMITS:
        mean, known_s = rolling_exposure(person, at_s, dust, over_s)
        mean = np.where(known_s >= min(AIR_LEAST_S, needed_s), mean, np.nan)
        for found in episodes(
            at_s, mean - limit, AIR_MARGIN * limit, end_s=person.until_s, least=2
        ):
            certain = bool((known_s[found.first : found.stop] >= needed_s).any())
            extreme = float(np.nanmax(mean[found.first : found.stop]))
            yield Condition(
                code, found.onset_s, min(found.offset_s + NOWCAST_S, person.until_s), found.met_s,
                found.certain and certain, {"extreme": extreme, "limit": limit},
            )  # fmt: skip


def rolling_exposure(
    person: Person, at_s: NDArray[np.float64], dust: NDArray[np.float64], over_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the mean over the time before each reading, and how much of that time is known, s.

    What a sensor that was worn before read then is taken as its first value.
    """
    if not len(dust):
        return dust, dust
    every_s = max(person.worn["pm2_5"].every_s, 1.0)
    n = max(int(over_s / every_s), 1)
    before = min(int(person.worn["pm2_5"].history_s / every_s), n)
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([np.full(before, dust[0]), dust]))])
    last = np.arange(before + 1, len(sums))
    first = np.maximum(last - n, 0)
    count = (last - first).astype(np.float64)
    mean: NDArray[np.float64] = (sums[last] - sums[first]) / count
    return mean, count * every_s
