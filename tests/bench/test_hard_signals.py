"""Beats of DS1 in signals that were changed on purpose (docs/accuracy.md, several leads).

``make bench ARGS='-k hard_signals -s'`` prints the figures; what is drawn is drawn by fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from loadtest.evaluate.beats import LEARNING_S, paired, window
from loadtest.evaluate.databases import DS1
from loadtest.evaluate.reference import Reference, read_reference
from loadtest.evaluate.spans import within
from processors.features.qrs import Qrs
from tests.needs import recordings
from tests.processors.ecg_cases import feed, r_times_s

pytestmark = pytest.mark.bench

Floats = NDArray[np.float64]
Change = Callable[[Floats, float, np.random.Generator], Floats]


def jumps(most_mv: float, *, rise_s: float = 0.0, fade_s: float = np.inf) -> Change:
    """Move the baseline by up to so much, up or down, every 10 s at any time of a beat."""

    def change(mv: Floats, fs_hz: float, draw: np.random.Generator) -> Floats:
        x, n_rise = mv.copy(), max(round(rise_s * fs_hz), 1)
        for at_s in np.arange(5.0, len(mv) / fs_hz - 3.0, 10.0):
            i = round((at_s + draw.uniform(0.0, 2.0)) * fs_hz)
            k = np.arange(len(mv) - i)
            shape = np.minimum((k + 1) / n_rise, 1.0) * np.exp(-k / (fade_s * fs_hz))
            x[i:] += draw.uniform(-most_mv, most_mv) * shape
        return x

    return change


def gains(most: float) -> Change:
    """Change the gain every minute, to one over `most` up to `most` times its own."""

    def change(mv: Floats, fs_hz: float, draw: np.random.Generator) -> Floats:
        minute = np.arange(len(mv)) // round(60 * fs_hz)
        return mv * (most ** draw.uniform(-1.0, 1.0, minute[-1] + 1))[minute]

    return change


def clipped(at_mv: float) -> Change:
    return lambda mv, fs_hz, draw: np.clip(mv, -at_mv, at_mv)


# What is done, and the least Se and +P: what was measured, less a tenth.
CASES: dict[str, tuple[Change, float, float]] = {
    "as recorded": (lambda mv, fs_hz, draw: mv, 99.80, 99.85),
    "jumps of up to 6 mV": (jumps(6.0), 99.5, 99.5),
    "jumps of up to 2 mV": (jumps(2.0), 99.6, 99.4),
    "jumps of up to 6 mV in 40 ms": (jumps(6.0, rise_s=0.04), 99.4, 99.5),
    "jumps of up to 6 mV that fade with 1 s": (jumps(6.0, fade_s=1.0), 99.0, 99.0),
    "gains between a half and twice": (gains(2.0), 99.5, 99.6),
    "gains between a quarter and four times": (gains(4.0), 98.7, 99.6),
    "clipped at 1 mV": (clipped(1.0), 99.2, 99.5),
}


@pytest.mark.parametrize("what", CASES)
def test_beats_are_found_in_hard_signals(what: str) -> None:
    change, least_se, least_ppv = CASES[what]
    found = missed = false = 0
    for name in DS1.split():
        reference, mv = read(name)
        x = change(mv, reference.fs_hz, np.random.default_rng(int(name)))
        beats = feed(Qrs(), x.astype(np.float32), reference.fs_hz)["beats"]
        counts = scored(reference, r_times_s(beats))
        found, missed, false = found + counts[0], missed + counts[1], false + counts[2]
    se, ppv = 100.0 * found / (found + missed), 100.0 * found / (found + false)
    print(f"\n{what}: Se {se:.2f}, +P {ppv:.2f}; missed {missed}, false {false}")
    assert se >= least_se
    assert ppv >= least_ppv


@cache
def read(name: str) -> tuple[Reference, Floats]:
    reference = read_reference(recordings("mitdb") / name)
    return reference, np.asarray(reference.ecg(0.0, 1e9, 0), np.float64)


def scored(reference: Reference, r_s: Floats) -> tuple[int, int, int]:
    """Count beats found and missed and false ones, as EC57 does."""
    ours, theirs = np.rint(r_s * reference.fs_hz).astype(np.int64), reference.beats.at
    i, j = paired(theirs, ours, window(reference.fs_hz))
    begin = LEARNING_S * reference.fs_hz
    extra = np.delete(ours, j)
    extra = extra[~within(reference.flutter_waves, extra)]
    n_found = int((theirs[i] >= begin).sum())
    return n_found, int((theirs >= begin).sum()) - n_found, int((extra >= begin).sum())
