"""Quality of each whole second of one gap-free ECG, from whole arrays."""

from __future__ import annotations

import numpy as np
from scipy import signal

from processors.kernels import signal_quality as rules


def _settled(order_2, x):
    sos = signal.butter(2, order_2[0], order_2[1], fs=order_2[2], output="sos")
    return signal.sosfilt(sos, x, zi=signal.sosfilt_zi(sos) * x[0])[0]


def judge(x, fs):
    """Give ``[seconds, 6]`` of a signal that starts at time 0; `fs` is a whole number."""
    x = np.asarray(x, np.float32).astype(float)
    wander_free = _settled((0.5, "high", fs), x)
    trace = _settled((40.0, "low", fs), wander_free)
    noise = _settled((25.0, "high", fs), x)
    band = _settled((20.0, "low", fs), _settled((5.0, "high", fs), x))
    rows, seconds = [], []
    for start in range(0, len(x) - fs + 1, fs):
        here = slice(start, start + fs)
        part = np.arange(fs) * rules.PARTS // fs
        parts = [part == p for p in range(rules.PARTS)]
        noises = [np.sqrt(np.mean(noise[here][p] ** 2)) for p in parts]
        bands = [np.sqrt(np.mean(band[here][p] ** 2)) for p in parts]
        means = [trace[here][p].mean() for p in parts]
        peak_to_peak = np.ptp(trace[here])
        seconds.append(
            (
                max(bands),
                np.median(noises),
                np.median(bands),
                np.median(np.abs(np.diff(means))),
                peak_to_peak,
            )
        )
        last = np.array(seconds[-rules.KEPT_S :])
        amplitude = max(last[:, 0].max(), rules.LEAST_AMPLITUDE_MV)
        worst = max(
            np.median(last[:, 1]) / (rules.NOISE_RATIO * amplitude),
            np.median(last[:, 2]) / (rules.BETWEEN_RATIO * amplitude),
            np.median(last[:, 3]) / (rules.BASELINE_RATIO * amplitude),
        )
        score = 1 / (1 + worst**rules.STEEPNESS)
        if last[:, 4].max() < rules.WEAK_MV:
            score = min(score, rules.WEAK_SCORE)
        flat = peak_to_peak < rules.FLAT_MV
        railed = _railed(x, start, fs)
        by_mains = _by_mains(wander_free[here], fs, amplitude)
        off = np.ptp(x[here]) == 0.0 or railed or by_mains
        noisy = (
            noises
            and np.median(noises) >= rules.LEAST_NOISE_MV
            and np.median(noises) > rules.NOISE_RATIO * amplitude
        )
        attached = 0.0 if off else 0.5 if flat else 1.0
        rows.append((0.0 if off else score, attached, flat, railed, noisy, peak_to_peak))
    return np.array(rows, float)


def _railed(x, start, fs):
    """Tell whether 200 ms of one value at an end of what was seen reach into the second."""
    for i in range(start, start + fs):
        first = i
        while first > 0 and x[first - 1] == x[i]:
            first -= 1
        end = x[: i + 1].max() if x[i] > 0 else -x[: i + 1].min()
        near = abs(x[i]) >= rules.RAIL_SHARE * min(end, rules.PLAUSIBLE_MV)
        if i - first + 1 >= rules.RAIL_S * fs and abs(x[i]) >= rules.LEAST_RAIL_MV and near:
            return True
    return False


def _by_mains(second, fs, amplitude):
    t = np.arange(fs) / fs
    powers = [
        2 * abs(np.sum(second * np.exp(-2j * np.pi * hz * t))) ** 2 / fs**2
        for hz in rules.MAINS_HZ
        if hz < 0.48 * fs
    ]
    power, total = max(powers, default=0.0), np.mean(second**2)
    strong = np.sqrt(2 * power) >= max(rules.LEAST_MAINS_MV, 2 * amplitude)
    return total > 0 and power / total > rules.MAINS_SHARE and strong
