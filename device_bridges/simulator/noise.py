"""Noise of electrodes: real noise of nstdb where it is there, made-up noise elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfiltfilt

FS_HZ = 250
MADE_S = 240
_SEED = 4711
_NST_HZ = 360

Floats32 = NDArray[np.float32]


class NoiseBank:
    """Loops of noise at 250 Hz, each with a root mean square of 1.

    Parameters
    ----------
    folder
        With the records ``em`` and ``ma`` of the Noise Stress Test Database; None or without
        them: made-up noise.

    Attributes
    ----------
    source
        ``nstdb`` or ``made``.
    motion, muscle
        float32 ``[n]``; the end goes over into the beginning.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None and all((folder / f"{name}.hea").is_file() for name in ("em", "ma")):
            self.source = "nstdb"
            self.motion, self.muscle = _recorded(folder, "em"), _recorded(folder, "ma")
        else:
            self.source = "made"
            rng = np.random.default_rng(_SEED)
            self.motion, self.muscle = _made_motion(rng), _made_muscle(rng)


@cache
def made_noise() -> NoiseBank:
    """Give the bank of made-up noise, the same for everybody."""
    return NoiseBank()


def noise_rms_mv(qrs_mv: float, snr_db: float) -> float:
    """Give the noise that makes this ratio to a QRS of so many mV from peak to peak.

    The signal's power is that of a sine of the same size, as in ``nst`` of the WFDB software.

    >>> round(noise_rms_mv(1.0, 0.0), 4)
    0.3536
    """
    return float(qrs_mv / np.sqrt(8.0) * 10.0 ** (-snr_db / 20.0))


def _recorded(folder: Path, name: str) -> Floats32:
    import wfdb

    record = wfdb.rdrecord(str(folder / name), channels=[0])
    mv = np.nan_to_num(np.asarray(record.p_signal)[:, 0])
    return _loop(resample_poly(mv, 25, 36))


def _made_motion(rng: np.random.Generator) -> Floats32:
    """Give slow swings with jumps: most of the power of ``em`` lies below 10 Hz."""
    n = MADE_S * FS_HZ
    walk = sosfiltfilt(butter(1, (0.3, 8.0), "bandpass", fs=FS_HZ, output="sos"),
                       np.cumsum(rng.standard_normal(n)))  # fmt: skip
    jumps = np.zeros(n)
    at = rng.integers(0, n, MADE_S // 2)
    jumps[at] = rng.standard_t(3, len(at))
    jumps = sosfiltfilt(butter(2, (0.5, 12.0), "bandpass", fs=FS_HZ, output="sos"), jumps)
    return _loop(walk / walk.std() + 1.2 * jumps / jumps.std())


def _made_muscle(rng: np.random.Generator) -> Floats32:
    """Give broad noise that swells and ebbs."""
    n = MADE_S * FS_HZ
    broad = sosfiltfilt(butter(1, (4.0, 80.0), "bandpass", fs=FS_HZ, output="sos"),
                        rng.standard_normal(n))  # fmt: skip
    swell = sosfiltfilt(butter(2, 0.4, "lowpass", fs=FS_HZ, output="sos"), rng.standard_normal(n))
    return _loop(broad * np.exp(0.6 * swell / swell.std()))


def _loop(noise: NDArray[np.float64]) -> Floats32:
    """Fade the end into the beginning, so that the loop has no step; make the power 1."""
    fade = FS_HZ
    share = np.linspace(0.0, 1.0, fade)
    body = noise[fade:].copy()
    body[-fade:] = (1 - share) * body[-fade:] + share * noise[:fade]
    body -= body.mean()
    loop: Floats32 = (body / body.std()).astype(np.float32)
    return loop
