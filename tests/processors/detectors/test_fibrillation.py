import math

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.pacing import pack_all
from processors.detectors.fibrillation import Fibrillation
from processors.records import NS_PER_S, OFFSET, ONSET, Chunk
from streams.engine import Engine
from tests.naive.fibrillation import findings as slow_findings
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.needs import recordings
from tests.processors.ecg_cases import ecg, regular

HALF = 500_000_000
FINE = (0.4, 0.65, 4.5, 0.8, 0.5, 0.22)  # a window of fibrillation
ALIKE = (0.3, 0.7, 3.5, 0.8, 0.95, 0.33)  # of tachycardia at 182 /min
REST = (math.nan, 0.2, 5.0, 1.5, math.nan, math.nan)  # of beats


def windows(*kinds, start_s=4.0):
    return [(round(start_s * NS) + k * HALF, 4, kind) for k, kind in enumerate(kinds)]


def second(t_s, attached=1.0, railed=0.0, noisy=0.0, peak=0.8, score=0.2):
    return (t_s * NS, 0, (score, attached, 0.0, railed, noisy, peak))


def beat(t_s, confidence, label=1.0):
    t = round(t_s * NS)
    return [
        (t, 1, (0.2e9, 0.0, 1.0, confidence, 0.0, 0.0)),
        (t, 2, (0.6e9, label, 0.0, 0.0, 800.0, 0.0)),
    ]


def run(records, until_s=None):
    records = sorted(records, key=lambda record: record[:2])
    until = round(until_s * NS) if until_s else records[-1][0]
    found = rows_of(feed(Fibrillation(), {0: records}, until, 6))
    rhythms = [(row[1] / NS, row[2]) for row in found.get("derived wave_rhythm", [])]
    return found.get("finding vf", []), rhythms


@st.composite
def scenes(draw):
    records, t = [], 4 * NS
    for kind in draw(st.lists(st.sampled_from([FINE, FINE, ALIKE, REST]), max_size=10)):
        for _ in range(draw(st.integers(1, 9))):
            t += draw(st.sampled_from([HALF] * 30 + [6 * NS]))
            even = draw(st.sampled_from([kind[1]] * 4 + [0.56]))
            hz = draw(st.sampled_from([kind[2]] * 4 + [2.6, 2.9]))
            like = draw(st.sampled_from([kind[4]] * 4 + [0.87, 0.7]))
            drawn = (kind[0], even, hz, kind[3], like, kind[5])
            lower = (0.0,) * 3 + (draw(st.sampled_from([0.0] * 12 + [0.7, -4.0])),) + (0.0,) * 2
            v = tuple(a - b for a, b in zip(drawn, lower, strict=True))
            slow = draw(st.integers(0, 20)) == 0
            records.append((t, 4, (*v[:5], 0.6) if slow else v))
            if draw(st.integers(0, 9)) == 0:
                records += beat(t / NS - 0.2, draw(st.sampled_from([0.2, 0.9])))
                records += beat(t / NS - 0.1, 0.9, draw(st.sampled_from([1.0, 3.0])))
            if draw(st.integers(0, 9)) == 0:
                bad, score = draw(st.integers(0, 6)), draw(st.sampled_from([0.4, 0.6]))
                flags = (float(bad != 0), 0.0, float(bad == 1), float(bad == 2))
                records.append((t, 0, (score, *flags, 0.5)))
            if draw(st.integers(0, 60)) == 0:
                records.append((t, 3, (draw(st.sampled_from([0.0, 1.0])),)))
    return sorted(records, key=lambda x: x[:2]), t + draw(st.sampled_from([0, 1, 6])) * NS


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(scene):
    records, until = scene
    found = rows_of(feed(Fibrillation(), {0: records}, until, 6))
    said = [row[1:5] for row in found.get("finding vf", [])]
    rhythms = [row[1:4] for row in found.get("derived wave_rhythm", [])]
    assert (said, rhythms) == slow_findings(records, until)


@given(scenes(), scenes(), st.lists(st.integers(4 * NS, 40 * NS), max_size=6))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    rows = {0: one[0], 6: other[0]}
    assert_cuts_do_not_matter(Fibrillation, rows, max(one[1], other[1]), 6, cuts)


