"""Stretches of samples: int64 ``[n, 2]``, from (inclusive) and to (exclusive), in order, apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int64]
Spans = NDArray[np.int64]
NO_SPANS: Spans = np.zeros((0, 2), np.int64)


def joined(pairs: Iterable[tuple[int, int]]) -> Spans:
    """Give any pairs as spans: empty ones left out, those that overlap or touch as one.

    >>> joined([(5, 9), (1, 3), (3, 4), (7, 7)]).tolist()
    [[1, 4], [5, 9]]
    """
    found: list[list[int]] = []
    for start, stop in sorted((int(a), int(b)) for a, b in pairs if a < b):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], stop)
        else:
            found.append([start, stop])
    return np.array(found, np.int64).reshape(-1, 2)


def within(spans: Spans, at: NDArray[np.number]) -> NDArray[np.bool_]:
    """Tell which of some positions lie in a span."""
    begun = np.searchsorted(spans[:, 0], at, side="right")
    ended = np.searchsorted(spans[:, 1], at, side="right")
    inside: NDArray[np.bool_] = begun > ended
    return inside


def meets(spans: Spans, start: float, stop: float) -> bool:
    """Tell whether a stretch has a moment in common with any span."""
    return bool(np.any((spans[:, 0] < stop) & (spans[:, 1] > start)))


def size(spans: Spans) -> int:
    """Count the samples of all spans."""
    return int(np.sum(spans[:, 1] - spans[:, 0]))


def common(one: Spans, other: Spans) -> int:
    """Count the samples that lie in both."""
    first = np.maximum(one[:, None, 0], other[None, :, 0])
    last = np.minimum(one[:, None, 1], other[None, :, 1])
    return int(np.maximum(last - first, 0).sum())


def lasting(spans: Spans, least: float) -> Spans:
    """Give the spans of at least so many samples."""
    long: Spans = spans[spans[:, 1] - spans[:, 0] >= least]
    return long


def where(flags: NDArray[np.bool_]) -> Spans:
    """Give the runs of true values as spans of their indices.

    >>> where(np.array([True, False, True, True])).tolist()
    [[0, 1], [2, 4]]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)
