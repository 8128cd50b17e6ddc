"""How fast the engine is, and how much of it is not kernels. Times are of one thread's processor.

Bounds are ratios, so that they hold on any machine; the figures are printed by ``make bench``
(``-s`` shows them as sentences as well).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from processors.features.qrs import Qrs
from processors.kernels.filters import BUTTERWORTH_Q, lowpass
from processors.records import NS_PER_S, Batch, Block, Outputs, Processor
from processors.registry import discover
from streams.engine import Engine

STEP_NS = NS_PER_S // 4
WARM_STEPS = 40  # 10 s: beats are found, every processor has its state
TIMED_STEPS = 40

pytestmark = [
    pytest.mark.bench,
    pytest.mark.benchmark(timer=time.thread_time, disable_gc=True, warmup=False),
]

Step = tuple[int, list[Block]]


@cache
def steps(n_people: int) -> list[Step]:
    """Give 20 s of simulated people in steps of 250 ms."""
    bridge = SimulatorBridge(expand(load("quiet"), 1, n_people))
    return list(islice(bridge.steps(STEP_NS), WARM_STEPS + TIMED_STEPS))


def only(signals: Sequence[str], n_people: int) -> list[Step]:
    return [
        (until_ns, [block for block in blocks if block.signal in signals])
        for until_ns, blocks in steps(n_people)
    ]


def n_samples(some: list[Step]) -> int:
    return sum(block.n_samples for _, blocks in some for block in blocks)


def play(engine: Engine, some: list[Step]) -> None:
    for until_ns, blocks in some:
        engine.tick(until_ns)
        engine.feed(blocks)


def best_s(benchmark: Any, make: Callable[[], Callable[[], None]], rounds: int = 5) -> float:
    """Time what `make` prepares anew for each round; give the shortest."""
    benchmark.pedantic(lambda run: run(), setup=lambda: ((make(),), {}), rounds=rounds)
    shortest: float = benchmark.stats.stats.min
    return shortest


def report(benchmark: Any, **figures: float) -> None:
    for name, value in figures.items():
        benchmark.extra_info[name] = round(value, 3)
    print("; ".join(f"{name} {value:.3g}" for name, value in figures.items()))


def warm_engine(some: list[Step], wrap: Callable[[Processor], Processor] = lambda p: p) -> Engine:
    engine = Engine([wrap(make()) for make in discover()])
    play(engine, some[:WARM_STEPS])
    return engine


def test_feed_takes_ecg_and_ppg_of_500_people_in_a_third_of_real_time(benchmark: Any) -> None:
    some = only(("ecg", "ppg"), 500)

    def prepare() -> Callable[[], None]:
        engine = warm_engine(some)
        return lambda: play(engine, some[WARM_STEPS:])

    took_s = best_s(benchmark, prepare)
    share = took_s / (TIMED_STEPS * STEP_NS / NS_PER_S)
    report(benchmark, share_of_real_time=share, msamples_per_s=n_samples(some[40:]) / took_s / 1e6)
    assert share < 1 / 3


def test_feed_of_ecg(benchmark: Any) -> None:
    some = only(("ecg",), 500)

    def prepare() -> Callable[[], None]:
        engine = warm_engine(some)
        return lambda: play(engine, some[WARM_STEPS:])

    took_s = best_s(benchmark, prepare)
    report(benchmark, msamples_per_s=n_samples(some[WARM_STEPS:]) / took_s / 1e6)


def test_many_people_in_a_block_cost_a_tenth_each_of_one_alone(benchmark: Any) -> None:
    alone, many = only(("ecg",), 1), only(("ecg",), 500)

    def prepare() -> Callable[[], None]:
        engine = warm_engine(alone)
        return lambda: play(engine, alone[WARM_STEPS:])

    step_us = best_s(benchmark, prepare) / TIMED_STEPS * 1e6
    many_us = min(timed_feed(many) for _ in range(3)) / TIMED_STEPS / 500 * 1e6
    stages = len(discover())
    report(benchmark, alone_us=step_us, alone_us_per_stage=step_us / stages, of_500_us=many_us)
    assert many_us < step_us / 10


def ecg_batches(n_people: int) -> list[Batch]:
    """Give the ECG of many people in large batches: one every 250 ms, everybody in it."""
    none = np.zeros(0, np.int64)
    batches = []
    for until_ns, blocks in only(("ecg",), n_people):
        first = blocks[0]
        assert all(block.participants == first.participants for block in blocks)
        values = np.concatenate([b.samples.reshape(b.n_rows, -1) for b in blocks], axis=1)
        n_rows, n = values.shape
        slots = np.array([int(name[2:]) - 1 for name in first.participants], np.int32)
        batches.append(
            Batch(
                "ecg",
                slots,
                np.full(n_rows, until_ns, np.int64),
                np.arange(0, n_rows * n + 1, n, dtype=np.int64),
                values.reshape(-1, 1).astype(np.float32) * np.float32(first.scale[0]),
                first.fs_hz,
                first.t0_ns,
                first.seq,
                none,
                none.astype(np.int8),
            )
        )
    return batches


def test_qrs_alone_in_batches_of_2000(benchmark: Any) -> None:
    batches = ecg_batches(2000)
    timed = batches[WARM_STEPS:]

    def prepare() -> Callable[[], None]:
        qrs = Qrs()
        for batch in batches[:WARM_STEPS]:
            qrs.process(batch)

        def run() -> None:
            for batch in timed:
                qrs.process(batch)

        return run

    took_s = best_s(benchmark, prepare)
    report(benchmark, msamples_per_s=sum(batch.n_samples for batch in timed) / took_s / 1e6)


@dataclass
class Kept:
    """Keeps what a processor is given, to give it again without the engine."""

    inner: Processor

    def __post_init__(self) -> None:
        self.name, self.consumes = self.inner.name, self.inner.consumes
        self.produces = self.inner.produces
        self.given: list[Batch] = []

    def process(self, batch: Batch) -> Outputs:
        self.given.append(batch)
        return self.inner.process(batch)

    def forget(self, slots: NDArray[np.int32]) -> None:
        self.inner.forget(slots)

    def snapshot(self, slots: NDArray[np.int32]) -> NDArray[Any]:
        return self.inner.snapshot(slots)

    def restore(self, slots: NDArray[np.int32], state: NDArray[Any]) -> None:
        self.inner.restore(slots, state)


ECG_CHAIN = ("signal_quality", "qrs", "beat_class", "rr", "hrv", "heart_rate", "af")
LETHAL = ("ecg_waves", "fibrillation", "ventricular", "pause")  # on top of it
BIQUADS_PER_CHAIN = (
    50.0  # it is 20 alone, 28 beside other work; the goal is 10 Msamples/s on a quiet core
)


@njit(nogil=True, error_model="numpy")
def three_biquads(x: NDArray[np.float32], section: NDArray[np.float64]) -> float:
    """Give the energy of a signal behind three sections: the yardstick of a sample's cost."""
    b, a1, a2 = section
    p1 = q1 = p2 = q2 = p3 = q3 = energy = 0.0
    for i in range(len(x)):
        v = np.float64(x[i])
        y = b * v + p1
        p1, q1 = 2.0 * b * v - a1 * y + q1, b * v - a2 * y
        w = b * y + p2
        p2, q2 = 2.0 * b * y - a1 * w + q2, b * y - a2 * w
        z = b * w + p3
        p3, q3 = 2.0 * b * w - a1 * z + q3, b * w - a2 * z
        energy += z * z
    return energy


