import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.monitor.rings import KEEP_S, MISSING, TraceRings
from processors.records import NS_PER_S, Block, Chunk, pack

FS = 100.0
T0 = 1_700_000_000 * NS_PER_S


def chunk(values, seq=0, *, participant="p", t0_ns=None, device="d", fs_hz=FS, **more):
    samples = np.asarray(values)
    if samples.dtype == np.int64:
        samples = samples.astype(np.int16)
    start = T0 + round(seq * NS_PER_S / fs_hz) if t0_ns is None else t0_ns
    return Chunk(participant, device, "ecg", start, samples.reshape(len(samples), 1), fs_hz, seq,
                 **more)  # fmt: skip


def add(rings: TraceRings, *chunks: Chunk) -> None:
    block: Block = pack(list(chunks))
    rings.add(np.array([int(c.participant.strip("p") or 0) for c in chunks], np.int64), block)


def all_of(rings: TraceRings, index: int = 0):
    return rings.read(index, 0)


def test_samples_come_back_with_their_time_and_scale():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2, 3], scale=0.005, offset=1.5))
    run = all_of(rings)
    assert run.samples.tolist() == [1, 2, 3]
    assert (run.t0_ns, run.fs_hz, run.scale, run.offset) == (T0, FS, 0.005, 1.5)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_how_the_input_is_cut_does_not_matter(lengths):
    values = np.arange(sum(lengths), dtype=np.int16)
    rings, at = TraceRings("ecg"), 0
    for n in lengths:
        add(rings, chunk(values[at : at + n], at))
        at += n
    run = all_of(rings)
    assert run.samples.tolist() == values.tolist()
    assert run.t0_ns == T0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=10))
def test_a_ring_equals_a_dictionary_of_samples(pieces):
    """The slow twin: a dict from sample number to value, holes where the gaps are."""
    rings, slow, seq = TraceRings("ecg"), {}, 0
    for gap, n in pieces:
        seq += gap
        values = [100 + seq + i for i in range(n)]
        add(rings, chunk(values, seq))
        slow |= {seq + i: value for i, value in enumerate(values)}
        seq += n
    first = min(slow)
    expected = [slow.get(i, MISSING) for i in range(first, seq)]
    assert all_of(rings).samples.tolist() == expected


def test_only_the_newest_half_minute_is_kept():
    rings, capacity = TraceRings("ecg"), int(KEEP_S * FS)
    for k in range(5):
        add(rings, chunk(np.arange(k * 1000, (k + 1) * 1000), k * 1000))
    run = all_of(rings)
    assert len(run.samples) == capacity
    assert run.samples[-1] == 4999
    assert run.start == 5000 - capacity


def test_a_run_longer_than_the_ring_keeps_its_end():
    rings = TraceRings("ecg")
    add(rings, chunk(np.arange(4000)), chunk([7], participant="p1"))
    assert all_of(rings).samples.tolist() == list(range(1000, 4000))
    assert all_of(rings, 1).samples.tolist() == [7]


def test_samples_given_twice_are_left_out():
    rings = TraceRings("ecg")
    for _ in range(2):
        add(rings, chunk([1, 2, 3], 0))
    assert all_of(rings).samples.tolist() == [1, 2, 3]
    assert rings.late_rows == 1


def test_two_rows_of_one_participant_in_one_block_follow_each_other():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 0), chunk([9], participant="p1"), chunk([3], 2))
    assert all_of(rings).samples.tolist() == [1, 2, 3]
    assert all_of(rings, 1).samples.tolist() == [9]


def test_a_device_that_restarts_its_count_goes_on_after_a_gap():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 1000, t0_ns=T0))
    add(rings, chunk([3], 0, t0_ns=T0 + 50_000_000))
    assert all_of(rings).samples.tolist() == [1, 2, MISSING, MISSING, MISSING, 3]


