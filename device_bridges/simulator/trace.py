"""What a course file holds, whatever its form: stretches of a line, and marks beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

# What the ground asks for; `device_bridges.simulator.course.PACE` says how fast it is walked.
Ground = Literal["start", "stabilisation", "ascent", "steep", "bridge", "rest", "descent", "path"]
KINDS: tuple[str, ...] = get_args(Ground)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the course that is of one kind.

    Attributes
    ----------
    kind
        One of `KINDS`.
    latitude, longitude, altitude
        float64 ``[n]``, n >= 2: deg, deg, m; an altitude that is not known is NaN.
    pace
        Share of the walking speed that the ground allows; NaN: as usual for its kind.
    pm2_5
        Fine particles in its middle, ug/m3; NaN: not told.
    rest_s
        How long walkers stop in its middle; 0: they walk on, but for the kind ``rest``.
    """

    name: str
    kind: str
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude: NDArray[np.float64]
    pace: float = math.nan
    pm2_5: float = math.nan
    rest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A point at the course: where walkers stop, or where the air is known; deg, s, ug/m3."""

    name: str
    latitude: float
    longitude: float
    rest_s: float = 0.0
    pm2_5: float = math.nan


@dataclass(frozen=True, slots=True)
class Trace:
    """A course file: its stretches in the order in which they are walked, and its marks."""

    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...] = ()
