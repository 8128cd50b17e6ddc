"""Redis, without a disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.needs import missing
from tests.servers.process import answers, free_port, running


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Give the URL of a Redis: the one that is named, else one started here."""
    named = os.environ.get("VITALS_TEST_REDIS")
    if named:
        yield named
        return
    program = shutil.which("redis-server")
    if program is None:
        missing("no redis-server; tests/install_servers.sh installs it")
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir"]
    with running([*command, str(folder)], folder / "redis.log", lambda: answers(port)):
        yield f"redis://127.0.0.1:{port}/0"
