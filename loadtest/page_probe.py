"""A page without a browser: a process that reads the monitor's websocket and notes when.

Run as ``python -m loadtest.page_probe ADDRESS TRACES``: ends when its input is closed, and then
writes one JSON object. It is a process of its own so that its work is not taken for the monitor's.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dashboards.monitor import wire
from processors.records import NS_PER_S

READ_S = 0.2  # s to wait for a message before looking whether it is over


@dataclass(slots=True)
class Notes:
    """What came over the websocket, with the machine's monotonic clock.

    Attributes
    ----------
    alarms
        Alarm id to when it was first read.
    traces
        (device time of the newest sample, when it was read) of each run of samples.
    problem
        Why the page was closed before the end; empty if it was not.
    """

    alarms: dict[str, int] = field(default_factory=dict)
    traces: list[tuple[int, int]] = field(default_factory=list)
    messages: int = 0
    octets: int = 0
    problem: str = ""

    def take(self, message: bytes, now_ns: int) -> None:
        """Note what one message holds."""
        self.messages += 1
        self.octets += len(message)
        for frame in wire.decode(message):
            if frame.kind == wire.WAVEFORMS:
                for row in wire.decode_waves(frame):
                    if not row.begin and len(row.samples):
                        newest = row.t0_ns + round((len(row.samples) - 1) / row.fs_hz * NS_PER_S)
                        self.traces.append((newest, now_ns))
            elif frame.kind == wire.JSON:
                for alarm in wire.decode_json(frame).get("alarms", ()):
                    self.alarms.setdefault(str(alarm["id"]), now_ns)

    def as_json(self) -> dict[str, Any]:
        return {
            "alarms": self.alarms, "traces": self.traces, "messages": self.messages,
            "octets": self.octets, "problem": self.problem,
        }  # fmt: skip


def watch(address: str, traces: int, over: threading.Event) -> Notes:
    """Read a monitor's websocket until told that it is over."""
    notes = Notes()
    with connect(address, max_size=None) as socket:
        shown = {"type": "watch", "participants": list(range(traces)), "detail": None}
        socket.send(json.dumps(shown))
        while not over.is_set():
            try:
                message = socket.recv(timeout=READ_S)
            except TimeoutError:
                continue
            except ConnectionClosed as end:
                notes.problem = str(end)
                break
            if isinstance(message, bytes):
                notes.take(message, time.monotonic_ns())
    return notes


def main() -> None:
    """Watch until the input ends, then write the notes."""
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    notes = watch(sys.argv[1], int(sys.argv[2]), over)
    json.dump(notes.as_json(), sys.stdout)


if __name__ == "__main__":
    main()