def test_three_of_four_windows_are_fibrillation_from_the_middle_of_the_first_to_the_last():
    found, rhythms = run(windows(REST, FINE, REST, FINE, FINE, REST, REST, REST))
    (on, off) = found
    assert (on[4], on[1], on[3]) == (ONSET, round(2.5 * NS), 6 * NS)
    assert (off[4], off[1], off[2], off[3]) == (OFFSET, on[1], 4 * NS, round(7.5 * NS))
    assert rhythms == [(6.0, 2.0), (7.5, 0.0)]
    assert run(windows(REST, FINE, FINE, REST, REST, FINE, REST))[0] == []


def test_regular_waves_are_tachycardia_and_no_fibrillation():
    assert run(windows(*[ALIKE] * 8)) == ([], [(5.0, 1.0)])


def test_regular_waves_faster_than_any_tachycardia_are_flutter():
    flutter = (*ALIKE[:5], 60 / 280)
    assert [row[4] for row in run(windows(*[flutter] * 8))[0]] == [ONSET]


def test_regular_waves_slower_than_tachycardia_are_left_to_the_beats():
    assert run(windows(*[(*ALIKE[:5], 60 / 110)] * 8)) == ([], [])


def test_a_few_regular_windows_change_nothing_and_many_do():
    assert run(windows(*[FINE] * 8, *[ALIKE] * 5))[1] == [(5.0, 2.0)]
    assert run(windows(*[FINE] * 8, *[ALIKE] * 6))[1] == [(5.0, 2.0), (10.5, 1.0)]


@pytest.mark.parametrize(
    "bad", [{"attached": 0.0}, {"railed": 1.0}, {"noisy": 1.0}, {"peak": math.nan}]
)
def test_a_window_with_a_bad_second_says_nothing(bad):
    poor = [second(t, **bad) for t in range(1, 9)]
    assert run([*windows(*[FINE] * 8), *poor]) == ([], [])
    assert run([*windows(*[FINE] * 8), *(second(t) for t in range(1, 9))])[0]


def test_no_rule_on_beats_but_sure_normal_ones_keeps_it_from_being_told():
    normal = [record for k in range(20) for record in beat(1 + 0.4 * k, 0.7)]
    assert run([*windows(*[FINE] * 8), *normal]) == ([], [])
    unsure = [record for k in range(20) for record in beat(1 + 0.4 * k, 0.3)]
    assert run([*windows(*[FINE] * 8), *unsure])[0]
    assert run([*windows(*[(*ALIKE[:1], 0.64, *ALIKE[2:])] * 8), *normal]) == ([], [])
    assert run([*windows(*[ALIKE] * 8), *normal])[1]  # of what is so even no QRS is narrow
    wide = [record for k in range(20) for record in beat(1 + 0.4 * k, 0.7, 3.0)]
    assert run([*windows(*[FINE] * 8), *wide])[0]


def test_tachycardia_holds_while_its_waves_are_nearly_alike():
    nearly = (*ALIKE[:4], 0.87, ALIKE[5])
    assert run(windows(*[ALIKE] * 8, *[nearly] * 8))[1] == [(5.0, 1.0)]
    assert run(windows(*[nearly] * 8))[1] == [(5.0, 2.0)]


def test_waves_slower_than_fibrillation_are_tachycardia_though_less_alike():
    slow = (*ALIKE[:2], 2.9, ALIKE[3], 0.7, 0.35)
    assert run(windows(*[slow] * 8)) == ([], [(5.0, 1.0)])
    fast = (*slow[:2], 3.1, *slow[3:])
    assert run(windows(*[fast] * 8))[1] == [(5.0, 2.0)]
    slower = (*slow[:2], 2.7, *slow[3:])  # broad beats and their T waves have so much
    assert run(windows(*[slower] * 8)) == ([], [])
    alike = (*slower[:4], 0.95, slower[5])
    assert run(windows(*[alike] * 8))[1] == [(5.0, 1.0)]


def test_noise_on_waves_that_score_fair_does_not_hide_them():
    noisy = [second(t, noisy=1.0, score=0.6) for t in range(1, 9)]
    assert run([*windows(*[ALIKE] * 8), *noisy])[1] == [(5.0, 1.0)]


