"""Hand-made beats and seconds, and the truth of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from device_bridges.simulator.plan import Sensor
from device_bridges.simulator.tables import LOGGED_BEAT, SECOND, F, N, S, V
from device_bridges.simulator.truth import VALUE, Recorder
from tests.device_bridges.simulator import plans

WAVES = {"ecg": 250.0, "ppg": 100.0, "acceleration": 50.0}
EVERY_S = {"heart_rate": 1.0, "spo2": 1.0, "respiration": 1.0, "glucose": 60.0}
ALL = (*WAVES, "rr", *EVERY_S)
LABELS = {"N": N, "V": V, "W": V, "S": S, "F": F}
SHAPES = {"N": 0, "V": 3, "W": 4, "S": 2, "F": 5}
CALM = "N" * 200
# What bodies do when nothing happens.
USUAL = {
    "rate": 70.0, "breath_rate": 14.0, "spo2": 97.0, "glucose": 100.0, "systolic": 120.0,
    "diastolic": 80.0, "body_temperature": 36.8, "pm2_5": 10.0,
}  # fmt: skip


def worn(signals=ALL, n=1, *, history_s=0.0, **every_s):
    """Give one sensor for each signal; ``glucose=300`` is read every five minutes."""
    return tuple(
        Sensor(
            signal, "d", np.arange(n, dtype=np.int32), WAVES.get(signal, 0.0),
            every_s.get(signal, EVERY_S.get(signal, 0.0)), history_s,
        )
        for signal in (*signals, *(s for s in every_s if s not in signals))
    )  # fmt: skip


def beats(text, rr_s=0.8, start_s=20.0, slot=0, own=None, cause=-1):
    """Give beats by their letters; ``own`` gives the RR before single ones."""
    rr = np.full(len(text), rr_s)
    for k, value in (own or {}).items():
        rr[k] = value
    found = np.zeros(len(text), LOGGED_BEAT)
    found["slot"], found["event"], found["rr_s"] = slot, cause, rr
    found["r_s"] = start_s + np.cumsum(rr)
    found["label"] = [LABELS[letter] for letter in text]
    found["shape"] = [SHAPES[letter] for letter in text]
    return found


def truth(
    *logs, events=(), until_s=120.0, seconds=None, n=1, sensors=None, who=None, clipped=False,
    **person,
):  # fmt: skip
    """Give the truth of beats and seconds; lists of values go on with their last.

    ``who`` are fields of the participant; ``clipped`` keeps rows of values.
    """
    plan = plans.make_plan(n, events, sensors=worn(n=n) if sensors is None else sensors, **person)
    if who:
        plan = replace(plan, participants=tuple(replace(p, **who) for p in plan.participants))
    recorder = Recorder(plan)
    for k in range(int(until_s)):
        row = np.zeros(n, SECOND)
        for name, value in {**USUAL, **(seconds or {})}.items():
            row[name] = value[min(k, len(value) - 1)] if np.ndim(value) else value
        recorder.on_second(k, row)
    for log in logs:
        recorder.on_beats(log)
    rows = recorder.truth(until_s)
    return rows if clipped else [row for row in rows if not row.code.startswith(VALUE)]


def required(rows):
    """Name the codes that have to be found."""
    return sorted({row.code for row in rows if row.required})


def only(rows, code):
    """Give the one row of a code."""
    (row,) = [row for row in rows if row.code == code]
    return row


def near(rows, code):
    """Tell whether there are rows of a code, none of them required."""
    mine = [row for row in rows if row.code == code]
    return bool(mine) and not any(row.required for row in mine)
