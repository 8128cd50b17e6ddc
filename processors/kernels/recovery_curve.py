"""The curve of a heart-rate recovery, read as a whole: a level, a corner and an exponential fall.

    x(t) = a + d (1 - exp(-(t - c) / 40 s)) + e (1 - exp((t - c) / 15 s))      t < c
    x(t) = a - f (1 - exp(-(t - c) / tau))                                     t >= c

where d is how far an effort still is from its level, and e by how much it eased off before the end.

Nothing is chosen: each corner `c` and each `tau` of a grid gets the weight that the rates give it
(least squares; the noise, and how long it lasts, from what is left), and what is told is the mean
over all of them. So a drop has the noise of two minutes, not of a few seconds, and an error that
says how far it can be off. Where the rates lie off the curve for longer than noise does, around a
mark, the mark goes with them.

The corner is the stop where that is known and beats are heard. A device tells the heart rate some
seconds late; how many, the corner says, each second less likely than the one before. A stop that
only the heart rate told is where the corner is.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# CLINICAL 3.9: tau of 10 to 300 s; the last two are of a fall that is nearly straight.
TAUS_S = np.append(10.0 * 1.2 ** np.arange(20), [600.0, 2000.0])
LAGS_S = np.arange(13.0)  # default: an optical sensor is 5 to 10 s behind
USUAL_LAG_S = 4.0  # default: each second of lag is less likely by exp(-1 / 4)
RISE_TAU_S = 40.0  # s, default: how an effort comes to its level
EASE_TAU_S = 15.0  # s, default: in which somebody eases off
USUAL = np.array([np.inf, 3.0, 1.5, 500.0])  # /min, default: of a, d, e and f
NEAR_PEAK = 12.0  # /min, default: what lies further below is not the effort yet
AROUND_S = 5  # s, default: half of the median that an outlier is far from
OUTLIER, LEAST_OUTLIER = 4.5, 3.0  # default: times the median distance from it, and /min
MARK_HALF_S = 13.0  # s, default: around a mark, where the curve is held against the rates
SURELY = 4.0  # default: squared, how many errors of its mean what is left has to be off
LEAST_WEIGHT = 1e-3  # default: of a curve, to count in what is left
PEAK_S = -5.0  # s; CLINICAL 3.9: HRpk is the median of the ten seconds before the stop
MOST_INERTIA = 0.8  # default: correlation of what is left from second to second
LEAST_VARIANCE = 0.05  # (/min)^2, default: a rate in whole numbers has 1 / 12

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Curve(NamedTuple):
    """What a curve says: rates at the marks and `error` of the drop in 60 s (2 sigma), in /min.

    `corner_s` is the most probable corner (median), in the time that was given.
    """

    peak: float
    hr60: float
    hr120: float
    error: float
    corner_s: float


def read_curve(t_s: Floats, rate: Floats, corners_s: Floats, usual_s: float) -> Curve:
    """Read the rates of the seconds around a stop.

    Parameters
    ----------
    t_s, rate
        float64 ``[n_seconds]``: each second from the stop, and its rate, /min; NaN: none. There
        are more than ten, on both sides of the stop.
    corners_s
        float64 ``[n_corners]``, a second apart: where the fall may begin.
    usual_s
        A corner this much later is less likely by 1 / e; infinity: all are alike.
    """
    known = _near(rate) & ~_before_the_effort(t_s, rate)
    middle = float(rate[known].mean())
    x = np.where(known, rate - middle, 0.0)
    normal, shared = _sums(known, x, t_s[0], corners_s)
    corner, tau = np.repeat(corners_s, len(TAUS_S)), np.tile(TAUS_S, len(corners_s))

    def solve(variance: float) -> tuple[Floats, Any, Floats]:
        prior = np.diag(variance / USUAL**2)
        found = np.linalg.solve(normal + prior, shared[..., None])[..., 0]
        return normal + prior, found, x @ x - (found * shared).sum(axis=1)

    _, found, left = solve(LEAST_VARIANCE)
    best = int(left.argmin())
    rest = (x - found[best] @ _shape(t_s - corner[best], tau[best]))[known]
    inertia = float(np.clip(rest[1:] @ rest[:-1] / max(rest @ rest, 1e-9), 0.0, MOST_INERTIA))
    variance = max(float(left[best]) / max(len(rest) - 4, 1), LEAST_VARIANCE)
    variance *= (1.0 + inertia) / (1.0 - inertia)
    weighed, found, left = solve(variance)
    likely = -left / (2.0 * variance) - 0.5 * np.log(np.linalg.det(weighed)) - corner / usual_s
    weight: Floats = np.exp(likely - likely.max())
    weight /= weight.sum()

    off, corner_s = x.copy(), float(weight @ corner)
    for g in np.flatnonzero(weight > LEAST_WEIGHT).tolist():
        off -= weight[g] * (found[g] @ _shape(t_s - corner[g], tau[g]))

    def mark(after_s: float, half_s: float) -> float:
        around = off[known & (np.abs(t_s - corner_s - after_s) <= half_s)]
        told = middle + float(weight @ (found * _shape(after_s, tau).T).sum(axis=1))
        mean = float(around.mean()) if len(around) else 0.0
        if mean == 0.0:
            return told
        unsure = SURELY * float(variance) / len(around) / mean**2
        return told + mean * max(1.0 - unsure, 0.0)

    drop = (_shape(PEAK_S, tau) - _shape(60.0, tau)).T
    drops = (drop * found).sum(axis=1)
    own = (drop * np.linalg.solve(weighed, drop[..., None])[..., 0]).sum(axis=1) * variance
    spread = float(weight @ (own + (drops - weight @ drops) ** 2))
    of_corners = weight.reshape(len(corners_s), -1).sum(axis=1).cumsum()
    middle_corner = min(int(np.searchsorted(of_corners, 0.5)), len(corners_s) - 1)
    return Curve(
        mark(PEAK_S, -PEAK_S), mark(60.0, MARK_HALF_S), mark(120.0, MARK_HALF_S),
        2.0 * math.sqrt(spread), float(corners_s[middle_corner]),
    )  # fmt: skip


def _shape(since_s: Any, tau_s: Any) -> Floats:
    """Give what a, d, e and f of a curve are multiplied with: float64 ``[4, ...]``."""
    rise = 1.0 - np.exp(-np.minimum(since_s, 0.0) / RISE_TAU_S)
    ease = 1.0 - np.exp(np.minimum(since_s, 0.0) / EASE_TAU_S)
    fall = np.exp(-np.maximum(since_s, 0.0) / tau_s) - 1.0
    return np.array(np.broadcast_arrays(1.0, rise, ease, fall))


def _sums(known: Flags, x: Floats, first_s: float, corners_s: Floats) -> tuple[Floats, Floats]:
    """Give the sums of least squares for each corner and, within it, each tau.

    They are those over `_shape`, ``[n_corners * n_taus, 4, 4]`` and ``[..., 4]``. Seconds and
    corners lie a second apart, so a fall is the same for each corner, further along.
    """
    n = len(x)
    begin = math.ceil(corners_s[0] - first_s) + np.arange(len(corners_s))
    late_s = first_s + begin[0] - corners_s[0]
    steps = np.arange(n)
    fall = np.exp(-(steps + late_s) / TAUS_S[:, None]).T - 1.0  # [n, n_taus]
    since_s = late_s - 1.0 - steps  # backwards from the corner
    ahead = np.stack([1.0 - np.exp(-since_s / RISE_TAU_S), 1.0 - np.exp(since_s / EASE_TAU_S)], 1)

    def after(values: Any) -> Floats:
        padded = np.concatenate([values, np.zeros(n)])
        return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, n)[begin], np.float64)

    def before(values: Any) -> Floats:
        padded = np.concatenate([values[::-1], np.zeros(n)])
        return np.asarray(
            np.lib.stride_tricks.sliding_window_view(padded, n)[n - begin], np.float64
        )

    normal = np.zeros((len(begin), len(TAUS_S), 4, 4))
    shared = np.zeros((len(begin), len(TAUS_S), 4))
    seen_before, seen_after = before(known), after(known)
    normal[..., 0, 0] = known.sum()
    for k in (0, 1):
        normal[..., 0, 1 + k] = normal[..., 1 + k, 0] = (seen_before @ ahead[:, k])[:, None]
        for j in (0, 1):
            normal[..., 1 + k, 1 + j] = (seen_before @ (ahead[:, k] * ahead[:, j]))[:, None]
        shared[..., 1 + k] = (before(x) @ ahead[:, k])[:, None]
    normal[..., 0, 3] = normal[..., 3, 0] = seen_after @ fall
    normal[..., 3, 3] = seen_after @ fall**2
    shared[..., 3] = after(x) @ fall
    return normal.reshape(-1, 4, 4), shared.reshape(-1, 4)


def _near(rate: Floats) -> Flags:
    """Tell which rates are not far from the median of those around them."""
    known = np.flatnonzero(~np.isnan(rate))
    around = np.pad(rate[known], AROUND_S, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * AROUND_S + 1)
    off = np.abs(rate[known] - np.median(windows, axis=1))
    near = np.zeros(len(rate), bool)
    near[known] = off <= max(LEAST_OUTLIER, OUTLIER * float(np.median(off)))
    return near


def _before_the_effort(t_s: Floats, rate: Floats) -> Flags:
    """Tell what lies before the effort: up to the last rate that is far below that at the stop."""
    last = rate[(t_s >= 2.0 * PEAK_S) & (t_s <= 0.0)]
    low = np.flatnonzero((t_s <= 0.0) & (rate < np.nanmedian(last) - NEAR_PEAK))
    first = low[-1] + 1 if len(low) else 0
    before: Flags = np.arange(len(rate)) < first
    return before
