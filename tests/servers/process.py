"""A server as a child process of the tests: started, waited for, ended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

START_S = 60.0  # a Java program on a busy machine
STOP_S = 10.0


def free_port() -> int:
    """Give a port of the loopback address that nobody uses now.

    Not one of those that the system gives to clients (from 32,768 on): one of them may take it
    before the server does, and a client that asks for such a port can even reach itself.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
    end_by: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the end of the block, once `ready` says that it answers.

    Raises
    ------
    RuntimeError
        It ended, or did not answer in `START_S`; the end of its log is in the message.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, user=user, env=environment)
    try:
        _wait(process, log, ready)
        yield process
    finally:
        process.send_signal(end_by)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    end_s = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > end_s:
            said = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args} did not start:\n{said}")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Tell whether something listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def cache() -> Path:
    """Give the folder in which ``install_servers.sh`` keeps what no system package has."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "vitalstream"
