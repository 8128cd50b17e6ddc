"""When records of a partition came: what has settled, how long it is quiet, how long it waits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from streams.worker.order import NEVER_MS

SETTLE_S: Final = 0.1  # what was published as one step has come when nothing of it came for so long
SETTLE_MOST_S: Final = 0.3  # and in any case so long after the first of it


@dataclass(slots=True)
class _Seen:
    """A time of records: when the first of it came, and the last of it or of an older one."""

    at_ms: int
    first_s: float
    last_s: float

    @property
    def settles_s(self) -> float:
        return min(self.last_s + SETTLE_S, self.first_s + SETTLE_MOST_S)


class Arrivals:
    """Account of one partition; time is passed in, in s of any clock that goes on.

    Parameters
    ----------
    now_s
        When the partition was taken over.
    """

    def __init__(self, now_s: float) -> None:
        self._seen: deque[_Seen] = deque()  # in the order of their times, and so of settling
        self._heard_s = now_s
        self._behind_s: float | None = None

    def note(self, now_s: float, at_ms: int | None) -> None:
        """Note that a record of a time came; that time and newer ones settle later for it.

        None: it had been taken before, and says only that records come.
        """
        self._heard_s = now_s
        if at_ms is None:
            return
        for one in reversed(self._seen):
            if one.at_ms < at_ms:
                break
            one.last_s = now_s
        if not self._seen or at_ms > self._seen[-1].at_ms:
            self._seen.append(_Seen(at_ms, now_s, now_s))

    def settled_ms(self, now_s: float) -> int:
        """Give up to which time all that was published has come, as far as waiting tells."""
        seen = self._seen
        while len(seen) > 1 and seen[1].settles_s <= now_s:
            seen.popleft()
        if not seen:
            return NEVER_MS
        return seen[0].at_ms if seen[0].settles_s <= now_s else seen[0].at_ms - 1

    def settles_s(self, now_s: float) -> float | None:
        """Give when the next time settles that has not yet; None: what came has settled."""
        return next((one.settles_s for one in self._seen if one.settles_s > now_s), None)

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
