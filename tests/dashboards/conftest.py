"""A real server on a free loopback port, with the synthetic feeder behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from dashboards.monitor.app import SERVER, create_app
from dashboards.monitor.hub import Hub
from tests.dashboards.feeder import Feeder, feed


class Served:
    """Hub, feeder and server in a thread of their own; `call` runs something on their loop."""

    def __init__(self, participants: int, *, live: bool, port: int = 0, **options: Any) -> None:
        self.acknowledged: list[tuple[str, str]] = []
        self.asked: list[tuple[object, ...]] = []  # all else that pages asked for
        self.hub = Hub(simulated=True)
        self.feeder = Feeder(self.hub, participants)
        self._live = live
        if live:  # drawing the traces takes seconds on a slow machine
            self.hub.set_status(0.3, "live")
        options.setdefault("actions", self)
        app = create_app(self.hub, **options)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, **SERVER)
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(10)

    def acknowledge(self, alarm_id: str, by: str, useful: bool | None) -> None:
        self.acknowledged.append((alarm_id, by))
        self.asked.append((alarm_id, useful))
        self.feeder.acknowledge(alarm_id, by, useful)

    def inactivate(
        self, participant: str, kind: str, code: str, alarm_id: str, seconds: float,
        reason: str, by: str,
    ) -> None:  # fmt: skip
        self.asked.append((participant, kind, code, alarm_id, seconds, reason, by))
        if seconds > 3600:
            raise ValueError("too long")
        self.feeder.inactivate(participant, kind, code, alarm_id, seconds, reason, by)

    def reactivate(self, participant: str, inactivation_id: str, by: str) -> None:
        self.asked.append((participant, inactivation_id, by))
        self.feeder.reactivate(participant, inactivation_id, by)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        feeding = asyncio.create_task(feed(self.feeder, story=False)) if self._live else None
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag alone
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving
        if feeding:
            feeding.cancel()

    def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        async def run() -> Any:
            return function(*args, **named)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """Give one live server of three participants for tests that leave it as it is."""
    served = Served(3, live=True)
    yield served
    served.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Give a function that starts a server; all are stopped at the end."""
    started: list[Served] = []

    def start(participants: int = 3, *, live: bool = False, **options: Any) -> Served:
        started.append(Served(participants, live=live, **options))
        return started[-1]

    yield start
    for served in started:
        served.stop()
