"""A process without progress ends, once, and says so; one that works does not."""

from __future__ import annotations

import subprocess
import sys

from streams.worker.watchdog import EXIT_STALLED, Watchdog


def test_it_ends_what_has_made_no_progress_for_too_long():
    now_s, ended = 100.0, []
    watchdog = Watchdog(60.0, end=ended.append, now_s=lambda: now_s)
    now_s = 160.0
    assert not watchdog.look()
    now_s = 161.0
    assert watchdog.look()
    assert ended == [61.0]


def test_progress_puts_it_off():
    now_s, ended = 0.0, []
    watchdog = Watchdog(60.0, end=ended.append, now_s=lambda: now_s)
    for now_s in range(0, 1_000, 60):  # noqa: B007 - the clock
        assert not watchdog.look()
        watchdog.progress()
    assert ended == []


PROGRAM = """
import time
from streams.worker import watchdog
watchdog.LOOK_S = 0.01
watchdog.Watchdog(0.05).start()
while True:  # nothing yields: an event loop that hangs
    time.sleep(1000)
"""


def test_a_process_that_hangs_ends_with_its_own_status_and_a_line():
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=False, timeout=60
    )
    assert process.returncode == EXIT_STALLED
    assert b"no progress" in process.stderr
