"""Snapshots beside the work: in their order, one after the other, and nobody waits for them."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from streams.bus import Place
from streams.bus.memory import MemoryBus
from streams.bus.topics import CONTROL
from streams.snapshot import pack_snapshot
from streams.worker.checkpoints import Checkpoints
from streams.worker.partition import Partition
from streams.worker.saving import CHECKPOINT_S, Saving
from tests.streams.worker.hanging import ANSWERS
from tests.streams.worker.test_partition import POLICY, published


def fed(number=0, n=60):
    """Give a partition that has taken the first records of the scene."""
    partition = Partition(number, POLICY)
    some = sorted(published()[number], key=lambda record: record.at_ms)[:n]
    for record in some:
        partition.order.put(record)
    partition.process(partition.take({}))
    return partition


class NotingBus(MemoryBus):
    """Notes when it was asked to keep what was published."""

    def __init__(self, noted):
        super().__init__(2)
        self._noted = noted

    async def flush(self):
        self._noted.append("outputs")


def saving(url, noted, now_s=lambda: 0.0):
    checkpoints = Checkpoints(url)

    async def commit(offsets):
        there = checkpoints.read(0, lambda data, stands_on: None)
        noted.append("acknowledged" if there else "acknowledged too early")
        noted.append(offsets)

    return Saving(NotingBus(noted), checkpoints, commit, now_s)


def test_a_copy_stays_as_it_was_while_the_partition_goes_on():
    partition = fed()
    image = partition.image()
    packed = pack_snapshot(image.state, image.about)
    assert packed == partition.snapshot()
    for record in published()[0]:
        partition.order.put(record)
    while taken := partition.take({}):
        partition.process(taken)
    assert pack_snapshot(image.state, image.about) == packed
    assert partition.snapshot() != packed


def test_records_are_acknowledged_when_outputs_are_kept_and_the_snapshot_is_there(tmp_path):
    noted, partition = [], fed()

    async def body():
        one = saving(str(tmp_path), noted)
        one.begin([0])
        await one.keep_one(partition, partition.image())

    asyncio.run(body())
    assert noted[:2] == ["outputs", "acknowledged"]
    assert noted[2] == {Place(t, 0): n for t, n in partition.order.offsets.items() if n}
    assert Place(CONTROL, 0) in noted[2]


def test_partitions_are_kept_one_after_the_other_each_within_its_time(tmp_path):
    now_s, kept = 0.0, []
    partitions = {number: Partition(number, POLICY) for number in range(4)}

    async def body():
        nonlocal now_s
        one = saving(str(tmp_path), [], lambda: now_s)
        one.begin(partitions)
        while now_s < 3 * CHECKPOINT_S:
            now_s += one.wait_s()
            if (number := one.due()) is not None:
                kept.append((now_s, number))
                await one.keep_one(partitions[number], partitions[number].image())

    asyncio.run(body())
    assert min(after - before for (before, _), (after, _) in pairwise(kept)) == CHECKPOINT_S / 4
    for number in partitions:
        moments = [at_s for at_s, one in kept if one == number]
        assert moments[0] <= CHECKPOINT_S
        assert {after - before for before, after in pairwise(moments)} == {CHECKPOINT_S}


def test_a_store_that_fails_is_asked_again_and_nothing_is_acknowledged_before(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    noted, partition = [], fed()

    async def body():
        one = saving(str(tmp_path / "file"), noted)
        one.begin([0])
        for _ in range(2):
            await one.keep_one(partition, partition.image())
        assert noted == ["outputs", "outputs"]
        (tmp_path / "file").unlink()
        await one.keep_one(partition, partition.image())

    asyncio.run(body())
    assert noted[3] == "acknowledged"
    assert [r.message.split()[0] for r in caplog.records] == [
        "checkpoints=failing", "checkpoints=working",
    ]  # fmt: skip


def test_a_store_that_hangs_holds_up_no_turn_and_no_handing_over(tmp_path):
    noted, partition = [], fed()

    async def body():
        one = saving(f"hanging://{tmp_path}", noted)
        one.begin([0])
        ANSWERS.clear()
        keeping = asyncio.create_task(one.keep_one(partition, partition.image()))
        await asyncio.sleep(0)
        for record in published()[0]:  # the work goes on
            partition.order.put(record)
        while taken := partition.take({}):
            partition.process(taken)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await one.keep_all([partition])
        one.begin([])  # it has been given away: somebody else acknowledges its records
        ANSWERS.set()
        await keeping

    asyncio.run(body())
    assert noted == ["outputs"]
