"""What is added to an ECG for a while, and what then spoils it; few people at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.draw import bits, uniform

# What an event does; a number of its own, so that kernels do not depend on the vocabulary.
F_WAVES, FIBRILLATION, NOISE, MAINS = 0, 1, 2, 3  # added
CLIPPED, FLAT, HUM, AT_RAIL = 4, 5, 6, 7  # spoilt, in this order

FS_STREAM = 720  # streams of random numbers from here on
RAMP_S = 0.3  # in which f waves, fibrillation and noise come and go, default
FLAT_MV = 0.0015  # default: what an open input that is tied to nothing still picks up, RMS
HUM_MV = 1.5  # default: what an open input picks up from the mains, amplitude
HUM_HZ = 60.0  # default
COARSE_MV, FINE_MV = (0.15, 0.45), (0.08, 0.14)  # RMS at first, after minutes; vfdb: 0.11-0.74
FINER_S = 150.0  # default: time constant of the way from coarse to fine
VF_HZ = (3.2, 4.7)  # centre of the spectrum; vfdb: 3 to 5.5 Hz
F_WAVE_HZ = (4.6, 8.2)  # 4 to 9 Hz, Petrutiu et al. 2007, Europace 9:466
F_WAVE_MV = (0.01, 0.05)  # amplitude, default: 0.04 to 0.15 mV from peak to peak

ACTS = np.dtype(
    [
        ("row", np.int64),  # of `added`, or of `counts` for what spoils
        ("what", np.int64),
        ("seed", np.uint64),  # of the person
        ("start_s", np.float64),
        ("end_s", np.float64),
        ("size", np.float64),  # RMS or amplitude, or range: mV
        ("hz", np.float64),
        ("first", np.int64),  # of NOISE: where in the tables its own begins, and its length
        ("length", np.int64),
    ],
    align=True,
)


@entry
def add_acts(
    i0: int,
    fs_hz: float,
    acts: NDArray[Any],
    noise: NDArray[np.float32],
    envelope: NDArray[np.float32],
    added: NDArray[np.float32],
) -> None:
    """Add fibrillation and noise to rows of `added`, samples ``i0`` on.

    Parameters
    ----------
    acts
        dtype `ACTS`.
    noise
        float32, loops one after the other, RMS 1, at 250 Hz.
    envelope
        float32 ``[2 ** m, 2]``: slow complex noise with a variance of 1, at 250 Hz.
    added
        float32 ``[rows, n]``, mV; added to.
    """
    n = added.shape[1]
    mask = len(envelope) - 1
    for e in range(len(acts)):
        act = acts[e]
        what = act.what
        row = added[act.row]
        seed, number = act.seed, FS_STREAM + what
        at: Any = np.int64(bits(seed, number, 0) >> np.uint64(8)) & 0x3FFF_FFFF
        begin = min(max(math.ceil(act.start_s * fs_hz) - i0, 0), n)
        end = n if act.end_s * fs_hz > i0 + n else math.ceil(act.end_s * fs_hz) - i0
        low, span = uniform(seed, number, 1), uniform(seed, number, 2)
        for j in range(begin, end):
            i = i0 + j
            since_s = i / fs_hz - act.start_s
            ramp = min(1.0, since_s / RAMP_S, (act.end_s - i / fs_hz) / RAMP_S)
            if what == NOISE:
                value = act.size * noise[act.first + (at + i) % act.length]
            elif what == MAINS:
                ramp = 1.0
                value = act.size * math.sin(2 * math.pi * act.hz * (i / fs_hz))
            elif what == F_WAVES:
                value = _f_wave(i, i / fs_hz, low, span, at, envelope, mask)
            else:
                value = _fibrillation(i, since_s, low, span, at, envelope, mask)
            row[j] += np.float32(ramp * value)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _f_wave(
    i: int, t_s: float, low: float, span: float, at: int, envelope: NDArray[np.float32], mask: int
) -> float:
    """Give the f wave at a time: a bent sine with its harmonics, Stridh and Sornmo 2001.

    IEEE Trans Biomed Eng 48:105, equations 1 to 3.

    Differs from the paper: frequency and size vary with slow noise, not with a sine, and there
    are two fronts.
    """
    hz = F_WAVE_HZ[0] + (F_WAVE_HZ[1] - F_WAVE_HZ[0]) * low
    mv = F_WAVE_MV[0] + (F_WAVE_MV[1] - F_WAVE_MV[0]) * span
    slow, other = envelope[(at + i) & mask], envelope[(at + 9_001 + i) & mask]
    turn = 2 * math.pi * hz * t_s + 2.5 * slow[0]
    wave = math.sin(turn) + 0.35 * math.sin(2 * turn + 0.6) + 0.12 * math.sin(3 * turn + 1.1)
    wave *= max(0.2, 1.0 + 0.4 * slow[1])
    # A second front at a rate of its own comes and goes.
    wave += 0.55 * (other[0] * math.sin(0.83 * turn) + other[1] * math.cos(0.83 * turn))
    return float(mv * wave)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _fibrillation(
    i: int,
    since_s: float,
    low: float,
    span: float,
    at: int,
    envelope: NDArray[np.float32],
    mask: int,
) -> float:
    """Give the ventricular fibrillation at a time: narrow noise around a wandering frequency."""
    hz = VF_HZ[0] + (VF_HZ[1] - VF_HZ[0]) * low
    faded = math.exp(-since_s / FINER_S)
    # The frequency sinks by a tenth on the way: its integral.
    turn = 2 * math.pi * hz * (0.9 * since_s + 0.1 * FINER_S * (1.0 - faded))
    one, other = envelope[(at + i) & mask], envelope[(at + 17_011 + i) & mask]
    # Fronts that pass by, a steady part that keeps it from dying away; faster and slower ones.
    wave = (0.5 + one[0]) * math.cos(turn) - one[1] * math.sin(turn)
    wave += 0.4 * (other[0] * math.cos(1.5 * turn) - other[1] * math.sin(1.5 * turn))
    wave += 0.22 * (one[1] * math.cos(0.45 * turn) + other[1] * math.sin(0.45 * turn))
    wave += 0.26 * (one[1] * math.cos(2.1 * turn) + other[0] * math.sin(2.1 * turn))
    wave += 0.1 * wave * abs(wave) + 0.03 * (wave * wave - 1.0)  # steeper on one side
    first = COARSE_MV[0] + (COARSE_MV[1] - COARSE_MV[0]) * span
    rest = FINE_MV[0] + (FINE_MV[1] - FINE_MV[0]) * span
    return float((rest + (first - rest) * faded) * wave / 1.4)


@entry
def spoil(
    i0: int,
    fs_hz: float,
    acts: NDArray[Any],
    grain: NDArray[np.float32],
    scale: float,
    counts: NDArray[np.int16],
) -> None:
    """Clip counts, or replace them while an electrode is off; acts in the order of `what`.

    Parameters
    ----------
    acts
        dtype `ACTS`.
    grain
        float32 ``[2 ** m or longer]``, noise, RMS 1.
    scale
        Per count.
    counts
        int16 ``[k, n]``, changed.
    """
    n = counts.shape[1]
    for e in range(len(acts)):
        act = acts[e]
        row = counts[act.row]
        at: Any = np.int64(bits(act.seed, FS_STREAM + act.what, 0) >> np.uint64(8)) & 0xFFFF
        begin = min(max(math.ceil(act.start_s * fs_hz) - i0, 0), n)
        end = n if act.end_s * fs_hz > i0 + n else math.ceil(act.end_s * fs_hz) - i0
        most = np.rint(act.size / scale)
        for j in range(begin, end):
            i = i0 + j
            if act.what == CLIPPED:
                row[j] = np.int16(max(-most, min(most, float(row[j]))))
            elif act.what == AT_RAIL:
                row[j] = 32767
            else:
                value = FLAT_MV * grain[(at + i) & 0xFFFF]
                if act.what == HUM:
                    value += HUM_MV * math.sin(2 * math.pi * HUM_HZ * (i / fs_hz))
                row[j] = np.int16(np.rint(value / scale))
