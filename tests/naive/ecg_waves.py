"""What waves an ECG is made of, from whole arrays; NaN is missing, for a second at most."""

from __future__ import annotations

import math

import numpy as np
from scipy import signal

from processors.kernels import ecg_waves as rules


def _settled(order, kind, hz, fs, x):
    sos = signal.butter(order, hz, kind, fs=fs, output="sos")
    return signal.sosfilt(sos, x, zi=signal.sosfilt_zi(sos) * x[0])[0]


def cells_of(x, fs):
    """Give the trace in mV, a value per 1/64 s, NaN in holes; `fs` is at least 64."""
    x = np.asarray(x, np.float32).astype(float)
    missing = np.isnan(x)
    x[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), x[~missing])
    low = _settled(2, "low", rules.LOW_PASS_HZ, fs, x)
    n = int(len(x) * rules.CELLS / fs + 1e-9)
    ends = [math.ceil((k + 1) * fs / rules.CELLS - 1e-9) for k in range(n)]
    cells = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
    means = [low[cell].mean() for cell in cells]
    # The first cell is not quite the first sample, on which the filter has settled.
    with_first = np.concatenate([[x[0]], means])
    trace = _settled(2, "high", rules.HIGH_PASS_HZ, rules.CELLS, with_first)[1:]
    trace = np.rint(trace / rules.TRACE_MV) * rules.TRACE_MV
    trace[[missing[cell].mean() > 0.5 for cell in cells]] = np.nan
    return trace


def describe(x, fs):
    """Give ``[n, 6]``: what `processors.kernels.ecg_waves` gives, a row per half second."""
    trace = cells_of(x, fs)
    stops = []
    for hop in range(rules.WINDOW, len(trace) + 1, rules.HOP):
        last = math.ceil(hop * fs / rules.CELLS - 1e-9) - 1
        (there,) = np.nonzero(~np.isnan(x[last:]))
        if len(there):  # what ends in a hole is told with the sample after it
            stops.append(int((last + there[0] + 1) * rules.CELLS / fs + 1e-9))
    windows = [trace[stop - rules.WINDOW : stop] for stop in sorted(set(stops))]
    half = rules.WINDOW / 2
    return np.array([_of(w) for w in windows if np.isnan(w).sum() <= half]).reshape(-1, 6)


def _of(w):
    pairs = ~np.isnan(w[1:] - w[:-1])
    slope = np.abs(np.diff(w))[pairs]
    size = np.nanmax(w) - np.nanmin(w)
    if not slope.any():
        return np.nan, 0.0, 0.0, size, np.nan, np.nan
    half = math.pi * np.abs(w[1:][pairs]).sum() / slope.sum()
    shift = int(min(max(np.rint(half), 1), rules.WINDOW // 2))
    a, b = w[shift:], w[:-shift]
    leakage = np.nansum(np.abs(a + b)) / np.nansum(np.abs(a) + np.abs(b))
    evenness = slope.mean() ** 2 / np.mean(slope**2)
    like, period = np.nan, np.nan
    if evenness <= rules.EVEN_SLOPE:
        leakage = np.nan
    elif leakage < rules.EVEN_LEAKAGE:
        like, period = _rhythm(w)
    return leakage, evenness, rules.CELLS / (2 * half), size, like, period


def _rhythm(w):
    def like(lag):
        both = ~np.isnan(w[lag:] + w[:-lag])
        a, b = w[lag:][both], w[:-lag][both]
        return (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())

    shortest, longest = rules.PERIODS
    peaks = {
        lag: like(lag)
        for lag in range(shortest, longest + 1)
        if like(lag - 1) <= like(lag) > like(lag + 1) and like(lag) > 0
    }
    if not peaks:
        return 0.0, np.nan
    first = min(lag for lag, r in peaks.items() if r >= rules.FIRST_SHARE * max(peaks.values()))
    return peaks[first], first / rules.CELLS
