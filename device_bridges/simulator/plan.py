"""What a scenario comes to for a seed: everybody, everything that will happen, every sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.participants import Participant


@dataclass(frozen=True, slots=True)
class CourseGrid:
    """A course as arrays on an even grid of distance; row i lies at ``i * step_m``.

    Attributes
    ----------
    latitude, longitude, altitude
        float64 ``[m]``: deg, deg, m.
    grade
        float64 ``[m]``: rise over run.
    pace
        float64 ``[m]``: share of a person's walking speed that the ground allows, before the slope.
    segment
        int32 ``[m]``: index into `segments`.
    pm2_5
        float64 ``[m]``: usual fine particles there, ug/m3.
    rest_m, rest_s
        float64 ``[k]``: where walkers stop, and for how long.
    segments
        Names with their kind, for reports.
    """

    step_m: float
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude: NDArray[np.float64]
    grade: NDArray[np.float64]
    pace: NDArray[np.float64]
    segment: NDArray[np.int32]
    pm2_5: NDArray[np.float64]
    rest_m: NDArray[np.float64]
    rest_s: NDArray[np.float64]
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where people are who walk no course: arrays ``[places]`` of what the air is like there."""

    names: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude: NDArray[np.float64]
    pm2_5: NDArray[np.float64]
    pm10: NDArray[np.float64]
    air_temperature: NDArray[np.float64]
    humidity: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sensor:
    """One signal measured by one kind of device, for the people who wear it.

    Attributes
    ----------
    device
        Name of the device; a person's devices differ by it.
    fs_hz
        Rate of waveforms; 0 for values that come one at a time.
    every_s
        Time between values; 0 for waveforms and for what comes with each beat (``rr``).
    history_s
        How much of the past the device delivers at the start (a CGM that was worn before).
    slots
        int32 ``[k]``, increasing: who wears it.
    phase_s
        float64 ``[k]``: when within `every_s` each of them measures.
    """

    signal: str
    device: str
    slots: NDArray[np.int32]
    fs_hz: float = 0.0
    every_s: float = 0.0
    history_s: float = 0.0
    phase_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario with every choice made: the same plan gives the same samples.

    Attributes
    ----------
    people
        dtype `PERSON` ``[n]``.
    participants
        ``[n]``, as the registry knows them.
    events
        dtype `EVENT`, by slot, then by start.
    event_offsets
        int64 ``[n + 1]``: the events of slot k are rows ``offsets[k] : offsets[k + 1]``.
    signal_names
        What the column ``signal`` of an event counts through.
    clock_s
        Local time of day at the start, seconds since midnight.
    duration_s
        When it ends; infinite if it goes on.
    verdicts
        What a load test demands, by name.
    """

    name: str
    title: str
    seed: int
    duration_s: float
    clock_s: float
    people: NDArray[Any]
    participants: tuple[Participant, ...]
    events: NDArray[Any]
    event_offsets: NDArray[np.int64]
    sensors: tuple[Sensor, ...]
    signal_names: tuple[str, ...]
    places: Places
    course: CourseGrid | None = None
    verdicts: Mapping[str, float] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return len(self.people)
