import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.pacing import pack_all
from processors.detectors.pause import Pause
from processors.features.ppg_pulse import PpgPulse
from processors.features.qrs import Qrs
from processors.features.signal_quality import SignalQuality
from processors.records import OFFSET, ONSET, POINT, Chunk, Control
from streams.engine import Engine
from tests.naive.pause import findings as slow_findings
from tests.naive.recordings import streams_of
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.processors.ecg_cases import ecg

LAG = 220_000_000


def beat(r_ns, withdrawn=0.0, after_gap=0.0, later=0, size_mv=1.0, confidence=1.0):
    row = (float(LAG + later), withdrawn, size_mv, confidence, 0.0, after_gap)
    return (r_ns + LAG + later, 0, row)


def seconds(first, last, attached=0.5, railed=0.0, noisy=0.0, peak=0.1, present=1.0):
    row = (1.0, attached, 0.0, railed, noisy, peak, present)
    return [(t * NS, 1, row) for t in range(first, last + 1)]


def pulse(peak_s, quality=0.95):
    t = round(peak_s * NS) + LAG
    return (t, 3, (float(LAG), 800.0, 1000.0, quality))


def rhythm(*r_s):
    return [beat(round(r * NS)) for r in r_s]


def run(records, until_s):
    return rows_of(feed(Pause(), {0: records}, round(until_s * NS), 7))


@st.composite
def scenes(draw):
    records, r = [], 300_000_000
    for k in range(draw(st.integers(1, 30))):
        r += draw(st.sampled_from([700, 700, 710, 690, 1300, 2100, 3050, 5200, 9000])) * 1_000_000
        r += k + 1  # no two records at one time
        how = {"after_gap": draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 1.0]))}
        if draw(st.integers(0, 4)) == 0:
            how["size_mv"] = draw(st.sampled_from([-0.09, 0.05, 0.11]))
            how["confidence"] = draw(st.sampled_from([0.2, 0.31]))
        records.append(beat(r, **how))
        if draw(st.integers(0, 7)) == 0:
            again = r + draw(st.sampled_from([60, 199, 200])) * 1_000_000
            records.append((again + LAG, 0, (float(again - r + LAG), 1.0, 1.0, 1.0, 0.0, 0.0)))
            if draw(st.booleans()):
                r += 90_000_000
                records.append(beat(r, later=again - r + 7))
    end = r // NS + draw(st.integers(0, 12))
    lost = draw(st.sets(st.integers(1, end + 1), max_size=2))
    for t in range(1, end + 2):
        if t not in lost:
            bad = draw(st.integers(0, 25))
            peak = draw(st.sampled_from([0.1] * 9 + [0.3, 0.8, math.nan]))
            how = {"attached": [0.0, 1.0, 0.5][min(bad, 2)], "noisy": float(bad == 3)}
            how["present"] = 0.85 if bad == 4 else 0.95
            records += seconds(t, t, peak=peak, **how)
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        records.append(
            pulse(draw(st.integers(1, end + 1)) + 0.7, draw(st.sampled_from([0.5, 0.9])))
        )
    if draw(st.booleans()):
        at = draw(st.integers(1, end + 1)) * NS + 500_000_000
        records.append((at, 2, (draw(st.sampled_from([0.0, 1.0])),)))
    return sorted(records, key=lambda x: x[:2]), (end + 30) * NS


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(scene):
    records, until = scene
    found = rows_of(feed(Pause(), {0: records}, until, 7))
    expected = slow_findings(records, until)
    assert {name[8:] for name in found} == set(expected)
    for code, rows in expected.items():
        mine = found[f"finding {code}"]
        assert [row[1:6] for row in mine] == [row[:5] for row in rows], code
        for row, twin in zip(mine, rows, strict=True):
            assert twin[5] is None or row[6] == pytest.approx(twin[5], rel=1e-9)


