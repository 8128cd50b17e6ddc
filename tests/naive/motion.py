"""Movement of each whole second of one gap-free accelerometer, from whole arrays."""

from __future__ import annotations

import math

import numpy as np

CELLS = 25  # of a second


def without_gravity(x, fs):
    """Take from each axis its running mean: of all samples at first, of about 1 s afterwards."""
    left, mean = np.empty_like(x), np.zeros(x.shape[1])
    for i in range(len(x)):
        mean = mean + max(1 / fs, 1 / (i + 1)) * (x[i] - mean)
        left[i] = x[i] - mean
    return left


def cadence(lengths):
    """Give the steps per minute of the lengths of the vector, 25 a second; NaN: none."""
    line = lengths - lengths.mean()
    n = len(line) - 28  # the same number of products for every lag
    if len(line) < 75 or not line.any():
        return math.nan
    power = np.mean(line**2)
    like = {lag: np.mean(line[:n] * line[lag : lag + n]) / power for lag in range(5, 27)}
    found, needed = math.nan, 0.4
    for lag in range(6, 26):
        before, here, after = like[lag - 1], like[lag], like[lag + 1]
        if before < here >= after:
            a, b, _ = np.polyfit([-1, 0, 1], [before, here, after], 2)
            top = here - b**2 / (4 * a)
            if top >= needed:  # a later peak has to be clearly higher
                found, needed = lag - b / (2 * a), top / 0.6
    return 60 * CELLS / found


def rows(x, fs):
    """Give ``[seconds, 4]`` of a signal that starts at time 0; `fs` is a multiple of 25."""
    x = np.asarray(x, np.float32).astype(float)
    moved = without_gravity(x, fs)
    # Cells of 40 ms, kept in hundredths of m/s2.
    cells = np.linalg.norm(x, axis=1).reshape(-1, fs // CELLS).mean(axis=1)
    lengths = np.trunc(cells / 0.01)
    found = []
    for second in range(len(x) // fs):
        here = moved[second * fs : (second + 1) * fs]
        rms = math.sqrt(np.mean(np.sum(here**2, axis=1)))
        still = rms < 0.4
        # The cell of the last samples of a second is not yet closed when the second ends.
        last = (second + 1) * CELLS - 1
        steps = math.nan if still else cadence(lengths[max(0, last - 125) : last])
        found.append((rms, steps, 1.0, float(still)))
    return np.array(found)
