"""Shapes of heart beats and pulse waves: tables from which the waves are put together.

Beats follow the dynamical model of McSharry et al. 2003, IEEE Trans Biomed Eng 50:289, equation 1:
a point goes round a circle once per beat, and each wave pulls its height z,
``z' = -sum(a * d * exp(-d^2 / (2 b^2))) - z`` with ``d`` the angle to that wave.

Differs from the paper:

* One beat at 60/min is integrated from rest, without breath; rate and breath come in later.
* P has two waves (the atria) and T three (slow rise, fast fall), after Clifford et al. 2010,
  Physiol Meas 31:595, and ST has one; sizes are given in mV and ms and turned into a and b.
* The published QRS lasts 150 ms; ours is as short as in chest leads, 80 to 105 ms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from device_bridges.simulator.tables import (
    ATRIAL,
    FUSION,
    N_SHAPES,
    NO_P,
    NORMAL,
    VENTRICULAR_A,
    VENTRICULAR_B,
)

BODIES = 48
SHAPE_HZ = 1000
LEAD_IN = 350  # samples before R
SHAPE_SAMPLES = 901  # -350 to +550 ms
PULSE_AGES = np.linspace(20.0, 90.0, 8)  # rows of the table of pulses, years
PULSE_SAMPLES = 1100

_FADE = 60  # samples in which both ends of a shape go to 0
_QRS = slice(LEAD_IN - 50, LEAD_IN + 51)  # where nst measures the size of a QRS, see noise.py
_SEED = 20_260  # of the bodies: the same in every scenario
_CYCLE = 2 * math.pi  # rad/s at 60/min

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waves:
    """Waves of a beat as the model has them: each float64 ``[w]``.

    Attributes
    ----------
    theta, b
        Angle from R and width, rad.
    a
        Pull.
    """

    theta: Floats
    a: Floats
    b: Floats


PUBLISHED = Waves(  # McSharry 2003, table I: P, Q, R, S, T
    np.radians([-70.0, -15.0, 0.0, 15.0, 100.0]),
    np.array([1.2, -5.0, 30.0, -7.5, 0.75]),
    np.array([0.25, 0.1, 0.1, 0.1, 0.4]),
)


def integrate(waves: Waves, lead_in_s: float, n: int) -> Floats:
    """Integrate the height over one beat at 60/min, from rest: float64 ``[n]`` at 1000 Hz.

    The fading of z is solved exactly, the pull by the trapezoid rule.
    """
    at = _CYCLE * (np.arange(n) / SHAPE_HZ - lead_in_s)
    d = at[:, None] - waves.theta
    pull = -(waves.a * d * np.exp(-0.5 * (d / waves.b) ** 2)).sum(axis=1)
    h = 1 / SHAPE_HZ
    kept = math.exp(-h)
    z: Floats = lfilter([h / 2, h / 2 * kept], [1.0, -kept], pull)
    return z


# A wave as it is read off a tracing: ms from R, mV, ms (standard deviation).
_Wave = tuple[float, float, float]


def _waves(drawn: Sequence[_Wave]) -> Waves:
    at_ms, mv, sd_ms = np.array(drawn).T
    b = _CYCLE * sd_ms / 1000
    return Waves(_CYCLE * at_ms / 1000, mv * _CYCLE / b**2, b)


def _shape(drawn: Sequence[_Wave]) -> Floats:
    """Integrate waves, put the greatest deflection at R and let the ends fade to 0."""
    slack = 100
    z = integrate(_waves(drawn), (LEAD_IN + slack) / SHAPE_HZ, SHAPE_SAMPLES + 2 * slack)
    top = LEAD_IN + slack
    top += int(np.argmax(np.abs(z[top - 60 : top + 61]))) - 60
    z = z[top - LEAD_IN : top - LEAD_IN + SHAPE_SAMPLES]
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(_FADE) / _FADE)
    z[:_FADE] *= fade
    z[-_FADE:] *= fade[::-1]
    return z


def _p(rng: np.random.Generator) -> list[_Wave]:
    at, mv = rng.uniform(-172, -140), rng.uniform(0.06, 0.16)
    apart, sd = rng.uniform(24, 36), rng.uniform(15, 19)
    right = rng.uniform(0.75, 1.0)
    return [(at - apart / 2, mv * right, sd), (at + apart / 2, mv * (1.6 - right) / 0.8, sd)]


def _other_p(body: int, p: list[_Wave]) -> list[_Wave]:
    """Give the P of a focus elsewhere in the atria: inverted, earlier or small and late."""
    size, shift = ((-0.75, 25.0), (0.6, -28.0), (0.35, 18.0))[body % 3]
    return [(at + shift, size * mv, 0.9 * sd) for at, mv, sd in p]


def _qrs(rng: np.random.Generator, kind: str) -> list[_Wave]:
    r = rng.uniform(0.85, 1.6)
    q, s = rng.uniform(0.05, 0.14) * r, rng.uniform(0.08, 0.4) * r
    if kind == "low R":
        r, q, s = rng.uniform(0.62, 0.75), 0.05, rng.uniform(0.1, 0.3)
    elif kind == "deep S":
        s = rng.uniform(0.55, 0.75) * r
    elif kind == "deep Q":
        q = rng.uniform(0.18, 0.3) * r
    sd = rng.uniform(10.5, 13.0)
    waves = [
        (-rng.uniform(2.3, 2.6) * sd, -q, 0.75 * sd),
        # A sharp tip on a broad base.
        (0.0, 0.74 * r + 0.3 * (q + s), 0.85 * sd),
        (rng.uniform(-4, 4), 0.26 * r, 1.45 * sd),
        (rng.uniform(2.3, 2.6) * sd, -s, rng.uniform(0.8, 1.0) * sd),
    ]
    if kind == "notched":
        waves.append((rng.uniform(1.4, 1.7) * sd, 0.22 * r, 0.5 * sd))
    return waves


def _t(rng: np.random.Generator, kind: str) -> list[_Wave]:
    at, mv = rng.uniform(262, 305), rng.uniform(0.16, 0.48)
    rise, fall = rng.uniform(48, 62), rng.uniform(27, 36)
    if kind == "tall T":
        mv = rng.uniform(0.52, 0.64)
    elif kind == "inverted T":
        mv = -rng.uniform(0.12, 0.3)
    elif kind == "flat T":
        mv = rng.uniform(0.04, 0.08)
    waves = [(at - 38, 0.55 * mv, rise), (at, 0.5 * mv, fall), (at + 35, 0.12 * mv, 30.0)]
    if kind == "biphasic T":
        waves = [(at - 45, 0.75 * mv, 32.0), (at + 40, -0.7 * mv, 30.0)]
    return [*waves, (125.0, rng.normal(0.0, 0.012), 40.0)]  # ST: nearly level


def _ventricular(rng: np.random.Generator, up: bool) -> list[_Wave]:
    """Give a beat from a focus in a ventricle: wide, without P, T against the QRS."""
    mv = (1.0 if up else -1.0) * rng.uniform(1.1, 2.1)
    sd = rng.uniform(21, 27)
    waves = [(0.0, mv, sd), (-0.8 * sd, rng.uniform(-0.1, 0.25) * mv, 0.6 * sd)]
    # Most end in a slur or a notch, the others in a deflection to the other side.
    if rng.random() < 0.6:
        waves.append((rng.uniform(1.7, 2.0) * sd, rng.uniform(0.38, 0.52) * mv, 0.7 * sd))
    else:
        waves.append((rng.uniform(2.1, 2.4) * sd, -rng.uniform(0.3, 0.45) * mv, 0.8 * sd))
    t = -rng.uniform(0.25, 0.5) * mv
    at = rng.uniform(270, 310)
    # ST leaves in the direction of T.
    return [*waves, (at - 100, 0.35 * t, 50.0), (at - 30, 0.6 * t, 52.0), (at, 0.5 * t, 34.0)]


# What is unusual about a body, round and round; body 0 is as usual as they come.
_KINDS = (
    "usual", "usual", "tall T", "usual", "deep S", "usual", "low R", "usual",
    "inverted T", "usual", "notched", "usual", "biphasic T", "usual", "deep Q", "flat T",
)  # fmt: skip


def _body(body: int) -> Floats:
    rng = np.random.default_rng([_SEED, body])
    kind = _KINDS[body % len(_KINDS)]
    p, qrs, t = _p(rng), _qrs(rng, kind), _t(rng, kind)
    up_first = rng.random() < 0.6
    table = np.zeros((N_SHAPES, SHAPE_SAMPLES))
    table[NORMAL] = _shape([*p, *qrs, *t])
    table[NO_P] = _shape([*qrs, *t])
    table[ATRIAL] = _shape([*_other_p(body, p), *qrs, *t])
    table[VENTRICULAR_A] = _shape(_ventricular(rng, up_first))
    table[VENTRICULAR_B] = _shape(_ventricular(rng, not up_first))
    # Both fronts meet, the usual one a little sooner; of the focus that does not cancel it.
    upright = VENTRICULAR_A if up_first else VENTRICULAR_B
    table[FUSION] = 0.6 * table[NORMAL] + 0.4 * table[upright]
    return table


@cache
def beat_shapes() -> Floats32:
    """Give all shapes, mV: float32 ``[BODIES, N_SHAPES, SHAPE_SAMPLES]`` at 1000 Hz, read-only.

    R, the greatest deflection, lies at sample `LEAD_IN`; the first and the last sample are 0.
    """
    table = np.stack([_body(body) for body in range(BODIES)]).astype(np.float32)
    table.setflags(write=False)
    return table


def qrs_mv() -> Floats:
    """Give how large each body's usual QRS is from peak to peak, mV: float64 ``[BODIES]``."""
    size: Floats = np.ptp(beat_shapes()[:, NORMAL, _QRS], axis=1).astype(np.float64)
    return size


