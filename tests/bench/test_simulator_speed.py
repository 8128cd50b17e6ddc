"""How fast waves are made of beats, in windows of 200 ms. Times are of one thread's processor.

The bound is a ratio to a plain sum of as many tables in numpy, measured in the same run, so that
it holds on any machine; the figures are printed by ``make bench``.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from device_bridges.simulator.bodies import Bodies
from device_bridges.simulator.hearts import Hearts
from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.shapes import BODIES
from device_bridges.simulator.waves import EcgWaves, MotionWaves, PpgWaves
from tests.device_bridges.simulator.plans import event, make_plan

N = 10_000
WINDOWS = 10
# Times the plain sum; twice of what was measured on a busy machine.
MOST = {"ecg": 3, "ppg": 9, "acceleration": 16}
MOST_TROUBLED = {"ecg": 8, "ppg": 12, "acceleration": 18}
FIRST = 25  # window: 5 s, so that the ring holds beats

pytestmark = [
    pytest.mark.bench,
    pytest.mark.benchmark(timer=time.thread_time, disable_gc=True, warmup=False),
]


def waves_of_many(signal: str, troubled: bool) -> Any:
    """Give what makes `WINDOWS` windows of everybody's samples, and how many samples that is."""
    events = []
    if troubled:
        # A tenth in atrial fibrillation, a twentieth with a noisy electrode.
        events += [event("af", 0, 1e4, slot=slot) for slot in range(0, N, 10)]
        events += [event("motion", 0, 1e4, slot=slot) for slot in range(5, N, 20)]
    plan = make_plan(N, events, body=np.arange(N) % BODIES)
    bodies, slots = Bodies(plan), np.arange(N, dtype=np.int32)
    hearts = Hearts(plan, bodies.seconds)
    waves: EcgWaves | PpgWaves | MotionWaves
    if signal == "ecg":
        waves = EcgWaves(plan, slots, NoiseBank())
    else:
        waves = PpgWaves(plan, slots) if signal == "ppg" else MotionWaves(plan, slots)
    bodies.until(9)
    hearts.until((FIRST + WINDOWS) / 5 + 0.5)
    n = waves.fs_hz // 5

    def run() -> None:
        for w in range(FIRST, FIRST + WINDOWS):
            waves.samples(w * n, (w + 1) * n, hearts.beats, hearts.newest, bodies.seconds)

    run()  # compiles
    return run, N * n * WINDOWS


def plain_s(n_samples: int) -> float:
    """Time a plain sum of three tables for as many samples in numpy: baseline, beat, noise."""
    table = np.random.default_rng(1).standard_normal(1 << 16).astype(np.float32)
    rows = n_samples // WINDOWS // N
    at = np.arange(rows) + np.arange(N)[:, None] % 60_000
    best = np.inf
    for _ in range(3):
        began = time.thread_time()
        for _ in range(WINDOWS):
            total = table[at] + table[at + 100] * np.float32(0.5) + table[at + 200]
            np.clip(np.rint(total * np.float32(3000)), -32767, 32767).astype(np.int16)
        best = min(best, time.thread_time() - began)
    return best


@pytest.mark.parametrize("signal", ["ecg", "ppg", "acceleration"])
@pytest.mark.parametrize("troubled", [False, True])
def test_waves_of_10000_people(benchmark: Any, signal: str, troubled: bool) -> None:
    run, n_samples = waves_of_many(signal, troubled)
    benchmark.pedantic(run, rounds=5)
    took_s = benchmark.stats.stats.min
    ratio = took_s / plain_s(n_samples)
    figures = {
        "msamples_per_s": n_samples / took_s / 1e6,
        "core_s_per_s": took_s * 5 / WINDOWS,
        "of_plain_sum": ratio,
    }
    for name, value in figures.items():
        benchmark.extra_info[name] = round(value, 3)
    print("; ".join(f"{name} {value:.3g}" for name, value in figures.items()))
    assert ratio < (MOST_TROUBLED if troubled else MOST)[signal]
