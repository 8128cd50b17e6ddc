"""Time stamps of table rows to runs of a regularly sampled signal: rate, gaps, repeats.

Time stamps are rounded, late by a few samples, or follow a clock that is not quite the nominal one.
Rows are therefore counted, and only a lasting shift of the stamps against the count is a gap (rows
are missing) or a repeat (rows came twice, or the clock jumped back).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_bridges.replay.recording import Run
from processors.records import NS_PER_S

# Rows on either side of a suspicious step that tell a late stamp from a lasting shift.
_SETTLE_ROWS = 100
# Share of steps that are alike in stamps that are neither rounded nor late.
_ALIKE = 0.98
# Share of steps that are whole multiples of the step in stamps that are taken at their word.
_EXACT = 0.999
# Rows on either side that show whether stamps are exact there.
_NEAR_ROWS = 3
# A lasting shift and the step that makes it may differ by rounding and lateness, in samples.
_OWN_SAMPLES = 1.0
# A run whose stamps stray this many samples from its count is anchored anew...
_STRAY_SAMPLES = 1.0
# ...every so many rows.
_ANCHOR_ROWS = 1000
# A rate is taken for the whole number beside it if a run's stamps then end this close, in samples.
_ROUNDED_SAMPLES = 1.5


@dataclass(frozen=True, slots=True)
class Break:
    """A lasting shift at `row`: so many samples are missing before it (negative: are repeated)."""

    row: int
    samples: int


def sampling_step_ns(t_ns: NDArray[np.int64]) -> float:
    """Give the mean step between rows without gaps, NaN where they follow no common step.

    Steps of 0 count: stamps may be coarser than the samples.

    >>> sampling_step_ns(np.array([0, 3, 6, 8, 11, 14, 17, 19, 22]) * 1_000_000) / 1e6
    2.75
    """
    steps = np.diff(t_ns)
    forward = steps[steps > 0]
    if len(forward) < 2:
        return float("nan")
    middle = float(np.median(forward))
    near = steps[(steps >= 0) & (steps < 3 * middle)]
    if len(near) < 0.5 * len(steps) or not _common(near, middle):
        return float("nan")
    exact = near[np.abs(near - middle) < 0.1 * middle]
    # Where all but gaps are alike, gaps of one or two samples must not count as steps.
    alike = len(exact) > _ALIKE * (near < 1.5 * middle).sum()
    return float((exact if alike else near).mean())


def _common(near: NDArray[np.int64], middle: float) -> bool:
    """Tell whether most steps are 0 or the middle one, give or take a half."""
    return float(((near == 0) | (np.abs(near - middle) < 0.5 * middle)).mean()) > 0.5


def breaks(t_ns: NDArray[np.int64], step_ns: float) -> list[Break]:
    """Find the lasting shifts of time stamps against their count."""
    steps = np.diff(t_ns) / step_ns
    ahead = (t_ns - t_ns[0]) / step_ns - np.arange(len(t_ns))
    standstill = _longest_standstill(steps)
    settle = max(_SETTLE_ROWS, 3 * standstill)
    whole = np.abs(steps - np.rint(steps)) < 0.02
    exact = bool(whole.mean() > _EXACT and (np.abs(steps - 1) < 0.02).mean() > 0.5)
    least = (1 + standstill) / 2  # a shift must be larger than what rounding makes
    moved = np.abs(_shift_of_means(ahead, settle)) > least / 2
    found: list[Break] = []
    level = levelled = 0  # ahead[:levelled] has the breaks before it taken out
    for before in np.flatnonzero((steps < 0.5) | (steps > 1.5)):
        row = int(before) + 1
        own = float(steps[before]) - 1
        if _in_step(steps, row, exact):
            samples = round(own)
        elif not moved[row]:
            continue
        else:
            # Stamps here are rounded or late: only a shift that lasts is one, and it counts at the
            # row that makes it.
            ahead[levelled : row + settle] -= level
            levelled = max(levelled, row + settle)
            was = np.median(ahead[max(row - settle, 0) : row])
            shift = float(np.median(ahead[row : row + settle]) - was)
            here = abs(own - shift) <= max(_OWN_SAMPLES, standstill)
            samples = round(shift) if abs(shift) > least and here else 0
        if samples:
            found.append(Break(row, samples))
            ahead[row:levelled] -= samples
            level += samples
    return found


def _shift_of_means(ahead: NDArray[np.float64], settle: int) -> NDArray[np.float64]:
    """Give the mean of so many rows from each row on, less the mean of those before it."""
    total = np.concatenate(([0.0], np.cumsum(ahead)))
    row = np.arange(len(ahead))
    first, last = np.maximum(row - settle, 0), np.minimum(row + settle, len(ahead))
    after = (total[last] - total[row]) / (last - row)
    return after - (total[row] - total[first]) / np.maximum(row - first, 1)


def _in_step(steps: NDArray[np.float64], row: int, exact: bool) -> bool:
    """Tell whether a step can be taken at its word: the rows around it follow the count closely.

    Where all stamps are exact, other gaps may be among them, but no rows that catch up.
    """
    around = np.concatenate(
        (steps[max(row - 1 - _NEAR_ROWS, 0) : row - 1], steps[row : row + _NEAR_ROWS])
    )
    return bool((around > 0.5).all() if exact else (np.abs(around - 1) < 0.1).all())


def _longest_standstill(steps: NDArray[np.float64]) -> int:
    """Count the rows of the longest batch with one stamp."""
    moved = np.flatnonzero(np.concatenate(([1], steps, [1])))
    return int(np.diff(moved).max()) - 1


def sampling_rate_hz(t_ns: NDArray[np.int64], found: list[Break], step_ns: float) -> float:
    """Give the mean rate over all rows between breaks; a whole number where it is next to one."""
    begins = [0, *(at.row for at in found)]
    ends = [*(at.row for at in found), len(t_ns)]
    rows = sum(end - begin - 1 for begin, end in zip(begins, ends, strict=True))
    lasted = sum(int(t_ns[e - 1] - t_ns[b]) for b, e in zip(begins, ends, strict=True))
    rate_hz = rows * NS_PER_S / lasted if rows and lasted > 0 else NS_PER_S / step_ns
    whole = round(rate_hz)
    if whole and abs(rows / whole - rows / rate_hz) * rate_hz < _ROUNDED_SAMPLES * len(begins):
        return float(whole)
    return rate_hz


def runs_of(
    t_ns: NDArray[np.int64], values: NDArray[np.float32], found: list[Break], fs_hz: float
) -> tuple[Run, ...]:
    """Cut rows into runs, in their order.

    Parameters
    ----------
    t_ns, values
        int64 ``[n]``, float32 ``[n, c]``, NaN = missing.
    """
    runs: list[Run] = []
    seq = seq_high = 0
    newest_ns = int(t_ns[0]) - 1
    begins = [0, *(at.row for at in found)]
    shifts = [0, *(at.samples for at in found)]
    for begin, shift, end in zip(begins, shifts, [*begins[1:], len(t_ns)], strict=True):
        seq = max(seq + shift, 0)
        repeated = min(max(seq_high - seq, 0), end - begin)
        if repeated:
            # They stand here in the file, so they come after what was newest before.
            part = values[begin : begin + repeated]
            runs.append(Run(seq, int(t_ns[begin]), part, due_ns=newest_ns))
        for row in _anchors(t_ns, begin + repeated, end, fs_hz):
            stop = row.stop
            t0_ns = max(int(t_ns[row.start]), newest_ns + 1)
            runs.append(Run(seq + row.start - begin, t0_ns, values[row]))
            newest_ns = t0_ns + round((stop - row.start - 1) * (NS_PER_S / fs_hz))
        seq += end - begin
        seq_high = max(seq_high, seq)
    return tuple(runs)


def _anchors(t_ns: NDArray[np.int64], begin: int, end: int, fs_hz: float) -> list[slice]:
    """Give the rows of a run, cut where the clock of the stamps leaves the rate too far behind."""
    if begin >= end:
        return []
    stamps = t_ns[begin:end] - t_ns[begin]
    stray = np.abs(stamps - np.arange(end - begin) * (NS_PER_S / fs_hz)).max()
    if stray <= _STRAY_SAMPLES * NS_PER_S / fs_hz:
        return [slice(begin, end)]
    return [slice(row, min(row + _ANCHOR_ROWS, end)) for row in range(begin, end, _ANCHOR_ROWS)]
