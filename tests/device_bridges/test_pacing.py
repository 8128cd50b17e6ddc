import asyncio

import numpy as np

from device_bridges.pacing import pack_all, publish
from processors.records import Block, Chunk, pack
from tests.clock import Clock

MS = 1_000_000


def chunk(participant, signal="ecg", dtype=np.int16, channels=()):
    return Chunk(participant, "d", signal, 0, np.zeros((3, 1), dtype), 250.0, channels=channels)


class Steps:
    """Five steps of 200 ms that begin at device time 1000."""

    base_ns = 1000

    def steps(self, step_ns=200 * MS):
        for k in range(1, 6):
            yield self.base_ns + k * step_ns, [pack([chunk("p")])]


def run(speed, work_ns=0, began_ns=None):
    clock, seen = Clock(50_000), []

    async def sink(until_ns: int, blocks: list[Block]) -> None:
        seen.append((until_ns, clock.now - 50_000, blocks[0].received_ns - 50_000))
        clock.now += work_ns

    asyncio.run(publish(Steps(), sink, clock, speed=speed, began_ns=began_ns))
    return seen


def test_steps_come_when_their_time_has_passed():
    seen = run(1.0)
    assert [until_ns for until_ns, _, _ in seen] == [1000 + k * 200 * MS for k in range(1, 6)]
    assert [at_ns for _, at_ns, _ in seen] == [k * 200 * MS for k in range(1, 6)]
    assert all(at_ns == received_ns for _, at_ns, received_ns in seen)


def test_speed_divides_the_time_between_steps():
    assert [at_ns for _, at_ns, _ in run(10.0)] == [k * 20 * MS for k in range(1, 6)]


def test_without_speed_nothing_is_waited_for():
    assert [at_ns for _, at_ns, _ in run(None)] == [0] * 5


def test_a_slow_sink_delays_and_loses_nothing():
    seen = run(1.0, work_ns=300 * MS)
    assert [at_ns for _, at_ns, _ in seen] == [(200 + 300 * k) * MS for k in range(5)]


def test_what_should_have_been_given_before_the_start_comes_at_once():
    seen = run(1.0, began_ns=50_000 - 500 * MS)
    assert [at_ns for _, at_ns, _ in seen] == [0, 0, 100 * MS, 300 * MS, 500 * MS]


def test_chunks_of_different_kinds_go_into_blocks_of_their_own():
    chunks = [
        chunk("a"),
        chunk("b", "ppg"),
        chunk("c"),
        chunk("d", dtype=np.int32),
        chunk("e", channels=("V1",)),
    ]
    assert [(b.signal, b.participants) for b in pack_all(chunks)] == [
        ("ecg", ("a", "c")),
        ("ppg", ("b",)),
        ("ecg", ("d",)),
        ("ecg", ("e",)),
    ]
    assert pack_all([]) == []
