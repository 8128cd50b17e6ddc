"""What planted bodies and devices amount to: oxygen, glucose, recovery, links (CLINICAL 3.9-3.18).

As in the rhythms, what lies near a limit is true but not required.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.clocks import ALL_SIGNALS
from device_bridges.simulator.events import SPEC_OF, Kind
from device_bridges.simulator.truth import Condition, Person, spans
from processors.signals import SIGNALS

SPO2_VERY_LOW = 85.0  # %, CLINICAL 4
RESPIRATION_HIGH, RESPIRATION_LOW = 30.0, 8.0  # /min, CLINICAL 4
FEVER, HYPOTHERMIA = 38.0, 35.0  # Cel, CLINICAL 3.18, to be confirmed
APNOEA_S = 20.0  # s, CLINICAL 3.13
LEAD_OFF_SURE_S = 6.0  # s, default
BATTERY_LOW = 15.0  # %, CLINICAL 4
SKEW_S, SKEW_PPM = 2.0, 200.0  # s, 1e-6, CLINICAL 4
GRADE_A, GRADE_B, GRADE_C = 0.85, 0.70, 0.60  # share of HRmax, CLINICAL 3.9, default
CUTOFF_UPRIGHT, CUTOFF_AT_REST, CUTOFF_120 = 12.0, 18.0, 22.0  # /min, CLINICAL 3.9
EFFORT_SECONDS, EFFORT_OF = 60, 90  # s of the last s, CLINICAL 3.9, default
RISE = 25.0  # /min above the base, CLINICAL 3.9, default
HRR_MARGIN = 3.0  # /min, default: of 2 /min error allowed and the rounding of devices

# Code, signal, column of the body, limit, whether the low side is bad, margin, hysteresis.
_GLUCOSE = (
    ("glucose_urgent_low", 54.0, True),  # mg/dL, CLINICAL 4
    ("glucose_low", 70.0, True),  # mg/dL, CLINICAL 4
    ("glucose_high", 250.0, False),  # mg/dL, CLINICAL 4
    ("glucose_very_high", 300.0, False),  # mg/dL, CLINICAL 4
)
_GLUCOSE_HYSTERESIS = 10.0  # mg/dL, CLINICAL 4
_SPO2_HYSTERESIS = 2.0  # points, CLINICAL 4


def body_conditions(person: Person, signal_names: tuple[str, ...]) -> Iterator[Condition]:
    """Give what was true of a body and of its devices, but for the rhythm of the heart."""
    silences = _silences(person, signal_names)
    for signal, conditions in (
        ("spo2", _oxygen(person)),
        ("respiration", _breath(person)),
        ("body_temperature", _warmth(person)),
        ("glucose", _glucose(person)),
        ("blood_pressure", _pressure(person)),
        ("pm2_5", _air(person)),
    ):
        if signal in person.signals:
            for condition in conditions:
                yield _unless_silent(condition, signal, silences)
    if "ecg" in person.signals or "rr" in person.signals or "heart_rate" in person.signals:
        yield from _recoveries(person)
    yield from _devices(person, signal_names, silences)


def _unless_silent(
    condition: Condition, signal: str, silences: list[tuple[str, float, float]]
) -> Condition:
    end_s = condition.met_s if condition.offset_s is None else condition.offset_s
    if any(s == signal and condition.onset_s < b and end_s > a for s, a, b in silences):
        return _with(condition, required=False)
    return condition


def _with(condition: Condition, *, required: bool) -> Condition:
    return Condition(
        condition.code, condition.onset_s, condition.offset_s, condition.met_s, required,
        condition.values, condition.cause,
    )  # fmt: skip


def _beyond(
    person: Person,
    values: NDArray[np.float64],
    code: str,
    limit: float,
    *,
    low: bool,
    margin: float,
    hysteresis: float,
    sure_s: float,
) -> Iterator[Condition]:
    """Give the spans in which a value of each second is beyond a limit.

    A span goes on until the value is back by the hysteresis; it is required where the value was
    beyond the limit by the margin for `sure_s`.
    """
    sign = -1.0 if low else 1.0
    over = sign * (values - limit)
    back = spans(over > -hysteresis)
    for first, stop in back:
        inside = over[first:stop] > -margin
        if not inside.any():
            continue
        onset = first + int(np.argmax(inside))
        well = over[first:stop] >= margin
        sure = max((b - a for a, b in spans(well)), default=0) >= sure_s
        crossed = np.flatnonzero(over[first:stop] > 0)
        met = first + int(crossed[0]) if len(crossed) else onset
        worst = float(values[first:stop].min() if low else values[first:stop].max())
        ends_s = float(min(stop, person.until_s))
        decided = met + sure_s < person.until_s
        yield Condition(code, float(onset), ends_s, float(met), sure and decided, {"value": worst})


def _oxygen(person: Person) -> Iterator[Condition]:
    spo2 = person.column("spo2")
    for code, limit in (("spo2_low", person.spo2_limit), ("spo2_very_low", SPO2_VERY_LOW)):
        yield from _beyond(
            person, spo2, code, limit, low=True, margin=1.5, hysteresis=_SPO2_HYSTERESIS,
            sure_s=8,
        )  # fmt: skip
    low = spo2 < max(person.spo2_limit, 90.0) + 1
    for first, stop in spans(low):
        yield Condition("spo2_exertional_drop", first - 60.0, float(stop), float(first), False)


def _breath(person: Person) -> Iterator[Condition]:
    rate = person.column("breath_rate")
    breathing = np.where(rate > 0, rate, 12.0)
    yield from _beyond(
        person, breathing, "respiration_high", RESPIRATION_HIGH, low=False, margin=2.0,
        hysteresis=1.5, sure_s=45,
    )  # fmt: skip
    yield from _beyond(
        person, breathing, "respiration_low", RESPIRATION_LOW, low=True, margin=1.0,
        hysteresis=0.4, sure_s=30,
    )  # fmt: skip
    for first, stop in spans(rate == 0):
        sure = stop - first >= APNOEA_S + 1
        values = {"seconds": float(stop - first)}
        if stop - first >= APNOEA_S - 3:
            met_s = first + APNOEA_S
            yield Condition("apnoea", float(first), float(stop), met_s, sure, values, "apnoea")
        # A sensor that sees breaths go counts fewer of them for a while.
        yield Condition("respiration_low", float(first), stop + 40.0, float(first), False)


def _warmth(person: Person) -> Iterator[Condition]:
    warm = person.column("body_temperature")
    every_s = max(person.signals["body_temperature"], 1.0)
    for code, limit, low in (("fever", FEVER, False), ("hypothermia", HYPOTHERMIA, True)):
        yield from _beyond(
            person, warm, code, limit, low=low, margin=0.25, hysteresis=0.3, sure_s=2.2 * every_s
        )


def _glucose(person: Person) -> Iterator[Condition]:
    glucose = person.column("glucose")
    every_s = max(person.signals["glucose"], 1.0)
    for code, limit, low in _GLUCOSE:
        yield from _beyond(
            person, glucose, code, limit, low=low, margin=5.0, hysteresis=_GLUCOSE_HYSTERESIS,
            sure_s=2.2 * every_s,
        )  # fmt: skip
    # Trends look back a quarter of an hour, partly to before the start: allowed where it moves.
    # A sensor's readings come minutes apart and scatter, so trends near the limit may be either.
    per_min = np.gradient(glucose) * 60.0 if len(glucose) > 1 else np.zeros(len(glucose))
    for code, moving in (
        ("glucose_falling_fast", per_min < -1.5),
        ("glucose_rising_fast", per_min > 1.5),
        ("glucose_urgent_low_soon", per_min < -0.5),
    ):
        for first, stop in spans(moving):
            yield Condition(code, float(first), stop + 900.0, float(first), False)


def _pressure(person: Person) -> Iterator[Condition]:
    for event in person.events[person.events["kind"] == Kind.PRESSURE]:
        start_s, end_s = float(event["start_s"]), float(event["end_s"])
        codes = []
        if event["a"] >= 175 or event["b"] >= 115:
            codes.append("blood_pressure_crisis")
        if event["a"] <= 95:
            codes.append("blood_pressure_low")
        for code in codes:
            # It takes two readings; how far apart they are is the device's schedule.
            yield Condition(code, start_s, end_s + 60.0, start_s, False, {}, "pressure")


def _air(person: Person) -> Iterator[Condition]:
    if not person.sensitive:
        return
    dirty = person.column("pm2_5") > 15.0  # ug/m3, CLINICAL 3.17: WHO 24 h
    for first, stop in spans(dirty):
        for code in ("air_quality_caution", "air_quality_warning", "exposure_high"):
            yield Condition(code, float(first), stop + 3600.0, float(first), False)


# --- recovery -------------------------------------------------------------------------------------


def _recoveries(person: Person) -> Iterator[Condition]:
    """Efforts with a stop (CLINICAL 3.9), measured on the rate without beat-to-beat variation."""
    rate = person.column("rate")
    for event in person.events[person.events["kind"] == Kind.EFFORT]:
        t0 = round(float(event["end_s"]))
        if t0 + 128 > min(len(rate), person.until_s) or t0 < 30:
            continue
        peak = float(np.median(rate[t0 - 10 : t0 + 1]))
        marks = {k: float(np.median(rate[t0 + k - w : t0 + k + w + 1]))
                 for k, w in ((30, 3), (60, 3), (120, 5))}  # fmt: skip
        drop_60, drop_120 = peak - marks[60], peak - marks[120]
        share = peak / person.rate_max
        marked = event["d"] == 1.0 or (event["d"] == 2.0 and "acceleration" in person.signals)
        sure = _was_effort(person, rate, t0) and share >= GRADE_C + 0.03
        cutoff = CUTOFF_AT_REST if person.posture else CUTOFF_UPRIGHT
        delayed = drop_60 <= cutoff
        values = {
            "t0_s": float(event["end_s"]), "hr_peak": peak, "hr60": marks[60], "hr120": marks[120],
            "hrr60": drop_60, "hrr120": drop_120, "delayed": float(delayed),
            "confirmed": float(marked),
        }  # fmt: skip
        onset_s = float(event["end_s"])
        met_s = onset_s + 125.0
        # Without a mark the stop is seen in the heart rate itself, if it falls clearly.
        required = sure and (bool(marked) or drop_60 >= 15)
        yield Condition("heart_rate_recovery", onset_s, None, met_s, required, values, "effort")
        both = drop_60 <= cutoff - HRR_MARGIN and drop_120 <= CUTOFF_120 - HRR_MARGIN
        near = drop_60 <= cutoff + HRR_MARGIN
        if near:
            certain = required and bool(marked) and both and share >= GRADE_B + 0.03
            yield Condition(
                "heart_rate_recovery_delayed", onset_s, None, met_s, certain, values, "effort"
            )
    if len(rate) and float(rate.max()) > GRADE_C * person.rate_max:
        # Walkers stop of themselves: true recoveries, but nobody planned them.
        end_s = person.until_s
        for code in ("heart_rate_recovery", "heart_rate_recovery_delayed"):
            if not (person.events["kind"] == Kind.EFFORT).any():
                yield Condition(code, 0.0, end_s, end_s, False)


def _was_effort(person: Person, rate: NDArray[np.float64], t0: int) -> bool:
    """Tell whether the minutes before a stop were effort beyond doubt."""
    reserve = person.rate_rest + 0.4 * (person.rate_max - person.rate_rest)
    high = max(GRADE_B * person.rate_max, reserve) + 2.0
    last = rate[max(t0 - EFFORT_OF, 0) : t0]
    if int((last >= high).sum()) < EFFORT_SECONDS + 5:
        return False
    crossing = max(t0 - EFFORT_OF, 0) + int(np.argmax(last >= high))
    before = rate[max(crossing - 300, 0) : max(crossing - 180, 0)]
    base = float(np.median(before)) if len(before) > 60 else person.rate_rest
    return float(np.median(rate[t0 - 10 : t0 + 1])) - base >= RISE + 3.0


# --- devices --------------------------------------------------------------------------------------


def _silences(person: Person, signal_names: tuple[str, ...]) -> list[tuple[str, float, float]]:
    """Give (signal, from, to) of everything that was not sent or not measured."""
    found = []
    for event in person.events:
        kind = int(event["kind"])
        if kind not in (Kind.SILENT, Kind.DROPOUTS, Kind.CLOCK_JUMP, Kind.LATE, Kind.CLOCK_OFFSET):
            continue
        index = int(event["signal"])
        named = list(person.signals) if index == ALL_SIGNALS else [signal_names[index]]
        span = float(event["start_s"]), max(float(event["end_s"]), float(event["start_s"]) + 1.0)
        found += [(signal, *span) for signal in named if signal in person.signals]
    return found


def _devices(
    person: Person, signal_names: tuple[str, ...], silences: list[tuple[str, float, float]]
) -> Iterator[Condition]:
    for event in person.events:
        kind, start_s = int(event["kind"]), float(event["start_s"])
        end_s = min(float(event["end_s"]), person.until_s)
        cause = SPEC_OF[kind].name
        length_s = end_s - start_s
        if kind == Kind.SILENT:
            yield from _silent(person, signal_names, int(event["signal"]), start_s, end_s)
        elif kind == Kind.LEAD_OFF and "ecg" in person.signals:
            told = event["b"] == 1.0 or event["a"] in (0.0, 2.0)
            sure = told and length_s >= LEAD_OFF_SURE_S
            yield Condition("lead_off", start_s, end_s, start_s, sure, {}, cause)
            yield Condition("poor_signal", start_s, end_s + 90, end_s, False, {}, cause)
            # What an electrode does as it goes and comes may look like a beat or a stop.
            yield Condition("asystole", start_s - 2, end_s + 5, end_s, False, {}, cause)
            yield Condition("pause", start_s - 4, end_s + 5, end_s, False, {}, cause)
        elif kind in (Kind.MOTION, Kind.MUSCLE, Kind.SATURATION, Kind.WANDER, Kind.MAINS):
            for code in ("poor_signal", "lead_off"):
                yield Condition(code, start_s, end_s + 90, end_s, False, {}, cause)
        elif kind == Kind.BATTERY and event["b"] < BATTERY_LOW and length_s > 0:
            fall = float(event["a"] - event["b"])
            share = max(float(event["a"]) - BATTERY_LOW, 0.0) / fall if fall > 0 else 0.0
            met_s = start_s + share * (float(event["end_s"]) - start_s)
            sure = event["b"] <= BATTERY_LOW - 1 and met_s + 0.1 * length_s < person.until_s
            yield Condition("battery_low", met_s - 0.06 * length_s, None, met_s, sure, {}, cause)
        elif kind in (Kind.CLOCK_OFFSET, Kind.CLOCK_DRIFT):
            much = abs(event["a"]) > (SKEW_S if kind == Kind.CLOCK_OFFSET else SKEW_PPM)
            yield Condition("clock_skew", start_s, end_s, start_s, bool(much), {}, cause)
        if kind in (Kind.DROPOUTS, Kind.CLOCK_JUMP, Kind.CLOCK_OFFSET, Kind.LATE, Kind.SHUFFLED):
            for code in ("gap", "device_silent"):
                last_s = max(end_s, start_s) + 30.0 + abs(float(event["a"]))
                yield Condition(code, start_s - 2, last_s, start_s, False, {}, cause)
    for _, from_s, to_s in silences:
        yield Condition("gap", from_s - 2.0, to_s + 30.0, to_s, False)
    # Without a pulse or a breath devices have nothing to say.
    for event in person.events[np.isin(person.events["kind"], (Kind.VF, Kind.ASYSTOLE))]:
        for code in ("device_silent", "gap"):
            start_s, end_s = float(event["start_s"]), float(event["end_s"])
            yield Condition(code, start_s, end_s + 30.0, end_s, False)
    for first, stop in spans(person.column("breath_rate") == 0):
        yield Condition("device_silent", float(first), stop + 60.0, float(stop), False)


def _silent(
    person: Person, signal_names: tuple[str, ...], index: int, start_s: float, end_s: float
) -> Iterator[Condition]:
    named = list(person.signals) if index == ALL_SIGNALS else [signal_names[index]]
    for signal in named:
        if signal not in person.signals:
            continue
        stale_s = SIGNALS[signal].variant().stale_after_s
        if math.isinf(stale_s) or end_s - start_s < stale_s - 3:
            continue
        every_s = person.signals[signal]
        sure = end_s - start_s >= stale_s + every_s + 3.0
        values = {"signal": float(list(SIGNALS).index(signal))}
        met_s = start_s + stale_s
        yield Condition("device_silent", start_s, end_s, met_s, sure, values, "silent")
