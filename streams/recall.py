"""What was stored of a participant, as a recording that is played like any other."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from device_bridges.replay.recording import IrregularTrack, Recording, RegularTrack, Run
from processors.records import Chunk
from streams.stores import SCALARS, SeriesReads
from streams.stores.waveforms import Waveforms

_SIGNAL = "ecg"
_INTERVALS = "rr"


def recall(archive: Waveforms, participant: str, from_ns: int, until_ns: int) -> Recording | None:
    """Give the ECG with ``from_ns <= t < until_ns``; None where there is none.

    Its clock is that of the samples, ns since the epoch; it begins with the first of them.
    """
    chunks = archive.read(participant, _SIGNAL, from_ns=from_ns, until_ns=until_ns)
    tracks = tuple(_track(list(runs)) for _, runs in groupby(chunks, _channel))
    if not tracks:
        return None
    first_ns = min(track.first_ns for track in tracks)
    duration_ns = max(track.until_ns for track in tracks) - first_ns
    return Recording(participant, tracks, duration_ns, start_ns=first_ns, iso_times=True)


def recall_intervals(
    store: SeriesReads, participant: str, from_ns: int, until_ns: int
) -> Recording | None:
    """Give the RR intervals of a strap with ``from_ns <= t < until_ns``; None where there are none.

    Its clock is that of the strap, ns since the epoch; it begins with the first interval.
    """
    rows = store.series(SCALARS, _INTERVALS, participant, from_ns, until_ns)
    if not len(rows.t_ns):
        return None
    track = IrregularTrack(_INTERVALS, rows.t_ns, rows.values.astype(np.float32))
    first_ns = track.first_ns
    return Recording(
        participant, (track,), track.until_ns - first_ns, start_ns=first_ns, iso_times=True
    )


def _channel(run: Chunk) -> tuple[object, ...]:
    return run.variant, run.device, run.channels, run.fs_hz


def _track(chunks: list[Chunk]) -> RegularTrack:
    one = chunks[0]
    runs = tuple(Run(c.seq, c.t0_ns, c.samples, c.scale, c.offset, c.missing) for c in chunks)
    return RegularTrack(one.signal, one.fs_hz, runs, one.channels, one.device, one.variant)
