import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.beat_class import RULES, BeatClass
from tests.naive.beat_class import F, Listener, N, Q, S, V
from tests.naive.recordings import streams_of
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

LAG = 600_000_000
WIDTH = 104
TIME = (np.arange(100) - 40) * 10.0  # ms


def bump(at, width, height):
    return height * np.exp(-0.5 * ((TIME - at) / width) ** 2)


NARROW = bump(-200, 25, 0.12) + bump(-25, 8, -0.1) + bump(0, 11, 1.0) + bump(25, 9, -0.2)
NARROW += bump(260, 45, 0.25)
WIDE = bump(0, 40, 1.4) + bump(110, 50, -0.8) + bump(280, 60, -0.4)
UPSIDE_DOWN = -0.9 * WIDE
SMALL = bump(0, 30, 0.15)
# In a fast rhythm the waves of the neighbours lie around the QRS.
CROWDED = NARROW + bump(-150, 30, 0.4) + bump(200, 30, -0.4)
AFTER = NARROW + bump(170, 30, -1.6)  # what differs comes after the QRS
BENT = NARROW + bump(-40, 14, 0.33) + bump(45, 14, -0.5)  # and this from its beginning on
FUSED = 0.55 * NARROW + 0.5 * WIDE
SHAPES = {
    "N": NARROW,
    "F": FUSED,
    "c": CROWDED,
    "V": WIDE,
    "W": UPSIDE_DOWN,
    "s": SMALL,
    "i": -NARROW,
    "a": AFTER,
    "b": BENT,
}


def windows(beats, seed=0, noise=0.01):
    """Records of ``beat_windows`` from (shape, RR in ms)."""
    rng = np.random.default_rng(seed)
    records, r = [], 0
    for shape, rr in beats:
        r += round((800.0 if math.isnan(rr) else rr) * 1e6)
        wave = SHAPES[shape] + rng.normal(0, noise, 100)
        records.append((r + LAG, 0, (float(LAG), rr, 1.0, noise, *wave)))
    return records


def lines(records, until_ns=None):
    """Give (label, rule, revised, form) in the order they came."""
    found = rows_of(feed(BeatClass(), {0: records}, until_ns or records[-1][0], WIDTH))
    return [
        (int(row[3]), RULES[int(row[4])], bool(row[5]), int(row[7]))
        for row in found["derived beat_labels"]
    ]


def slow_lines(records):
    listener, said = Listener(), []
    for t, source, v in sorted(records, key=lambda record: record[:2]):
        if source == 1:
            listener.hear_quality(t, v[0])
        else:
            said += listener.hear(t, v[1], v[3], np.array(v[4:]))
    return said