def test_a_device_whose_clock_is_set_back_begins_anew():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 0))
    generation, _ = rings.state(0)
    add(rings, chunk([3], 2, t0_ns=T0 - 60 * NS_PER_S))
    assert all_of(rings).samples.tolist() == [3]
    assert rings.state(0)[0] == generation + 1


def test_a_clock_set_back_together_with_a_loss_begins_anew():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 0))
    generation, _ = rings.state(0)
    add(rings, chunk([3], 400, t0_ns=T0 - 10 * NS_PER_S))
    add(rings, chunk([4], 401, t0_ns=T0 - 10 * NS_PER_S + 10_000_000))
    assert all_of(rings).samples.tolist() == [3, 4]
    assert rings.state(0)[0] == generation + 1
    assert rings.late_rows == 0


@pytest.mark.parametrize(
    ("seq", "back_s"), [(600, 4.0), (0, 10.0), (1000, 3.0)], ids=["late", "repeated", "reordered"]
)
def test_what_is_late_is_left_out(seq, back_s):
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 1000))
    add(rings, chunk([3], seq, t0_ns=T0 + round((10 - back_s) * NS_PER_S)))
    assert all_of(rings).samples.tolist() == [1, 2]
    assert rings.late_rows == 1


def test_a_second_device_waits_until_the_first_is_silent():
    rings = TraceRings("ecg")
    add(rings, chunk([1, 2], 0, device="a"))
    add(rings, chunk([50], 2, device="b"))
    assert all_of(rings).samples.tolist() == [1, 2]
    add(rings, chunk([60], 900, device="b"))  # 9 s later
    assert all_of(rings).samples[-1] == 60


def test_a_new_rate_or_scale_begins_anew():
    rings = TraceRings("ecg")
    add(rings, chunk([1], 0))
    add(rings, chunk([2, 3], 1, fs_hz=200.0, t0_ns=T0 + 10_000_000))
    assert all_of(rings).samples.tolist() == [2, 3]
    add(rings, chunk([4], 3, fs_hz=200.0, t0_ns=T0 + 20_000_000, scale=2.0))
    assert all_of(rings).samples.tolist() == [4]


def test_missing_samples_are_marked_and_the_lowest_number_is_not():
    rings = TraceRings("ecg")
    missing = np.array([[False], [True], [False]])
    add(rings, chunk(np.array([-32768, 5, 6], np.int16), missing=missing))
    assert all_of(rings).samples.tolist() == [-32767, MISSING, 6]


def test_float_ecg_is_kept_to_a_microvolt_and_nan_is_missing():
    rings = TraceRings("ecg")
    add(rings, chunk(np.array([0.1234, np.nan, -2.5], np.float32)))
    run = all_of(rings)
    assert run.samples.tolist() == [123, MISSING, -2500]
    assert run.scale == pytest.approx(0.001)


def test_a_wide_ppg_keeps_its_pulse_on_a_large_offset():
    rings = TraceRings("ppg")
    wave = (1_000_000 + 2000 * np.sin(np.arange(100) / 10)).astype(np.int32)
    block = pack([Chunk("p", "d", "ppg", T0, wave.reshape(-1, 1), FS)])
    rings.add(np.zeros(1, np.int64), block)
    run = all_of(rings)
    assert np.abs(run.samples * run.scale + run.offset - wave).max() < 4.0


def test_a_ppg_that_leaves_its_range_begins_anew_with_another():
    rings = TraceRings("ppg")
    for k, level in enumerate((0.0, 1e6, 1e6)):
        wave = np.float32(level) + np.arange(10, dtype=np.float32).reshape(-1, 1)
        block = pack([Chunk("p", "d", "ppg", T0 + k * 100_000_000, wave, FS, k * 10)])
        rings.add(np.zeros(1, np.int64), block)
    run = all_of(rings)
    assert np.abs(run.samples[-10:] * run.scale + run.offset - 1e6).max() < 20


def test_empty_rows_change_nothing():
    rings = TraceRings("ecg")
    add(rings, chunk(np.zeros(0, np.int16)))
    assert rings.read(0, 0) is None
    assert rings.state(0) == (0, 0)
