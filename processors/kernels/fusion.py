"""Fusion beats: a wave that is a sum of the dominant form and of a ventricular one.

Two fronts that meet in the ventricles add up. A beat is fitted by least squares by both forms at
once, each with a weight; the ventricular form may begin earlier or later. It is a fusion where the
sum explains the beat and neither form alone does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import inner

AROUND = 6  # samples at both ends of a template that are left for moving it
MOVE = 3  # samples by which the beat may be moved


class Fusion(NamedTuple):
    """The numbers of the rule. All were found on DS1 of mitdb unless a source is named."""

    v_share: float = 0.5  # 1, share of V that makes a form ventricular
    v_wide_ms: float = 30.0  # ms, wider than the dominant form
    unlike: float = 0.95  # 1, correlation with the dominant form, at most
    least_dominant: float = 0.3  # 1, weight of the dominant form
    least_v: float = 0.2  # 1, weight of the ventricular form, from here ...
    most_v: float = 0.8  # 1, ... to here
    left: float = 0.1  # 1, share of the beat's power that the sum leaves
    earliest: float = 0.9  # 1, RR over the expected: the sinus beat was due
    latest: float = 1.15  # 1


@inner
def fit_sum(
    wave: NDArray[np.float64],
    low: int,
    dominant: NDArray[np.float32],
    ventricular: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Fit a beat by two templates; give the share of its power that is left, and both weights.

    Template sample 0 lies at ``wave[low]``. Levels are taken off; weights below 0 are no fit, and
    without any the share is 1.
    """
    n = len(dominant) - 2 * AROUND
    out[0], out[1], out[2] = 1.0, 0.0, 0.0
    mean_d = dd = 0.0
    for i in range(n):
        d = np.float64(dominant[AROUND + i])
        mean_d += d
        dd += d * d
    mean_d /= n
    dd -= n * mean_d * mean_d
    for move in range(-MOVE, MOVE + 1):
        at = low + AROUND + move
        mean_y = yy = yd = 0.0
        for i in range(n):
            y = wave[at + i]
            mean_y += y
            yy += y * y
            yd += y * dominant[AROUND + i]
        mean_y /= n
        yy -= n * mean_y * mean_y
        yd -= n * mean_y * mean_d
        for shift in range(-AROUND, AROUND + 1):
            mean_v = vv = yv = dv = 0.0
            for i in range(n):
                v = np.float64(ventricular[AROUND + shift + i])
                mean_v += v
                vv += v * v
                yv += v * wave[at + i]
                dv += v * dominant[AROUND + i]
            mean_v /= n
            vv -= n * mean_v * mean_v
            yv -= n * mean_v * mean_y
            dv -= n * mean_v * mean_d
            determinant = dd * vv - dv * dv
            if determinant <= 1.0e-6 * dd * vv:
                continue
            a = (vv * yd - dv * yv) / determinant
            b = (dd * yv - dv * yd) / determinant
            left = (yy - a * yd - b * yv) / (yy + 1.0e-12)
            if a > 0.0 and b > 0.0 and left < out[0]:
                out[0], out[1], out[2] = left, a, b
