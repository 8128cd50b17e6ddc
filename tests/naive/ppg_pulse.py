"""Pulses and pulse rate of one PPG, the slow way: stretch by stretch, each step over all of it."""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import butter, lfilter

NS = 1_000_000_000


def stretches(x, fs_hz):
    """Give (first, samples) of what has no loss of more than 100 ms; shorter ones are bridged."""
    hold = int(0.1 * fs_hz + 1e-9)
    found, first, last_valid = [], None, None
    filled = np.array(x, np.float64)
    for i, value in enumerate(filled):
        if not abs(value) <= 1e12:
            continue
        if first is None:
            first = i
        elif i - last_valid - 1 > hold:
            # What was bridged before the loss was too long belongs to the stretch before it.
            found.append((first, filled[first : last_valid + 1 + hold]))
            first = i
        else:
            filled[last_valid + 1 : i] = filled[last_valid]
        last_valid = i
    if first is not None:
        end = min(last_valid + 1 + hold, len(filled))
        found.append((first, filled[first:end]))
    for _, part in found:
        for i in range(1, len(part)):
            if not abs(part[i]) <= 1e12:
                part[i] = part[i - 1]
    return found


def filtered(x, rate, start):
    """Give the band-passed and the low-passed signal of what rested on `start` before."""
    hb, ha = butter(2, 0.5, "high", fs=rate)
    lb, la = butter(2, min(8.0, 0.45 * rate), "low", fs=rate)
    without = lfilter(hb, ha, x, zi=[-hb[0] * start, hb[0] * start])[0]
    band = lfilter(lb, la, without)
    return band, band + (x - without)


def candidates(x, rate, start):
    """Give (known at, peak at, peak, amplitude, band) of each block, at the working rate."""
    band, low = filtered(x, rate, start)
    band = band.astype(np.float32).astype(np.float64)
    energy = np.maximum(band, 0.0) ** 2
    short_n, long_n = max(round(0.111 * rate), 2), round(0.667 * rate)
    mean, above = 0.0, []
    for c in range(len(x)):
        short = energy[max(c - short_n + 1, 0) : c + 1].sum() / short_n
        long = energy[max(c - long_n + 1, 0) : c + 1].sum() / long_n
        counts = min(energy[c], 30 * mean + 0.01 * long)
        over_s = 1.0 if 0.02 * mean > long else 4.0
        mean += (counts - mean) * max(1 / (over_s * rate), 1 / (c + 1))
        above.append(short > long + 0.02 * mean)
    tops = []  # (known at, position, height) of the local maxima
    padded = np.concatenate([[start, start], low])
    for c in range(len(x)):
        u2, u1, u = padded[c : c + 3]
        if u1 >= u2 and u1 > u:
            shift = 0.5 * (u2 - u) / (u2 - 2 * u1 + u)
            tops.append((c, c - 1 + min(max(shift, -0.5), 0.5), u1))
    found, since, foot = [], None, start
    for c in range(len(x)):
        if since is None:
            foot = min(foot, low[c])
        if since is None and above[c]:
            since = c
        elif since is not None and not above[c]:
            before = [top for top in tops if top[0] <= since][-1:]
            inside = [top for top in tops if since < top[0] <= c]
            near = [top for top in before if since - top[1] <= 0.15 * rate]
            best = max([*near, *inside], key=lambda top: top[2], default=None)
            if c - since >= 0.111 * rate - 0.5 and best is not None and best[1] >= 0:
                found.append((c, best[1], best[2], best[2] - foot, band))
            since, foot = None, low[c]
    return found


def shape_of(band, c, peak_at, rate):
    """Give 12 values of a pulse from 300 ms before its peak to 120 ms after, mean 0 and norm 1."""
    points = []
    for i in range(12):
        u = peak_at + (-0.3 + 0.42 * i / 11) * rate
        u = min(max(u, c - 46.0, 0.0), c - 1.0)
        left = math.floor(u)
        points.append(band[left] + (u - left) * (band[left + 1] - band[left]))
    shape = np.array(points) - np.mean(points)
    size = math.sqrt((shape**2).sum())
    return shape / size if size > 0 else None


