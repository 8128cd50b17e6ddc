"""The true values that features are measured against: one row of each a minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import Kind
from device_bridges.simulator.tables import NO_P, N
from device_bridges.simulator.truth_bodies import line, rolling_exposure
from device_bridges.simulator.truth_person import HEARTBEAT, Condition, Person
from device_bridges.simulator.truth_rates import meter
from device_bridges.simulator.truth_rows import VALUE
from device_bridges.simulator.truth_spans import Span, touches

WINDOW_S = 60.0  # s, one row for each whole minute
HRV_WINDOWS_S = (60.0, 300.0)  # s, CLINICAL 3.5
ACCEPTED = 0.8  # share of RR that must be NN, CLINICAL 3.5
LEAST_NN = 20  # default
MOST_BLANK = 0.1  # share of a minute without a rate, default: more makes no row
TREND_S = 900.0  # s, CLINICAL 3.14
HOUR_S = 3600.0  # s, CLINICAL 3.17
_MEANS: Mapping[str, tuple[str, str]] = {  # signal: column of the body, name of the value
    "respiration": ("breath_rate", "rate"),
    "spo2": ("spo2", "spo2"),
    "glucose": ("glucose", "glucose"),
}
# No pulse follows a beat that comes so early, default.
_NO_PULSE_RR_S = 0.4


def value_conditions(person: Person) -> Iterator[Condition]:
    """Give rates, HRV, oxygen, breath, glucose and dust; required where nothing spoils them."""
    ends_s = np.arange(WINDOW_S, person.until_s + 1e-9, WINDOW_S)
    if not len(ends_s):
        return
    yield from _rates(person, ends_s)
    if person.heard_by(("ecg", "rr")):
        yield from _variability(person, ends_s)
    for signal, (column, name) in _MEANS.items():
        if signal not in person.worn:
            continue
        at_s, values = person.readings(signal, column)
        values = np.where(values > 0.0, values, np.nan)  # no breath, no rate
        for end_s in ends_s.tolist():
            inside = values[(at_s > end_s - WINDOW_S) & (at_s <= end_s)]
            if len(inside) and not np.isnan(inside).any():
                values_of = {name: float(inside.mean())}
                yield _value(person, signal, signal, (end_s - WINDOW_S, end_s), values_of)
    yield from _trend(person, ends_s)
    yield from _dust(person, ends_s)


def _value(
    person: Person, signal: str, name: str, window: Span, values: dict[str, float],
    *, clean: bool = True,
) -> Condition:  # fmt: skip
    clean &= not touches(window, person.hidden(signal))
    return Condition(VALUE + name, *window, window[1], clean, values, "", window)


def _rates(person: Person, ends_s: NDArray[np.float64]) -> Iterator[Condition]:
    """Give the mean of the meter over each minute, and the rate of pulses where one is worn."""
    signal = person.heard_by(HEARTBEAT)
    rate = meter(person)
    early = person.r_s[(person.rr_s < _NO_PULSE_RR_S) | (person.label != N)]
    arrests = person.arrests
    for end_s in ends_s.tolist():
        window = end_s - WINDOW_S, end_s
        inside = rate[int(window[0]) + 1 : int(end_s) + 1]
        if np.isnan(inside).mean() > MOST_BLANK:
            continue
        values = {"rate": float(np.nanmean(inside))}
        if signal is not None:
            clean = not touches(window, person.fibrillation)
            yield _value(person, signal, "heart_rate", window, values, clean=clean)
        if "ppg" in person.worn:
            regular = not bool(((early > window[0] - 5.0) & (early <= end_s)).any())
            regular &= not touches(window, arrests)
            yield _value(person, "ppg", "pulse_rate", window, values, clean=regular)


def _variability(person: Person, ends_s: NDArray[np.float64]) -> Iterator[Condition]:
    signal = person.heard_by(("ecg", "rr")) or ""
    odd = [
        (float(event["start_s"]), float(event["end_s"]) + 5.0)
        for event in person.of_kind(Kind.AF, Kind.VF, Kind.ASYSTOLE, Kind.PAUSE, Kind.SVT)
    ]
    for over_s in HRV_WINDOWS_S:
        for end_s in ends_s[ends_s >= over_s].tolist():
            window = end_s - over_s, end_s
            statistics = hrv(person, *window)
            if statistics:
                clean = not touches(window, odd) and statistics.pop("share") >= 0.95
                yield _value(person, signal, f"hrv_{over_s:.0f}", window, statistics, clean=clean)


def hrv(person: Person, start_s: float, end_s: float) -> dict[str, float]:
    """Give HRV over the true NN intervals that end in ``(start_s, end_s]``.

    NN: RR between two N beats; differences between adjacent NN only (CLINICAL 3.5). Empty where
    less than four fifths of the RR are NN. ``share`` is how many are.
    """
    first, stop = np.searchsorted(person.r_s, [start_s, end_s], "right")
    first = max(first, 1)
    stop = max(stop, first)  # no beat up to the end of the window
    is_n = (person.label == N) & ((person.shape != NO_P) | (person.cause >= 0))
    nn = is_n[first:stop] & is_n[first - 1 : stop - 1]
    if nn.sum() < LEAST_NN or nn.mean() <= ACCEPTED:
        return {}
    rr_ms = 1000.0 * np.diff(person.r_s[first - 1 : stop])
    nn_ms = rr_ms[nn]
    steps_ms = np.diff(rr_ms)[nn[1:] & nn[:-1]]
    found = {
        "mean_nn_ms": float(nn_ms.mean()),
        "sdnn_ms": float(nn_ms.std(ddof=1)),
        "share": float(nn.mean()),
    }
    if len(steps_ms):
        found["rmssd_ms"] = float(np.sqrt(np.mean(steps_ms**2)))
        found["pnn50_percent"] = 100.0 * float((np.abs(steps_ms) > 50.0).mean())
    return found


def _trend(person: Person, ends_s: NDArray[np.float64]) -> Iterator[Condition]:
    if "glucose" not in person.worn:
        return
    at_s, glucose = person.readings("glucose", "glucose")
    per_min, _ = line(person, at_s, glucose, TREND_S)
    for end_s in ends_s[ends_s >= TREND_S + person.worn["glucose"].phase_s].tolist():
        k = int(np.searchsorted(at_s, end_s, "right")) - 1
        if k >= 0 and np.isfinite(per_min[k]):
            values = {"per_min": float(per_min[k])}
            yield _value(person, "glucose", "glucose_trend", (end_s - TREND_S, end_s), values)


def _dust(person: Person, ends_s: NDArray[np.float64]) -> Iterator[Condition]:
    if "pm2_5" not in person.worn:
        return
    at_s, dust = person.readings("pm2_5", "pm2_5")
    mean, known_s = rolling_exposure(person, at_s, dust, HOUR_S)
    for end_s in ends_s.tolist():
        k = int(np.searchsorted(at_s, end_s, "right")) - 1
        if k >= 0 and known_s[k] >= HOUR_S and end_s >= HOUR_S:
            window = end_s - HOUR_S, end_s
            yield _value(person, "pm2_5", "pm2_5_1h", window, {"pm2_5": float(mean[k])})
