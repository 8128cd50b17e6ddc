"""Everything in one process: bridge, engine, alarms, store and page (``vitals run``).

::

    event loop                            engine thread                     writer thread
    ----------                            -------------                     -------------
    bridge ── blocks ─┬─▶ Hub (traces)
                      └─▶ queue ────────▶ LiveCore.step ── what is kept ──▶ store
    Hub ◀── values, findings, alarms ─────────┘
    page ── acknowledge ──▶ LiveCore.acknowledge

The queue is bounded and blocks: raw samples are never dropped. Raw traces reach the page before the
engine has them, and so before its kernels are compiled.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn

from alerts.alarm import Alarm, AlarmChange
from alerts.policy import Policy
from dashboards.monitor.app import SERVER, create_app
from dashboards.monitor.history import ParticipantHistory, Strip
from dashboards.monitor.hub import Hub
from device_bridges.pacing import Bridge, WallClock, publish
from processors.errors import SettingError
from processors.records import NS_PER_S, Block, Control, Finding
from registry.participants import Participant

QUEUE_STEPS: Final = 300  # a minute of 200 ms steps: as long as kernels take to compile
BEHIND_S: Final = 2.0  # from here on the page says that the engine is catching up
STATUS_S: Final = 0.5
_END: Final = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes
    ----------
    speed
        Seconds of signal per second; None: as fast as it goes.
    greeting
        One line for the terminal: what is playing.
    """

    bridge: Bridge
    participants: Sequence[Participant]
    controls: Sequence[Control]
    simulated: bool
    speed: float | None
    greeting: str
    block_ms: int


class Embedded:
    """One run of everything, from start to a clean end.

    Parameters
    ----------
    address
        A bound socket; the page is served on it.
    say
        Prints a line for the person at the terminal.
    """

    def __init__(
        self,
        plan: Plan,
        policy: Policy,
        folder: Path,
        address: socket.socket,
        say: Callable[[str], None],
    ) -> None:
        from streams.stores.sqlite import SqliteStore
        from streams.stores.writer import StoreWriter

        self._plan = plan
        self._policy = policy
        self._address = address
        self._say = say
        self._store = SqliteStore(folder / "vitals.sqlite")
        self._writer = StoreWriter(self._store)
        self._steps: queue.Queue[tuple[int, Sequence[Block | Control]] | None] = queue.Queue(
            QUEUE_STEPS
        )
        self._clock = _DeviceClock(plan.bridge.base_ns, plan.speed)
        self._hub = Hub(self._clock.now_ns, simulated=plan.simulated, on_strip=self._keep_strip)
        self._hub.set_participants(plan.participants)
        self._core: Any = None
        self._given_ns = self._done_ns = plan.bridge.base_ns
        self._ended = False
        self._fault: BaseException | None = None

    async def serve(self) -> None:
        """Run until interrupted, or until the engine fails.

        Raises
        ------
        BaseException
            What ended the engine, after everything else has been closed.
        """
        app = create_app(self._hub, acknowledge=self._acknowledge, history=self._history)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on", **SERVER)
        )
        loop = asyncio.get_running_loop()
        engine = threading.Thread(target=self._run_engine, args=(loop, server), name="engine")
        self._writer.start()
        engine.start()
        tasks = [asyncio.create_task(self._play()), asyncio.create_task(self._report(server))]
        try:
            await server.serve(sockets=[self._address])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._ended = True
            with contextlib.suppress(queue.Full):
                self._steps.put_nowait(_END)
            await asyncio.to_thread(engine.join)
            await asyncio.to_thread(self._writer.close)
            self._store.close()
        if self._fault is not None:
            raise self._fault