def scored(records, score):
    """Records with a second of quality before each of them, by its number."""
    seconds = [(t - NS // 2, 1, (score(k),)) for k, (t, _, _) in enumerate(records)]
    return sorted([*seconds, *records], key=lambda record: record[:2])


def with_noise(records, first, seed=3):
    """Records whose windows from `first` on are noise, as large as wide beats."""
    rng = np.random.default_rng(seed)
    noisy = records[:first]
    for t, source, values in records[first:]:
        wave = np.convolve(rng.normal(0, 1.5, 111), np.hanning(12), "valid")
        noisy.append((t, source, (*values[:4], *wave)))
    return noisy


def final_labels(records):
    labels = []
    for label, _, revised, _ in lines(records):
        if revised:
            labels[-1] = label
        else:
            labels.append(label)
    return labels


NORMAL = [("N", 800.0)] * 30
PVC = [("V", 500.0), ("N", 1100.0)]


def test_a_fast_rhythm_with_the_dominant_qrs_is_not_ventricular():
    fast = lines(windows([*NORMAL, *[("c", 560.0)] * 30]))[30:]
    assert V not in {label for label, *_ in fast}
    assert fast[0][:2] == (S, "early")


def test_wide_beats_are_noise_once_no_form_has_come_twice_for_long():
    found = lines(with_noise(windows([*NORMAL, *[("V", 800.0)] * 60]), 30))[60:]
    assert sum(label == V for label, *_ in found) <= 3
    assert "never_twice" in {rule for _, rule, *_ in found}


@given(
    st.lists(st.tuples(st.sampled_from("NNNVWscF"),
                       st.sampled_from([800.0, 810.0, 500.0, 1100.0, 300.0, 1600.0, math.nan])),
             min_size=1, max_size=60), st.integers(0, 5), st.sampled_from([0.01, 0.05, 0.2]),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_the_kernel_equals_its_slow_twin(beats, seed, noise):
    records = windows(beats, seed, noise)
    assert lines(records) == slow_lines(records)
    bad = scored(with_noise(records, len(records) // 2, seed), lambda k: (7 * k % 10) / 10)
    assert lines(bad) == slow_lines(bad)


@pytest.mark.parametrize("record", ["119", "203", "208"])
def test_the_kernel_equals_its_slow_twin_on_a_real_record(record):
    records = streams_of(record, 180)["beat_windows"]
    assert len(records) > 150
    seconds = [(t, 1, v) for t, _, v in streams_of(record, 180)["ecg_quality"]]
    assert lines(records + seconds) == slow_lines(records + seconds)


def labels_in(score, first=30, shapes="V"):
    """The labels that noise gets after normal beats, its seconds having this score."""
    beats = [*NORMAL, *[(shapes, rr) for rr in (500.0, 1100.0) * 6]]
    return [(label, rule) for label, rule, *_ in
            lines(scored(with_noise(windows(beats), first), lambda k: score if k >= first else 1.0))
           ][first:]  # fmt: skip


def test_strange_forms_are_v_in_good_seconds_and_doubtful_in_bad_ones():
    assert V in {label for label, _ in labels_in(1.0)[:4]}
    bad = labels_in(0.0)[2:]  # one strange form or two could be of a focus
    assert V not in {label for label, _ in bad}
    assert (Q, "doubtful") in bad


@pytest.mark.parametrize(("n", "rule"), [(40, "odd_template"), (20, "doubtful")])
def test_a_form_that_came_forty_times_is_not_doubted_right_after_noise(n, rule):
    before = [("N", 800.0), ("V", 500.0), ("N", 1100.0)] * n
    noise = [("V", 500.0), ("V", 1100.0)] * 8
    after = [("N", 800.0)] * 2 + [("V", 500.0)]
    records = with_noise(windows([*before, *noise, *after]), len(before))
    records = records[: len(before) + len(noise)] + windows([*before, *noise, *after])[-3:]
    found = lines(scored(records, lambda k: 0.0 if k >= len(before) else 1.0))
    assert found[-1][1] == rule


def test_beats_of_the_dominant_form_stand_in_bad_seconds():
    assert {label for label, _ in labels_in(0.0, first=42)} <= {N, S}
    beats = windows([("N", 800.0)] * 60)
    assert {label for label, *_ in lines(scored(beats, lambda k: 0.0))} == {N}


def test_ventricular_beats_of_one_form_stand_in_fair_seconds():
    beats = scored(windows([*NORMAL, *PVC * 10]), lambda k: 0.5)
    assert final_labels(beats).count(V) == 10


def test_quality_that_is_old_says_nothing():
    records = with_noise(windows([*NORMAL, *[("V", 500.0)] * 4]), 30)
    before = records[29][0]
    assert lines([(before - 3 * NS, 1, (0.0,)), *records]) == lines(records)
    assert lines([(before, 1, (0.0,)), *records]) != lines(records)


def test_bigeminy_of_record_119_shows():
    # The first five minutes of 119 hold 80 V among 327 beats (reference annotations).
    labels = final_labels(streams_of("119", 300)["beat_windows"])
    assert abs(labels.count(V) - 80) <= 2
    assert any(labels[i : i + 6] == [N, V, N, V, N, V] for i in range(len(labels) - 5))


@given(
    st.lists(st.tuples(st.sampled_from("NNNVWs"), st.sampled_from([800.0, 500.0, 1100.0, 9000.0])),
             min_size=1, max_size=25), st.integers(0, 3),
    st.lists(st.integers(0, 60 * NS), max_size=6),
)  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_cuts_and_company_do_not_matter(beats, seed, cuts):
    rows = {0: windows(beats, seed), 5: windows(beats[::-1], seed + 1)}
    until = max(records[-1][0] for records in rows.values()) + 100 * NS
    assert_cuts_do_not_matter(BeatClass, rows, until, WIDTH, cuts)


def test_early_wide_beats_are_v_and_the_rest_is_n():
    records = windows(NORMAL + (PVC + [("N", 800.0)] * 3) * 5)
    assert final_labels(records) == [N] * 30 + [V, N, N, N, N] * 5


def test_an_early_beat_of_the_dominant_form_is_s():
    assert final_labels(windows([*NORMAL, ("N", 520.0), ("N", 900.0)]))[-2:] == [S, N]


def test_a_sum_of_the_dominant_and_of_a_ventricular_form_is_f_when_a_beat_was_due():
    known = [*NORMAL, *(PVC + [("N", 800.0)] * 2) * 5]
    due = lines(windows([*known, ("F", 780.0), ("N", 800.0)]))
    assert (F, "fusion") in [line[:2] for line in due]
    early = final_labels(windows([*known, ("F", 500.0), ("N", 1100.0)]))
    assert F not in early
    unknown = final_labels(windows([*NORMAL, ("F", 780.0), ("N", 800.0)]))
    assert F not in unknown  # no ventricular form to be a sum of


@pytest.mark.parametrize("form", ["N", "V"])
def test_neither_form_alone_is_a_fusion(form):
    known = [*NORMAL, *(PVC + [("N", 800.0)] * 2) * 5]
    assert F not in final_labels(windows([*known, (form, 780.0), ("N", 800.0)]))


def test_a_run_of_early_beats_is_s_until_it_ends():
    run = [("N", 800.0)] * 3 + [("N", 480.0), *[("N", 400.0)] * 60, ("N", 900.0), ("N", 800.0)]
    found = lines(windows([*NORMAL, *run, ("N", 520.0), ("N", 900.0)]))
    labels = [label for label, _, revised, _ in found if not revised]
    assert labels[30:] == [N] * 3 + [S] * 61 + [N, N, S, N]


def test_a_run_that_does_not_end_becomes_the_rhythm():
    labels = final_labels(windows([*NORMAL, *[("N", 400.0)] * 150, ("N", 250.0), ("N", 450.0)]))
    assert labels[31:149] == [S] * 118
    assert labels[160:-2] == [N] * 20
    assert labels[-2:] == [S, N]


def test_a_rate_that_rises_is_not_early():
    steps = [("N", 800.0 * 0.93**k) for k in range(1, 9)]
    assert S not in {label for label, *_ in lines(windows(NORMAL + steps + [steps[-1]] * 9))}


def test_an_early_beat_whose_pace_is_kept_is_n_again():
    changed = lines(windows([*NORMAL, ("N", 640.0), ("N", 640.0), ("N", 640.0)]))[30:]
    assert [line[:3] for line in changed[:2]] == [(S, "early", False), (N, "same_pace", True)]
    assert {label for label, *_ in changed[2:]} == {N}


def test_a_beat_that_is_hardly_early_is_s_only_with_a_pause():
    assert final_labels(windows([*NORMAL, ("N", 705.0), ("N", 880.0), ("N", 800.0)]))[-3] == S
    assert final_labels(windows([*NORMAL, ("N", 705.0), ("N", 800.0), ("N", 800.0)]))[-3] == N


def test_the_beat_after_a_ventricular_one_is_not_s():
    # Interpolated: both intervals together are one of the sinus.
    assert final_labels(windows([*NORMAL, ("V", 400.0), ("N", 420.0), ("N", 800.0)]))[-2:] == [N, N]


def test_a_narrow_beat_that_is_hardly_early_is_v_only_with_a_pause():
    early = [*NORMAL, ("i", 690.0)]
    assert final_labels(windows([*early, ("N", 800.0), ("N", 800.0)]))[-3:] == [N, N, N]
    assert final_labels(windows([*early, ("N", 910.0), ("N", 800.0)]))[-3:] == [V, N, N]


def test_a_narrow_beat_on_time_is_v_only_with_a_pause():
    turned = [*NORMAL * 2, *[("i", 800.0), ("N", 800.0)] * 2]
    assert V not in final_labels(windows(turned))
    assert final_labels(windows([*turned, ("i", 800.0), ("N", 1000.0)]))[-2:] == [V, N]
    # A rhythm that slows down has no pause.
    slower = [("i", 850.0), ("N", 890.0), ("N", 900.0)]
    assert V not in final_labels(windows([*NORMAL * 2, *slower]))
    # Nor has one that is not known yet.
    assert V not in final_labels(windows([*NORMAL[:12], ("i", 800.0), ("N", 1000.0)]))


def test_the_second_beat_of_a_couplet_is_v_though_it_comes_on_time():
    couplet = lines(windows([*NORMAL * 2, ("V", 560.0), ("i", 810.0), ("N", 1050.0)]))
    assert (V, "late_pause", True) in [line[:3] for line in couplet]


def test_an_early_beat_nearly_dominant_is_v_if_its_pause_makes_up_for_it():
    beats = [*NORMAL, ("b", 460.0)]
    assert final_labels(windows([*beats, ("N", 1140.0), ("N", 800.0)]))[-3:] == [V, N, N]
    assert final_labels(windows([*beats, ("N", 900.0), ("N", 800.0)]))[-3:] == [S, N, N]


def test_a_slow_ventricular_rhythm_is_v_though_no_beat_is_early():
    slow = final_labels(windows([*NORMAL * 2, *[("W", 820.0)] * 6, ("N", 800.0)]))
    assert slow[60:] == [V] * 6 + [N]
    # A lead that is turned round makes no V: no beat is wider.
    assert V not in final_labels(windows([*NORMAL * 2, *[("i", 800.0)] * 40]))


def test_a_beat_that_begins_as_the_dominant_form_is_n_whatever_follows():
    bent = [("a", 800.0), ("N", 800.0), ("a", 500.0), ("N", 1100.0)]
    found = lines(windows([*NORMAL, *bent]))
    assert V not in {label for label, *_ in found}
    assert "same_start" in {rule for _, rule, *_ in found}


def test_in_af_an_early_beat_is_v_only_if_it_begins_unlike_the_dominant_form():
    rng = np.random.default_rng(5)
    irregular = [("N", float(rr)) for rr in rng.uniform(500, 1100, 80)]
    early = [("N", 900.0), ("i", 400.0), ("N", 800.0)]
    assert (V, "early_in_af") in [line[:2] for line in lines(windows([*irregular, *early]))]
    bent = [("N", 900.0), ("b", 400.0), ("N", 800.0)]
    assert V not in final_labels(windows([*irregular, *bent]))


def test_beats_of_one_focus_share_a_form_whatever_lies_around_them():
    # The QRS of the next beat lies in the window of the first, 300 ms on, and in no other.
    run = np.where(TIME > 150, np.roll(WIDE, 30), WIDE)
    records = windows([*NORMAL, ("V", 300.0), ("V", 300.0), ("W", 300.0), ("N", 1100.0)])
    t, source, v = records[-4]
    records[-4] = (t, source, (*v[:4], *run))
    *_, first, last, turned, _ = lines(records)
    assert [rule for _, rule, _, _ in (first, last, turned)] == ["early_odd"] * 3
    assert first[3] == last[3] != turned[3]


def test_beats_of_one_focus_share_a_form_whatever_turn_of_theirs_r_is_put_on():
    records = windows([*NORMAL, ("V", 450.0), ("N", 1100.0), ("N", 800.0), ("V", 450.0)])
    t, source, v = records[-1]
    records[-1] = (t, source, (*v[:4], *np.roll(WIDE, 10)))  # on the turn 100 ms before
    said = [line for line in lines(records) if line[0] == V]
    assert [form for *_, form in said] == [said[0][3]] * len(said)
    assert len(said) >= 2


@pytest.mark.parametrize("gain", [0.5, 1.0, 3.0])
def test_the_scale_of_the_signal_does_not_matter(gain):
    records = windows(NORMAL + PVC * 3)
    scaled = [(t, s, (*v[:2], *(gain * x for x in v[2:]))) for t, s, v in records]
    assert final_labels(scaled) == final_labels(records)


def test_a_small_wave_between_two_beats_on_time_is_taken_back():
    found = lines(windows([*NORMAL, ("s", 400.0), ("N", 400.0), ("N", 800.0)]))
    assert (Q, "extra", True) in [line[:3] for line in found]


def test_noise_that_fits_no_form_is_q():
    records = windows(NORMAL + PVC)
    t, source, v = records[-2]
    records[-2] = (t, source, (*v[:3], 0.9, *v[4:]))
    assert final_labels(records)[-2] == Q


def test_a_gap_in_the_rhythm_is_no_early_beat():
    assert final_labels(windows([*NORMAL, ("N", math.nan), ("N", 800.0)]))[-2:] == [N, N]


def test_counts_are_published_at_whole_5_s_for_a_minute_after_the_last_beat():
    records = windows(NORMAL + PVC * 3)
    found = rows_of(feed(BeatClass(), {0: records}, records[-1][0] + 300 * NS, WIDTH))
    counts = found["feature ventricular_beats"]
    assert all(row[1] % (5 * NS) == 0 for row in counts)
    assert counts[-1][1] - records[-1][0] <= 60 * NS
    assert max(row[2] for row in counts) == 3.0
    assert counts[-1][3] == 3.0
    last_v = records[-2][0]
    assert next(row[2] for row in counts if row[1] == -(-last_v // (5 * NS)) * 5 * NS) == 3.0


@given(
    st.lists(
        st.tuples(st.sampled_from("NVs"), st.sampled_from([0.5, 0.8, 30.0, 400.0, 4000.0])),
        max_size=40,
    ),
    st.integers(0, 3600),
)
@settings(max_examples=25, deadline=None)
def test_the_burden_is_that_of_the_labels(beats, start_s):
    gaps = [("N", 0.8)] * 40 + beats
    records, at = [], start_s * NS
    for (_, source, v), (_, rr_s) in zip(
        windows([(shape, 1000 * s if s < 1 else math.nan) for shape, s in gaps]), gaps, strict=True
    ):
        at += round(rr_s * 1e9)
        records.append((at, source, v))
    found = rows_of(feed(BeatClass(), {0: records}, at + 50 * NS, WIDTH))
    labels = [(row[1], row[3], row[5]) for row in found["derived beat_labels"]]
    for kind, name, first in ((V, "ventricular", 4), (S, "supraventricular", 3)):
        for row in found[f"feature {name}_beats"][-40:]:
            final = []
            for t, label, revised in labels:
                if t <= row[1] and revised:
                    final[-1] = (final[-1][0], label)
                elif t <= row[1]:
                    final.append((t, label))
            hour = [label for t, label in final if t // (300 * NS) > row[1] // (300 * NS) - 12]
            assert row[first] == hour.count(kind)
            if hour:
                assert row[first + 1] == pytest.approx(100 * hour.count(kind) / len(hour))
