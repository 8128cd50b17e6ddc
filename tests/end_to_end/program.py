"""``vitals run`` as a process of its own, and a page that looks at it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dashboards.monitor import wire

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "import sys; from streams.cli import main; sys.exit(main())")
STARTED_S = 90.0  # a guard, not a claim: other tests bound what a person waits for
LIVE_S = 150.0  # kernels may have to be compiled first


def environment(**more: str) -> dict[str, str]:
    """Give the environment without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALS_")}
    return {**kept, "COLUMNS": "80", "PYTHONPATH": str(ROOT), **more}


def wait_for(what: Callable[[], Any], within_s: float, why: str) -> Any:
    """Ask until the answer is true; a failure says what was waited for."""
    deadline = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {why}"
        time.sleep(0.05)
    return answer


class Program:
    """A running ``vitals run``; ends with the ``with`` block, whatever happens in it."""

    def __init__(self, folder: Path, *options: object, **environ: str) -> None:
        self.store = folder / "data" / "vitals.sqlite"
        self._log = folder / f"log-{time.monotonic_ns()}.txt"
        command = [*COMMAND, "run", "--port", "0", "--no-browser", "--data", folder / "data"]
        self.began = time.monotonic()
        self.pages: list[Page] = []
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [str(part) for part in (*command, *options)],
                cwd=folder, env=environment(**environ), stdout=log, stderr=log,
            )  # fmt: skip
        try:
            self.url = wait_for(self._address, STARTED_S, "the address of the page")
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> str:
        """Give what is served there, status 200."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - ours
            return answer.read().decode()

    def interrupt(self) -> tuple[int, float]:
        """Press Ctrl-C; give the exit status and how long the end took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60), time.monotonic() - began

    def kill_only(self) -> None:
        """``kill -9``; what pages had been sent can still be read."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def kill(self) -> None:
        self.kill_only()
        for page in self.pages:
            page.close()

    def _address(self) -> str:
        assert self._process.poll() is None, self.output
        return next((w for w in self.output.split() if w.startswith("http://127.0.0.1:")), "")


class Page:
    """What an open page has been told so far."""

    def __init__(self, program: Program, participants: int = 2) -> None:
        self.program = program
        self.hello: dict[str, Any] = {}
        self.phases: list[str] = []
        self.trace_samples: dict[tuple[int, str], int] = {}
        self.heart_rates: dict[int, float] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.first_trace_s = float("inf")
        self._open = contextlib.ExitStack()
        address = program.url.replace("http", "ws") + "/ws"
        self._socket = self._open.enter_context(connect(address, max_size=None))
        program.pages.append(self)
        everybody = list(range(participants))
        self._socket.send(json.dumps({"type": "watch", "participants": everybody, "detail": 0}))

    def acknowledge(self, alarm: str) -> None:
        self._socket.send(json.dumps({"type": "acknowledge", "alarm": alarm}))

    def until(self, what: Callable[[Page], Any], within_s: float, why: str) -> Any:
        """Read on until it holds."""
        deadline = time.monotonic() + within_s
        while not (answer := what(self)):
            told = f"{why}; phases {self.phases}; {self.program.output}"
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {told}"
            self._read(deadline - time.monotonic())
        return answer

    def close(self) -> None:
        self._open.close()

    def _read(self, within_s: float) -> None:
        try:
            message = self._socket.recv(timeout=min(max(within_s, 0.01), 1.0))
        except TimeoutError:
            return
        except ConnectionClosed as end:
            raise AssertionError(f"the page was closed: {end}; {self.program.output}") from end
        for frame in wire.decode(message):
            if frame.kind == wire.WAVEFORMS:
                self._take_traces(wire.decode_waves(frame))
            elif frame.kind == wire.SUMMARY_ROWS:
                for row in wire.decode_summary(frame):
                    if np.isfinite(row["heart_rate"]):
                        self.heart_rates[int(row["participant"])] = float(row["heart_rate"])
            else:
                self._take_words(wire.decode_json(frame))

    def _take_traces(self, rows: list[wire.WaveRow]) -> None:
        self.first_trace_s = min(self.first_trace_s, time.monotonic() - self.program.began)
        for row in rows:
            key = (row.participant, row.signal)
            self.trace_samples[key] = self.trace_samples.get(key, 0) + len(row.samples)

    def _take_words(self, said: dict[str, Any]) -> None:
        if said["type"] == "hello":
            self.hello = said
            self.phases.append(said["status"]["phase"])
        elif said["type"] == "status" and said["phase"] != self.phases[-1]:
            self.phases.append(said["phase"])
        for alarm in said.get("alarms", ()):
            self.alarms[alarm["id"]] = alarm


def stored(store: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a store that another process has open."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
