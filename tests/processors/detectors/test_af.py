"""Fibrillation is found in irregular intervals and not in ectopy; findings are claimed back."""

import math

import numpy as np
import pytest
import wfdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors.detectors.af import Af
from processors.records import OFFSET, ONSET
from tests.naive.af import rhythm
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.needs import recordings
from tests.processors import ppg_cases

LAG = 600_000_000
SINUS, FIBRILLATION, PREMATURE, BIGEMINY, ANSWERED, RUNS, COUPLED, NOISE = range(8)
WAYS = [[820, 790], [460, 500, 580, 660, 960], [520, 420, 380, 440, 940], [1190, 1230, 1080],
        [600, 680, 740, 870]]  # fmt: skip
ECTOPY = [ANSWERED, RUNS, COUPLED, NOISE]


def intervals(kind, n, seed):
    """Give n (RR in ms, label) of one rhythm."""
    random = np.random.default_rng(seed)
    k = np.arange(n)
    rr = 850 + 40 * np.sin(k / 3) + 10 * random.standard_normal(n)
    label = np.ones(n)
    if kind == FIBRILLATION:
        rr = random.uniform(380, 900, n)
    if kind == PREMATURE:
        rr[5::9] *= 0.6
        rr[6::9] *= 1.4
        label[5::9] = 3
    if kind == BIGEMINY:
        rr = np.where(k % 2, 600.0, 1050.0) + 10 * random.standard_normal(n)
    if kind == ANSWERED:  # atrial beats at random, of any coupling, each with a pause
        rr = random.uniform(650, 850, n)
        early = np.flatnonzero(random.random(n - 1) < 0.35)
        rr[early] = random.uniform(350, 620, len(early))
        rr[early + 1] = random.uniform(780, 1100, len(early))
    if kind == RUNS:  # of atrial beats, which go the same ways again and again
        ways = [WAYS[k] for k in random.integers(0, len(WAYS), n)]
        rr = np.concatenate(ways)[:n] + 10 * random.standard_normal(n)
    if kind == COUPLED:  # early by one interval, among sinus beats of any
        rr = random.uniform(820, 1020, n)
        early = np.flatnonzero(random.random(n) < 0.3)
        rr[early] = 480 + 5 * random.standard_normal(len(early))
    if kind == NOISE:  # beats that are none, and lost ones
        rr = np.exp(random.uniform(np.log(220), np.log(2900), n))
    return list(zip(np.rint(rr).tolist(), label.tolist(), strict=True))


def records_of(beats, start_ns=0, source=0.0, lag_ns=LAG):
    t, records = start_ns, []
    for rr, label in beats:
        t += round(rr * 1e6)
        records.append(
            (t + lag_ns, 0, (float(lag_ns), rr, source, label, float(200 <= rr <= 5000)))
        )
    return records


def pulses_of(beats, start_ns=0, quality=0.9, lag_ns=175_000_000):
    t, records = start_ns, []
    for rr, _ in beats:
        t += round(rr * 1e6)
        records.append((t + lag_ns, 1, (float(lag_ns), rr, 1.0, quality)))
    return records


def found(records, until_ns=None):
    until_ns = records[-1][0] if until_ns is None else until_ns
    return rows_of(feed(Af(), {2: records}, until_ns, 5))


PARTS = st.lists(
    st.tuples(
        st.sampled_from([SINUS, FIBRILLATION, FIBRILLATION, PREMATURE, BIGEMINY, *ECTOPY]),
        st.integers(1, 200),
        st.integers(0, 99),
        st.sampled_from([0, 0, 0, 4, 40, 400]),  # s of silence before
        st.sampled_from([None, None, 0.9, 0.8, 0.7]),  # quality of pulses, if there are any
    ),
    max_size=6,
)


def scene(parts):
    records, t = [], 0
    for kind, n, seed, silence_s, quality in parts:
        if quality is not None:
            part = pulses_of(intervals(kind, n, seed), t + silence_s * NS, quality)
            poor = np.random.default_rng(seed).random(n) < 0.05
            records += [
                (moment, source, (lag, math.nan if bad and moment % 2 else rr, size,
                                  0.1 if bad else level))
                for bad, (moment, source, (lag, rr, size, level)) in zip(poor, part, strict=True)
            ]  # fmt: skip
            # The ECG may be there as well, and comes first.
            if seed % 3:
                t = part[-1][0]
            continue
        part = records_of(intervals(kind, n, seed), t + silence_s * NS)
        if silence_s:
            moment, source, values = part[0]
            part[0] = (moment, source, (values[0], math.nan, values[2], values[3], 0.0))
        records += part
        t = records[-1][0] - LAG
    records.sort(key=lambda record: record[:2])
    return records, (records[-1][0] if records else 0) + 400 * NS


LONG = [(SINUS, 200, 1, 0, None), (FIBRILLATION, 300, 2, 0, None), (PREMATURE, 200, 3, 4, None),
        (FIBRILLATION, 200, 4, 400, None)]  # fmt: skip
