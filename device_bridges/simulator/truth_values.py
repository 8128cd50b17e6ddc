"""The true values that features are measured against, one row a minute."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.tables import N
from device_bridges.simulator.truth import VALUE, Condition, Person

WINDOW_S = 60.0  # s, as the short window of HRV (CLINICAL 3.5)
LONG_WINDOW_S = 300.0  # s, CLINICAL 3.5
MOST_S = 24 * 3600  # s, default: longer runs are sampled no further
_OF_SECONDS = {"respiration": "breath_rate", "spo2": "spo2", "glucose": "glucose", "pm2_5": "pm2_5"}


def value_conditions(person: Person) -> Iterator[Condition]:
    """Give heart rate, pulse rate, HRV and slow values of each whole minute."""
    hears = any(signal in person.signals for signal in ("ecg", "rr"))
    for end_s in np.arange(WINDOW_S, min(person.until_s, MOST_S) + 1e-9, WINDOW_S).tolist():
        start_s = end_s - WINDOW_S
        inside = (person.r_s > start_s) & (person.r_s <= end_s)
        if inside.sum() >= 10:
            rate = {"rate": 60.0 / float(person.rr_s[inside].mean())}
            if hears:
                yield _value("heart_rate", start_s, end_s, rate)
            if "ppg" in person.signals:
                yield _value("pulse_rate", start_s, end_s, rate)
        for name, length_s in (("hrv_60", WINDOW_S), ("hrv_300", LONG_WINDOW_S)):
            if hears and end_s >= length_s:
                statistics = hrv(person, end_s - length_s, end_s)
                if statistics:
                    yield _value(name, end_s - length_s, end_s, statistics)
        for signal, column in _OF_SECONDS.items():
            if signal in person.signals and len(person.seconds) >= end_s:
                mean = float(person.column(column)[int(start_s) : int(end_s)].mean())
                yield _value(signal, start_s, end_s, {signal: mean})


def hrv(person: Person, start_s: float, end_s: float) -> dict[str, float]:
    """Give HRV over the true NN intervals of ``(start_s, end_s]``; empty where ectopy spoils it.

    NN: RR between two N beats; differences between adjacent NN only (CLINICAL 3.5).
    """
    both: NDArray[np.bool_] = np.zeros(len(person.r_s), bool)
    both[1:] = (person.label[1:] == N) & (person.label[:-1] == N)
    inside = (person.r_s > start_s) & (person.r_s <= end_s)
    nn_ms = 1000.0 * person.rr_s[inside & both]
    if len(nn_ms) < 20 or len(nn_ms) < 0.8 * inside.sum():
        return {}
    at = np.flatnonzero(inside & both)
    steps_ms = 1000.0 * np.diff(person.rr_s[at])[np.diff(at) == 1]
    return {
        "mean_nn_ms": float(nn_ms.mean()),
        "sdnn_ms": float(nn_ms.std(ddof=1)),
        "rmssd_ms": float(np.sqrt(np.mean(steps_ms**2))),
    }


def _value(name: str, start_s: float, end_s: float, values: dict[str, float]) -> Condition:
    return Condition(VALUE + name, start_s, end_s, end_s, True, values)