@given(scenes(), scenes(), st.lists(st.integers(0, 60 * NS), max_size=6))
@settings(max_examples=50, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    rows = {0: one[0], 6: other[0]}
    assert_cuts_do_not_matter(Pause, rows, max(one[1], other[1]), 7, cuts)


@pytest.mark.parametrize("last_r", [10.0, 10.05, 10.35, 10.69, 10.71, 10.99])
def test_asystole_is_found_by_the_clock_within_its_definition_and_1_5_s(last_r):
    found = run(rhythm(*range(1, 10), last_r) + seconds(1, 30), 20)
    (row,) = found["finding asystole"]
    assert row[1] == row[2] == round(last_r * NS)
    assert row[4] == ONSET
    assert 4.0 <= (row[3] - row[1]) / NS <= 5.5
    assert row[7:] == (pytest.approx((row[3] - row[1]) / NS), 0.1, 0.5)


def test_missing_samples_are_never_asystole():
    assert run(rhythm(*range(1, 11)) + seconds(1, 12), 60) == {}


BAD = (
    {"attached": 0.0},
    {"railed": 1.0},
    {"noisy": 1.0, "peak": 0.5},
    {"peak": math.nan},
    {"present": 0.7},
)


@pytest.mark.parametrize("bad", BAD)
def test_a_signal_that_is_off_railed_noisy_or_not_there_is_never_asystole(bad):
    assert run(rhythm(*range(1, 11)) + seconds(1, 10) + seconds(11, 30, **bad), 40) == {}


@pytest.mark.parametrize("bad", BAD)
def test_a_signal_that_has_just_come_back_is_no_asystole_for_6_s(bad):
    records = rhythm(*range(1, 11)) + seconds(1, 10) + seconds(11, 20, **bad) + seconds(21, 30)
    (row,) = run(records, 30)["finding asystole"]
    assert (row[1], row[3]) == (20 * NS, 27 * NS)


def test_a_silence_of_which_a_part_was_lost_is_no_pause():
    """Packets of 300 ms lost here and there: what was in them nobody knows."""
    parts = seconds(1, 10) + seconds(11, 11, present=0.7) + seconds(12, 13) + seconds(14, 20)
    assert run(rhythm(*range(1, 11), 13.5, *range(14, 19)) + parts, 20) == {}
    whole = rhythm(*range(1, 11), 13.5, *range(14, 19)) + seconds(1, 20, present=0.95)
    assert set(run(whole, 20)) == {"finding pause"}


def test_a_gap_in_intervals_alone_is_neither_pause_nor_asystole():
    rr_ms = np.full(60, 800.0, np.float32)
    rr_ms[[20, 40]] = 3600.0, 9000.0
    t_ns = np.cumsum(rr_ms * 1e6).astype(np.int64)
    chunk = Chunk("p", "strap", "rr", int(t_ns[0]), rr_ms[:, None], t_ns=t_ns)
    engine = Engine()
    found = [*engine.feed(pack_all([chunk])).findings, *engine.tick(200 * NS).findings]
    assert not {f.code for f in found} & {"pause", "asystole", "pauses_frequent", "missed_beat"}


def test_a_heart_that_pumps_does_not_stand_still():
    silent = rhythm(*range(1, 11)) + seconds(1, 30)
    pulses = [pulse(k + 0.3) for k in range(1, 21)]
    (row,) = run(silent + pulses, 30)["finding asystole"]
    assert (row[1], row[3]) == (10 * NS, 25 * NS)
    poor = [pulse(k + 0.3, quality=0.5) for k in range(1, 21)]
    assert run(silent + poor, 30) == run(silent, 30)
    late = [pulse(k + 0.3) for k in range(17, 21)]
    on, off, again = run(silent + late, 30)["finding asystole"]
    assert (on[3], off[3], again[3]) == (15 * NS, 18 * NS, 25 * NS)
    last = run([*silent, pulse(10.6)], 30)["finding asystole"][0]
    assert (last[3] - last[1]) / NS <= 5.5


def test_noise_too_small_to_hide_a_qrs_hides_no_asystole():
    records = rhythm(*range(1, 11)) + seconds(1, 13) + seconds(14, 30, noisy=1.0, peak=0.15)
    (row,) = run(records, 20)["finding asystole"]
    assert (row[1], row[3]) == (10 * NS, 15 * NS)


def test_a_large_signal_without_beats_is_no_asystole():
    large = rhythm(*range(1, 11)) + seconds(1, 30, peak=0.5)
    assert "finding asystole" not in run(large, 30)
    quiet_later = rhythm(*range(1, 11)) + seconds(1, 20, peak=0.5) + seconds(21, 30)
    (row,) = run(quiet_later, 30)["finding asystole"]
    assert (row[1], row[3]) == (10 * NS, 23 * NS)


def test_a_ripple_on_a_line_without_a_qrs_is_no_beat():
    ripples = {"size_mv": -0.05, "confidence": 0.2}
    still = rhythm(*range(1, 11)) + seconds(1, 30) + [beat(13 * NS, **ripples)]
    (row,) = run(still, 20)["finding asystole"]
    assert (row[1], row[3]) == (10 * NS, 15 * NS)
    for how in ({"size_mv": 0.2}, {"confidence": 0.5}):  # larger, or surer
        beaten = rhythm(*range(1, 11)) + seconds(1, 30) + [beat(13 * NS, **(ripples | how))]
        assert run(beaten, 20)["finding asystole"][0][1] == 13 * NS
    larger = rhythm(*range(1, 11)) + seconds(1, 30, peak=0.4) + [beat(12 * NS, **ripples)]
    assert "finding pause" not in run(larger, 14)  # there it may be one


def test_the_lead_flag_decides_what_the_signal_cannot_tell():
    quiet = rhythm(*range(1, 11)) + seconds(1, 30)
    known = run([(0, 2, (0.0,)), *quiet], 20)
    assert known["finding asystole"][0][9] == 1.0
    assert run([(10_500_000_000, 2, (1.0,)), *quiet], 20) == {}


def test_a_device_that_never_showed_a_beat_is_asystolic_only_on_a_known_lead():
    assert run(seconds(1, 30), 30) == {}
    assert run(seconds(1, 30, attached=1.0), 30) == {}
    assert "finding asystole" in run([(0, 2, (0.0,)), *seconds(1, 30)], 30)


def test_without_a_lead_flag_it_may_be_the_lead():
    quiet = rhythm(*range(1, 11)) + seconds(1, 30, attached=1.0)
    assert run(quiet, 20)["finding asystole"][0][9] == 0.5


def test_asystole_ends_with_a_beat_that_stands_and_not_with_one_taken_back():
    quiet = rhythm(*range(1, 11)) + seconds(1, 40)
    back = [beat(20 * NS), beat(20 * NS, withdrawn=1.0, later=150_000_000)]
    on, off = run([*quiet, *back, beat(25 * NS)], 28)["finding asystole"]
    assert (on[4], off[4]) == (ONSET, OFFSET)
    assert off[2] == 25 * NS


def test_a_pause_is_one_point_from_its_first_r_with_its_full_length_at_the_end():
    found = run(rhythm(1, 2, 3, 6.9, 7.9) + seconds(1, 9), 9)
    early, whole = found["finding pause"]
    assert early[1] == whole[1] == 3 * NS
    assert (early[3], early[4], early[5]) == (7 * NS, POINT, 0)
    assert (whole[5], whole[6]) == (1, pytest.approx(3.9))


def test_an_interval_over_a_gap_is_no_pause():
    found = run([*rhythm(1, 2, 3), beat(7 * NS, after_gap=1.0), *seconds(1, 3), *seconds(7, 9)], 9)
    assert found == {}


def test_a_withdrawn_beat_gives_the_interval_back_to_the_one_before():
    extra = [beat(4 * NS), beat(4 * NS, withdrawn=1.0, later=190_000_000)]
    found = run([*rhythm(1, 2, 3, 6.2), *extra, *seconds(1, 9)], 7)
    assert found["finding pause"][-1][6] == pytest.approx(3.2)


def test_five_pauses_of_two_seconds_in_a_minute_are_frequent_until_the_window_passes():
    r = [1.0, 3.1, 4, 6.1, 7, 9.1, 10, 12.1, 13, 15.1, *range(16, 100)]
    on, off = run(rhythm(*r) + seconds(1, 100), 99)["finding pauses_frequent"]
    assert (on[4], on[1]) == (ONSET, round(3.1 * NS))
    assert (off[4], off[2]) == (OFFSET, round(63.1 * NS))


@pytest.mark.parametrize(("gap", "missed"), [(1.5, True), (1.3, False), (3.1, False)])
def test_a_missed_beat_is_a_long_interval_in_a_regular_rhythm(gap, missed):
    before = [0.8 * k for k in range(1, 12)]
    after = [before[-1] + gap + 0.8 * k for k in range(4)]
    found = run(rhythm(*before, *after) + seconds(1, 16), 15)
    assert ("finding missed_beat" in found) == missed


def asystole_of(x_mv, lead=()):
    """Give (state, time told in s) of what is found in an ECG of 250 Hz."""
    engine = Engine([Qrs(), SignalQuality(), PpgPulse(), Pause()])
    samples = x_mv.astype(np.float32)[:, None]
    rows = [*lead, *pack_all([Chunk("p", "patch", "ecg", 0, samples, 250.0)])]
    found = [*engine.feed(rows).findings, *engine.tick(round(len(x_mv) / 250.0 * NS)).findings]
    return [(one.state, one.t_ns / NS) for one in found if one.code == "asystole"]


@pytest.mark.parametrize("breath_mv", [0.0, 0.5, 1.0])
def test_asystole_is_found_in_a_line_that_moves_with_the_breath(breath_mv):
    """18 breaths a minute, up to 2 mV from peak to peak: 1.9 mV a second."""
    breath = breath_mv * np.sin(2 * np.pi * 0.3 * np.arange(40 * 250) / 250.0)
    (found,) = asystole_of(ecg(np.arange(0.5, 25, 0.8), 250.0, 40, noise_mv=0.01) + breath)
    assert found == ("onset", pytest.approx(24.5 + 4.5, abs=1.0))
    off = Control("p", 0, "lead", {"off": 1.0})
    line = ecg(np.arange(0.5, 25, 0.8), 250.0, 40, noise_mv=0.01) + breath
    assert asystole_of(line, [off]) == []
    for size in (0.08, 0.15, 0.3):  # beats that are small are beats
        small = size * ecg(np.arange(0.5, 39, 0.8), 250.0, 40) + breath
        assert asystole_of(small + 0.005 * ecg([], 250.0, 40, noise_mv=1.0)) == []


def test_nan_of_a_lead_says_nothing():
    assert run([(0, 2, (math.nan,)), *rhythm(1, 2, 3), *seconds(1, 5)], 5) == {}


def test_the_pause_of_record_201_is_found():
    # Reference annotations: one RR of 3 s or more in the first 400 s, 3.72 s from 378.0 s.
    streams = streams_of("201", 400)
    quality = [(t, 1, values) for t, _, values in streams["ecg_quality"]]
    found = run(streams["beats"] + quality, 400)
    pauses = found["finding pause"]
    assert {round(row[1] / NS, 1) for row in pauses} == {378.0}
    assert pauses[-1][6] == pytest.approx(3.72, abs=0.03)
    assert "finding asystole" not in found
