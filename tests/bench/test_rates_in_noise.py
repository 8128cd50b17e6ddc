"""Extreme rates in noise of nstdb: those that are there, and those that noise makes.

``make bench ARGS='-k rates_in_noise -s'`` prints the figures of docs/accuracy.md. Hearts of 75 /min
turn to an extreme rate for a minute, 20 s after noise began; others go on at 75 /min. What is told
of another rate or at another time is false.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from device_bridges.simulator.noise import FS_HZ, noise_rms_mv, noise_size
from processors.detectors.rate_limits import RateLimits
from processors.features.beat_class import BeatClass
from processors.features.heart_rate import HeartRate
from processors.features.qrs import Qrs
from processors.features.rr import RrIntervals
from processors.features.signal_quality import SignalQuality
from processors.records import NS_PER_S, Chunk, pack
from streams.engine import Engine
from tests.needs import recordings
from tests.processors.ecg_cases import ecg

pytestmark = pytest.mark.bench

LENGTH_S, NOISE_S, BEGIN_S, END_S = 150.0, 40.0, 60.0, 120.0
SNR_DB = (24, 18, 12, 6, 0, -6)
WIDE, NARROW = (160, 200), (150, 180, 30, 36, 75)  # /min
N_SEEDS = 6
LATEST_S = BEGIN_S + 60.0
NARROW_BEAT = (
    (-0.16, 0.02, 0.1),
    (-0.026, 0.009, -0.1),
    (0.0, 0.011, 1.0),
    (0.028, 0.01, -0.22),
    (0.2, 0.035, 0.2),
)
WIDE_BEAT = ((0.0, 0.03, 1.3), (0.06, 0.025, -0.5), (0.2, 0.045, -0.35))
QRS_MV = 1.22  # of the narrow one, peak to peak


@cache
def heart(rate: int, seed: int) -> NDArray[np.float64]:
    """Give an ECG of 75 /min with a minute of another rate; intervals vary by 2 %."""
    draw = np.random.default_rng([seed, rate])
    r_s, shapes, at_s = [], [], 0.5
    while at_s < LENGTH_S - 1.0:
        there = BEGIN_S <= at_s < END_S
        r_s.append(at_s)
        shapes.append(WIDE_BEAT if there and rate in WIDE else NARROW_BEAT)
        at_s += 60.0 / (rate if there else 75) * (1.0 + 0.02 * draw.standard_normal())
    return ecg(r_s, FS_HZ, LENGTH_S, shapes=shapes)


@cache
def noise(kind: str) -> NDArray[np.float64]:
    record = wfdb.rdrecord(str(recordings("nstdb") / kind), channels=[0])
    return resample_poly(np.nan_to_num(record.p_signal[:, 0]), 25, 36)


def with_noise(mv: NDArray[np.float64], kind: str, snr_db: int, seed: int) -> NDArray[np.float64]:
    of_kind, begin = noise(kind), round(NOISE_S * FS_HZ)
    scale = noise_rms_mv(QRS_MV, snr_db) / noise_size(of_kind)
    first = (seed * 37 + 11) * 1000 % (len(of_kind) - len(mv))
    noisy = mv.copy()
    noisy[begin:] += scale * of_kind[first : first + len(mv) - begin]
    return noisy


def told(signals: dict[str, NDArray[np.float64]]) -> dict[str, list[tuple[str, float]]]:
    """Give code and time of what is found."""
    engine = Engine([Qrs(), SignalQuality(), BeatClass(), RrIntervals(), HeartRate(), RateLimits()])
    found: dict[str, list[tuple[str, float]]] = {name: [] for name in signals}
    step = 10 * FS_HZ
    for lo in range(0, round(LENGTH_S * FS_HZ), step):
        chunks = [
            Chunk(name, "patch", "ecg", lo * NS_PER_S // FS_HZ,
                  x[lo : lo + step].astype(np.float32)[:, None], fs_hz=FS_HZ, seq=lo)
            for name, x in signals.items()
        ]  # fmt: skip
        for finding in engine.feed([pack(chunks)]).findings:
            if finding.state == "onset" and finding.code.startswith("extreme"):
                found[finding.participant].append((finding.code, finding.t_ns / NS_PER_S))
    return found


@cache
def counted(kind: str, snr_db: int) -> tuple[int, int, int]:
    """Give fast and slow hearts that were told, of 24 and 12, and false findings of an hour."""
    signals = {
        f"{rate} {seed}": with_noise(heart(rate, seed), kind, snr_db, seed)
        for rate in WIDE + NARROW
        for seed in range(N_SEEDS)
    }
    hits, false = {True: 0, False: 0}, 0
    for name, findings in told(signals).items():
        rate = int(name.split()[0])
        code = f"extreme_{'tachycardia' if rate > 75 else 'bradycardia'}"
        true = [rate != 75 and c == code and BEGIN_S < t_s < LATEST_S + 5.0 for c, t_s in findings]
        hits[rate > 75] += any(true)
        false += true.count(False)
    return hits[True], hits[False], false


@pytest.mark.parametrize("kind", ["em", "ma", "bw"])
def test_extreme_rates_are_told_in_moderate_noise(kind: str) -> None:
    rows = {snr_db: counted(kind, snr_db) for snr_db in SNR_DB}
    print(f"\n{kind}: fast of 24, slow of 12, false in {42 * (LENGTH_S - NOISE_S) / 3600:.1f} h")
    for snr_db, (fast, slow, false) in rows.items():
        print(f"  {snr_db} dB: {fast}, {slow}, {false}")
    assert all(rows[snr_db][0] == 24 for snr_db in (24, 18, 12))
    assert rows[6][0] >= 23
    assert all(rows[snr_db][1] == 12 for snr_db in (24, 18))
    assert rows[12][1] >= 11
    assert all(rows[snr_db][2] == 0 for snr_db in (24, 18, 12))
    assert (
        sum(rows[snr_db][2] for snr_db in (6, 0, -6)) <= 8
    )  # em and ma: 120 where noise is not asked for
