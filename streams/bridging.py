"""Plays a bridge to the bus: controls and blocks by partition, a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from device_bridges.pacing import Bridge, Clock, publish
from processors.records import NS_PER_MS, Block, Control
from registry.participants import Participant
from streams.bus import Bus, Place
from streams.bus.partitions import partition_of, split_block, split_controls
from streams.bus.topics import CONTROL, raw
from streams.messages import Enrolment, encode_controls, encode_people
from streams.wire import encode


async def publish_step(
    bus: Bus, n_partitions: int, until_ns: int, rows: Sequence[Block | Control]
) -> None:
    """Publish what a bridge gives in one step: a record for each partition and block.

    All records of a step have its time, and controls go before samples: who reads in the order of
    time sees a profile before what it is about.
    """
    at_ms = -(-until_ns // NS_PER_MS)
    controls = [row for row in rows if isinstance(row, Control)]
    for partition, some in split_controls(controls, n_partitions).items():
        await bus.publish(Place(CONTROL, partition), encode_controls(some), at_ms)
    for row in rows:
        if isinstance(row, Block):
            for partition, block in split_block(row, n_partitions).items():
                await bus.publish(Place(raw(row.signal), partition), encode(block), at_ms)


async def announce(bus: Bus, n_partitions: int, enrolment: Enrolment, at_ms: int) -> None:
    """Publish who takes part, before any sample of theirs.

    Parameters
    ----------
    at_ms
        Its place in the order of a partition.
    """
    by_partition: dict[int, list[Participant]] = {}
    for person in enrolment.people:
        partition = partition_of(person.id, n_partitions)
        by_partition.setdefault(partition, []).append(person)
    for partition, some in by_partition.items():
        value = encode_people(replace(enrolment, people=some))
        await bus.publish(Place(CONTROL, partition), value, at_ms)


async def play(
    bridge: Bridge,
    enrolment: Enrolment,
    controls: Callable[[int, int], Sequence[Control]],
    bus: Bus,
    n_partitions: int,
    clock: Clock,
    *,
    speed: float | None,
    step_ns: int,
) -> None:
    """Publish a bridge's steps at the pace of a clock, until they end.

    The bridge's time is that of the clock: however long it took to get here, samples are stamped
    with about the time at which they are published.

    Parameters
    ----------
    enrolment
        Is published first.
    controls
        Of a span of device time, half-open.
    """
    given_ns = bridge.base_ns
    await announce(bus, n_partitions, enrolment, given_ns // NS_PER_MS)

    async def sink(until_ns: int, blocks: list[Block]) -> None:
        nonlocal given_ns
        rows: list[Block | Control] = [*controls(given_ns, until_ns), *blocks]
        given_ns = until_ns
        await publish_step(bus, n_partitions, until_ns, rows)

    await publish(bridge, sink, clock, speed=speed, step_ns=step_ns, began_ns=bridge.base_ns)
    await bus.flush()
