"""The roles on Kafka as processes of their own: bridges, workers, monitors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.end_to_end.program import COMMAND, Page, environment, wait_for

STARTED_S = 120.0


class Role:
    """One running process; `Page` can look at that of a monitor."""

    def __init__(self, folder: Path, name: str, *command: object, **environ: str) -> None:
        self.name = name
        self.began = time.monotonic()
        self.pages: list[Page] = []
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, *map(str, command)], cwd=folder, env=environment(**environ), stdout=log,
                stderr=log,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def url(self) -> str:
        words = [word.rstrip(".") for word in self.output.split()]
        return next((word for word in words if word.startswith("http://127.0.0.1:")), "")

    def get(self, path: str) -> str:
        """Give what is served there, status 200."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - ours
            return answer.read().decode()

    def said(self, what: str) -> None:
        """Wait until it has said something."""
        wait_for(lambda: self._alive() and what in self.output, STARTED_S, f"{self.name}: {what}")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> int:
        """End it as its supervisor would, and give its exit status."""
        self._process.terminate()
        return self._process.wait(30)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()  # also of one that is stopped
            self._process.wait(10)
        for page in self.pages:
            page.close()

    def _alive(self) -> bool:
        assert self._process.poll() is None, self.output
        return True


class Roles:
    """Starts roles on one Kafka, with settings from the environment, and ends all of them."""

    def __init__(
        self, folder: Path, kafka: str, redis: str, n_partitions: int, environ: Mapping[str, str]
    ) -> None:
        self.redis = redis
        self._folder = folder
        self._kafka = ("--kafka", kafka)
        self._partitions = ("--partitions", n_partitions)
        self._redis = ("--redis", redis) if redis else ()
        self._environ = environ
        self._running: list[Role] = []

    def sink(self, name: str) -> Role:
        one = self._start(name, "sink", *self._kafka, *self._partitions)
        one.said("Sink of")
        return one

    def bridge(self, name: str, *more: object) -> Role:
        return self._start(name, "bridge", *self._kafka, *self._partitions, *more)

    def worker(self, name: str) -> Role:
        more = ("--name", name, "--checkpoints", self._folder / "checkpoints")
        return self._start(name, "worker", *self._kafka, *more)

    def monitor(self, name: str) -> Role:
        more = ("--name", name, "--port", 0, *self._redis)
        one = self._start(name, "monitor", *self._kafka, *self._partitions, *more)
        one.said("http://")
        return one

    def close(self) -> None:
        for role in self._running:
            role.signal(signal.SIGCONT) if role._process.poll() is None else None
            role.kill()

    def _start(self, name: str, *command: object) -> Role:
        role = Role(self._folder, name, *command, **self._environ)
        self._running.append(role)
        return role


@contextlib.contextmanager
def roles(
    folder: Path, kafka: str, redis: str, n_partitions: int, **environ: str
) -> Iterator[Roles]:
    """Give what starts roles; all end with the block."""
    some = Roles(folder, kafka, redis, n_partitions, environ)
    with contextlib.closing(some):
        yield some
