from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from device_bridges.simulator.delivery import PACKET_NS, Account, Outbox, Way
from device_bridges.simulator.plan import Sensor
from processors.records import NS_PER_S, Chunk
from tests.device_bridges.simulator.plans import event, make_plan

FS_HZ = 250


def _sensor(n: int = 1) -> Sensor:
    return Sensor("ecg", "patch", np.arange(n, dtype=np.int32), fs_hz=FS_HZ)


def _packet(k: int, n: int = 50) -> Chunk:
    samples = np.arange(k * n, (k + 1) * n, dtype=np.int32)[:, None]
    return Chunk("P-0001", "patch", "ecg", k * PACKET_NS, samples, FS_HZ, k * n)


def _play(events, n_packets: int = 100):
    """Send packets one after the other; give the order of arrival as (step, first seq, length)."""
    outbox, account = Outbox(), Account()
    way = Way(make_plan(1, events), _sensor(), outbox, account)
    arrived = []
    for k in range(n_packets + 20):
        from_ns, to_ns = k * PACKET_NS, (k + 1) * PACKET_NS
        if k < n_packets:
            chunk = _packet(k)
            t_s = (chunk.seq + np.arange(50)) / FS_HZ
            faults = way.troubled(from_ns / NS_PER_S, to_ns / NS_PER_S).get(0)
            sent = chunk if faults is None else way.send(chunk, t_s, 0, faults, (from_ns, to_ns))
            if sent is not None:
                arrived.append((k, sent.seq, len(sent.samples)))
        for block in outbox.take(to_ns):
            arrived += [
                (k, int(s), int(n)) for s, n in zip(block.seq, np.diff(block.offsets), strict=True)
            ]
    return arrived, account


def test_without_faults_nobody_is_looked_at():
    way = Way(make_plan(1), _sensor(), Outbox(), Account())
    assert way.troubled(0, 1e9) == {}
    assert way.clock_ns(5.0) is None


def test_a_silence_takes_exactly_its_samples():
    arrived, account = _play([event("silent", 2.1, 3.3)])
    heard = np.concatenate([np.arange(seq, seq + n) for _, seq, n in arrived])
    expected = [i for i in range(5000) if not 2.1 <= i / FS_HZ < 3.3]
    assert heard.tolist() == expected
    assert account.silenced == 5000 - len(expected)


def test_dropouts_lose_about_their_share_and_say_how_much():
    arrived, account = _play([event("dropouts", 0, 1000, share=0.3)], 1000)
    lost = 1000 - len(arrived)
    assert 240 <= lost <= 360
    assert account.dropped == 50 * lost


def test_duplicates_come_a_packet_later_with_the_same_count():
    arrived, account = _play([event("duplicates", 0, 100, share=0.25)])
    first = {}
    for step, seq, _ in arrived:
        if seq in first:
            assert step == first[seq] + 1
        first.setdefault(seq, step)
    assert len(first) == 100
    assert account.doubled == 50 * (len(arrived) - 100) > 0


def test_late_packets_arrive_that_much_later_and_in_order():
    arrived, _ = _play([event("late", 0, 100, seconds=0.8)])
    assert [seq for _, seq, _ in arrived] == [50 * k for k in range(100)]
    assert {step - seq // 50 for step, seq, _ in arrived} == {4}


def test_shuffled_packets_all_arrive_but_not_in_order():
    arrived, _ = _play([event("shuffled", 0, 100, share=0.3)])
    seqs = [seq for _, seq, _ in arrived]
    assert sorted(seqs) == [50 * k for k in range(100)]
    assert seqs != sorted(seqs)
    assert max(step - seq // 50 for step, seq, _ in arrived) <= 4  # within the reorder buffer


def test_the_same_packets_are_hit_whatever_else_was_sent():
    faults = [event("dropouts", 0, 100, share=0.3), event("shuffled", 0, 100, share=0.2)]
    assert _play(faults) == _play(faults)


def test_the_clock_of_a_device_is_off_for_its_row_only():
    plan = make_plan(3, [event("clock_offset", 1, 9, slot=1, seconds=-2.5)])
    way = Way(plan, _sensor(3), Outbox(), Account())
    ahead = way.clock_ns(5.0)
    assert ahead is not None
    assert ahead.tolist() == [0, -2_500_000_000, 0]


def test_faults_of_another_signal_do_not_count():
    plan = make_plan(1, [event("silent", 0, 10, signal="ppg")])
    assert Way(plan, _sensor(), Outbox(), Account()).troubled(0, 10) == {}


def test_two_chunks_of_a_channel_are_not_packed_into_one_block():
    outbox = Outbox()
    for k in (1, 0):
        outbox.put(10, _packet(k))
    outbox.put(10, replace(_packet(0), participant="P-0002"))
    blocks = outbox.take(10)
    assert [block.participants for block in blocks] == [("P-0001", "P-0002"), ("P-0001",)]
    assert len(outbox) == 0


@pytest.mark.parametrize("until", [0, 9])
def test_nothing_leaves_before_it_is_due(until):
    outbox = Outbox()
    outbox.put(10, _packet(0))
    assert outbox.take(until) == []
