"""Noise of electrodes: real noise of nstdb where it is there, made-up noise elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from device_bridges.simulator.textures import LENGTH, texture

FS_HZ = 250
_RECORDS = {"motion": "em", "muscle": "ma", "wander": "bw"}
_SEED = 4711
_TRIMMED = 0.05  # share of the smallest and of the largest that is left out: as in sigamp

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

# Spectra as those of the records of nstdb: Hz and power per Hz.
_EM = ((0.05, 0.6), (0.2, 1.3), (0.5, 0.35), (1.5, 0.26), (3.5, 0.07), (7, 0.018), (12, 0.004),
       (20, 8e-4), (60, 3e-5))  # fmt: skip
_MA_SLOW = ((0.05, 1.0), (0.3, 1.5), (0.8, 0.18), (1.5, 0.02), (4, 1e-3), (8, 3e-4))
_MA_BROAD = ((6, 0.05), (12, 0.6), (25, 1.0), (45, 0.4), (90, 0.03))
_BW = ((0.03, 1.0), (0.15, 1.2), (0.3, 0.45), (0.7, 0.012), (1.5, 4e-4), (4, 5e-5), (60, 5e-6))


class NoiseBank:
    """Loops of noise at 250 Hz.

    Parameters
    ----------
    folder
        With the records ``em``, ``ma`` and ``bw`` of the Noise Stress Test Database; None or
        without them: made-up noise.

    Attributes
    ----------
    source
        ``nstdb`` or ``made``.
    motion, muscle
        float32 ``[n]``, of size 1 (`noise_size`); the end goes over into the beginning.
    wander
        As these, but with a root mean square of 1.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and all((folder / f"{n}.hea").is_file() for n in _RECORDS.values()):
            self.source = "nstdb"
            motion, muscle, wander = (_recorded(folder, n) for n in _RECORDS.values())
        else:
            self.source = "made"
            motion, muscle, wander = _made_motion(), _made_muscle(), texture(_BW, FS_HZ, _SEED)
        self.motion = (motion / noise_size(motion)).astype(np.float32)
        self.muscle = (muscle / noise_size(muscle)).astype(np.float32)
        self.wander = (wander / wander.std()).astype(np.float32)


@cache
def made_noise() -> NoiseBank:
    """Give the bank of made-up noise, the same for everybody."""
    return NoiseBank()


def noise_size(noise: NDArray[Any], fs_hz: int = FS_HZ) -> float:
    """Give how large noise is, as ``nst`` and ``sigamp`` of the WFDB software have it.

    The root mean square of each second about its own mean, and of these the mean without the
    largest and the smallest 5 %: slow wander hardly counts.

    Differs from the software: over the whole of the noise, not its first five minutes.
    """
    n = len(noise) // fs_hz
    sizes = np.sort(noise[: n * fs_hz].reshape(n, fs_hz).std(axis=1))
    cut = int(n * _TRIMMED)
    return float(sizes[cut : n - cut].mean())


def noise_rms_mv(qrs_mv: float, snr_db: float) -> float:
    """Give the noise that makes this ratio to a QRS of so many mV from peak to peak.

    The signal's power is that of a sine of the same size, its square through 8: WFDB Applications
    Guide, ``nst``, "Signal-to-noise ratios".

    >>> round(noise_rms_mv(1.0, 0.0), 4)
    0.3536
    """
    return float(qrs_mv / np.sqrt(8.0) * 10.0 ** (-snr_db / 20.0))


def _recorded(folder: Path, name: str) -> Floats:
    """Read the first channel; its end fades into its beginning, so that the loop has no step."""
    import wfdb

    record = wfdb.rdrecord(str(folder / name), channels=[0])
    mv = np.nan_to_num(np.asarray(record.p_signal, np.float64)[:, 0])
    noise: Floats = resample_poly(mv, 25, 36)  # 360 to 250 Hz
    share = np.linspace(0.0, 1.0, FS_HZ)
    loop = noise[FS_HZ:].copy()
    loop[-FS_HZ:] = (1 - share) * loop[-FS_HZ:] + share * noise[:FS_HZ]
    loop -= loop.mean()
    return loop


def _swelling(loop: Floats, size: float, seed: int) -> Floats:
    """Let noise swell and ebb in seconds."""
    swell = texture(((0.02, 1.0), (0.15, 1.0), (0.6, 0.05)), FS_HZ, seed)
    swelled: Floats = loop * np.exp(size * swell)
    swelled -= swelled.mean()
    swelled /= swelled.std()
    return swelled


def _made_motion() -> Floats:
    """Give swings that swell and ebb, with jumps that creep back: like ``em``."""
    swings = _swelling(texture(_EM, FS_HZ, _SEED + 1), 0.35, _SEED + 2)
    rng = np.random.default_rng(_SEED + 3)
    jumps = np.zeros(LENGTH)
    at = rng.integers(0, LENGTH, LENGTH // (4 * FS_HZ))  # one in 4 s
    jumps[at] = rng.standard_t(4, len(at))
    # Up in 60 ms, back within a second; round the loop by way of the spectrum.
    t_s = np.arange(LENGTH) / FS_HZ
    creep = (1 - np.exp(-t_s / 0.06)) * np.exp(-t_s / 0.4)
    jumps = np.fft.irfft(np.fft.rfft(jumps) * np.fft.rfft(creep), LENGTH)
    swings += 0.5 * (jumps - jumps.mean()) / jumps.std()
    return swings


def _made_muscle() -> Floats:
    """Give broad noise that swells and ebbs, on slow swings: like ``ma``."""
    broad = _swelling(texture(_MA_BROAD, FS_HZ, _SEED + 4), 0.55, _SEED + 5)
    return broad + 2.2 * texture(_MA_SLOW, FS_HZ, _SEED + 6)
