"""Fine and coarse particles: rolling means, NowCast and the indices made of them (CLINICAL 3.17).

A reading stands for the time since the one before, if that is at most an hour: a gap counts for
nothing, not for zero. What is covered is kept by clock hours (UTC) and, for the mean of an hour, by
parts of 5 min; the oldest of a window counts by the share of it that lies within.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry

PM10, PM2_5 = 0, 1  # sources; 2 is the profile
SENSITIVE = 6  # column of the profile
HOURS, PARTS = 25, 13  # of a day and of an hour, and the one that is leaving
HOUR_NS, PART_NS = 3_600_000_000_000, 300_000_000_000
LONGEST_NS = 3_660_000_000_000  # CLINICAL 3.17: 60 min; default: 1 min of jitter
LEAST_HOUR_S = 2699.5  # default: 75 % of an hour, as of the day; less a rounding
LEAST_DAY = 0.75  # 1, CLINICAL 3.17
NOWCAST_HOURS, NOWCAST_LEAST = 12, 0.5  # CLINICAL 3.17: published (EPA)
KOREA_TURN = (70.0, 30.0)  # ug/m3, CLINICAL 3.17: M of PM10, of PM2.5
ROUNDING = 2e-3  # in the last decimal: what float32 sums may lack at a band's edge
N_OUT = 9

# Concentration from, to, index from, to (CLINICAL 3.17: published).
US_PM2_5 = np.array(
    [
        (0.0, 9.0, 0, 50), (9.1, 35.4, 51, 100), (35.5, 55.4, 101, 150),
        (55.5, 125.4, 151, 200), (125.5, 225.4, 201, 300), (225.5, 325.4, 301, 500),
    ]
)  # fmt: skip
US_PM10 = np.array(
    [
        (0.0, 54.0, 0, 50), (55.0, 154.0, 51, 100), (155.0, 254.0, 101, 150),
        (255.0, 354.0, 151, 200), (355.0, 424.0, 201, 300), (425.0, 604.0, 301, 500),
    ]
)  # fmt: skip
KOREA_PM2_5 = np.array(
    [(0.0, 15.0, 0, 50), (16.0, 35.0, 51, 100), (36.0, 75.0, 101, 250), (76.0, 500.0, 251, 500)]
)
KOREA_PM10 = np.array(
    [(0.0, 30.0, 0, 50), (31.0, 80.0, 51, 100), (81.0, 150.0, 101, 250), (151.0, 600.0, 251, 500)]
)

AIR_STATE = np.dtype(
    [
        ("newest_ns", np.int64, (2,)),  # by source, with has_reading
        ("hour_dose", np.float32, (2, HOURS)),  # ug s/m3
        ("hour_s", np.float32, (2, HOURS)),  # s covered
        ("part_dose", np.float32, (PARTS,)),  # of PM2.5
        ("part_s", np.float32, (PARTS,)),
        ("has_reading", np.int8, (2,)),
        ("sensitive", np.int8),
    ],
    align=True,
)


@entry
def air_index(c: float, table: NDArray[np.float64], per_unit: float) -> float:
    """Give the index of a concentration, cut down to ``1 / per_unit`` ug/m3; NaN for no number.

    Above the last band it goes on in its line; below zero it is 0.
    """
    if not abs(c) < np.inf:
        return np.nan
    c = max(np.floor(c * per_unit + ROUNDING) / per_unit, 0.0)
    k = 0
    while k < len(table) - 1 and c > table[k, 1] + 0.5 / per_unit:
        k += 1
    share = (c - table[k, 0]) / (table[k, 1] - table[k, 0])
    index: float = np.floor(share * (table[k, 3] - table[k, 2]) + table[k, 2] + 0.5)
    return index


@entry
def nowcast(means: NDArray[np.float64]) -> float:
    """Give the NowCast of hourly means, newest first, NaN where missing; not yet cut down.

    NaN with fewer than two of the newest three.
    """
    lowest, highest, total, weights = np.inf, 0.0, 0.0, 0.0
    recent = 0
    for i in range(NOWCAST_HOURS):
        if not np.isnan(means[i]):
            lowest, highest = min(lowest, means[i]), max(highest, means[i])
            recent += i < 3
    if recent < 2:
        return np.nan
    w = max(lowest / highest, NOWCAST_LEAST) if highest > 0.0 else 1.0
    power = 1.0
    for i in range(NOWCAST_HOURS):
        if not np.isnan(means[i]):
            total += power * means[i]
            weights += power
        power *= w
    return total / weights


@entry
def korean_day(means: NDArray[np.float64], turn: float) -> float:
    """Give the Korean predictive average of a day, of hourly means as above.

    NaN with fewer than nine of twelve hours or three of the newest four (default).
    """
    total, recent = 0.0, 0.0
    n = n_recent = 0
    for i in range(12):
        if not np.isnan(means[i]):
            total += means[i]
            n += 1
            n_recent += i < 4
    if n < 9 or n_recent < 3:
        return np.nan
    half = total / n
    for i in range(4):
        if not np.isnan(means[i]):
            ratio = means[i] / half if half > 0.0 else 0.0
            recent += means[i] if means[i] < turn or ratio < 0.9 or ratio > 1.7 else 0.75 * means[i]
    return 0.5 * half + 0.5 * recent / n_recent


@entry
def follow_air(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    records: NDArray[Any],
    means: NDArray[np.float64],
    out_slots: NDArray[np.int32],
    out_ns: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """Write a row at every reading of PM2.5; give the number of rows.

    Columns: mean of 1 h, NowCast, mean of 24 h (NaN below 75 % coverage), dose of 24 h (ug h/m3),
    coverage of 24 h, NowCast of PM10, US AQI, Korean index of particles, sensitive (0/1).

    Parameters
    ----------
    source
        0 ``pm10``, 1 ``pm2_5``, 2 ``profile``.
    records, means
        `AIR_STATE` by slot; float64 ``[2, 12]`` to work with.
    """
    n = 0
    for r in range(len(slots)):
        s = records[slots[r]]
        for i in range(offsets[r], offsets[r + 1]):
            t, j, c = t_ns[i], source[i], values[i, 0]
            if j == 2:
                if np.isfinite(values[i, SENSITIVE]):
                    s.sensitive = values[i, SENSITIVE] != 0.0
                continue
            if np.isnan(c):
                continue
            # Make room for the hours and parts that have begun since the reading before.
            hour, part, before_ns = t // HOUR_NS, t // PART_NS, s.newest_ns[j]
            known = s.has_reading[j] != 0
            for k in range(min(hour - before_ns // HOUR_NS, HOURS) if known else HOURS):
                s.hour_dose[j, (hour - k) % HOURS] = s.hour_s[j, (hour - k) % HOURS] = 0.0
            if j == PM2_5:
                for k in range(min(part - before_ns // PART_NS, PARTS) if known else PARTS):
                    s.part_dose[(part - k) % PARTS] = s.part_s[(part - k) % PARTS] = 0.0
            s.newest_ns[j], s.has_reading[j] = t, 1
            if known and t - before_ns <= LONGEST_NS:
                for k in range(before_ns // HOUR_NS, hour + 1):
                    seconds = 1e-9 * (min(t, (k + 1) * HOUR_NS) - max(before_ns, k * HOUR_NS))
                    s.hour_s[j, k % HOURS] += seconds
                    s.hour_dose[j, k % HOURS] += c * seconds
                if j == PM2_5:
                    for k in range(max(before_ns // PART_NS, part - PARTS + 1), part + 1):
                        seconds = 1e-9 * (min(t, (k + 1) * PART_NS) - max(before_ns, k * PART_NS))
                        s.part_s[k % PARTS] += seconds
                        s.part_dose[k % PARTS] += c * seconds
            if j == PM10:
                continue
            row = out[n]
            for k in range(N_OUT):
                row[k] = np.nan
            share = 1.0 - (t % PART_NS) / PART_NS
            dose = share * s.part_dose[(part - PARTS + 1) % PARTS]
            covered = share * s.part_s[(part - PARTS + 1) % PARTS]
            for k in range(PARTS - 1):
                dose += s.part_dose[(part - k) % PARTS]
                covered += s.part_s[(part - k) % PARTS]
            if covered >= LEAST_HOUR_S:
                row[0] = dose / covered
            share = 1.0 - (t % HOUR_NS) / HOUR_NS
            dose = share * s.hour_dose[PM2_5, (hour - HOURS + 1) % HOURS]
            covered = share * s.hour_s[PM2_5, (hour - HOURS + 1) % HOURS]
            for k in range(HOURS - 1):
                dose += s.hour_dose[PM2_5, (hour - k) % HOURS]
                covered += s.hour_s[PM2_5, (hour - k) % HOURS]
            row[3], row[4] = dose / 3600.0, min(covered / 86_400.0, 1.0)
            if row[4] >= LEAST_DAY - 1e-5:
                row[2] = dose / covered
            for q in range(2):
                # What PM10 has not yet brought of these hours is missing, not old.
                ahead = hour - s.newest_ns[q] // HOUR_NS if s.has_reading[q] != 0 else HOURS
                for k in range(NOWCAST_HOURS):
                    b = (hour - 1 - k) % HOURS
                    full = k + 1 >= ahead and s.hour_s[q, b] >= LEAST_HOUR_S
                    means[q, k] = s.hour_dose[q, b] / s.hour_s[q, b] if full else np.nan
            row[1] = np.floor(nowcast(means[PM2_5]) * 10.0 + ROUNDING) / 10.0
            row[5] = np.floor(nowcast(means[PM10]) + ROUNDING)
            row[6] = np.fmax(air_index(row[1], US_PM2_5, 10.0), air_index(row[5], US_PM10, 1.0))
            fine = air_index(korean_day(means[PM2_5], KOREA_TURN[PM2_5]), KOREA_PM2_5, 1.0)
            coarse = air_index(korean_day(means[PM10], KOREA_TURN[PM10]), KOREA_PM10, 1.0)
            row[7] = np.minimum(np.fmax(fine, coarse), 500.0)
            row[8] = s.sensitive
            out_slots[n], out_ns[n] = slots[r], t
            n += 1
    return n
