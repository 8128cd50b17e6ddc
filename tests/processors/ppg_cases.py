"""Drawn PPGs, and a processor fed with one as the engine would feed it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from processors.features.ppg_pulse import PpgPulse
from processors.records import Batch


def regular(rate, length_s, first_s=0.6):
    """Give the times of pulses at a rate, s."""
    return np.arange(first_s, length_s, 60.0 / rate)


def ppg(pulse_s, fs_hz, length_s, *, noise=0.0, level=100.0, seed=1):
    """Draw pulses with a dicrotic wave: float32 ``[n]`` of height 1 on a level."""
    t_s = np.arange(int(length_s * fs_hz)) / fs_hz
    x = level + noise * np.random.default_rng(seed).standard_normal(len(t_s))
    for at in pulse_s:
        for shift, width, height in ((0.0, 0.08, 1.0), (0.28, 0.1, 0.35)):
            x += height * np.exp(-0.5 * ((t_s - at - shift) / width) ** 2)
    return x.astype(np.float32)


def feed(x, fs_hz, *, cuts=(), lost=(), t0_ns=0, processor=None, slot=2):
    """Give (known ns, peak ns, interval, amplitude, quality) of pulses, (ns, rate, quality) of s.

    Samples ``lost = (from, to)`` are left out; their numbers are not.
    """
    processor = processor or PpgPulse()
    pulses, rates = [np.zeros((0, 5))], [np.zeros((0, 3))]
    bounds = sorted({0, len(x), *lost, *(cut for cut in cuts if 0 < cut < len(x))})
    for lo, hi in pairwise(bounds):
        if lost and lost[0] <= lo < lost[1]:
            continue
        output = processor.process(batch(x[lo:hi], fs_hz, lo, t0_ns, slot))
        for block in output.derived:
            peak_ns = block.t_ns - block.values[:, 0]
            pulses.append(np.column_stack([block.t_ns, peak_ns, block.values[:, 1:]]))
        rates += [np.column_stack([block.t_ns, block.values]) for block in output.features]
    return np.concatenate(pulses), np.concatenate(rates)


def batch(x, fs_hz, seq, t0_ns=0, slot=2):
    n = len(x)
    start = t0_ns + round(seq * 1e9 / fs_hz)
    return Batch(
        "ppg", np.array([slot], np.int32), np.array([start + round(n * 1e9 / fs_hz)]),
        np.array([0, n]), np.ascontiguousarray(x, np.float32)[:, None], np.array([float(fs_hz)]),
        np.array([start]), np.array([seq]), np.zeros(0, np.int64), np.zeros(0, np.int8),
    )  # fmt: skip
