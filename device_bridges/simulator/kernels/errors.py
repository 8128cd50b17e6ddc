"""Errors of measurement: independent ones of each reading, and ones that change slowly."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.draw import gauss, uniform

LIMIT = 3.0  # SD; larger errors are drawn as this, default


@entry
def add_errors(
    seeds: NDArray[np.uint64],
    stream: int,
    t_s: NDArray[np.float64],
    each: float,
    slow: float,
    period_s: float,
    values: NDArray[np.float64],
) -> None:
    """Add an error of SD ``each`` to each value, and one of SD ``slow`` that takes ``period_s``.

    They depend on the person and the time of the reading, to a millisecond, which numbers it.
    """
    for i in range(len(values)):
        if each > 0.0:
            number = math.floor(1000.0 * t_s[i] + 0.5)
            values[i] += each * max(-LIMIT, min(LIMIT, gauss(seeds[i], stream, number)))
        if slow > 0.0:
            share = t_s[i] / period_s
            first = math.floor(share)
            share -= first
            before = max(-LIMIT, min(LIMIT, gauss(seeds[i], stream + 1, first)))
            after = max(-LIMIT, min(LIMIT, gauss(seeds[i], stream + 1, first + 1)))
            values[i] += slow * (before + (after - before) * share * share * (3.0 - 2.0 * share))


@entry
def spread(seeds: NDArray[np.uint64], stream: int, values: NDArray[np.float64]) -> None:
    """Give everybody a number of [0, 1) that stays."""
    for i in range(len(seeds)):
        values[i] = uniform(seeds[i], stream, 0)
