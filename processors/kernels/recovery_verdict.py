"""The verdict on a heart-rate recovery: how far the rate fell, how fast, and whether it is delayed.

It is asked a few times an hour for a person, so it is plain numpy over all events of a batch.

Differs from CLINICAL 3.9: the rate at 120 s is the height there of a straight line through the 15 s
around it, outliers left out, that at 60 s of one through 27 s where the event is whole; HRpk is the
mean of its 11 s, or of the 26 s before the stop where these show no trend; HR30 the median of 7 s.
Medians of 7 and 11 s are noisier: with 4 /min of noise from beat to beat they keep 77 % of the
errors of HRR60 below 2 /min, this 93 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.recovery import HR, MARK_HALF_S, N_WINDOW, SECOND_NS, UNIT

EVIDENCE = (
    "t0_lag_s", "t0_source", "hr_peak", "percent_hr_max", "hr30", "hr60", "hr120", "hrr60",
    "hrr120", "cutoff60", "grade", "delayed", "confirmed", "valid_percent", "posture", "tau_s",
    "r2", "delayed_of_3",
)  # fmt: skip

LEAST_VALID = 4  # CLINICAL 3.9: valid seconds in the window of a mark
SITTING, SUPINE = 2, 3  # posture of the profile plus 1
OUTLIER, LEAST_OUTLIER = 4.5, 3.0  # default: times the median distance from a line, and /min
PLATEAU_S = 25.0  # s, default: before the stop
TREND = 2.0  # standard errors of a slope, default; rates of neighbouring seconds share beats
WIDE_HALF_S = 13.0  # s, default: half of the line at 60 s where the fall goes on
N_TAUS, FIRST_TAU_S, TAU_STEP = 25, 10.0, 1.15  # 10 to 286 s; CLINICAL 3.9: 10 to 300 s
SEEN_END = 0.37  # CLINICAL 3.9: what of the fall may be left at 120 s

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def grade_recoveries(
    ended: NDArray[Any], limits: NDArray[Any], records: NDArray[Any]
) -> tuple[Floats, Flags]:
    """Say of each recovery how far the rate fell, and whether that is to be told as delayed.

    Parameters
    ----------
    ended
        `ENDED` ``[n]``, those of one slot in order of time.
    limits, records
        As of `watch_recovery`; the state remembers the two events before.

    Returns
    -------
    evidence, alarm
        float64 ``[n, len(EVIDENCE)]`` with NaN for what is not known, bool ``[n]``.
    """
    p = limits[0]
    first_s = (ended["first"] * SECOND_NS - ended["t0_ns"]) * 1e-9
    t_s = first_s[:, None] + np.arange(N_WINDOW)
    rate = ended["rates"] * UNIT
    known = ended["rates"] > 0

    def within(from_s: float, to_s: float) -> Flags:  # a microsecond more: borders are inside
        inside: Flags = known & (t_s > from_s - 1e-6) & (t_s < to_s + 1e-6)
        return inside

    complete = ended["complete"] != 0
    hr_peak = _peak(t_s, rate, within(-10, 0), within(-PLATEAU_S, 0))
    hr60 = _height(t_s - 60.0, rate, within(60 - MARK_HALF_S, 60 + MARK_HALF_S))
    wide = _height(t_s - 60.0, rate, within(60 - WIDE_HALF_S, 60 + WIDE_HALF_S))
    hr60 = np.where(complete, wide, hr60)
    hr120 = _height(t_s - 120.0, rate, within(120 - MARK_HALF_S, 120 + MARK_HALF_S))
    hr120[~complete | (within(115, 125).sum(axis=1) < LEAST_VALID)] = np.nan
    around30 = within(27, 33)
    hr30 = np.where(around30.sum(axis=1) >= LEAST_VALID, _median(rate, around30), np.nan)
    tau_s, r2 = _time_constant(t_s, rate, within(0, 120), p["least_r2"])
    n_seconds = ((t_s > -1e-6) & (t_s < 60 + 1e-6)).sum(axis=1)

    share = ended["peak"] / ended["hr_max"]
    grade = 3.0 - (share >= p["grade_b"]) - (share >= p["grade_a"])
    still = np.isin(ended["posture"], (SITTING, SUPINE))
    cutoff = np.where(still, p["cutoff60_still"], p["cutoff60_moving"])
    delayed = hr_peak - hr60 <= cutoff
    confirmed = ended["source"] != HR
    counts = confirmed & (grade < 3.0)
    of_3 = _delayed_of_3(ended["slot"], counts, delayed, records)
    alarm = counts & delayed & ((hr_peak - hr120 <= p["cutoff120"]) | (of_3 >= 2.0))
    evidence = np.stack([
        (ended["t_ns"] - ended["t0_ns"]) * 1e-9, ended["source"], hr_peak, 100.0 * share,
        hr30, hr60, hr120, hr_peak - hr60, hr_peak - hr120, cutoff, grade, delayed, confirmed,
        100.0 * within(0, 60).sum(axis=1) / n_seconds,
        np.where(ended["posture"] > 0, ended["posture"] - 1.0, np.nan),
        np.where(complete, tau_s, np.nan), np.where(complete, r2, np.nan), of_3,
    ], axis=1)  # fmt: skip
    return evidence, alarm


def _delayed_of_3(
    slots: NDArray[np.int32], counts: Flags, delayed: Flags, records: NDArray[Any]
) -> Floats:
    """Count the delayed ones of the last three events that count; NaN for one that does not."""
    found = np.full(len(slots), np.nan)
    before = records["before"]
    for i in np.flatnonzero(counts).tolist():
        last = before[slots[i]]
        found[i] = (last == 2).sum() + delayed[i]
        last[:] = 1 + delayed[i], last[0]
    return found


def _median(values: Floats, mask: Flags) -> Floats:
    """Give the median of the masked values of each row; NaN where there are none."""
    n = mask.sum(axis=1)
    ordered = np.sort(np.where(mask, values, np.inf), axis=1)
    rows = np.arange(len(values))
    middle = 0.5 * (ordered[rows, np.maximum(n - 1, 0) // 2] + ordered[rows, n // 2])
    return np.where(n > 0, middle, np.nan)


def _height(t_s: Floats, rate: Floats, mask: Flags, *, sloped: bool = True) -> Floats:
    """Give the height at t = 0 of a line through the masked seconds of each row; NaN: none.

    By least squares, twice: the second time without what lies far off the first (4.5 times the
    median distance, and 3 /min at least). Without a slope it is the mean.
    """
    near = mask
    height = np.full(len(rate), np.nan)
    for _ in range(2):
        n = np.maximum(near.sum(axis=1), 1)
        middle_t = np.where(near, t_s, 0.0).sum(axis=1) / n
        middle = np.where(near, rate, 0.0).sum(axis=1) / n
        t = np.where(near, t_s - middle_t[:, None], 0.0)
        spread = (t * t).sum(axis=1)
        slope = np.zeros(len(rate))
        if sloped:
            np.divide((t * rate).sum(axis=1), spread, out=slope, where=spread > 0.0)
        height = middle - slope * middle_t
        off = np.abs(rate - height[:, None] - slope[:, None] * t_s)
        limit = np.fmax(LEAST_OUTLIER, OUTLIER * _median(off, mask))
        near = mask & (off <= limit[:, None])
    return np.where(mask.any(axis=1), height, np.nan)


def _peak(t_s: Floats, rate: Floats, last: Flags, plateau: Flags) -> Floats:
    """Give the mean of the last seconds; of all of the plateau where the rate has no trend in it.

    A trend is a slope of a straight line that is larger than twice its standard error.
    """
    n = np.maximum(plateau.sum(axis=1), 1)
    t = np.where(plateau, t_s - (np.where(plateau, t_s, 0.0).sum(axis=1) / n)[:, None], 0.0)
    x = np.where(plateau, rate - (np.where(plateau, rate, 0.0).sum(axis=1) / n)[:, None], 0.0)
    spread, shared = (t * t).sum(axis=1), (t * x).sum(axis=1)
    left = np.maximum((x * x).sum(axis=1) * spread - shared**2, 0.0) / np.maximum(n - 2, 1)
    flat = (n > 2) & (shared**2 <= TREND**2 * left)
    whole = _height(t_s, rate, plateau, sloped=False)
    return np.where(flat, whole, _height(t_s, rate, last, sloped=False))


def _time_constant(
    t_s: Floats, rate: Floats, mask: Flags, least_r2: float
) -> tuple[Floats, Floats]:
    """Fit H = end + fall * exp(-t / tau) to the masked seconds; give tau (NaN: censored) and R2."""
    rows = np.arange(len(rate))
    n = np.maximum(mask.sum(axis=1), 1)
    x = np.where(mask, rate - (np.where(mask, rate, 0.0).sum(axis=1) / n)[:, None], 0.0)
    total = (x * x).sum(axis=1)
    best = np.full(len(rate), FIRST_TAU_S * TAU_STEP ** (N_TAUS // 2))
    # A coarse search from 10 to 300 s, then twice a finer one around the best.
    step = TAU_STEP
    for _ in range(3):
        taus = best[:, None] * step ** np.arange(-(N_TAUS // 2), N_TAUS // 2 + 1)
        e = np.where(mask[:, None], np.exp(-t_s[:, None] / taus[:, :, None]), 0.0)
        e -= np.where(mask[:, None], e.sum(axis=2, keepdims=True) / n[:, None, None], 0.0)
        shared = np.einsum("nkt,nt->nk", e, x)
        spread = np.einsum("nkt,nkt->nk", e, e)
        explained = np.divide(shared**2, spread, out=np.zeros_like(shared), where=spread > 0.0)
        k = explained.argmax(axis=1)
        best, falls = taus[rows, k], shared[rows, k] > 0.0
        step = step ** (2.0 / (N_TAUS - 1.0))
    r2 = np.divide(explained[rows, k], total, out=np.zeros_like(total), where=total > 0.0)
    seen = np.exp(-120.0 / best) < SEEN_END
    return np.where(falls & (r2 >= least_r2) & seen, best, np.nan), r2
