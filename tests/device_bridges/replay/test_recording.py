from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.replay.recording import (
    IrregularTrack,
    Recording,
    RegularTrack,
    Run,
    samples_before,
)
from processors.errors import SettingError
from processors.records import NS_PER_S, sample_times_ns

MS = 1_000_000


def regular(fs_hz, *lengths_and_gaps, channels=("II",)):
    """Make a track of runs: length, gap, length, gap..., samples counted up."""
    runs, seq = [], 0
    for k, n in enumerate(lengths_and_gaps):
        if k % 2 == 0:
            samples = np.arange(seq, seq + n, dtype=np.int32)[:, None]
            runs.append(Run(seq, round(seq * NS_PER_S / fs_hz), samples, 0.005, -1.0))
        seq += n
    return RegularTrack("ecg", fs_hz, tuple(runs), channels)


def windows(recording, lengths_ns, **options):
    """Cut a recording into windows of the given lengths, over and over, until it ends."""
    chunks, at_ns, k = [], 0, 0
    while at_ns < recording.duration_ns:
        to_ns = at_ns + lengths_ns[k % len(lengths_ns)]
        chunks.extend(recording.chunks(at_ns, to_ns, **options))
        at_ns, k = to_ns, k + 1
    return chunks


@settings(deadline=None)
@given(
    fs_hz=st.sampled_from([100.0, 128.0, 250.0, 300.0, 360.0, 497.4446795]),
    lengths_ns=st.lists(st.integers(7 * MS, 700 * MS), min_size=1, max_size=4),
    parts=st.lists(st.integers(1, 200), min_size=1, max_size=5),
)
def test_windows_of_any_length_give_every_sample_once_at_its_time(fs_hz, lengths_ns, parts):
    track = regular(fs_hz, *parts)
    recording = Recording("p", (track,), track.until_ns)
    chunks = windows(recording, lengths_ns)
    held = np.concatenate([run.samples for run in track.runs])
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), held)
    for chunk in chunks:
        n = len(chunk.samples)
        assert np.array_equal(chunk.samples[:, 0], np.arange(chunk.seq, chunk.seq + n))
        whole = sample_times_ns(0, fs_hz, chunk.seq + n)[chunk.seq :]
        # Times are rounded once for the run and once for the chunk.
        assert np.abs(sample_times_ns(chunk.t0_ns, fs_hz, n) - whole).max() <= 2


@settings(deadline=None)
@given(
    parts=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    times_s=st.lists(st.floats(0, 30), min_size=1, max_size=9),
    from_s=st.floats(0, 35),
)
def test_nothing_is_due_before_the_next_sample_and_something_is_then(parts, times_s, from_s):
    t_ns = np.rint(np.array(times_s) * NS_PER_S).astype(np.int64)
    rates = IrregularTrack("heart_rate", t_ns, np.ones((len(t_ns), 1), np.float32))
    tracks = (regular(100.0, *parts), rates)
    recording = Recording("p", tracks, max(track.until_ns for track in tracks))
    from_ns = round(from_s * NS_PER_S)
    due_ns = recording.next_due_ns(from_ns)
    if due_ns is None:
        assert recording.chunks(from_ns, 100 * NS_PER_S) == []
    else:
        assert recording.chunks(from_ns, due_ns) == []
        assert recording.chunks(due_ns, due_ns + 1)


@settings(deadline=None)
@given(
    t_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    lengths_ns=st.lists(st.integers(7 * MS, 700 * MS), min_size=1, max_size=4),
)
def test_irregular_samples_keep_their_order_and_times_even_when_times_jump_back(t_ms, lengths_ns):
    t_ns = np.array(t_ms, np.int64) * MS
    track = IrregularTrack("rr", t_ns, np.arange(len(t_ms), dtype=np.float32)[:, None])
    recording = Recording("p", (track,), track.until_ns)
    chunks = windows(recording, lengths_ns, base_ns=7)
    assert np.array_equal(np.concatenate([chunk.t_ns for chunk in chunks]), t_ns + 7)
    assert [chunk.seq for chunk in chunks] == [int(chunk.samples[0, 0]) for chunk in chunks]
    assert all(chunk.t0_ns == chunk.t_ns[0] for chunk in chunks)


@given(st.integers(0, 10**12), st.sampled_from([0.2, 1.0, 125.0, 128.0, 300.0, 360.0, 498.123]))
def test_samples_before_agrees_with_the_times_of_samples(after_ns, fs_hz):
    n = samples_before(after_ns, fs_hz)
    assert round(n * (NS_PER_S / fs_hz)) >= after_ns
    assert n == 0 or round((n - 1) * (NS_PER_S / fs_hz)) < after_ns


