"""Spans of time, and spans in which a value is beyond a limit: what every rule of truth needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def runs(held: Bools) -> list[tuple[int, int]]:
    """Give the runs of True as half-open index pairs.

    >>> runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [(a, b) for a, b in edges.reshape(-1, 2).tolist()]


def touches(span: Span, others: Iterable[Span]) -> bool:
    """Tell whether a span has a moment in common with one of others.

    >>> touches((1.0, 2.0), [(2.0, 3.0)]), touches((1.0, 2.0), [(2.5, 3.0)])
    (True, False)
    """
    return any(span[0] <= to_s and from_s <= span[1] for from_s, to_s in others)


def within(at_s: Floats, spans: Iterable[Span]) -> Bools:
    """Tell of each time whether it lies in one of the spans."""
    found = np.zeros(len(at_s), bool)
    for from_s, to_s in spans:
        found |= (at_s >= from_s) & (at_s <= to_s)
    return found


def rolling_mean(values: Floats, n: int) -> Floats:
    """Give the mean of the last ``n`` values up to each; NaN where there are fewer, or is a NaN."""
    means = np.full(len(values), np.nan)
    if len(values) >= n:
        means[n - 1 :] = np.lib.stride_tricks.sliding_window_view(values, n).mean(axis=1)
    return means


@dataclass(frozen=True, slots=True)
class Episode:
    """A span in which something was beyond a limit.

    Attributes
    ----------
    first, stop
        Its samples, a half-open pair of indices.
    met_s
        When it had been beyond for as long as the definition asks.
    certain
        By more than the margin, for long enough: nobody can decide otherwise.
    """

    first: int
    stop: int
    onset_s: float
    offset_s: float
    met_s: float
    certain: bool


def episodes(
    at_s: Floats,
    beyond: Floats,
    margin: float | Floats,
    *,
    end_s: float,
    back: float | Floats = 0.0,
    hold_s: float = 0.0,
    extra_s: float = 0.0,
    least: int = 1,
) -> list[Episode]:
    """Give the spans in which a value is beyond a limit, near misses included.

    Parameters
    ----------
    at_s
        float64 ``[k]``, increasing: times of the values.
    beyond
        float64 ``[k]``: how far each is beyond the limit, negative on the safe side; NaN: unknown,
        which ends a span.
    margin
        Within it on either side of the limit anybody may decide either way.
    end_s
        When the run ends.
    back
        A span ends where the value is on the safe side by this, and by `margin`.
    hold_s
        For so long it has to be beyond.
    extra_s, least
        A certain one is beyond by the margin so much longer, and for so many values.
    """
    keep = beyond > -np.maximum(margin, back)
    near, over, well = beyond > -np.asarray(margin), beyond > 0, beyond >= margin
    edges_s = np.append(at_s, end_s)

    def lasting(held: Bools, first: int, stop: int, least_s: float) -> list[tuple[int, int]]:
        return [
            (first + a, first + b)
            for a, b in runs(held[first:stop])
            if edges_s[first + b] - edges_s[first + a] >= least_s
        ]

    found = []
    for begin, stop in runs(keep):
        possible = lasting(near, begin, stop, 0.9 * hold_s)
        if not possible:
            continue
        nominal = lasting(over, begin, stop, hold_s)
        sure = [
            pair for pair in lasting(well, begin, stop, hold_s + extra_s)
            if pair[1] - pair[0] >= least
        ]  # fmt: skip
        first = (nominal or possible)[0][0]
        onset_s = float(at_s[first])
        found.append(
            Episode(first, stop, onset_s, float(edges_s[stop]), onset_s + hold_s, bool(sure))
        )
    return found
