"""The curve of a heart-rate recovery, read as a whole: a level, a corner and an exponential fall.

    x(t) = a + d (1 - exp(-(t - c) / 40 s)) + e (1 - exp((t - c) / 15 s))      t < c
    x(t) = a - f (1 - exp(-(t - c) / tau))                                     t >= c

where d is how far an effort still is from its level, and e by how much it eased off before the end.

Nothing is chosen: each corner `c` and each `tau` of a grid gets the weight that the rates give it
(least squares; the noise, and how long it lasts, from what is left) and that a `tau` of hearts is
likely to have, and what is told is the mean over all of them. So a drop has the noise of two
minutes, not of a few seconds, and an error that says how far it can be off. Where the rates lie
off the curve for longer than noise does, around a mark, the mark goes with them.

The corner is the stop where that is known and beats are heard. A device tells the heart rate some
seconds late; how many, the corner says, each second less likely than the one before. A stop that
only the heart rate told is where the corner is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

# CLINICAL 3.9: tau of 10 to 300 s; the last two are of a fall that is nearly straight.
TAUS_S = np.append(10.0 * 1.2 ** np.arange(20), [600.0, 2000.0])
# CLINICAL 3.9: most falls have a tau of 20 to 200 s; what lies outside has to show more clearly.
LIKELY_TAUS = -0.5 * ((np.log(TAUS_S) - math.log(63.0)) / 0.6) ** 2
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
N_AHEAD, N_FALL = 7, 3  # sums of least squares before a corner, and of a fall behind it
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
    told = np.empty(len(Curve._fields))
    weigh_curves(t_s, rate, corners_s, usual_s, told)
    return Curve(*told.tolist())


@entry
def weigh_curves(
    t_s: Floats, rate: Floats, corners_s: Floats, usual_s: float, told: Floats
) -> None:
    """Do what `read_curve` says; write the fields of `Curve`."""
    n, n_corners, n_taus = len(t_s), len(corners_s), len(TAUS_S)
    known = _near(rate)
    _leave_out_what_was_before(t_s, rate, known)
    n_known, middle = 0, 0.0
    for i in range(n):
        if known[i]:
            n_known += 1
            middle += rate[i]
    middle /= n_known
    x = np.zeros(n)
    energy = 0.0
    for i in range(n):
        if known[i]:
            x[i] = rate[i] - middle
            energy += x[i] * x[i]

    # `n` seconds from a corner on, or back from it, each corner sees the same shapes.
    first = math.ceil(corners_s[0] - t_s[0])
    late_s = t_s[0] + first - corners_s[0]
    ahead, fall = _shapes(n, late_s)
    sums = np.zeros((n_corners, N_AHEAD))
    falls = np.empty((n_corners, n_taus, N_FALL))
    _sum_ahead(known, x, ahead, first, sums)
    _sum_falls(known, x, late_s, first, falls)

    found = np.empty((n_corners, n_taus, 4))
    left = np.empty((n_corners, n_taus))
    own = np.empty((n_corners, n_taus))
    likely = np.empty((n_corners, n_taus))
    _solve(n_known, energy, sums, falls, LEAST_VARIANCE, found, left, own, likely)
    at = left.argmin()
    best, tau = at // n_taus, at % n_taus
    variance = _variance(
        known, x, left[best, tau], found[best, tau], ahead, fall[tau], first + best, n_known
    )
    _solve(n_known, energy, sums, falls, variance, found, left, own, likely)
    for c in range(n_corners):
        for k in range(n_taus):
            likely[c, k] += LIKELY_TAUS[k] - corners_s[c] / usual_s - left[c, k] / (2.0 * variance)
    weight = np.exp(likely - likely.max())
    weight /= weight.sum()

    of_corner = np.zeros(n_corners)
    corner_s = drop = 0.0
    drops = np.empty((n_corners, n_taus))
    off = x.copy()
    for c in range(n_corners):
        for k in range(n_taus):
            w = weight[c, k]
            of_corner[c] += w
            corner_s += w * corners_s[c]
            drops[c, k] = _value(PEAK_S, k, found[c, k]) - _value(60.0, k, found[c, k])
            drop += w * drops[c, k]
            if w > LEAST_WEIGHT:
                _take_off(w, found[c, k], ahead, fall[k], first + c, off)
    spread, middle_corner, so_far = 0.0, -1, 0.0
    for c in range(n_corners):
        so_far += of_corner[c]
        if middle_corner < 0 and so_far >= 0.5:
            middle_corner = c
        for k in range(n_taus):
            spread += weight[c, k] * (own[c, k] + (drops[c, k] - drop) ** 2)
    marks = ((PEAK_S, -PEAK_S), (60.0, MARK_HALF_S), (120.0, MARK_HALF_S))
    for m, (after_s, half_s) in enumerate(marks):
        told[m] = middle
        for c in range(n_corners):
            for k in range(n_taus):
                told[m] += weight[c, k] * _value(after_s, k, found[c, k])
        around, n_around = 0.0, 0
        for i in range(n):
            if known[i] and abs(t_s[i] - corner_s - after_s) <= half_s:
                around += off[i]
                n_around += 1
        if around != 0.0:
            mean = around / n_around
            told[m] += mean * max(1.0 - SURELY * variance / n_around / mean**2, 0.0)
    told[3] = 2.0 * math.sqrt(spread)
    told[4] = corners_s[middle_corner if middle_corner >= 0 else n_corners - 1]


@inner
def _shapes(n: int, late_s: float) -> tuple[Floats, Floats]:
    """Give d and e of each second back from a corner, and f of each tau and second from it on."""
    ahead, fall = np.empty((n, 2)), np.empty((len(TAUS_S), n))
    for i in range(n):
        since_s = late_s - 1.0 - i
        ahead[i, 0] = 1.0 - math.exp(-since_s / RISE_TAU_S)
        ahead[i, 1] = 1.0 - math.exp(since_s / EASE_TAU_S)
    for k in range(len(TAUS_S)):
        q, part = math.exp(-1.0 / TAUS_S[k]), math.exp(-late_s / TAUS_S[k])
        for i in range(n):
            fall[k, i] = part - 1.0
            part *= q
    return ahead, fall


@inner
def _value(since_s: float, k: int, found: Floats) -> float:
    """Give the curve of a tau so long after its corner."""
    if since_s < 0.0:
        rise = 1.0 - math.exp(-since_s / RISE_TAU_S)
        ease = 1.0 - math.exp(since_s / EASE_TAU_S)
        return float(found[0] + found[1] * rise + found[2] * ease)
    return float(found[0] + found[3] * (math.exp(-since_s / TAUS_S[k]) - 1.0))


@inner
def _sum_ahead(known: Flags, x: Floats, ahead: Floats, first: int, sums: Floats) -> None:
    """Sum the least squares of what lies before each corner: d, e, dd, de, ee, dx, ex."""
    for c in range(len(sums)):
        o = sums[c]
        for i in range(first + c):
            if known[i]:
                d, e = ahead[first + c - 1 - i, 0], ahead[first + c - 1 - i, 1]
                o[0] += d
                o[1] += e
                o[2] += d * d
                o[3] += d * e
                o[4] += e * e
                o[5] += d * x[i]
                o[6] += e * x[i]


@inner
def _sum_falls(known: Flags, x: Floats, late_s: float, first: int, falls: Floats) -> None:
    """Sum the least squares of what lies behind each corner: f, ff, fx, for each tau.

    An exponential a second on is that of the second before times `q`, so that the sums of one
    corner follow from those of the next.
    """
    n = len(known)
    for k in range(len(TAUS_S)):
        q, begin = math.exp(-1.0 / TAUS_S[k]), math.exp(-late_s / TAUS_S[k])
        n_known, of_x, once, twice, with_x = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(n - 1, first - 1, -1):
            once, twice, with_x = once * q, twice * q * q, with_x * q
            if known[i]:
                n_known += 1.0
                of_x += x[i]
                once += begin
                twice += begin * begin
                with_x += begin * x[i]
            if i - first < len(falls):
                o = falls[i - first, k]
                o[0] = once - n_known
                o[1] = twice - 2.0 * once + n_known
                o[2] = with_x - of_x


@inner
def _solve(
    n_known: int,
    energy: float,
    sums: Floats,
    falls: Floats,
    variance: float,
    found: Floats,
    left: Floats,
    own: Floats,
    likely: Floats,
) -> None:
    """Give a, d, e and f of each corner and tau, what they leave, and how likely that many are.

    The fall shares nothing with d and e but the level: it is solved for by itself, d and e
    together, and the level last.
    """
    d60, e60 = 1.0 - math.exp(-PEAK_S / RISE_TAU_S), 1.0 - math.exp(PEAK_S / EASE_TAU_S)
    for c in range(len(sums)):
        d, e, de, dx, ex = sums[c, 0], sums[c, 1], sums[c, 3], sums[c, 5], sums[c, 6]
        dd, ee = sums[c, 2] + variance / USUAL[1] ** 2, sums[c, 4] + variance / USUAL[2] ** 2
        size = dd * ee - de * de
        # The level's share of d and e, of their x and of the drop.
        own_d, own_e = (ee * d - de * e) / size, (dd * e - de * d) / size
        drop_d, drop_e = (ee * d60 - de * e60) / size, (dd * e60 - de * d60) / size
        for k in range(len(TAUS_S)):
            f, ff, fx = falls[c, k, 0], falls[c, k, 1] + variance / USUAL[3] ** 2, falls[c, k, 2]
            f60 = 1.0 - math.exp(-60.0 / TAUS_S[k])
            level = n_known - own_d * d - own_e * e - f * f / ff
            a = -(own_d * dx + own_e * ex + f * fx / ff) / level
            o = found[c, k]
            o[0], o[3] = a, (fx - f * a) / ff
            o[1] = (ee * (dx - d * a) - de * (ex - e * a)) / size
            o[2] = (dd * (ex - e * a) - de * (dx - d * a)) / size
            left[c, k] = energy - o[1] * dx - o[2] * ex - o[3] * fx
            likely[c, k] = -0.5 * math.log(size * ff * level)
            shared = own_d * d60 + own_e * e60 + f * f60 / ff
            own[c, k] = variance * (
                drop_d * d60 + drop_e * e60 + f60 * f60 / ff + shared * shared / level
            )


@inner
def _variance(
    known: Flags,
    x: Floats,
    left: float,
    found: Floats,
    ahead: Floats,
    fall: Floats,
    corner: int,
    n_known: int,
) -> float:
    """Give the noise from what the best curve leaves, as if each second told something new."""
    off = x.copy()
    _take_off(1.0, found, ahead, fall, corner, off)
    square, product, last = 0.0, 0.0, math.nan
    for i in range(len(x)):
        if known[i]:
            square += off[i] * off[i]
            if not math.isnan(last):
                product += last * off[i]
            last = off[i]
    inertia = min(max(product / max(square, 1e-9), 0.0), MOST_INERTIA)
    variance = max(left / max(n_known - 4, 1), LEAST_VARIANCE)
    return float(variance * (1.0 + inertia) / (1.0 - inertia))


@inner
def _take_off(
    share: float, found: Floats, ahead: Floats, fall: Floats, corner: int, off: Floats
) -> None:
    """Take a share of a curve off the rates."""
    for i in range(len(off)):
        if i < corner:
            d, e = ahead[corner - 1 - i, 0], ahead[corner - 1 - i, 1]
            off[i] -= share * (found[0] + found[1] * d + found[2] * e)
        else:
            off[i] -= share * (found[0] + found[3] * fall[i - corner])


@inner
def _near(rate: Floats) -> Flags:
    """Tell which rates are near the median of those around them; the ends are mirrored."""
    at = np.flatnonzero(~np.isnan(rate))
    n, width = len(at), 2 * AROUND_S + 1
    off, window = np.empty(n), np.empty(width)
    for i in range(n):
        for j in range(width):
            k = abs(i + j - AROUND_S)
            window[j] = rate[at[k if k < n else 2 * (n - 1) - k]]
        window.sort()
        off[i] = abs(rate[at[i]] - window[AROUND_S])
    far = max(LEAST_OUTLIER, OUTLIER * float(np.median(off)))
    near = np.zeros(len(rate), np.bool_)
    for i in range(n):
        near[at[i]] = off[i] <= far
    return near


@inner
def _leave_out_what_was_before(t_s: Floats, rate: Floats, known: Flags) -> None:
    """Leave out what lies before the effort: up to the last rate far below that at the stop."""
    at_stop = np.nanmedian(rate[(t_s >= 2.0 * PEAK_S) & (t_s <= 0.0)])
    first = 0
    for i in range(len(rate)):
        if t_s[i] <= 0.0 and rate[i] < at_stop - NEAR_PEAK:
            first = i + 1
    known[:first] = False
