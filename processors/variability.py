"""Heart rate variability of a stretch of corrected RR, in time and by frequency (CLINICAL 3.5).

It is made when it is asked for; what is measured all the time is `processors.features.hrv`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.records import NS_PER_S
from processors.rr_correction import Corrected

ACCEPTED_PERCENT = 80.0  # %, CLINICAL 3.5 (Clifford toolbox): more must be as measured
MISSING_PERCENT = 15.0  # %, CLINICAL 3.5 (Clifford toolbox): less of the time may be without RR
LARGE_MS = 50.0  # ms, CLINICAL 3.5: definition of pNN50
FS_HZ = 4.0  # of the resampled series, CLINICAL 3.5
SEGMENT_S = 128.0  # default: of Welch's segments; 5 cycles of the lowest LF
VLF, LF, HF = (0.0033, 0.04), (0.04, 0.15), (0.15, 0.40)  # Hz, CLINICAL 3.5 (Clifford toolbox)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """Power by band, ms^2; of VLF only what a segment of 128 s can tell (from 0.0078 Hz on).

    `ratio` is LF / HF; NaN without HF.
    """

    vlf_ms2: float
    lf_ms2: float
    hf_ms2: float
    ratio: float


NO_BANDS = Bands(np.nan, np.nan, np.nan, np.nan)


def bands_of(end_ns: NDArray[np.int64], rr_ms: Floats) -> Bands:
    """Give the power of a series of RR in each band.

    The series is resampled at 4 Hz by a cubic spline through each interval at its end, and Welch's
    estimate is made of Hann windows of 128 s that overlap by half, each without its linear trend.

    Parameters
    ----------
    end_ns
        int64 ``[n]``, rising; stretches without intervals are bridged.
    rr_ms
        float64 ``[n]``, ms, finite. A stretch of less than 128 s gives NaN.

    >>> end_s = np.arange(0.8, 300.0, 0.8)
    >>> rr_ms = 800.0 + 40.0 * np.sin(2 * np.pi * 0.1 * end_s)  # 40^2 / 2 ms^2 of LF
    >>> round(bands_of((1e9 * end_s).astype(np.int64), rr_ms).lf_ms2 / 800.0, 2)
    1.0
    """
    from scipy.interpolate import CubicSpline
    from scipy.signal import detrend, welch

    t_s = (end_ns - end_ns[0]) / NS_PER_S if len(end_ns) else np.zeros(0)
    if not len(t_s) or t_s[-1] < SEGMENT_S:
        return NO_BANDS
    grid_s = np.arange(0.0, t_s[-1], 1.0 / FS_HZ)
    even = CubicSpline(t_s, rr_ms)(grid_s)
    hz, density = welch(
        even, fs=FS_HZ, window="hann", nperseg=round(SEGMENT_S * FS_HZ), detrend=detrend
    )
    step_hz = hz[1]
    vlf, lf, hf = (
        float(density[(hz >= low) & (hz < high)].sum() * step_hz) for low, high in (VLF, LF, HF)
    )
    return Bands(vlf, lf, hf, lf / hf if hf > 0.0 else np.nan)


@dataclass(frozen=True, slots=True)
class Variability:
    """Variability of one window; the values are NaN where too little of it is known.

    SDNN has n - 1, SD1 = RMSSD / sqrt 2, SD2 = sqrt(2 SDNN^2 - SD1^2); differences are of
    intervals that are neighbours. `accepted_percent` is the share of intervals that are as they
    were measured, `coverage_percent` that of the time that intervals lie in.
    """

    end_ns: int
    mean_nn_ms: float
    sdnn_ms: float
    rmssd_ms: float
    pnn50_percent: float
    sd1_ms: float
    sd2_ms: float
    vlf_ms2: float
    lf_ms2: float
    hf_ms2: float
    lf_hf: float
    n: int
    accepted_percent: float
    coverage_percent: float


def variability_of(series: Corrected, end_ns: int, window_ns: int) -> Variability:
    """Measure the intervals that end in the window up to and with `end_ns`."""
    inside = (series.end_ns > end_ns - window_ns) & (series.end_ns <= end_ns)
    rr, n = series.rr_ms[inside], int(inside.sum())
    accepted = 100.0 * float(series.measured[inside].mean()) if n else np.nan
    coverage = min(100.0 * 1e6 * float(rr.sum()) / window_ns, 100.0)
    counts = (n, accepted, coverage)
    if not (accepted > ACCEPTED_PERCENT and 100.0 - coverage < MISSING_PERCENT and n > 1):
        return Variability(end_ns, *(np.nan,) * 10, *counts)
    delta = np.diff(rr)[series.neighbour[inside][1:]]
    sdnn = float(np.std(rr, ddof=1))
    square = float(np.mean(delta**2)) if len(delta) else np.nan
    large = 100.0 * float(np.mean(np.abs(delta) > LARGE_MS)) if len(delta) else np.nan
    sd2 = float(np.sqrt(max(2.0 * sdnn**2 - square / 2.0, 0.0)))
    bands = bands_of(series.end_ns[inside], rr)
    return Variability(
        end_ns, float(np.mean(rr)), sdnn, float(np.sqrt(square)), large,
        float(np.sqrt(square / 2.0)), sd2,
        bands.vlf_ms2, bands.lf_ms2, bands.hf_ms2, bands.ratio, *counts,
    )  # fmt: skip