def test_beats_before_the_window_do_not_count():
    before = [record for k in range(8) for record in beat(0.4 * k, 0.9)]
    assert run([*windows(*[REST] * 8, *[FINE] * 8), *before])[0]


def test_a_lead_that_is_off_ends_it():
    found, _ = run([*windows(*[FINE] * 12), (6 * NS, 3, (1.0,))])
    assert [row[4] for row in found] == [ONSET, OFFSET]


def test_a_short_gap_does_not_end_it_and_a_long_one_ends_it_at_the_last_window():
    held = [*windows(*[FINE] * 4), *windows(*[FINE] * 4, start_s=10.0)]
    assert [row[4] for row in run(held)[0]] == [ONSET]
    _, off = run(windows(*[FINE] * 4), until_s=20)[0]
    assert (off[2], off[3]) == (round(5.5 * NS), 11 * NS)


def told(*signals, fs_hz=250.0):
    """Give the findings of the whole engine on these ECGs, by participant."""
    chunks = [
        Chunk(f"p{k}", "patch", "ecg", 0, x.astype(np.float32)[:, None], fs_hz)
        for k, x in enumerate(signals)
    ]
    engine = Engine()
    found = [*engine.feed(pack_all(chunks)).findings]
    end_s = max(map(len, signals)) / fs_hz
    return [*found, *engine.tick(round((end_s + 30) * NS_PER_S)).findings]


def test_motion_and_muscle_noise_over_beats_do_not_fibrillate():
    random = np.random.default_rng(5)
    t = np.arange(250 * 60) / 250
    clean = ecg(regular(60.0), 250, 60)
    muscle = clean + 0.5 * random.standard_normal(len(t))
    steps = clean + 0.6 * np.sin(2 * np.pi * 2.6 * t) + 0.4 * np.sin(2 * np.pi * 5.2 * t + 1)
    assert not [f for f in told(clean, muscle, steps) if f.code == "vf"]


def torn(x, seed, packet=50, share=0.3):
    """Give an ECG in packets of 0.2 s, of which three of ten are lost."""
    x, random = x.astype(np.float32), np.random.default_rng(seed)
    return [
        Chunk("p", "patch", "ecg", round(a * 4e6), x[a : a + packet, None], 250.0, a)
        for a in range(0, len(x), packet)
        if random.random() >= share
    ]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fibrillation_is_told_though_packets_are_lost_and_beats_are_none(seed):
    t = np.arange(250 * 60) / 250
    x = ecg(regular(60.0), 250, 60, noise_mv=0.01)
    x[30 * 250 :] = sum(0.2 * np.sin(2 * np.pi * hz * t + hz) for hz in (4.3, 5.1, 6.2))[7500:]
    engine = Engine()
    found = [*engine.feed(pack_all(torn(x, seed))).findings, *engine.tick(90 * NS).findings]
    onset, *_ = (f for f in found if f.code == "vf")
    assert (onset.state, onset.onset_ns / NS) == ("onset", pytest.approx(30.0, abs=2.0))
    assert onset.t_ns / NS < 30.0 + 8.0


def test_a_recorded_fibrillation_is_told_in_time_and_is_no_tachycardia():
    path = str(recordings("vfdb") / "426")
    start_s = 600
    x = wfdb.rdrecord(path, sampfrom=250 * start_s, sampto=250 * 720).p_signal[:, 0]
    found = told(x)
    onset = next(f for f in found if f.code == "vf")
    begins_s = 645.7 - start_s  # its mark in the record
    assert abs(onset.onset_ns / NS_PER_S - begins_s) < 2.0
    assert onset.t_ns / NS_PER_S < begins_s + 6.0
    vt = [f for f in found if f.code == "vt" and f.state == "onset"]
    assert not vt


def test_a_recording_that_begins_in_tachycardia_is_in_it_from_the_first_window_on():
    path = str(recordings("vfdb") / "611")
    begins = 250 * 1210  # 14 s after its mark: no other beat is ever seen
    x = wfdb.rdrecord(path, sampfrom=begins, sampto=begins + 250 * 40).p_signal[:, 0]
    onset, *others = (f for f in told(x) if f.code in ("vt", "vf") and f.at_ns < 35 * NS)
    assert (onset.code, onset.state) == ("vt", "onset")
    assert onset.t_ns < 8 * NS
    assert not others
