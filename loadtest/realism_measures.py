"""What is measured in simulated and recorded signals alike, to compare them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, find_peaks, resample_poly, sosfiltfilt, welch

ECG_HZ = 250
BEFORE_S, AFTER_S = 0.35, 0.5  # of a beat's window about R
LEAST_BEATS = 3  # in a template
_R = round(BEFORE_S * ECG_HZ)
_LEVEL = slice(_R - 75, _R - 60)  # 300 to 240 ms before R: before P
LF_HZ, HF_HZ = (0.04, 0.15), (0.15, 0.4)  # Task Force 1996, Eur Heart J 17:354
_TACHOGRAM_HZ = 4.0

Floats = NDArray[np.float64]


def at_rate(x: NDArray[Any], fs_hz: float, to_hz: int) -> Floats:
    """Resample a signal whose rate is a whole number."""
    common = math.gcd(round(fs_hz), to_hz)
    resampled: Floats = resample_poly(np.asarray(x, np.float64), to_hz // common,
                                      round(fs_hz) // common)  # fmt: skip
    return resampled


def without_wander(mv: NDArray[Any], fs_hz: float = ECG_HZ) -> Floats:
    """Take away what is slower than 0.5 Hz, without a shift of phase."""
    sos = butter(1, 0.5, "high", fs=fs_hz, output="sos")
    steady: Floats = sosfiltfilt(sos, np.asarray(mv, np.float64))
    return steady


def template(mv: Floats, at: Sequence[int] | NDArray[Any]) -> Floats | None:
    """Give the median of beats, mV: float64 ``[212]`` at 250 Hz, its level 0; None: too few.

    Parameters
    ----------
    mv
        At 250 Hz.
    at
        Samples of R.
    """
    n_after = round(AFTER_S * ECG_HZ)
    windows = [mv[i - _R : i + n_after] for i in at if _R <= i <= len(mv) - n_after]
    if len(windows) < LEAST_BEATS:
        return None
    middle: Floats = np.median(windows, axis=0)
    middle -= np.median(middle[_LEVEL])
    return middle


def template_sizes(beat: Floats) -> dict[str, float]:
    """Give the sizes of a template: of its QRS, R, P and T, mV, and the width of its QRS, ms.

    The width goes from the first to the last sample near R that is steeper than a tenth of the
    steepest. T is the largest deflection of 150 to 400 ms after R.
    """
    near = slice(_R - 25, _R + 26)
    slope = np.abs(np.diff(beat[near]))
    steep = np.flatnonzero(slope > 0.1 * slope.max())
    late = beat[_R + 38 : _R + 101]
    return {
        "QRS, mV": float(np.ptp(beat[near])),
        "R, mV": float(beat[near].max()),
        "QRS width, ms": float((steep[-1] - steep[0] + 1) * 1000 / ECG_HZ),
        "P, mV": float(beat[_R - 60 : _R - 20].max()),
        "T, mV": float(late[np.abs(late).argmax()]),
    }


def spectrum(x: NDArray[Any], fs_hz: float, piece_s: float = 4.0) -> tuple[Floats, Floats]:
    """Give frequencies and the share of the power per Hz there (Welch)."""
    f_hz, power = welch(x, fs_hz, nperseg=min(len(x), round(piece_s * fs_hz)))
    shares: Floats = power / (power.sum() * f_hz[1])
    return f_hz, shares


def band_shares(x: NDArray[Any], fs_hz: float, edges_hz: Sequence[float]) -> Floats:
    """Give which share of the power between the first and the last edge lies in each band."""
    f_hz, power = spectrum(x, fs_hz)
    bands = pairwise(edges_hz)
    parts = np.array([power[(f_hz >= a) & (f_hz < b)].sum() for a, b in bands])
    shares: Floats = parts / max(parts.sum(), 1e-30)
    return shares


def clean_rr(rr_ms: NDArray[Any]) -> Floats:
    """Leave out RR beyond 300-2000 ms, and those 20 % off the median of their neighbours."""
    rr = np.asarray(rr_ms, np.float64)
    rr = rr[(rr >= 300) & (rr <= 2000)]
    if len(rr) < 5:
        return rr
    padded = np.pad(rr, 2, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return rr[np.abs(rr - around) <= 0.2 * around]


def rr_measures(rr_ms: NDArray[Any]) -> dict[str, float]:
    """Give what Task Force 1996 (Eur Heart J 17:354) measures in some minutes of RR, ms.

    SD1 and SD2 are the axes of the Poincare plot (Brennan et al. 2001, IEEE Trans Biomed Eng
    48:1342).

    >>> round(rr_measures(np.array([800.0, 810.0] * 200))["RMSSD, ms"], 3)
    10.0
    """
    rr = np.asarray(rr_ms, np.float64)
    steps = np.diff(rr)
    sdnn, sdsd = float(rr.std(ddof=1)), float(steps.std(ddof=1))
    sd1 = sdsd / math.sqrt(2)
    return {
        "mean RR, ms": float(rr.mean()),
        "SDNN, ms": sdnn,
        "RMSSD, ms": float(np.sqrt(np.mean(steps**2))),
        "pNN50, %": float(100 * np.mean(np.abs(steps) > 50)),
        "SD1, ms": sd1,
        "SD2, ms": math.sqrt(max(2 * sdnn**2 - sd1**2, 0.0)),
        "LF/HF": _lf_hf(rr),
        "SDNN / mean": sdnn / float(rr.mean()),
    }


def _lf_hf(rr: Floats) -> float:
    """Give the ratio of powers in the tachogram, evenly resampled; NaN below 100 s."""
    t_s = np.cumsum(rr) / 1000
    if t_s[-1] - t_s[0] < 100:
        return math.nan
    even = np.interp(np.arange(t_s[0], t_s[-1], 1 / _TACHOGRAM_HZ), t_s, rr)
    f_hz, power = welch(even - even.mean(), _TACHOGRAM_HZ, nperseg=min(len(even), 256))
    lf, hf = (power[(f_hz >= a) & (f_hz < b)].sum() for a, b in (LF_HZ, HF_HZ))
    return float(lf / hf) if hf > 0 else math.nan


def pieces(t_s: NDArray[Any], length_s: float) -> list[Floats]:
    """Cut times of beats into pieces of a length and give the RR of each, ms."""
    t = np.asarray(t_s, np.float64)
    if len(t) < 2:
        return []
    number = ((t - t[0]) // length_s).astype(int)
    cut = np.split(t, np.flatnonzero(np.diff(number)) + 1)
    # The last piece is a rest.
    return [1000 * np.diff(piece) for piece in cut[:-1] if len(piece) > 20]


def mean_pulse(ppg: NDArray[Any], fs_hz: float, n: int = 100) -> Floats | None:
    """Give the median pulse from foot to foot, between 0 and 1: float64 ``[n]``; None: too few.

    Feet are the lowest points between tops that are 0.4 s or more apart.
    """
    sos = butter(2, (0.5, 8.0), "bandpass", fs=fs_hz, output="sos")
    x: Floats = sosfiltfilt(sos, np.asarray(ppg, np.float64))
    tops, _ = find_peaks(x, distance=max(1, round(0.4 * fs_hz)), prominence=0.5 * x.std())
    feet = [a + int(np.argmin(x[a:b])) for a, b in pairwise(tops.tolist())]
    waves = []
    for a, b in pairwise(feet):
        wave = np.interp(np.linspace(a, b, n), np.arange(a, b + 1), x[a : b + 1])
        wave = wave - np.linspace(wave[0], wave[-1], n)
        if wave.max() > 0:
            waves.append(wave / wave.max())
    return np.median(waves, axis=0) if len(waves) >= LEAST_BEATS else None


def pulse_sizes(wave: Floats) -> dict[str, float]:
    """Give where a pulse has its top and how wide it is at half height, share of the beat."""
    high = np.flatnonzero(wave >= 0.5)
    return {
        "top, share of the beat": float(wave.argmax() / len(wave)),
        "width at half height, share": float((high[-1] - high[0]) / len(wave)),
        "height at three quarters": float(wave[round(0.75 * len(wave))]),
    }
