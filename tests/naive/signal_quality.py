"""Quality of each whole second of one gap-free ECG, from whole arrays."""

from __future__ import annotations

import numpy as np
from scipy import signal

from processors.kernels import signal_quality as rules


def _settled(order_2, x):
    sos = signal.butter(2, order_2[0], order_2[1], fs=order_2[2], output="sos")
    return signal.sosfilt(sos, x, zi=signal.sosfilt_zi(sos) * x[0])[0]


def judge(x, fs):
    """Give ``[seconds, 7]`` of a signal that starts at time 0; `fs` is a whole number."""
    x = np.asarray(x, np.float32).astype(float)
    starts = [0, *(i for i in range(1, len(x)) if x[i] != x[i - 1] and _at_rail(x, i - 1, fs))]
    pieces = np.split(x, starts[1:])  # after a rail all begins anew
    wander_free = np.concatenate([_settled((0.5, "high", fs), one) for one in pieces])
    trace = np.concatenate(
        [_settled((40.0, "low", fs), _settled((0.5, "high", fs), one)) for one in pieces]
    )
    noise = np.concatenate([_settled((25.0, "high", fs), one) for one in pieces])
    band = np.concatenate(
        [_settled((20.0, "low", fs), _settled((5.0, "high", fs), one)) for one in pieces]
    )
    steady = _steady(trace, starts, fs)
    rows, seconds, whole = [], [], []
    for start in range(0, len(x) - fs + 1, fs):
        here = slice(start, start + fs)
        part = np.arange(fs) * rules.PARTS // fs
        parts = [part == p for p in range(rules.PARTS)]
        noises = [np.sqrt(np.mean(noise[here][p] ** 2)) for p in parts]
        bands = [np.sqrt(np.mean(band[here][p] ** 2)) for p in parts]
        means = [trace[here][p].mean() for p in parts]
        cell = np.arange(fs) * rules.CELLS // fs
        cells = [cell == c for c in range(rules.CELLS)]
        traces = [np.rint(trace[here][c].mean() / rules.TRACE_MV) for c in cells]
        energies = [np.float32(np.sqrt(np.mean(band[here][c] ** 2))) for c in cells]
        whole.append(list(zip(traces, energies, strict=True)))
        peak_to_peak = min(np.ptp(trace[here]), np.ptp(steady[here]))
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
        strongest = sorted((second[0] for second in seconds[-8:]), reverse=True)
        qrs_mv = np.float32(strongest[len(strongest) // 3])
        amplitude = max(qrs_mv, rules.LEAST_AMPLITUDE_MV)
        worst = max(
            np.median(last[:, 1]) / (rules.NOISE_RATIO * amplitude),
            np.median(last[:, 2]) / (rules.BETWEEN_RATIO * amplitude),
            np.median(last[:, 3]) / (rules.BASELINE_RATIO * amplitude),
        )
        unlike = np.clip((1 - _likeness(np.concatenate(whole[-4:]), qrs_mv)) / 0.2, 0.01, 4)
        score = 1 / (1 + worst**rules.STEEPNESS * unlike**3)
        if last[:, 4].max() < rules.WEAK_MV:
            score = min(score, rules.WEAK_SCORE)
        flat = peak_to_peak < rules.FLAT_MV
        railed = any(_at_rail(x, i, fs) for i in range(start, start + fs))
        by_mains = _by_mains(wander_free[here], fs, amplitude)
        off = np.ptp(x[here]) == 0.0 or railed or by_mains
        noisy = (
            noises
            and np.median(noises) >= rules.LEAST_NOISE_MV
            and np.median(noises) > rules.NOISE_RATIO * amplitude
        )
        attached = 0.0 if off else 0.5 if flat or last[:, 4].max() < rules.WEAK_MV else 1.0
        rows.append((0.0 if off else score, attached, flat, railed, noisy, peak_to_peak, 1.0))
        if np.ptp(x[here]) == 0.0 or railed:
            seconds, whole = [], []
    return np.array(rows, float)


def _steady(trace, starts, fs):
    """Take off what the cells up to the last have below 1 Hz."""
    b, a = signal.butter(2, rules.STEADY_HZ, "high", fs=rules.CELLS)
    steady, base, memory, cell = np.empty(len(trace)), 0.0, np.zeros(2), []
    for i, x in enumerate(trace):
        if i in starts:
            base, memory = 0.0, np.zeros(2)
        steady[i] = x - base
        cell.append(x)
        if (i + 1) * rules.CELLS // fs > i * rules.CELLS // fs:
            (above,), memory = signal.lfilter(b, a, [np.mean(cell)], zi=memory)
            base, cell = np.mean(cell) - above, []
    return steady


def _likeness(cells, qrs_mv):
    """Give the median over the peaks of the correlation with the one that is most alike."""
    trace, energy = cells.T
    tops = [
        i
        for i in range(1, len(energy) - 1)
        if energy[i - 1] <= energy[i] > energy[i + 1] and energy[i] >= 0.5 * qrs_mv
    ]
    peaks = []
    for i in tops:
        if not peaks or i - peaks[-1][-1] >= rules.PEAK_APART:
            peaks.append([energy[i], i])
        elif energy[i] > peaks[-1][0]:
            peaks[-1] = [energy[i], i]
    places = [i for _, i in peaks if 9 < i < len(energy) - 17]
    if len(places) < 2:
        return 0.8

    def like(a, b):
        return max(_alike(_around(trace, a), _around(trace, b + d)) for d in (-1, 0, 1))

    return np.median([max(like(max(a, b), min(a, b)) for b in places if b != a) for a in places])


def _alike(a, b):
    if not np.std(a) / 3 <= np.std(b) <= 3 * np.std(a):
        return 0.0
    return np.corrcoef(a, b)[0, 1]


def _around(trace, i):
    return trace[i - rules.PEAK_BEFORE : i + rules.PEAK_AFTER]


def _at_rail(x, i, fs):
    """Tell whether a sample ends 200 ms of one value at an end of what was seen."""
    first = i
    while first > 0 and x[first - 1] == x[i]:
        first -= 1
    end = x[: i + 1].max() if x[i] > 0 else -x[: i + 1].min()
    near = abs(x[i]) >= rules.RAIL_SHARE * min(end, rules.PLAUSIBLE_MV)
    return i - first + 1 >= rules.RAIL_S * fs and abs(x[i]) >= rules.LEAST_RAIL_MV and near


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
