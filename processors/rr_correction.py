"""Correction of RR intervals for variability: which of them are not normal, and what they become.

The tests are those of Lipponen and Tarvainen 2019 (J Med Eng Technol 43:173), in the form of
CLINICAL 3.4. Differences of neighbours d and deviations m from the median of 11 (negative ones
doubled) are each divided by a threshold, 5.2 times half the distance between the quartiles of
their sizes over 91 beats.

Windows lie around each interval, as published, for whole stretches are corrected at a time;
CLINICAL 3.4 lets them trail where it is done live. A threshold of 0 gives no verdict.

Differs from the paper: intervals are corrected, not beats; an ectopic interval is interpolated,
where moving its beat would change two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL, ECTOPIC, LONG_OR_SHORT, MISSED, EXTRA, KNOWN = range(6)

WIDTH = 91  # beats of the window of a threshold, CLINICAL 3.4
MEDIAN = 11  # beats of the running median, CLINICAL 3.4
ALPHA = 5.2  # 1, CLINICAL 3.4
SLOPE, OFFSET = 0.13, 0.17  # 1, the lines that bound ectopic beats, CLINICAL 3.4
FAR = 3.0  # 1, |m'| above it is too long or too short, CLINICAL 3.4
LEAST = 12  # intervals below which nothing can be judged, default: one more than the median has

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected series.

    Attributes
    ----------
    end_ns
        int64 ``[m]``, when each interval ended.
    rr_ms
        float64 ``[m]``.
    measured
        bool ``[m]``: as it was measured.
    neighbour
        bool ``[m]``: it begins where the one before it ends, or little later.
    kinds
        int8 ``[n]``: what each of the intervals given was taken for (`NORMAL` to `KNOWN`).
    """

    end_ns: NDArray[np.int64]
    rr_ms: Floats
    measured: NDArray[np.bool_]
    neighbour: NDArray[np.bool_]
    kinds: NDArray[np.int8]


def classify(rr_ms: Floats) -> NDArray[np.int8]:
    """Tell which intervals of a series are ectopic, too long or short, missed or extra beats.

    Parameters
    ----------
    rr_ms
        float64 ``[n]``, ms, finite, in order; fewer than 12 are all normal.

    Returns
    -------
    kinds
        int8 ``[n]``. `EXTRA`: this interval and the next are one; `MISSED`: it is two.

    >>> rr_ms = 800.0 + 20.0 * np.sin(np.arange(60.0))
    >>> rr_ms[30] *= 2
    >>> np.flatnonzero(classify(rr_ms)).tolist(), int(classify(rr_ms)[30]) == MISSED
    ([30], True)
    """
    n = len(rr_ms)
    if n < LEAST:
        return np.zeros(n, np.int8)
    # A first interval is needed to differ from: the mean of the others.
    rr = np.concatenate([[np.mean(rr_ms)], rr_ms])
    difference = np.diff(rr, prepend=rr[0])
    difference[0] = np.mean(difference[1:])
    d = _over(difference, _threshold(difference))
    median = _rolling(rr, MEDIAN, (0.5,))[0]
    deviation = rr - median
    deviation[deviation < 0.0] *= 2.0
    near = _threshold(deviation)
    m = _over(deviation, near)
    rise = d > 0.0
    before, after, second = (_shifted(d, by) for by in (-1, 1, 2))
    around = np.where(rise, np.maximum(before, after), np.minimum(before, after))
    ahead = np.where(d >= 0.0, np.minimum(after, second), np.maximum(after, second))
    ectopic = (d > 1.0) & (around < -SLOPE * d - OFFSET)
    ectopic |= (d < -1.0) & (around > -SLOPE * d + OFFSET)
    long, short = (d > 1.0) & (ahead < -1.0), (d < -1.0) & (ahead > 1.0)
    strange = long | short | (np.abs(m) > FAR)
    joined = np.abs(rr + np.append(rr[1:], np.inf) - median) < near
    halved = np.abs(rr / 2.0 - median) < near
    found = np.select(
        [~strange, short & joined, long & halved], [NORMAL, EXTRA, MISSED], LONG_OR_SHORT
    )
    # In order, for some beats are judged as followers; the last two have none to be judged by.
    kinds = np.zeros(n + 1, np.int8)
    size = np.abs(d)
    i = 0
    while i < n - 1:
        if size[i] > 1.0 and ectopic[i]:
            kinds[i] = ECTOPIC
        elif size[i] > 1.0:
            kinds[i] = found[i]
            if size[i + 1] < size[i + 2]:
                i += 1
                kinds[i] = found[i]
        i += 1
    return kinds[1:]