def test_the_ecg_chain_in_batches_of_2000(benchmark: Any) -> None:
    """Quality, QRS, classes, RR, HRV, rate and AF; budget by stage in docs/performance.md."""
    some = only(("ecg",), 2000)
    kept: list[Kept] = []

    def keep(processor: Processor) -> Kept:
        kept.append(Kept(processor))
        return kept[-1]

    engine = warm_engine(some, keep)
    warm = [len(one.given) for one in kept]
    play(engine, some[WARM_STEPS:])
    n, section = n_samples(some[WARM_STEPS:]), np.array(lowpass(250.0, 40.0, BUTTERWORTH_Q))
    x = np.concatenate([block.samples.ravel() for block in some[-1][1]]).astype(np.float32)
    best = dict.fromkeys((one.name for one in kept), np.inf)
    yardstick_s = np.inf

    def once() -> None:  # by turns, so that whatever else the machine does meets them all
        nonlocal yardstick_s
        for one, n_warm in zip(kept, warm, strict=True):
            fresh = type(one.inner)()
            for batch in one.given[:n_warm]:
                fresh.process(batch)
            began = time.thread_time()
            for batch in one.given[n_warm:]:
                fresh.process(batch)
            best[one.name] = min(best[one.name], time.thread_time() - began)
            began = time.thread_time()
            three_biquads(x, section)
            yardstick_s = min(yardstick_s, (time.thread_time() - began) * n / len(x))

    three_biquads(x, section)
    benchmark.pedantic(once, rounds=3)
    chain_s = sum(best[name] for name in ECG_CHAIN)
    lethal_s = sum(best[name] for name in LETHAL)
    stages = {f"{name}_ns": took * 1e9 / n for name, took in best.items() if took * 1e9 / n >= 0.1}
    report(
        benchmark,
        chain_msamples_per_s=n / chain_s / 1e6,
        with_lethal_rhythms_msamples_per_s=n / (chain_s + lethal_s) / 1e6,
        three_biquads_msamples_per_s=n / yardstick_s / 1e6,
        chain_over_three_biquads=chain_s / yardstick_s,
        **dict(sorted(stages.items(), key=lambda stage: -stage[1])),
    )
    assert chain_s < BIQUADS_PER_CHAIN * yardstick_s


def test_what_the_engine_adds_is_a_bounded_multiple_of_its_processors(benchmark: Any) -> None:
    some = only(("ecg",), 500)
    kept: list[Kept] = []

    def keep(processor: Processor) -> Kept:
        kept.append(Kept(processor))
        return kept[-1]

    engine = warm_engine(some, keep)
    warm = [len(one.given) for one in kept]
    play(engine, some[WARM_STEPS:])

    def prepare() -> Callable[[], None]:
        fresh = [type(one.inner)() for one in kept]
        for processor, one, n_warm in zip(fresh, kept, warm, strict=True):
            for batch in one.given[:n_warm]:
                processor.process(batch)

        def run() -> None:
            for processor, one, n_warm in zip(fresh, kept, warm, strict=True):
                for batch in one.given[n_warm:]:
                    processor.process(batch)

        return run

    alone_s = best_s(benchmark, prepare)
    whole_s = min(timed_feed(some) for _ in range(5))
    report(benchmark, engine_over_processors=whole_s / alone_s, processors_s=alone_s)
    assert whole_s < 3 * alone_s


def timed_feed(some: list[Step]) -> float:
    engine = warm_engine(some)
    began = time.thread_time()
    play(engine, some[WARM_STEPS:])
    return time.thread_time() - began
