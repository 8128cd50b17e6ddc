"""When records of a partition came: what has settled, how long it is quiet, how long it waits."""

from __future__ import annotations

from collections import deque
from typing import Final

from streams.worker.order import NEVER_MS

SETTLE_S: Final = 0.1  # what was published as one step has come by then, in all topics


class Arrivals:
    """Account of one partition; time is passed in, in s of any clock that goes on.

    Parameters
    ----------
    now_s
        When the partition was taken over.
    """

    def __init__(self, now_s: float) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # when each new time was first seen
        self._heard_s = now_s
        self._behind_s: float | None = None

    def note(self, now_s: float, newest_ms: int) -> None:
        """Note that records came; the newest time of all settles from when it was first seen."""
        self._heard_s = now_s
        if not self._seen or newest_ms > self._seen[-1][1]:
            self._seen.append((now_s, newest_ms))

    def settled_ms(self, now_s: float) -> int:
        """Give up to which time all that was published has come, as far as waiting tells."""
        seen = self._seen
        while len(seen) > 1 and seen[1][0] <= now_s - SETTLE_S:
            seen.popleft()
        if not seen:
            return NEVER_MS
        first_s, at_ms = seen[0]
        return at_ms if first_s <= now_s - SETTLE_S else at_ms - 1

    def settles_s(self, now_s: float) -> float | None:
        """Give when the next time settles that has not yet; None: what came has settled."""
        return next((s + SETTLE_S for s, _ in self._seen if s > now_s - SETTLE_S), None)

    def quiet_s(self, now_s: float) -> float:
        """Give for how long no record has come."""
        return now_s - self._heard_s

    def behind_s(self, now_s: float, *, is_behind: bool) -> float:
        """Give for how long a topic has held the others back without giving anything."""
        if not is_behind:
            self._behind_s = None
        elif self._behind_s is None:
            self._behind_s = now_s
        return 0.0 if self._behind_s is None else now_s - self._behind_s
