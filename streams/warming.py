"""Compiles what works on the ECG before it is needed."""

from __future__ import annotations

import numpy as np

from processors.records import NS_PER_S, Chunk, pack
from streams.engine import Engine

_SECONDS, _FS_HZ = 4, 250


def warm_up() -> None:
    """Run some seconds of ECG through everything; kernels that are compiled already cost little."""
    engine = Engine()
    for k in range(_SECONDS):
        samples = np.zeros((_FS_HZ, 1), np.float32)
        chunk = Chunk("nobody", "none", "ecg", k * NS_PER_S, samples, float(_FS_HZ), _FS_HZ * k)
        engine.feed([pack([chunk])])
        engine.tick((k + 1) * NS_PER_S)
