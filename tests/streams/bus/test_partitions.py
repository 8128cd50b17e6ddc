"""Everybody agrees on who is in which partition, and splitting loses nothing."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from processors.records import Control, row_chunk
from streams.bus.partitions import murmur2, partition_of, split_block, split_controls
from tests.streams.test_wire import blocks


@given(st.binary(max_size=40))
def test_the_hash_is_that_of_kafka(data):
    assert murmur2(data) == reference(data) & 0xFFFFFFFF


@given(st.text(max_size=12), st.integers(1, 64))
def test_a_producer_with_a_key_puts_a_participant_into_the_same_partition(who, n):
    everywhere = list(range(n))
    assert partition_of(who, n) == DefaultPartitioner()(who.encode(), everywhere, everywhere)


@given(blocks(), st.integers(1, 5))
def test_rows_of_a_block_are_split_without_loss_and_in_order(block, n):
    parts = split_block(block, n)
    for partition, part in parts.items():
        rows = [
            k for k in range(block.n_rows) if partition_of(block.participants[k], n) == partition
        ]
        assert [plain(part, k) for k in range(part.n_rows)] == [plain(block, k) for k in rows]
        assert part.received_ns == block.received_ns
    assert sum(part.n_rows for part in parts.values()) == block.n_rows


def plain(block, row):
    chunk = row_chunk(block, row)
    missing = None if block.missing is None else chunk.missing.tolist()
    times = None if chunk.t_ns is None else chunk.t_ns.tolist()
    return (
        chunk.participant, chunk.device, chunk.t0_ns, chunk.fs_hz, chunk.seq, chunk.scale,
        chunk.samples.tolist(), chunk.samples.dtype, missing, times,
    )  # fmt: skip


def test_controls_of_a_participant_stay_in_order():
    controls = [Control(f"p{k % 3}", k, "mark", {}) for k in range(12)]
    parts = split_controls(controls, 4)
    assert sorted(c.t_ns for part in parts.values() for c in part) == list(range(12))
    for partition, part in parts.items():
        assert [c.t_ns for c in part] == sorted(c.t_ns for c in part)
        assert {partition_of(c.participant, 4) for c in part} == {partition}
