"""Streams of real recordings, computed processor by processor without an engine."""

from __future__ import annotations

from functools import cache

import numpy as np
import wfdb

from processors.features.qrs import Qrs
from processors.features.signal_quality import SignalQuality
from processors.records import Batch
from tests.naive.rows import Record
from tests.needs import recordings


@cache
def streams_of(record: str, seconds: float) -> dict[str, list[Record]]:
    """Give ``beats``, ``beat_windows`` and ``ecg_quality`` of the start of a record, channel 0."""
    fs = 360.0
    ecg = wfdb.rdrecord(str(recordings("mitdb") / record), sampto=int(seconds * fs)).p_signal[:, :1]
    n = len(ecg)
    batch = Batch(
        "ecg", np.zeros(1, np.int32), np.array([round(n / fs * 1e9)]), np.array([0, n]),
        ecg.astype(np.float32), np.array([fs]), np.zeros(1, np.int64), np.zeros(1, np.int64),
        np.zeros(0, np.int64), np.zeros(0, np.int8),
    )  # fmt: skip
    blocks = [block for make in (Qrs, SignalQuality) for block in make().process(batch).derived]
    return {
        block.name: [
            (int(t), 0, tuple(v)) for t, v in zip(block.t_ns, block.values.tolist(), strict=True)
        ]
        for block in blocks
    }