PULSES = [(SINUS, 200, 1, 0, 0.9), (FIBRILLATION, 300, 2, 0, 0.8), (SINUS, 150, 3, 0, 0.7),
          (SINUS, 150, 3, 0, None), (FIBRILLATION, 300, 4, 0, 0.9)]  # fmt: skip


@given(PARTS)
@example(LONG)
@example(PULSES)
@settings(max_examples=30, deadline=None)
def test_the_kernel_equals_its_slow_twin(parts):
    records, until_ns = scene(parts)
    said = found(records, until_ns)
    findings, rows = rhythm(records, until_ns)
    events = said.get("finding af", [])
    mine = [(row[1:5], row[7:]) for row in events]
    assert [row[0] for row in mine] == [row[:4] for row in findings]
    for (_, evidence), twin in zip(mine, findings, strict=True):
        assert numbers(evidence) == pytest.approx(twin[4:], rel=1e-9, nan_ok=True)
    table = said.get("feature af_state", [])
    assert [row[1] for row in table] == [row[0] for row in rows]
    for row, twin in zip(table, rows, strict=True):
        assert numbers(row[2:]) == pytest.approx(twin[1:], rel=1e-9, nan_ok=True)


def numbers(row):
    return [math.nan if value is None else value for value in row]


@given(PARTS, PARTS, st.lists(st.integers(0, 900 * NS), max_size=5))
@settings(max_examples=25, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    (first, end), (second, later) = scene(one), scene(other)
    assert_cuts_do_not_matter(Af, {0: first, 4: second}, max(end, later), 5, cuts)


def test_fibrillation_is_claimed_where_it_began_and_where_it_ended():
    beats = intervals(SINUS, 300, 1), intervals(FIBRILLATION, 300, 2), intervals(SINUS, 300, 3)
    records = records_of([beat for part in beats for beat in part])
    onset, offset = found(records)["finding af"]
    r_ns = [t - LAG for t, _, _ in records]
    assert (onset[4], offset[4]) == (ONSET, OFFSET)
    told = r_ns.index(onset[3] - LAG)
    assert max(297, told - 63) <= r_ns.index(onset[1]) <= max(305, told - 63)
    assert onset[1] == onset[2]
    assert r_ns[597] <= offset[2] <= r_ns[605]
    assert told < 400
    assert offset[1] == onset[1]


@pytest.mark.parametrize("kind", [SINUS, PREMATURE, BIGEMINY, *ECTOPY])
def test_sinus_arrhythmia_ectopy_bigeminy_and_noise_are_not_fibrillation(kind):
    said = found(records_of(intervals(kind, 1000, 4)))
    assert "finding af" not in said
    assert said["feature af_state"][-1][2] == 0.0


def test_a_strap_is_as_good_as_an_ecg():
    beats = intervals(FIBRILLATION, 300, 5)
    ecg = found(records_of(beats, lag_ns=0))["finding af"]
    strap = found(records_of(beats, source=1.0, lag_ns=0))["finding af"]
    assert strap == ecg


def test_pulses_alone_tell_fibrillation_of_a_drawn_ppg():
    beats = [*intervals(SINUS, 200, 1), *intervals(FIBRILLATION, 300, 2)]
    r_s = np.cumsum([rr for rr, _ in beats]) / 1000
    drawn = ppg_cases.ppg(r_s + 0.25, 64.0, r_s[-1] + 1, noise=0.02)
    pulses, _ = ppg_cases.feed(drawn, 64.0)
    records = [(int(t), 1, (t - at, *rest)) for t, at, *rest in pulses]
    said = found(records)
    (onset,) = said["finding af"]
    told = np.searchsorted(pulses[:, 0], onset[3])
    assert onset[4] == ONSET
    assert told < 310
    assert abs(onset[1] / NS - max(r_s[200], pulses[told - 63, 1] / NS)) < 1
    assert [row[2] for row in said["feature af_state"]] == [None, None, 0.0, 1.0, 1.0, 1.0]
    assert {row[-1] for row in said["feature af_state"]} == {1.0}


def test_pulses_are_not_heard_while_there_are_beats():
    beats = intervals(SINUS, 300, 1)
    ecg, strange = records_of(beats), pulses_of(intervals(FIBRILLATION, 400, 2))
    assert found(sorted([*ecg, *strange]), ecg[-1][0]) == found(ecg)


def test_pulses_take_over_ten_seconds_after_the_last_beat():
    ecg = records_of(intervals(SINUS, 150, 1))
    pulses = pulses_of(intervals(FIBRILLATION, 300, 2), ecg[-1][0])
    (onset,) = found([*ecg, *pulses])["finding af"]
    assert ecg[-1][0] < onset[1]
    heard = found(ecg + [pulse for pulse in pulses if pulse[0] > ecg[-1][0] + 10 * NS])
    (again,) = heard["finding af"]
    assert again[1:4] == onset[1:4]


def test_the_rhythm_of_poor_pulses_is_unknown():
    said = found(pulses_of(intervals(FIBRILLATION, 400, 3), quality=0.79))
    assert "finding af" not in said
    assert {row[2] for row in said["feature af_state"]} == {None}


def test_every_other_pulse_being_poor_leaves_no_interval():
    good, poor = (pulses_of(intervals(SINUS, 400, 3), quality=q) for q in (0.9, 0.3))
    said = found([pair[k % 2] for k, pair in enumerate(zip(good, poor, strict=True))])
    assert {row[5] for row in said["feature af_state"]} == {0.0}


def test_too_few_usable_intervals_make_the_rhythm_unknown_and_not_normal():
    beats = intervals(SINUS, 300, 6)
    beats = [(rr, 3.0 if k % 5 == 0 else 1.0) for k, (rr, _) in enumerate(beats)]
    said = found(records_of(beats))
    assert "finding af" not in said
    assert said["feature af_state"][-1][2] is None
    assert said["feature af_state"][-1][5] == pytest.approx(60, abs=2)


def test_fibrillation_that_is_not_heard_of_any_more_ends_after_5_minutes_where_it_was_last_known():
    records = records_of(intervals(FIBRILLATION, 300, 7))
    last = records[-1][0]
    onset, offset = found(records, last + 1000 * NS)["finding af"]
    assert (onset[4], offset[4]) == (ONSET, OFFSET)
    assert (offset[2], offset[3]) == (last - LAG, last + 300 * NS)


def test_a_longer_silence_is_learnt_from_anew():
    before = records_of(intervals(FIBRILLATION, 300, 8))
    after = records_of(intervals(FIBRILLATION, 120, 9), before[-1][0] + 400 * NS)
    said = found([*before, *after])
    assert len(said["finding af"]) == 2  # and none in the 120 beats after it
    assert said["feature af_state"][-1][2] is None


def test_the_burden_is_the_share_of_fibrillation_in_the_judged_time():
    beats = [*intervals(SINUS, 700, 1), *intervals(FIBRILLATION, 900, 2)]
    rows = found(records_of([*beats, *intervals(SINUS, 400, 3)]))["feature af_state"]
    fibrillation = sum(rr for rr, _ in beats[700:])
    judged = sum(rr for rr, _ in [*beats, *intervals(SINUS, 400, 3)]) - 129 * 850
    assert rows[-1][4] == pytest.approx(100 * fibrillation / judged, abs=4)


def beats_of(folder, record, extension, fs_hz, longest_ms):
    """Give records of a strap, and the R times that lie in fibrillation, from annotations."""
    path = str(recordings(folder) / record)
    notes = wfdb.rdann(path, extension)
    at = np.unique(notes.sample[np.isin(notes.symbol, list("NLRBAaJSVrFejnE/fQ?"))])
    rr = np.diff(at) / fs_hz * 1000
    records = [
        (round(t / fs_hz * 1e9), 0, (0.0, x, 1.0, 1.0, float(200 <= x < longest_ms)))
        for t, x in zip(at[1:].tolist(), rr.tolist(), strict=True)
    ]
    marks = wfdb.rdann(path, "atr")
    changes = [
        (sample, note.strip("\0 "))
        for sample, symbol, note in zip(marks.sample, marks.symbol, marks.aux_note, strict=True)
        if symbol == "+"
    ]
    state = np.searchsorted([sample for sample, _ in changes], at[1:], side="right") - 1
    return records, np.array([k >= 0 and changes[k][1] == "(AFIB" for k in state])


def labels(records, events):
    """Give the state in force at each record, and the claimed one."""
    t = np.array([record[0] for record in records])
    live, claimed = np.zeros(len(t), bool), np.zeros(len(t), bool)
    ends = [*events[1::2], *[None] * (len(events) % 2)]
    for onset, offset in zip(events[::2], ends, strict=True):
        on, off = onset[3], np.inf if offset is None else offset[3]
        live |= (t >= on) & (t < off)
        claimed |= (t >= onset[2]) & (t < (np.inf if offset is None else offset[2]))
    return live, claimed


@pytest.mark.parametrize(
    ("record", "live", "claimed"),
    [("04015", 98.7, 98.6), ("07910", 98.9, 99.5), ("08219", 95.7, 98.6), ("06995", 97.7, 98.0)],
)
def test_accuracy_by_beat_on_records_of_afdb(record, live, claimed):
    records, truth = beats_of("afdb", record, "qrs", 250.0, 3000.0)
    for found_by, least in zip(
        labels(records, found(records)["finding af"]), (live, claimed), strict=True
    ):
        assert 100 * np.mean(found_by == truth) >= least


@pytest.mark.parametrize("record", ["16483", "17453"])
def test_a_day_of_normal_sinus_rhythm_holds_no_fibrillation(record):
    records, _ = beats_of("nsrdb", record, "atr", 128.0, 3000.0)
    assert "finding af" not in found(records)
