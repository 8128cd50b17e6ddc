"""When records of a partition came: what has settled, how long it is quiet, how long it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streams.worker.order import NEVER_MS

SETTLE_S: Final = 0.1  # what was published as one step has come when nothing of it came for so long
SETTLE_MOST_S: Final = 0.3  # and in any case so long after the first of it
# Records of more than BURST_MS at once have been held up, as by a broker that was away. Its topics
# are not back at one moment: one that has given something of the last ACTIVE_MS is waited for.
BURST_MS: Final = 1_000
ACTIVE_MS: Final = 10_000
BURST_SETTLE_S: Final = 5.0


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
    newest_ms
        By topic, the newest time of the partition, before its taking over too; read, not changed.
    """

    def __init__(self, now_s: float, newest_ms: Mapping[str, int]) -> None:
        self._seen: deque[_Seen] = deque()  # in the order of their times, and so of settling
        self._settled_ms = NEVER_MS
        self._newest_ms = newest_ms
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
        if at_ms > (self._seen[-1].at_ms if self._seen else self._settled_ms):
            self._seen.append(_Seen(at_ms, now_s, now_s))

    def settled_ms(self, now_s: float) -> int:
        """Give up to which time all that was published has come, as far as waiting tells."""
        while self._seen and self._settles_s(self._seen[0]) <= now_s:
            self._settled_ms = self._seen.popleft().at_ms
        if self._settled_ms == NEVER_MS and self._seen:
            return self._seen[0].at_ms - 1  # what came before the first was published before it
        return self._settled_ms

    def settles_s(self, now_s: float) -> float | None:
        """Give when to ask again, for a time may settle then; None: what came has settled."""
        later = next((one.settles_s for one in self._seen if one.settles_s > now_s), None)
        if later is None and self._seen and self._settles_s(self._seen[0]) > now_s:
            return now_s + SETTLE_S  # what it waits for may come at any moment
        return later

    def _settles_s(self, first: _Seen) -> float:
        """Give when the oldest time settles."""
        at_ms = first.at_ms
        if self._seen[-1].at_ms - at_ms > BURST_MS and any(
            at_ms - ACTIVE_MS <= newest_ms < at_ms for newest_ms in self._newest_ms.values()
        ):
            return first.last_s + BURST_SETTLE_S
        return first.settles_s

    def quiet_s(self, now_s: float) -> float:
        """Give for how long no record has come, of which Kafka answered."""
        return now_s - self._heard_s

    def note_away(self, now_s: float) -> None:
        """Note that Kafka did not answer: until now nobody can know what was sent."""
        self._heard_s = max(now_s, self._heard_s)

    def behind_s(self, now_s: float, *, is_behind: bool) -> float:
        """Give for how long a topic has held the others back without giving anything."""
        if not is_behind:
            self._behind_s = None
        elif self._behind_s is None:
            self._behind_s = now_s
        return 0.0 if self._behind_s is None else now_s - self._behind_s


def look_again_s(waiting: Iterable[Arrivals], looked_s: float) -> float | None:
    """Give when to look again for what has settled; None: nothing waits.

    That may lie in the past: what settled while others had their turn has waited long enough.

    Parameters
    ----------
    waiting
        Of the partitions of which records wait.
    looked_s
        When all were last looked at. What had settled by then waits for other topics.
    """
    return min((one.settles_s(looked_s) or looked_s + SETTLE_S for one in waiting), default=None)
