"""Plays a bridge to the bus: controls and blocks by partition, a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from device_bridges.pacing import Bridge, Clock, publish
from processors.records import NS_PER_MS, Block, Control
from streams.bus import Bus, Place
from streams.bus.partitions import split_block, split_controls
from streams.bus.topics import CONTROL, raw
from streams.messages import encode_controls
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


async def play(
    bridge: Bridge,
    controls: Callable[[int, int], Sequence[Control]],
    bus: Bus,
    n_partitions: int,
    clock: Clock,
    *,
    speed: float | None,
    step_ns: int,
) -> None:
    """Publish a bridge's steps at the pace of a clock, until they end.

    Parameters
    ----------
    controls
        Of a span of device time, half-open.
    """
    given_ns = bridge.base_ns

    async def sink(until_ns: int, blocks: list[Block]) -> None:
        nonlocal given_ns
        rows: list[Block | Control] = [*controls(given_ns, until_ns), *blocks]
        given_ns = until_ns
        await publish_step(bus, n_partitions, until_ns, rows)

    await publish(bridge, sink, clock, speed=speed, step_ns=step_ns)
    await bus.flush()
