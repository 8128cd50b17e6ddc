"""Small numerics of the ECG kernels: filters designed in closed form per rate, a short median.

A section is kept as three numbers: ``b0``, ``a1``, ``a2``. The numerator of a low-pass is
``b0 * (1, 2, 1)``, that of a high-pass ``b0 * (1, -2, 1)``. All kernels run it in the transposed
direct form II with float64 state, so a steady input ``x`` is primed exactly by `prime_highpass`.

Differs from ``scipy.signal.butter``: one section of the bilinear transform with a free quality
factor, nothing else; for ``q = 1/sqrt(2)`` the numbers are the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry

BUTTERWORTH_Q = 0.7071067811865476  # quality factor of a single second-order section
# Of the two sections of a fourth-order one: 1 / (2 cos(pi / 8)), 1 / (2 cos(3 pi / 8)).
BUTTERWORTH_4_Q = (0.5411961001461969, 1.3065629648763764)
HIGHEST_SHARE = 0.45  # of the rate: a higher cut-off is lowered to it, so that tan() stays tame


@entry
def lowpass(fs_hz: float, cutoff_hz: float, q: float) -> tuple[float, float, float]:
    """Give ``b0, a1, a2`` of a low-pass section.

    Parameters
    ----------
    fs_hz, cutoff_hz
        Rate and cut-off, Hz; a cut-off above 0.45 of the rate is lowered to that.
    q
        Quality factor.
    """
    k = math.tan(math.pi * min(cutoff_hz / fs_hz, HIGHEST_SHARE))
    norm = 1.0 / (1.0 + k / q + k * k)
    return k * k * norm, 2.0 * (k * k - 1.0) * norm, (1.0 - k / q + k * k) * norm


@entry
def highpass(fs_hz: float, cutoff_hz: float, q: float) -> tuple[float, float, float]:
    """Give ``b0, a1, a2`` of a high-pass section; parameters as in `lowpass`."""
    k = math.tan(math.pi * min(cutoff_hz / fs_hz, HIGHEST_SHARE))
    norm = 1.0 / (1.0 + k / q + k * k)
    return norm, 2.0 * (k * k - 1.0) * norm, (1.0 - k / q + k * k) * norm


@entry
def prime_highpass(b0: float, x: float) -> tuple[float, float]:
    """Give ``z1, z2`` of a high-pass section that has settled on the steady input ``x``."""
    return -b0 * x, b0 * x


@entry
def delay_s(fs_hz: float, cutoff_hz: float, q: float, at_hz: float) -> float:
    """Give the group delay of a section at a frequency, s: the same for low-pass and high-pass."""
    k = math.tan(math.pi * min(cutoff_hz / fs_hz, HIGHEST_SHARE))
    w = math.tan(math.pi * at_hz / fs_hz)
    u = w / k
    spread = (1.0 - u * u) ** 2 + (u / q) ** 2
    return (1.0 + w * w) * (1.0 + u * u) / (2.0 * fs_hz * k * q * spread)


@entry
def median_of_few(values: NDArray[np.floating[Any]], n: int) -> float:
    """Give the median of the first `n` of a few values by counting ranks; 0 for none."""
    low, high = (n - 1) // 2, n // 2
    lower = upper = 0.0
    found = 0
    for i in range(n):
        x = values[i]
        below = up_to = 0
        for j in range(n):
            below += values[j] < x
            up_to += values[j] <= x
        if below <= low < up_to:
            lower = x
            found |= 1
        if below <= high < up_to:
            upper = x
            found |= 2
        if found == 3:
            break
    return 0.5 * (lower + upper)
