"""Bridges that play by a clock: pure steps, and the thin shell that paces them.

A bridge is an iterator of steps; each gives all blocks whose samples lie before its time. The same
steps feed a test as fast as possible and a live system at the pace of a clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from processors.records import NS_PER_MS, NS_PER_S, Block, Chunk, pack

STEP_NS = 200 * NS_PER_MS

Step = tuple[int, list[Block]]
Sink = Callable[[int, list[Block]], Awaitable[None]]


class Bridge(Protocol):
    """A source of samples in steps of device time."""

    base_ns: int

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        """Give (until_ns, blocks) one after the other: all samples before `until_ns` were given."""
        ...


class Clock(Protocol):
    """Time as a shell needs it; tests have one that they turn by hand."""

    def now_ns(self) -> int: ...

    async def sleep_until(self, at_ns: int) -> None: ...


class WallClock:
    """The system's time as it was at the start, going on evenly: setting the clock is not felt."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._ahead_ns

    async def sleep_until(self, at_ns: int) -> None:
        await asyncio.sleep(max(at_ns - self.now_ns(), 0) / NS_PER_S)


async def publish(
    bridge: Bridge,
    sink: Sink,
    clock: Clock,
    *,
    speed: float | None = 1.0,
    step_ns: int = STEP_NS,
    began_ns: int | None = None,
    on_sent: Callable[[int, int], None] | None = None,
) -> None:
    """Give a bridge's steps to a sink at the pace of a clock, until they end.

    A step is due when its device time has passed. A sink that takes long delays what follows, and
    the steps after it come without a pause until they are on time again; none is left out.

    Parameters
    ----------
    sink
        Takes (until_ns, blocks). It may block: that is the overflow policy of raw samples.
    speed
        Device seconds per second of the clock; None: as fast as the sink takes them.
    began_ns
        Time of the clock at which the bridge's time began (None: now). What should have been given
        since then comes at once.
    on_sent
        Told (until_ns, ns after the step was due) just before each step is given.
    """
    steps = bridge.steps(step_ns)
    began_ns = clock.now_ns() if began_ns is None else began_ns
    # Making a step can take longer than the event loop may wait.
    while (step := await asyncio.to_thread(next, steps, None)) is not None:
        until_ns, blocks = step
        due_ns = None
        if speed is not None:
            due_ns = began_ns + round((until_ns - bridge.base_ns) / speed)
            await clock.sleep_until(due_ns)
        received_ns = clock.now_ns()
        if on_sent is not None:
            on_sent(until_ns, 0 if due_ns is None else received_ns - due_ns)
        await sink(until_ns, [replace(block, received_ns=received_ns) for block in blocks])


def pack_all(chunks: Sequence[Chunk]) -> list[Block]:
    """Pack chunks of any signals into one block a kind, in the order in which kinds first come."""
    kinds: dict[tuple[object, ...], list[Chunk]] = {}
    for chunk in chunks:
        kind = (
            chunk.signal,
            chunk.variant,
            chunk.channels,
            chunk.samples.dtype.char,
            chunk.t_ns is None,
        )
        kinds.setdefault(kind, []).append(chunk)
    return [pack(members) for members in kinds.values()]