def correct(
    end_ns: NDArray[np.int64], rr_ms: Floats, normal: NDArray[np.bool_], *, gap_s: float = 2.0
) -> Corrected:
    """Correct a series: extra beats are merged, missed ones put in, all else is interpolated.

    Interpolation is linear, by order, between the intervals on both sides that have a value; at
    an end the nearest is repeated. Where none has one, all stay as they are.

    Parameters
    ----------
    end_ns
        int64 ``[n]``, rising: the beat that ends each interval.
    rr_ms
        float64 ``[n]``, ms, finite.
    normal
        bool ``[n]``: False where one of its beats is known not to be normal.
    gap_s
        A beat further from the one before than its interval and this has no neighbour before it;
        CLINICAL 3.4: 2 s.
    """
    kinds = classify(rr_ms)
    kinds[~normal] = KNOWN
    n = len(rr_ms)
    begin_ns = end_ns - np.rint(1e6 * rr_ms).astype(np.int64)
    rows: list[tuple[int, int, float, bool]] = []  # begin, end, value or NaN, measured
    k = 0
    while k < n:
        begin, end, value = int(begin_ns[k]), int(end_ns[k]), float(rr_ms[k])
        if kinds[k] == EXTRA and k + 1 < n:
            k += 1
            rows.append((begin, int(end_ns[k]), value + float(rr_ms[k]), False))
        elif kinds[k] == MISSED:
            middle = begin + (end - begin) // 2
            rows += [(begin, middle, value / 2.0, False), (middle, end, value / 2.0, False)]
        elif kinds[k] == NORMAL:
            rows.append((begin, end, value, True))
        else:
            rows.append((begin, end, np.nan, False))
        k += 1
    begins, ends = (np.array([row[c] for row in rows], np.int64) for c in (0, 1))
    rr = np.array([row[2] for row in rows], np.float64)
    known = np.isfinite(rr)
    order = np.arange(len(rr))
    rr = np.interp(order, order[known], rr[known]) if known.any() else (ends - begins) / 1e6
    neighbour = np.zeros(len(rr), bool)
    neighbour[1:] = begins[1:] - ends[:-1] <= round(1e9 * gap_s)
    return Corrected(ends, rr, np.array([row[3] for row in rows], bool), neighbour, kinds)


def _over(values: Floats, threshold: Floats) -> Floats:
    """Divide; 0, no verdict, where the threshold is 0."""
    share: Floats = np.divide(values, threshold, out=np.zeros_like(values), where=threshold > 0.0)
    return share


def _shifted(values: Floats, by: int) -> Floats:
    """Give the value so many places on; at the ends the series is mirrored."""
    padded: Floats = np.pad(values, 2, mode="reflect")[2 + by :]
    return padded[: len(values)]


def _threshold(values: Floats) -> Floats:
    low, high = _rolling(np.abs(values), WIDTH, (0.25, 0.75))
    half: Floats = (high - low) / 2.0
    return ALPHA * half


def _rolling(values: Floats, width: int, shares: tuple[float, ...]) -> Floats:
    """Give quantiles of the window around each value, at the ends of the part that is there."""
    n, half = len(values), width // 2
    given = np.empty((len(shares), n))
    for i in (*range(min(half, n)), *range(max(n - half, half), n)):
        given[:, i] = np.quantile(values[max(i - half, 0) : i + half + 1], shares)
    if n >= width:
        whole = np.lib.stride_tricks.sliding_window_view(values, width)
        given[:, half : n - half] = np.quantile(whole, shares, axis=1)
    return given
