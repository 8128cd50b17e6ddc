"""Compile the kernels before the tests, in two processes: ``python -m tests.warm``.

Each worker of the tests would otherwise compile all of them for itself. What works on the ECG and
what works on everything else share few kernels, so each process takes one half of the scene.
"""

from __future__ import annotations

import subprocess
import sys

from streams.engine import Engine
from tests.scenes import Scene, even_bounds, scene, steps

SECONDS = 30


def play(*, ecg: bool) -> None:
    """Run half of the scene through every processor."""
    whole = scene()
    chunks = tuple(chunk for chunk in whole.chunks if (chunk.signal == "ecg") == ecg)
    engine = Engine()
    for until_ns, rows in steps(Scene(chunks, whole.controls), even_bounds(1000)[: SECONDS + 1]):
        engine.feed(list(rows))
        engine.tick(until_ns)


def main() -> int:
    """Play both halves side by side."""
    if sys.argv[1:]:
        play(ecg=sys.argv[1] == "ecg")
        return 0
    halves = [
        subprocess.Popen([sys.executable, "-m", "tests.warm", half]) for half in ("ecg", "rest")
    ]
    return max([half.wait() for half in halves])


if __name__ == "__main__":
    sys.exit(main())
