"""A clock of `device_bridges.pacing` that moves only when somebody sleeps, or is told to."""

from __future__ import annotations


class Clock:
    """Time in `now`, ns; whoever sleeps until a time is there at once."""

    def __init__(self, now_ns: int) -> None:
        self.now = now_ns

    def now_ns(self) -> int:
        return self.now

    async def sleep_until(self, at_ns: int) -> None:
        self.now = max(self.now, at_ns)
