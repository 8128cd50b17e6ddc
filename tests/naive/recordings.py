"""Streams of real recordings, computed processor by processor without an engine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import wfdb

from processors.features.qrs import Qrs
from processors.features.signal_quality import SignalQuality
from processors.records import Batch
from tests.naive.rows import Record

MITDB = Path(os.environ.get("VITALS_SHARED", Path(__file__).parents[3] / "shared")) / "data/mitdb"


@cache
def streams_of(record: str, seconds: float) -> dict[str, list[Record]]:
    """Give ``beats``, ``beat_windows`` and ``ecg_quality`` of the start of a record, channel 0."""
    if not (MITDB / f"{record}.dat").exists():
        pytest.skip(f"{MITDB} is not here (VITALS_SHARED says where real recordings are)")
    fs = 360.0
    ecg = wfdb.rdrecord(str(MITDB / record), sampto=int(seconds * fs)).p_signal[:, :1]
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
