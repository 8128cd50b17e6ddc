"""The ECG that was stored of a participant, as a recording that is played like any other."""

from __future__ import annotations

from itertools import groupby

from device_bridges.replay.recording import Recording, RegularTrack, Run
from processors.records import Chunk
from streams.stores.waveforms.archive import Archive

_SIGNAL = "ecg"


def recall(archive: Archive, participant: str, from_ns: int, until_ns: int) -> Recording | None:
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


def _channel(run: Chunk) -> tuple[object, ...]:
    return run.variant, run.device, run.channels, run.fs_hz


def _track(chunks: list[Chunk]) -> RegularTrack:
    one = chunks[0]
    runs = tuple(Run(c.seq, c.t0_ns, c.samples, c.scale, c.offset, c.missing) for c in chunks)
    return RegularTrack(one.signal, one.fs_hz, runs, one.channels, one.device, one.variant)