@cache
def pulse_shapes() -> Floats32:
    """Give pulse waves: float32 ``[len(PULSE_AGES), PULSE_SAMPLES]`` at 1000 Hz, read-only.

    Each begins at its foot with 0, is 1 at its top and ends with 0. The reflected wave comes
    sooner with age and melts into the first: the dicrotic classes 1 to 4 of Dawber et al. 1973,
    Angiology 24:244.
    """
    t_ms = np.arange(PULSE_SAMPLES)
    rows = []
    for old in (PULSE_AGES - 20) / 70:
        top_ms = 150 + 35 * old
        rise, fall = 0.36 * top_ms, 75 + 25 * old
        first = np.exp(-0.5 * ((t_ms - top_ms) / np.where(t_ms < top_ms, rise, fall)) ** 2)
        reflected_ms, size = 395 - 75 * old, 0.34 + 0.14 * old
        reflected = size * np.exp(-0.5 * ((t_ms - reflected_ms) / (70 + 30 * old)) ** 2)
        # The arteries empty slowly.
        rest = 0.5 * (1 - np.exp(-t_ms / 120)) * np.exp(-((t_ms / 640) ** 1.7))
        wave = first - first[0] * np.exp(-((t_ms / (0.5 * top_ms)) ** 2)) + reflected + rest
        wave -= wave[0] * np.exp(-t_ms / 40)
        late = np.clip((PULSE_SAMPLES - 1 - t_ms) / 400, 0, 1)
        wave *= 0.5 - 0.5 * np.cos(np.pi * late)
        rows.append(wave / wave.max())
    table = np.stack(rows).astype(np.float32)
    table.setflags(write=False)
    return table
