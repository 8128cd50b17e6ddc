"""One open page: what it watches, what it has been sent, and what waits for it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

MAX_WAITING = 16_000_000  # bytes, 20,000 alarms; who leaves more unread is cut off (evict_client)


@dataclass(slots=True, eq=False)
class Viewer:
    """State of one websocket client; no I/O. Used on the event loop only.

    Three policies: `offer` (alarms, lists) evicts a viewer that does not read; of summaries only
    the newest is kept; of waveforms only a position is kept: what is too old is dropped.

    Attributes
    ----------
    watched
        Participant indices whose traces it shows.
    detail
        The participant that is shown large, or None.
    sent
        (index, signal) to (generation, position) up to which it has the trace.
    evicted
        Why it must be closed; empty while all is well.
    """

    watched: tuple[int, ...] = ()
    detail: int | None = None
    sent: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    summary_seen: int = 0
    evicted: str = ""
    _waiting: deque[bytes] = field(default_factory=deque)
    _n_bytes: int = 0

    def offer(self, frame: bytes) -> None:
        """Queue a frame that must not be lost, or give the viewer up."""
        if self.evicted:
            return
        if self._n_bytes + len(frame) > MAX_WAITING:
            self.evicted = "too slow: alarms were left unread"
            self.take()
            return
        self._waiting.append(frame)
        self._n_bytes += len(frame)

    def take(self) -> list[bytes]:
        """Give and forget the queued frames, in order."""
        frames = list(self._waiting)
        self._waiting.clear()
        self._n_bytes = 0
        return frames

    def watch(self, participants: tuple[int, ...], detail: int | None) -> None:
        """Change what is watched; a trace that is new or now shown large is sent anew."""
        shown = set(participants) if detail is None else {*participants, detail}
        fresh = {detail} if detail != self.detail else set()
        self.sent = {
            key: position
            for key, position in self.sent.items()
            if key[0] in shown and key[0] not in fresh
        }
        self.watched = tuple(dict.fromkeys((*participants, *(() if detail is None else (detail,)))))
        self.detail = detail
