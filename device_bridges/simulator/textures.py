"""Loops of noise with a given spectrum: the end goes over into the beginning by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LENGTH = 1 << 16  # a power of two, so that going round is a mask

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Spectrum = Sequence[tuple[float, float]]  # Hz and power per Hz there, straight in logarithms


def texture(spectrum: Spectrum, fs_hz: float, seed: int, n: int = LENGTH) -> Floats:
    """Give a loop of normally distributed noise, mean 0, RMS 1: float64 ``[n]``.

    Below and above the given frequencies there is nothing.

    >>> loop = texture([(1, 1), (2, 1)], 100, seed=1, n=1000)
    >>> float(round(loop.std(), 6)), abs(float(loop.mean())) < 1e-9
    (1.0, True)
    """
    hz, power = np.array(spectrum, np.float64).T
    f_hz = np.fft.rfftfreq(n, 1 / fs_hz)
    inside = (f_hz >= hz[0]) & (f_hz <= hz[-1]) & (f_hz > 0)
    size = np.zeros(len(f_hz))
    size[inside] = np.exp(0.5 * np.interp(np.log(f_hz[inside]), np.log(hz), np.log(power)))
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal(len(f_hz)) + 1j * rng.standard_normal(len(f_hz))
    loop: Floats = np.fft.irfft(size * drawn, n)
    loop -= loop.mean()
    loop /= loop.std()
    return loop


def envelope(highest_hz: float, fs_hz: float, seed: int, n: int = LENGTH) -> Floats32:
    """Give slow complex noise as a loop, each part with RMS 1: float32 ``[n, 2]``.

    Its spectrum falls off like a bell, with its standard deviation at `highest_hz`.
    """
    steps = np.linspace(0.02, 4, 60) * highest_hz
    bell = [(f, np.exp(-0.5 * (f / highest_hz) ** 2)) for f in steps.tolist()]
    both = [texture(bell, fs_hz, seed + part, n) for part in (0, 1)]
    return np.stack(both, axis=1).astype(np.float32)
