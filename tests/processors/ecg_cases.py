"""Synthetic ECG with known R times, real records, and batches made of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from processors.records import Batch

# Bumps of a beat: time from R in s, width in s, height in mV.
NORMAL = (
    (-0.18, 0.022, 0.12),
    (-0.026, 0.009, -0.1),
    (0.0, 0.011, 1.0),
    (0.028, 0.01, -0.22),
    (0.27, 0.045, 0.28),
)
WIDE = ((0.0, 0.035, 1.3), (0.07, 0.03, -0.5), (0.3, 0.06, -0.45))


def ecg(r_s, fs_hz, length_s, *, shapes=None, noise_mv=0.0, seed=0):
    """Give float64 ``[n]`` in mV with a beat at each of these times; white noise on request."""
    t = np.arange(round(length_s * fs_hz)) / fs_hz
    x = np.zeros(len(t))
    for k, r in enumerate(r_s):
        for at, width, height in shapes[k] if shapes else NORMAL:
            x += height * np.exp(-0.5 * ((t - r - at) / width) ** 2)
    return x + noise_mv * np.random.default_rng(seed).standard_normal(len(t))


def regular(length_s, rr_s=0.8, first_s=0.5):
    """Give the R times of a regular rhythm, the last at least 0.7 s before the end."""
    return np.arange(first_s, length_s - 0.7, rr_s)


def batch(rows):
    """Make a waveform batch of rows ``(slot, fs_hz, t0_ns, seq, samples)``."""
    pieces = [np.asarray(row[4], np.float32).reshape(len(row[4]), -1) for row in rows]
    width = max((piece.shape[1] for piece in pieces), default=1)
    values = np.concatenate(pieces) if pieces else np.empty((0, width))
    starts = [row[2] for row in rows]
    return Batch(
        signal="ecg",
        slots=np.array([row[0] for row in rows], np.int32),
        until_ns=np.array(starts, np.int64),
        offsets=np.cumsum([0] + [len(piece) for piece in pieces]).astype(np.int64),
        values=np.ascontiguousarray(values, np.float32),
        fs_hz=np.array([row[1] for row in rows], np.float64),
        t0_ns=np.array(starts, np.int64),
        seq=np.array([row[3] for row in rows], np.int64),
        t_ns=np.empty(0, np.int64),
        source=np.empty(0, np.int8),
    )


def feed(processor, x, fs_hz, *, cuts=(), slot=0, lost=()):
    """Feed one signal cut at these samples, without the ranges in `lost`; give rows by stream.

    Each row is ``(t_ns, *values)``.
    """
    found = {}
    edges = sorted({0, len(x), *cuts, *(edge for span in lost for edge in span)})
    for lo, hi in pairwise(edges):
        if any(a <= lo < b for a, b in lost):
            continue
        t0_ns = int(np.rint(lo * (1e9 / fs_hz)))
        output = processor.process(batch([(slot, fs_hz, t0_ns, lo, x[lo:hi])]))
        for block in output.derived:
            rows = zip(block.t_ns.tolist(), block.values.tolist(), strict=True)
            found.setdefault(block.name, []).extend((t, *v) for t, v in rows)
    return {name: np.array(rows) for name, rows in found.items()}


def r_times_s(beats):
    """Give the R times of the beats that stand, s, ascending."""
    standing = set()
    for t_ns, lag_ns, withdrawn, *_ in beats.tolist():
        r_ns = t_ns - lag_ns
        if withdrawn:
            standing.remove(r_ns)
        else:
            standing.add(r_ns)
    return np.array(sorted(standing)) / 1e9
