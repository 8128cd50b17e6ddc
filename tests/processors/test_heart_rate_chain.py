"""The heart-rate meter from the ECG on: the test waveforms of CLINICAL 3.8 through the engine."""

from __future__ import annotations

import numpy as np
import pytest

from processors.records import NS_PER_S, Chunk, pack
from processors.registry import discover
from streams.engine import Engine
from tests.processors.ecg_cases import NORMAL, ecg

FS_HZ = 250.0
NARROW = tuple((at, width, height) for at, width, height in NORMAL if abs(at) < 0.1)  # no P, no T
# A ventricular beat with the steep first part that most have. One as smooth as a T wave (half of
# the slope of the beat 0.33 s before it, in 8-22 Hz) is taken for one.
VENTRICULAR = ((-0.02, 0.014, -0.7), (0.02, 0.018, 1.8), (0.08, 0.03, -0.8), (0.3, 0.06, -0.45))
IN_TIME_S = 11.0  # CLINICAL 3.8: a step, and the alarm of it, in less than 11 s


def meter(r_s, length_s, shapes=None):
    """Give the readings as ``{second: rate}`` and the findings of one ECG, fed second by second."""
    x = ecg(r_s, FS_HZ, length_s, shapes=shapes, noise_mv=0.01)
    x = np.rint(x * 1000).astype(np.int16)[:, None]
    engine = Engine([make() for make in discover()])
    rates, findings = {}, []
    for second in range(int(length_s)):
        lo, hi = round(second * FS_HZ), round((second + 1) * FS_HZ)
        chunk = Chunk("p", "d", "ecg", second * NS_PER_S, x[lo:hi], fs_hz=FS_HZ, seq=lo, scale=1e-3)
        engine.tick((second + 1) * NS_PER_S)
        out = engine.feed([pack([chunk])])
        for block in out.features:
            if block.name == "heart_rate":
                pairs = zip(block.t_ns.tolist(), block.values[:, 0].tolist(), strict=True)
                rates |= {t // NS_PER_S: rate for t, rate in pairs}
        findings += out.findings
    return rates, findings


def beats(*rr_s, until_s):
    r_s = [1.0]
    while r_s[-1] < until_s - 1:
        r_s.append(r_s[-1] + rr_s[(len(r_s) - 1) % len(rr_s)])
    return r_s[:-1]


@pytest.mark.parametrize("rate", [15, 30, 60, 120, 180, 220, 250, 300])
def test_a_regular_rhythm_is_within_one_per_minute_or_percent(rate):
    r_s = beats(60 / rate, until_s=40)
    shapes = [NARROW if rate > 120 else NORMAL] * len(r_s)
    rates, _ = meter(r_s, 40, shapes)
    shown = [value for second, value in rates.items() if 25 <= second <= 38]
    assert len(shown) >= 13
    assert all(abs(value - rate) <= max(1.0, 0.01 * rate) for value in shown)


@pytest.mark.parametrize(
    ("rr_s", "shapes", "rate", "within"),
    [
        ((0.5, 1.0), (NORMAL, VENTRICULAR), 80, 1),  # ventricular bigeminy
        ((2 / 3, 4 / 3), (NORMAL, VENTRICULAR), 60, 1),  # slow alternating
        ((1 / 3, 2 / 3), (NARROW, VENTRICULAR), 120, 1),  # rapid alternating
        ((0.5, 5 / 6), (NORMAL, tuple((a, w, -h) for a, w, h in NORMAL)), 90, 2),  # bidirectional
    ],
    ids=["bigeminy", "slow alternating", "rapid alternating", "bidirectional"],
)
def test_an_alternating_rhythm_is_counted_beat_by_beat(rr_s, shapes, rate, within):
    r_s = beats(*rr_s, until_s=45)
    rates, _ = meter(r_s, 45, [shapes[k % 2] for k in range(len(r_s))])
    shown = [value for second, value in rates.items() if 25 <= second <= 43]
    assert len(shown) >= 18
    assert all(abs(value - rate) <= within for value in shown)


@pytest.mark.parametrize("after", [120.0, 40.0])
def test_a_step_is_shown_in_time(after):
    before = beats(0.75, until_s=31)
    r_s = [*before, *np.arange(before[-1] + 60 / after, 59, 60 / after)]
    rates, _ = meter(r_s, 60)
    reached = min(s for s, rate in rates.items() if s > before[-1] and abs(rate - after) <= 1)
    assert reached - before[-1] < IN_TIME_S


@pytest.mark.parametrize("height", [0.4, 0.8, 1.2])
def test_no_t_wave_up_to_1_2_mv_is_counted(height):
    r_s = beats(0.75, until_s=40)
    tall = ((*NORMAL[:-1], (0.27, 0.045, height)),) * len(r_s)
    rates, _ = meter(r_s, 40, tall)
    assert all(abs(value - 80) <= 1 for second, value in rates.items() if second >= 15)


def test_a_tachycardia_is_told_in_time():
    """From 80 to 206 per minute: the waveform of the standard."""
    before = beats(0.75, until_s=31)
    r_s = [*before, *np.arange(before[-1] + 60 / 206, 54, 60 / 206)]
    _, findings = meter(r_s, 55, [NORMAL] * len(before) + [NARROW] * (len(r_s) - len(before)))
    told = [f for f in findings if f.code == "extreme_tachycardia" and f.state == "onset"]
    assert told
    assert told[0].t_ns / NS_PER_S - before[-1] < IN_TIME_S
