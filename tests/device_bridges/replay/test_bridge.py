from dataclasses import replace
from itertools import islice
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.replay.bridge import ReplayBridge
from device_bridges.replay.link import find_recordings, read_recording
from device_bridges.replay.recording import IrregularTrack, Recording, RegularTrack, Run
from processors.records import NS_PER_S, row_chunk

MS = 1_000_000


def recording(participant, n=500, channels=("II",), dtype=np.int16):
    samples = np.arange(n, dtype=dtype)[:, None]
    ecg = RegularTrack("ecg", 250.0, (Run(0, 0, samples, 0.005),), channels)
    t_ns = np.arange(n // 250, dtype=np.int64) * NS_PER_S
    rate = IrregularTrack("heart_rate", t_ns, np.full((len(t_ns), 1), 70, np.float32))
    return Recording(participant, (ecg, rate), n * 4 * MS)


def chunks_by_channel(steps):
    found = {}
    for _, blocks in steps:
        for block in blocks:
            for chunk in (row_chunk(block, r) for r in range(block.n_rows)):
                found.setdefault((chunk.participant, chunk.signal), []).append(chunk)
    return found


def test_a_step_holds_one_block_a_kind_with_a_row_a_participant():
    bridge = ReplayBridge(
        [recording("a"), recording("b"), recording("c", channels=("V1",))], base_ns=1000
    )
    until_ns, blocks = next(bridge.steps(200 * MS))
    assert until_ns == 1000 + 200 * MS
    assert [(b.signal, b.channels, b.participants) for b in blocks] == [
        ("ecg", ("II",), ("a", "b")),
        ("heart_rate", (), ("a", "b", "c")),
        ("ecg", ("V1",), ("c",)),
    ]
    assert blocks[0].t0_ns.tolist() == [1000, 1000]
    assert blocks[0].n_samples == 100


@settings(deadline=None)
@given(st.integers(13, 900), st.integers(13, 900))
def test_how_a_replay_is_cut_into_steps_changes_nothing(first_ms, second_ms):
    people = [recording("a"), recording("b", 730)]
    for loop, n_steps in ((False, None), (True, 9000)):
        one, two = (
            chunks_by_channel(
                islice(ReplayBridge(people, loop=loop).steps(ms * MS), n_steps and n_steps // ms)
            )
            for ms in (first_ms, second_ms)
        )
        for key in one:
            a, b = (np.concatenate([c.samples for c in cut[key]]) for cut in (one, two))
            n = min(len(a), len(b)) if loop else max(len(a), len(b))
            assert np.array_equal(a[:n], b[:n])


def test_ended_recordings_fall_silent_and_steps_end_with_the_last():
    bridge = ReplayBridge([recording("a", 100), recording("b", 500)])
    steps = list(bridge.steps(200 * MS))
    assert len(steps) == 10
    assert [len(blocks[0].participants) for _, blocks in steps[:3]] == [2, 2, 1]


def test_loops_go_on_without_a_jump_in_time_or_index():
    bridge = ReplayBridge([recording("a", 130)], base_ns=5, loop=True)
    found = chunks_by_channel(islice(bridge.steps(200 * MS), 20))[("a", "ecg")]
    seq = 0
    for chunk in found:
        assert (chunk.seq, chunk.t0_ns) == (seq, 5 + seq * 4 * MS)
        assert np.array_equal(chunk.samples[:, 0], np.arange(seq, seq + len(chunk.samples)) % 130)
        seq += len(chunk.samples)
    assert seq == 1000


def test_a_step_longer_than_a_recording_holds_several_loops():
    bridge = ReplayBridge([recording("a", 100)], loop=True)
    _, blocks = next(bridge.steps(NS_PER_S))
    assert blocks[0].seq.tolist() == [0, 100, 200]
    assert blocks[0].n_samples == 250


def test_no_recordings_end_at_once():
    assert list(ReplayBridge([]).steps()) == []
    assert len(list(ReplayBridge([], loop=True).steps())) == 1


@pytest.mark.bench
def test_500_participants_cost_less_than_a_tenth_of_a_core(shared_data):
    source = find_recordings([shared_data / "mitdb" / "101"]).sources[0]
    one = read_recording(source)
    bridge = ReplayBridge([replace(one, participant=str(i)) for i in range(500)], loop=True)
    began = process_time()
    list(islice(bridge.steps(200 * MS), 50))
    assert (process_time() - began) / 10.0 < 0.10
