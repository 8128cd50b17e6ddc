"""People who rest, make an effort, stop and recover, as records that `recovery` consumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.naive.rows import NS

RR, DEVICE, MOTION, QUALITY, PROFILE, MARK = range(6)
ECG, STRAP = 0.0, 1.0
NOT = float("nan")


@dataclass(frozen=True)
class Bout:
    """An effort from start to stop, and how the heart rate falls after it.

    H(t) = peak - fall (1 - exp(-t / tau)) from the stop on.
    """

    start_s: float
    stop_s: float
    peak: float = 165.0
    fall: float = 80.0
    tau_s: float = 60.0

    @property
    def hrr60(self) -> float:
        return self.fall * (1 - np.exp(-60 / self.tau_s))

    @property
    def hrr120(self) -> float:
        return self.fall * (1 - np.exp(-120 / self.tau_s))


def rate_of(bouts, t_s, rest=75.0, tau_on_s=35.0):
    """Give the heart rate without noise at these times, float64."""
    t_s = np.asarray(t_s, float)
    rate = np.full(len(t_s), rest)
    at = rest
    for k, bout in enumerate(bouts):
        up = t_s >= bout.start_s
        rate[up] = bout.peak - (bout.peak - at) * np.exp(-(t_s[up] - bout.start_s) / tau_on_s)
        end = bout.peak - (bout.peak - at) * np.exp(-(bout.stop_s - bout.start_s) / tau_on_s)
        down = t_s >= bout.stop_s
        rate[down] = end - bout.fall * (1 - np.exp(-(t_s[down] - bout.stop_s) / bout.tau_s))
        if k + 1 < len(bouts):
            gap_s = bouts[k + 1].start_s - bout.stop_s
            at = end - bout.fall * (1 - np.exp(-gap_s / bout.tau_s))
    return rate


def beats(rate, noise=1.0, source=STRAP, seed=0, lag_s=0.0, length_s=None):
    """Give a record for each beat of a rate by the second; noise in /min from beat to beat."""
    random = np.random.default_rng(seed)
    records, t_s, n = [], 0.0, len(rate)
    end_s = n - 2 if length_s is None else length_s
    while t_s < end_s:
        k = int(t_s)
        now = rate[k] + (t_s - k) * (rate[k + 1] - rate[k])
        rr_s = 60.0 / max(now + noise * random.standard_normal(), 25.0)
        t_s += rr_s
        lag_ns = round(lag_s * NS)
        values = (float(lag_ns), 1000.0 * rr_s, source, 1.0, 1.0)
        records.append((round(t_s * NS) + lag_ns, RR, values))
    return records


def device(rate, noise=0.0, smooth_s=0.0, seed=0, every_s=1):
    """Give the records of a device that tells a whole number a second; `smooth_s` behind."""
    random = np.random.default_rng(seed)
    shown, told = rate[0], []
    for k in range(1, len(rate)):
        shown += (rate[k] - shown) / max(smooth_s, 1.0)
        if k % every_s == 0:
            told.append((k * NS, DEVICE, (round(shown + noise * random.standard_normal()),)))
    return told


def motion(bouts, length_s, effort=6.0, rest=0.1, after=None, cadence=170.0, seed=0):
    """Give a row of movement a second; `after` is the movement in the 3 min after a stop."""
    random = np.random.default_rng(seed)
    within = np.arange(1, int(length_s))[:, None] - 1 + (0.1, 0.3, 0.5, 0.7, 0.9)
    moving, cooling = np.zeros(within.shape, bool), np.zeros(within.shape, bool)
    for b in bouts:
        moving |= (b.start_s <= within) & (within < b.stop_s)
        cooling |= (b.stop_s <= within) & (within < b.stop_s + 180)
    quiet = np.where(cooling.all(axis=1) & (after is not None), after or 0.0, rest)
    amount = np.hypot(effort * np.sqrt(moving.mean(axis=1)), quiet)
    amount *= random.lognormal(0, 0.15, len(amount))
    rows = []
    for k, m_s2 in enumerate(amount.tolist(), start=1):
        steps = cadence if m_s2 > 0.4 * effort else NOT
        rows.append((k * NS - 20_000_000, MOTION, (m_s2, steps, 1.0, float(m_s2 < 0.4))))
    return rows


def profile(age=45.0, hr_max=NOT, rest=NOT, posture=NOT, beta_blocker=NOT, at_s=0):
    return (at_s * NS, PROFILE, (age, hr_max, rest, NOT, posture, beta_blocker))


def mark(at_s):
    return (round(at_s * NS), MARK, (1.0,))
