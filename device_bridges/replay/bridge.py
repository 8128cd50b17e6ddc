"""Play recordings on a virtual clock, each as a participant of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from device_bridges.pacing import STEP_NS, Step, pack_all
from device_bridges.replay.recording import Recording
from processors.records import Chunk


class ReplayBridge:
    """Recordings that all begin at `base_ns`.

    Parameters
    ----------
    recordings
        Participants must differ.
    base_ns
        Device time that the start of each recording gets.
    loop
        Begin again at the end: times and `seq` go on, so a channel shows no jump. Else a recording
        that has ended falls silent, and the steps end with the last.
    """

    def __init__(
        self, recordings: Sequence[Recording], *, base_ns: int = 0, loop: bool = False
    ) -> None:
        self.recordings = tuple(recordings)
        self.base_ns = base_ns
        self.loop = loop

    @property
    def duration_ns(self) -> int:
        """Length of the longest recording."""
        return max((recording.duration_ns for recording in self.recordings), default=0)

    def steps(self, step_ns: int = STEP_NS) -> Iterator[Step]:
        """Give (until_ns, blocks) step by step; samples keep their order within a channel."""
        from_ns = 0
        while self.loop or from_ns < self.duration_ns:
            to_ns = from_ns + step_ns
            chunks = [
                chunk
                for recording in self.recordings
                for chunk in self._window(recording, from_ns, to_ns)
            ]
            yield self.base_ns + to_ns, pack_all(chunks)
            from_ns = to_ns
            if not self.recordings:
                return

    def _window(self, recording: Recording, from_ns: int, to_ns: int) -> Iterator[Chunk]:
        """Give the chunks of a window that may reach over the end of one loop into the next."""
        duration_ns = recording.duration_ns
        first = from_ns // duration_ns if self.loop else 0
        last = (to_ns - 1) // duration_ns if self.loop else 0
        for loop in range(first, last + 1):
            begin_ns = loop * duration_ns
            end_ns = duration_ns if loop < last else to_ns - begin_ns
            yield from recording.chunks(
                max(from_ns - begin_ns, 0), end_ns, base_ns=self.base_ns, loop=loop
            )