def test_a_window_gives_only_what_lies_in_it():
    recording = Recording("p", (regular(250.0, 1000),), 4 * NS_PER_S)
    (chunk,) = recording.chunks(200 * MS, 240 * MS)
    assert (chunk.seq, len(chunk.samples), chunk.t0_ns) == (50, 10, 200 * MS)
    assert (chunk.participant, chunk.device, chunk.signal) == ("p", "replay", "ecg")
    assert (chunk.scale, chunk.offset, chunk.channels) == (0.005, -1.0, ("II",))
    assert recording.chunks(4 * NS_PER_S, 5 * NS_PER_S) == []


def test_a_later_loop_goes_on_in_time_and_index():
    track = regular(360.0, 720, 36, 360)
    recording = Recording("p", (track,), track.until_ns)
    last = recording.chunks(0, recording.duration_ns)[-1]
    first = recording.chunks(0, MS, loop=1)[0]
    assert first.seq == last.seq + len(last.samples) == 1116
    assert first.t0_ns == round(1116 * NS_PER_S / 360)


def test_the_shorter_of_two_tracks_has_lost_samples_at_a_loop():
    tracks = (regular(100.0, 100), replace(regular(100.0, 150), signal="ppg"))
    recording = Recording("p", tracks, 1500 * MS)
    again = {chunk.signal: chunk for chunk in recording.chunks(0, 20 * MS, loop=2)}
    assert (again["ecg"].seq, again["ppg"].seq) == (300, 300)
    assert again["ecg"].t0_ns == again["ppg"].t0_ns == 3 * NS_PER_S


def test_irregular_loops_count_their_own_samples():
    track = IrregularTrack("rr", np.array([0, 800, 1600]) * MS, np.zeros((3, 1), np.float32))
    recording = Recording("p", (track,), track.until_ns)
    assert recording.duration_ns == 2400 * MS
    (chunk,) = recording.chunks(0, 900 * MS, loop=1)
    assert (chunk.seq, chunk.t_ns.tolist()) == (3, [2400 * MS, 3200 * MS])


def test_a_start_later_than_zero_is_where_windows_begin():
    t_ns = np.array([50, 51, 52]) * NS_PER_S
    track = IrregularTrack("heart_rate", t_ns, np.zeros((3, 1), np.float32))
    recording = Recording("p", (track,), 3 * NS_PER_S, start_ns=50 * NS_PER_S)
    assert recording.chunks(0, NS_PER_S)[0].t_ns.tolist() == [50 * NS_PER_S]
    assert recording.chunks(NS_PER_S, 9 * NS_PER_S, base_ns=0)[0].t_ns.tolist() == [
        NS_PER_S,
        2 * NS_PER_S,
    ]


def test_a_stale_run_comes_whole_after_what_was_newest():
    newer = Run(0, 0, np.arange(10, dtype=np.int16)[:, None])
    stale = Run(4, 40 * MS, np.arange(3, dtype=np.int16)[:, None], due_ns=90 * MS)
    later = Run(10, 100 * MS, np.arange(5, dtype=np.int16)[:, None])
    recording = Recording("p", (RegularTrack("ecg", 100.0, (newer, stale, later)),), 150 * MS)
    assert [(c.seq, len(c.samples)) for c in recording.chunks(0, 150 * MS)] == [
        (0, 10),
        (4, 3),
        (10, 5),
    ]
    assert [c.seq for c in recording.chunks(0, 90 * MS)] == [0]
    assert [c.seq for c in recording.chunks(90 * MS, 110 * MS)] == [9, 4, 10]


def test_one_lead_can_be_chosen_and_a_wrong_one_is_named():
    samples = np.array([[1, 2], [3, 4]], np.int16)
    missing = np.array([[False, True], [False, False]])
    track = RegularTrack("ecg", 250.0, (Run(0, 0, samples, missing=missing),), ("MLII", "V1"))
    recording = Recording("100", (track,), 8 * MS)
    assert recording.leads == ("MLII", "V1")
    (chunk,) = recording.with_lead(1).chunks(0, 8 * MS)
    assert chunk.samples.tolist() == [[2], [4]]
    assert chunk.missing.tolist() == [[True], [False]]
    assert chunk.channels == ("V1",)
    with pytest.raises(SettingError, match=r"expected a lead of 100 \(0 MLII, 1 V1\), found 2"):
        recording.with_lead(2)
