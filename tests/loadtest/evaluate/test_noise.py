"""Noise is added as nst adds it, and scored in its minutes and in the quiet between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device_bridges.simulator.noise import noise_size
from loadtest.evaluate.noise import (
    Condition,
    conditions,
    noisy_spans,
    qrs_size,
    quiet_spans,
    score,
    summed,
    with_noise,
)
from loadtest.evaluate.reference import Beats, N, Q, Reference, V
from loadtest.evaluate.said import Said
from loadtest.evaluate.spans import size

FS_HZ = 100.0
END = 1800 * 100
EVERY = np.arange(50, END - 50, 80)


def reference() -> Reference:
    return Reference(Path("r"), FS_HZ, END, EVERY, np.full(len(EVERY), "N"),
                     np.full(len(EVERY), ""))  # fmt: skip


def ecg() -> np.ndarray:
    mv = np.zeros(END)
    mv[EVERY], mv[EVERY + 2] = 1.0, -0.5
    return mv


@pytest.mark.parametrize("snr_db", [24, 6, -6])
def test_the_ratio_is_that_of_nst(snr_db: int) -> None:
    noise = np.random.default_rng(1).standard_normal(40_000)
    clean = ecg()
    noisy = with_noise(clean, noise, qrs_size(clean, reference()), snr_db, FS_HZ)
    added = (noisy - clean)[30_000:42_000]
    ratio = 10 * np.log10((1.5**2 / 8) / noise_size(added, 100) ** 2)
    assert ratio == pytest.approx(snr_db, abs=0.2)
    for start, stop in quiet_spans(END, FS_HZ).tolist():
        assert (noisy[start:stop] == clean[start:stop]).all()
    assert (noisy[:30_000] == clean[:30_000]).all()


def test_noise_and_quiet_share_all_that_follows_the_fifth_minute() -> None:
    both = size(noisy_spans(END, FS_HZ)) + size(quiet_spans(END, FS_HZ))
    assert both == END - 300 * FS_HZ


def test_every_condition_has_a_name_of_its_own() -> None:
    some = list(conditions())
    assert len({one.name for one in some}) == len(some) == 36
    assert Condition("118", "ma", -6).name == "118_ma_m6"


def test_noise_beats_are_suppressed_and_clean_ones_lost_where_the_gate_says_q() -> None:
    extra = np.array([31_011, 31_091, 43_011])  # two in noise, one in quiet
    at = np.sort(np.r_[EVERY[EVERY != 44_050], extra])
    kind = np.where(np.isin(at, extra), V, N)
    kind[at == 31_011] = Q
    kind[at == 46_050] = Q
    seconds = np.arange(100.0, END + 1, 100.0)
    scores = np.where(seconds == 31_100.0, 0.3, 0.9)  # the second of the first two
    scores[seconds == 45_000.0] = 0.1  # a second of quiet
    streams = {"ecg_quality": {"t": seconds, "score": scores}}
    said = Said(Beats(at, kind), at + 20, at + 60, np.zeros(0, np.int64), (), (), streams)
    found = score(reference(), said)
    assert (found.false, found.suppressed, found.false_bad) == (2, 1, 2)
    assert found.v_false == 1
    assert (found.quiet_missed, found.quiet_lost) == (1, 2)
    assert found.quiet_bad == np.sum((EVERY > 44_900) & (EVERY <= 45_000))
    assert found.found == found.beats
    twice = summed([found, found])
    assert twice.quiet_beats == 2 * found.quiet_beats
    assert len(twice.quiet_score) == 2 * len(found.quiet_score)