def pulses_of(x, fs_hz, t0_ns=0):
    """Give pulses (known, peak, interval, amplitude, quality) and rates (second, rate, quality).

    Times in ns, interval in ms; None where there is none.
    """
    thin = max(math.ceil(fs_hz / 64.0 - 1e-9), 1)
    rate = fs_hz / thin
    k = math.tan(math.pi * min(8.0 / rate, 0.45))
    w = math.tan(math.pi * 1.5 / rate)
    q = math.sqrt(0.5)
    spread = (1 - (w / k) ** 2) ** 2 + (w / k / q) ** 2
    delay_n = (1 + w * w) * (1 + (w / k) ** 2) / (2 * k * q * spread)
    usual, template, n_shapes = 0.0, np.zeros(12), 0
    running = 0.0
    pulses, history = [], []  # history: (known in samples, position if good, rate, quality)
    intervals = []
    for first, samples in stretches(x, fs_hz):
        n = len(samples) // thin
        if not n:
            continue
        last_pos = None
        thinned = samples[: n * thin].reshape(n, thin).sum(axis=1) * (1.0 / thin)
        for c, peak_at, peak, amplitude, band in candidates(thinned, rate, samples[0]):
            pos = first + (peak_at - delay_n) * thin + 0.5 * (thin - 1)
            since_s = math.inf if last_pos is None else (pos - last_pos) / fs_hz
            if c < 0.5 * rate or since_s < 0.25 or not amplitude > 1e-6 * abs(peak):
                continue
            if since_s < 4.0 and amplitude < 0.3 * usual:
                continue
            shape, alike = shape_of(band, c, peak_at, rate), 0.0
            if shape is not None:
                norm = math.sqrt((template**2).sum())
                alike = float(shape @ template) / norm if norm > 0 else 0.0
                template = template + (shape - template) * max(1 / 8, 1 / (n_shapes + 1))
                template = template.astype(np.float32).astype(np.float64)
                n_shapes = min(n_shapes + 1, 8)
            if alike < 0.86:
                quality = 0.8 * (max(alike, 0.0) / 0.86) ** 2
            else:
                quality = 0.8 + 0.2 * (alike - 0.86) / 0.14
            if usual > 0:
                quality *= min(1.0, 2 * min(amplitude / usual, usual / amplitude))
            usual = usual + (min(amplitude, 2 * usual) - usual) / 8 if usual > 0 else amplitude
            interval = 1000 * since_s if since_s <= 3.0 else None
            good = quality >= 0.3
            if good and interval is not None:
                intervals.append(interval)
            running += (quality - running) / 4
            known = first + (c + 1) * thin - 1
            last_pos = pos
            recent = sorted(intervals[-8:])
            kept = recent[1:-1] if len(recent) >= 4 else recent
            bpm = 60_000 * len(kept) / sum(kept) if kept else None
            history.append((known, pos if good else None, bpm, running))
            pulses.append((known, pos, interval, amplitude, quality))
    return _in_time(pulses, fs_hz, t0_ns), _rates(history, len(x), fs_hz, t0_ns)


def _in_time(pulses, fs_hz, t0_ns):
    return [
        (t0_ns + round(known * NS / fs_hz), t0_ns + round(pos * NS / fs_hz), *rest)
        for known, pos, *rest in pulses
    ]


def _rates(history, n, fs_hz, t0_ns):
    found = []
    second = -(-t0_ns // NS)
    while (at := (second * NS - t0_ns) * 1e-9 * fs_hz) < n - 1:
        known = [entry for entry in history if entry[0] <= at]
        good = [entry[1] for entry in known if entry[1] is not None]
        bpm = known[-1][2] if known else None
        if bpm is None or at - good[-1] > 4.0 * fs_hz:
            found.append((second * NS, None, None))
        else:
            found.append((second * NS, bpm, known[-1][3]))
        second += 1
    return found
