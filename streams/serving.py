"""Serves a web application until the program is told to end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from dashboards.monitor.app import SERVER


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it raises the signal again when it has ended."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=2,
                **SERVER,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield

    def interrupt(self) -> None:
        """End cleanly on the first call, without waiting for open pages on the second."""
        self.force_exit = self.should_exit
        self.should_exit = True
