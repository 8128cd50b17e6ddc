"""Small recordings for the commands: cuts of real ones, odd ones, broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import wfdb

MITDB_HZ = 360


def cut(source: Path, folder: Path, name: str, seconds: float, start_s: float = 0.0) -> Path:
    """Write a piece of a record in its own format; give its stem."""
    first, last = round(start_s * MITDB_HZ), round((start_s + seconds) * MITDB_HZ)
    record = wfdb.rdrecord(str(source), sampfrom=first, sampto=last, physical=False)
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=record.fs, units=record.units, sig_name=record.sig_name, d_signal=record.d_signal,
        fmt=record.fmt, adc_gain=record.adc_gain, baseline=record.baseline, write_dir=str(folder),
    )  # fmt: skip
    return folder / name


def millivolts(source: Path, seconds: float) -> np.ndarray:
    """Give channel 0 of a record, float64 ``[n]`` at 360 Hz."""
    return wfdb.rdrecord(str(source), sampto=round(seconds * MITDB_HZ)).p_signal[:, 0]


def write(folder: Path, name: str, fs_hz: float, signals: np.ndarray, leads: list[str]) -> Path:
    """Write millivolts ``[n, leads]`` as a record."""
    n = len(leads)
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=fs_hz, units=["mV"] * n, sig_name=leads, p_signal=signals, fmt=["16"] * n,
        adc_gain=[200.0] * n, baseline=[0] * n, write_dir=str(folder),
    )  # fmt: skip
    return folder / name


def resampled(signal: np.ndarray, fs_hz: float) -> np.ndarray:
    """Give a signal of 360 Hz at another rate, as ``[n, 1]``."""
    t_s = np.arange(len(signal)) / MITDB_HZ
    return np.interp(np.arange(0, t_s[-1], 1 / fs_hz), t_s, signal)[:, None]


def heart_rates(n: int = 40) -> list[str]:
    """Give the lines of a good table."""
    return ["t_s,heart_rate", *(f"{i},{70 + i % 3}" for i in range(n))]


def table(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path
