"""The verdict on a heart-rate recovery: how far the rate fell, how fast, and whether it is delayed.

It is asked a few times an hour for a person, but of everybody at once where a group stops: what
goes through the rates second by second is in kernels, and the rest is plain numpy.

Differs from CLINICAL 3.9: HRpk and the rates at 60 and 120 s are those of a curve through all rates
(`recovery_curve`): without noise they are the medians, with noise they are far more exact; HR30 is
the median of 7 s. Of a device they are read as much later as it seems to be behind. A stop that the
heart rate alone told is dated anew by the curve.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.recovery import (
    BEFORE_S,
    GRID_LAG_S,
    HR,
    MARK_HALF_S,
    N_WINDOW,
    SECOND_NS,
    UNIT,
)
from processors.kernels.recovery_curve import LAGS_S, USUAL_LAG_S, Curve, read_curve
from processors.kernels.recovery_decay import fit_decays

EVIDENCE = (
    "t0_lag_s", "t0_source", "hr_peak", "percent_hr_max", "hr30", "hr60", "hr120", "hrr60",
    "hrr120", "cutoff60", "grade", "delayed", "confirmed", "valid_percent", "posture", "tau_s",
    "r2", "delayed_of_3", "hrr60_error", "near_cutoff", "device_lag_s",
)  # fmt: skip

LEAST_VALID = 4  # CLINICAL 3.9: valid seconds in the window of a mark
SITTING, SUPINE = 2, 3  # posture of the profile plus 1
WITHIN_S = 15  # s, default: so far is a stop that the heart rate told dated anew
UNSURE_S = 20  # s, default: at the end of a recovery that new effort ends are rates of that already
CURVE_ERROR, DEVICE_ERROR = 0.6, 1.2  # /min, default: of a curve without noise; of a device's lag

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@cache
def prepare() -> None:
    """Compile what is needed only once somebody stops: all of a group would wait 7 s for it."""
    seconds = np.arange(-60.0, 120.0)
    read_curve(seconds, np.full(len(seconds), 100.0), np.arange(-5.0, 5.0), USUAL_LAG_S)
    none = np.empty((0, 1))
    fit_decays(none, none, none > 0.0, 0.0, np.empty(0), np.empty(0))


def grade_recoveries(
    ended: NDArray[Any], limits: NDArray[Any], records: NDArray[Any]
) -> tuple[Floats, Flags]:
    """Say of each recovery how far the rate fell, and whether that is to be told as delayed.

    Parameters
    ----------
    ended
        `ENDED` ``[n]``, those of one slot in order of time; ``t0_ns`` is set anew for stops that
        the heart rate told.
    limits, records
        As of `watch_recovery`; the state remembers the two events before.

    Returns
    -------
    evidence, alarm
        float64 ``[n, len(EVIDENCE)]`` with NaN for what is not known, bool ``[n]``.
    """
    p = limits[0]
    curves = [_curve(row) for row in ended]
    told = np.array(curves).reshape(len(ended), len(Curve._fields))
    hr_peak, hr60, hr120, error, corner_s = told.T
    by_rate = ended["source"] == HR
    ended["t0_ns"] += np.where(by_rate, np.rint(corner_s), 0.0).astype(np.int64) * SECOND_NS
    device = ~by_rate & (ended["device"] != 0)
    t_s = _times(ended)
    rate = ended["rates"] * UNIT
    known = ended["rates"] > 0

    def within(from_s: float, to_s: float) -> Flags:  # a microsecond more: borders are inside
        inside: Flags = known & (t_s > from_s - 1e-6) & (t_s < to_s + 1e-6)
        return inside

    complete = ended["complete"] != 0
    hr120 = np.where(complete & (within(115, 125).sum(axis=1) >= LEAST_VALID), hr120, np.nan)
    error = np.hypot(error, np.where(ended["device"] != 0, DEVICE_ERROR, CURVE_ERROR))
    around30 = within(27, 33)
    hr30 = np.where(around30.sum(axis=1) >= LEAST_VALID, _median(rate, around30), np.nan)
    tau_s, r2 = np.empty(len(ended)), np.empty(len(ended))
    fit_decays(t_s, rate, within(0, 120), p["least_r2"], tau_s, r2)
    n_seconds = ((t_s > -1e-6) & (t_s < 60 + 1e-6)).sum(axis=1)

    share = ended["peak"] / ended["hr_max"]
    grade = 3.0 - (share >= p["grade_b"]) - (share >= p["grade_a"])
    still = np.isin(ended["posture"], (SITTING, SUPINE))
    cutoff = np.where(still, p["cutoff60_still"], p["cutoff60_moving"])
    delayed = hr_peak - hr60 <= cutoff
    confirmed = ~by_rate
    counts = confirmed & (grade < 3.0)
    of_3 = _delayed_of_3(ended["slot"], counts, delayed, records)
    alarm = counts & delayed & ((hr_peak - hr120 <= p["cutoff120"]) | (of_3 >= 2.0))
    evidence = np.stack([
        (ended["t_ns"] - ended["t0_ns"]) * 1e-9, ended["source"], hr_peak, 100.0 * share,
        hr30, hr60, hr120, hr_peak - hr60, hr_peak - hr120, cutoff, grade, delayed, confirmed,
        100.0 * within(0, 60).sum(axis=1) / n_seconds,
        np.where(ended["posture"] > 0, ended["posture"] - 1.0, np.nan),
        np.where(complete, tau_s, np.nan), np.where(complete, r2, np.nan), of_3,
        error, np.abs(hr_peak - hr60 - cutoff) <= error, np.where(device, corner_s, np.nan),
    ], axis=1)  # fmt: skip
    return evidence, alarm


def _times(ended: NDArray[Any]) -> Floats:
    """Give the seconds of the rates, from the stop."""
    first_s: Floats = (ended["first"] * SECOND_NS - ended["t0_ns"]) * 1e-9
    return first_s[..., None] + np.arange(N_WINDOW)


def _curve(row: Any) -> Curve:
    """Read the curve of one recovery: its corner is at the stop, behind it, or around it."""
    t_s = _times(row)
    last_s = (row["t_ns"] - row["t0_ns"]) * 1e-9 - GRID_LAG_S + 1e-6
    last_s = min(last_s, N_WINDOW - BEFORE_S - 1.0)  # the newest that is here
    if row["complete"] == 0:
        last_s = max(last_s - UNSURE_S, 60.0 + MARK_HALF_S)
    rate = np.where((row["rates"] > 0) & (t_s <= last_s), row["rates"] * UNIT, np.nan)
    if row["source"] == HR:
        latest_s = last_s - (120.0 if row["complete"] else 60.0 + MARK_HALF_S)
        corners_s = np.arange(-WITHIN_S, min(int(latest_s), WITHIN_S) + 1.0)
        return read_curve(t_s, rate, corners_s, np.inf)
    if row["device"] != 0:
        return read_curve(t_s, rate, LAGS_S, USUAL_LAG_S)
    return read_curve(t_s, rate, np.zeros(1), np.inf)


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
