"""Plans made by hand: a few people and what happens to them, without a scenario file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import EVENT, EVENTS
from device_bridges.simulator.plan import CourseGrid, Places, Plan, Sensor
from device_bridges.simulator.tables import PERSON, SITTING
from registry.participants import Participant

SIGNAL_NAMES = (
    "ecg", "ppg", "acceleration", "rr", "heart_rate", "spo2", "respiration", "glucose",
)  # fmt: skip

# Somebody healthy of 50 years who sits at the first place.
USUAL = {
    "age_years": 50.0, "male": 1.0, "weight_kg": 70.0, "rate_rest": 64.0, "rate_max": 172.0,
    "respiratory_share": 0.04, "slow_share": 0.02, "breath_rest": 14.0, "fitness_mets": 10.0,
    "tau_on_s": 35.0, "tau_off_s": 60.0, "walking_speed": 1.35, "wave_start_s": math.nan,
    "course_start_m": 0.0, "body": 0, "ecg_gain": 1.0, "ecg_noise_mv": 0.01, "wander_mv": 0.05,
    "ppg_gain": 1.0, "pulse_delay_s": 0.2, "spo2_rest": 97.5, "glucose_base": 95.0,
    "systolic_rest": 122.0, "diastolic_rest": 78.0, "skin_temperature": 33.2, "place": 0,
    "posture_after_stop": SITTING,
}  # fmt: skip


def event(
    name: str,
    start_s: float,
    end_s: float | None = None,
    *,
    slot: int = 0,
    signal: str = "",
    **parameters: float,
) -> NDArray[Any]:
    """Give one row of dtype EVENT; parameters not given have the defaults of the vocabulary."""
    spec = EVENTS[name]
    row = np.zeros((), EVENT)
    row["slot"], row["kind"], row["start_s"] = slot, int(spec.kind), start_s
    row["end_s"] = start_s if end_s is None else end_s
    given = dict(parameters)
    for field, parameter in zip("abcd", spec.parameters, strict=False):
        row[field] = given.pop(parameter.name, parameter.default)
    assert not given, f"{name} has no {sorted(given)}"
    of_signal = signal or spec.signal
    row["signal"] = SIGNAL_NAMES.index(of_signal) if of_signal else -1
    return row


def places(**values: float) -> Places:
    """Give one place: a room in a town near the sea."""
    usual = {"latitude": 37.57, "longitude": 126.98, "altitude": 40.0, "pm2_5": 18.0, "pm10": 30.0,
             "air_temperature": 22.0, "humidity": 45.0} | values  # fmt: skip
    return Places(("room",), **{key: np.array([value]) for key, value in usual.items()})


def hill(
    length_m: float = 3000.0,
    grade: float = 0.15,
    *,
    step_m: float = 5.0,
    rests: Sequence[tuple[float, float]] = (),
) -> CourseGrid:
    """Give a course: level, up at one grade, level, down; ``rests`` are (m, s)."""
    m = round(length_m / step_m) + 1
    at = np.arange(m) / (m - 1)
    slope = np.select([at < 0.1, at < 0.5, at < 0.6, at < 0.95], [0.0, grade, 0.0, -grade], 0.0)
    segment = np.select([at < 0.1, at < 0.5, at < 0.6, at < 0.95], [0, 1, 2, 3], 0)
    return CourseGrid(
        step_m=step_m,
        latitude=37.60 + 0.02 * at,
        longitude=np.full(m, 127.0),
        altitude=100.0 + np.concatenate([[0.0], np.cumsum(slope[:-1] * step_m)]),
        grade=slope,
        pace=np.full(m, 0.95),
        segment=segment.astype(np.int32),
        pm2_5=np.linspace(22.0, 8.0, m),
        rest_m=np.array([r[0] for r in rests], np.float64),
        rest_s=np.array([r[1] for r in rests], np.float64),
        segments=("level", "up", "top", "down"),
    )


def make_plan(
    n: int = 1,
    events: Iterable[NDArray[Any]] = (),
    *,
    seed: int = 1,
    duration_s: float = 3600.0,
    clock_s: float = 10 * 3600.0,
    course: CourseGrid | None = None,
    at: Places | None = None,
    sensors: tuple[Sensor, ...] = (),
    **person: Any,
) -> Plan:
    """Make a plan of n usual people; fields of PERSON given by name hold for all, or are ``[n]``.

    Person k depends on the seed and k only, not on n.
    """
    people = np.zeros(n, PERSON)
    people["seed"] = np.uint64(0x1234_5678_9ABC_DEF1) * np.arange(1, n + 1, dtype=np.uint64)
    people["seed"] += np.uint64(seed)
    for name, value in {**USUAL, **person}.items():
        people[name] = value
    rows = np.array(list(events), EVENT)
    rows = rows[np.lexsort((rows["start_s"], rows["slot"]))]
    return Plan(
        name="test",
        title="Test",
        seed=seed,
        duration_s=duration_s,
        clock_s=clock_s,
        people=people,
        participants=tuple(Participant(f"P-{k + 1:04}") for k in range(n)),
        events=rows,
        event_offsets=np.searchsorted(rows["slot"], np.arange(n + 1)).astype(np.int64),
        sensors=sensors,
        signal_names=SIGNAL_NAMES,
        places=at or places(),
        course=course,
    )
