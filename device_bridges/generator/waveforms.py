"""The shapes of one beat: P-QRS-T and a pulse wave, tabulated for some dozens of bodies.

A beat is drawn by adding its shape to the trace. R times fall between samples, so each shape is
tabulated at four positions between two samples. Widths and amplitudes are rounded textbook values
for a chest lead; they are meant to look right, not to model anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ECG_HZ = 250
PPG_HZ = 100
BODIES = 64
PHASES = 4

NORMAL, VENTRICULAR, WITHOUT_P = 0, 1, 2
KINDS = 3

# From how long before R to how long after it a shape has values, in s.
ECG_SPAN_S = (-0.28, 0.52)
PPG_SPAN_S = (0.08, 1.08)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Tables of one signal.

    Attributes
    ----------
    values
        float32 ``[BODIES, KINDS, PHASES, n]``; the first and last sample are 0, so that an index
        clipped to the table adds nothing.
    fs_hz
        Rate of the samples.
    lead_in_s
        Time of table sample 0 before R (negative: after R).
    """

    values: NDArray[np.float32]
    fs_hz: int
    lead_in_s: float

    @property
    def n(self) -> int:
        return int(self.values.shape[-1])

    @property
    def span_s(self) -> float:
        return self.n / self.fs_hz


def ecg_shapes(rng: np.random.Generator) -> Shapes:
    """Tabulate ECG beats in mV: normal, ventricular (wide, no P, opposite T), normal without P."""
    t, lead_in_s = _grid(ECG_SPAN_S, ECG_HZ)
    between = _between(rng)
    # Amplitude mV, centre s, width before and after the centre s.
    p = _wave(t, between(0.08, 0.18), between(-0.175, -0.15), 0.022, 0.024)
    q = _wave(t, between(-0.14, -0.03), between(-0.028, -0.022), 0.008, 0.008)
    r = _wave(t, between(0.7, 1.5), 0.0, 0.0095, 0.0095)
    s = _wave(t, between(-0.4, -0.1), between(0.024, 0.03), 0.009, 0.012)
    st_t = _wave(t, between(0.2, 0.5), between(0.25, 0.29), 0.060, 0.038)
    # About 140 ms wide: a PVC is at least 120.
    wide = _wave(t, between(1.1, 1.9), between(0.01, 0.02), 0.024, 0.028)
    notch = _wave(t, between(-0.6, -0.25), between(0.075, 0.09), 0.018, 0.022)
    discordant = _wave(t, between(-0.5, -0.25), between(0.25, 0.28), 0.055, 0.045)
    upright = np.where(rng.random(BODIES) < 0.6, 1.0, -1.0)[:, None, None]
    ventricular = upright * (wide + notch + discordant)
    normal = q + r + s + st_t
    return Shapes(_table(normal + p, ventricular, normal), ECG_HZ, lead_in_s)


def ppg_shapes(rng: np.random.Generator) -> Shapes:
    """Tabulate pulse waves, height about 1: systolic peak and dicrotic wave, later than R."""
    t, lead_in_s = _grid(PPG_SPAN_S, PPG_HZ)
    between = _between(rng)
    delay_s = between(0.20, 0.26)
    pulse = _wave(t, 1.0, delay_s + 0.12, 0.055, 0.11)
    pulse = pulse + _wave(t, between(0.25, 0.45), delay_s + between(0.36, 0.4), 0.07, 0.12)
    return Shapes(_table(pulse, pulse, pulse), PPG_HZ, lead_in_s)


def _grid(span_s: tuple[float, float], fs_hz: int) -> tuple[Floats, float]:
    """Give times ``[PHASES, n]`` relative to R, and how long before R the first sample is.

    In row q, R lies q / PHASES of a sample after a sample.
    """
    first = round(span_s[0] * fs_hz)
    i = np.arange(first, round(span_s[1] * fs_hz))
    return (i - np.arange(PHASES)[:, None] / PHASES) / fs_hz, -first / fs_hz


def _between(rng: np.random.Generator) -> Callable[[float, float], Floats]:
    """Give a draw of one value per body: ``[BODIES, 1, 1]``."""
    return lambda low, high: rng.uniform(low, high, BODIES)[:, None, None]


def _wave(
    t: Floats, height: Floats | float, centre: Floats | float, before: float, after: float
) -> Floats:
    """Give a bell with different widths on its two sides: ``[BODIES, PHASES, n]``."""
    x = t - centre
    bell: Floats = height * np.exp(-0.5 * (x / np.where(x < 0, before, after)) ** 2)
    return bell


def _table(*kinds: NDArray[np.float64]) -> NDArray[np.float32]:
    values = np.stack(np.broadcast_arrays(*kinds), axis=1).astype(np.float32)
    n = values.shape[-1]
    # Shapes fade in and out over a few samples: no steps where a table begins or ends.
    fade = np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / 8.0, 0.0, 1.0)
    return np.ascontiguousarray(values * fade.astype(np.float32))
