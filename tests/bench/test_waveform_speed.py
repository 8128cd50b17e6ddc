"""What it costs to keep every sample of 2,000 people: ECG at 250 Hz and PPG at 100 Hz."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from processors.records import NS_PER_S, Block
from streams.stores.waveforms import Folders, Segment
from streams.stores.waveforms.compaction import compact
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.log import LogWriter, read_log

pytestmark = pytest.mark.bench

RATES_HZ = {"ecg": 250, "ppg": 100}
STEP_S = 0.2
T0_NS = 491_000 * 3600 * NS_PER_S
RECORDING = Segment(491_000, 1)


def blocks(n_people: int, step: int) -> list[Block]:
    """Give what a bridge gives in one step; a triangle with noise, as rough as an ECG."""
    made = []
    for signal, fs_hz in RATES_HZ.items():
        n = round(fs_hz * STEP_S)
        i = step * n + np.arange(n_people * n).reshape(n_people, n) % n
        rng = np.random.default_rng(step)
        samples = np.abs(i % 200 - 100) * 4 + rng.integers(-3, 4, i.shape)
        made.append(Block(
            signal, tuple(f"P-{k:04d}" for k in range(n_people)), ("monitor",) * n_people,
            np.full(n_people, float(fs_hz)), np.full(n_people, 0.005), np.zeros(n_people),
            np.full(n_people, T0_NS + round(step * STEP_S * NS_PER_S)),
            np.full(n_people, step * n), np.arange(n_people + 1) * n,
            samples.astype(np.int16).reshape(-1, 1),
        ))  # fmt: skip
    return made


def record(folder: Path, n_people: int, length_s: float) -> tuple[float, int]:
    """Record as the recorder does, twice a second; gives its processor time and the bytes."""
    folders = Folders(folder)
    folders.make()
    log = LogWriter(folders.log(RECORDING))
    waiting: list[Block] = []
    cpu_s, size = 0.0, 0
    for step in range(round(length_s / STEP_S)):
        waiting += blocks(n_people, step)
        if step % 5 in {2, 4}:
            began = time.thread_time()
            size += log.append(join(several) for several in by_kind(waiting).values())
            cpu_s += time.thread_time() - began
            waiting = []
    log.close()
    return cpu_s, size


def test_recording_2000_people_takes_a_small_share_of_a_core(tmp_path):
    length_s = 20.0
    cpu_s, size = min(record(tmp_path / str(k), 2_000, length_s) for k in range(3))
    print(f"recording: {100 * cpu_s / length_s:.1f} % of a core, {size / length_s / 1e6:.1f} MB/s")
    assert cpu_s < 0.2 * length_s


def test_compacting_an_hour_of_2000_people_takes_a_small_share_of_an_hour(tmp_path):
    _compacted(tmp_path / "warm", 1, 1)  # loads pyarrow
    # Reading the log: of many people, for names are read with each record. Files: of many people,
    # a second each. Samples: of few people, for long; without reading, which they do not share.
    reading_s, _, _ = _compacted(tmp_path / "many", 500, 5)
    _, files_s, _ = _compacted(tmp_path / "files", 200, 1)
    _, samples_s, share = _compacted(tmp_path / "few", 20, 400)
    parts = (reading_s * 4 * 3600 / 5, files_s * 10, samples_s * 100 * 9)
    print("compaction, s of an hour: " + ", ".join(f"{part:.0f}" for part in parts))
    print(f"= {sum(parts) / 36:.1f} % of a core, {100 * share:.0f} % of two bytes a sample")
    assert sum(parts) < 0.2 * 3600


def _compacted(folder: Path, n_people: int, length_s: float) -> tuple[float, float, float]:
    """Give processor time of reading and of all else, and the bytes for each byte of samples."""
    record(folder, n_people, length_s)
    folders = Folders(folder)
    began = time.process_time()
    read_log(folders.log(RECORDING))
    read = time.process_time()
    done = compact(folders, RECORDING)
    reading_s = read - began
    return reading_s, time.process_time() - read - reading_s, done.bytes / (2 * done.samples)
