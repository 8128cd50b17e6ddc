"""Heart rate variability of recordings on demand: RR from the engine, then all in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from device_bridges.pacing import pack_all
from device_bridges.replay.recording import Recording
from processors.records import NS_PER_S
from processors.rr_correction import Corrected, correct
from processors.variability import Variability, variability_of
from streams.annotate import processors_for
from streams.engine import Engine, EngineOutput

WINDOW_S: Final = 300  # CLINICAL 3.5
STEP_S: Final = 30  # CLINICAL 3.5
PIECE_NS: Final = 10 * NS_PER_S  # of input; how it is cut changes nothing
_CHAIN: Final = ("qrs", "signal_quality", "beat_class", "rr")  # what RR are made by
_NORMAL: Final = 1


def corrected_intervals(recording: Recording, *, all_leads: bool = False) -> Corrected:
    """Give the corrected RR of a recording, from its ECG or, without one, as they were recorded.

    Of beats with an ECG the last label counts: both beats of an interval must be N, or else it is
    interpolated. Times are from the beginning of the recording.
    """
    chain = [one for one in processors_for(all_leads=all_leads) if one.name in _CHAIN]
    engine = Engine(chain, tap=("rr_intervals", "beat_labels"))
    rows: list[tuple[int, float, bool]] = []
    labels: dict[int, int] = {}
    for output in _played(engine, recording):
        for block in output.derived:
            r_ns = block.t_ns - block.values[:, 0].astype(np.int64)
            if block.name == "beat_labels":
                labels.update(zip(r_ns.tolist(), block.values[:, 1].astype(int), strict=True))
            else:
                valid = block.values[:, 4] != 0.0
                rows += zip(r_ns.tolist(), block.values[:, 1].tolist(), valid, strict=True)
    end_ns = np.array([row[0] for row in rows], np.int64)
    rr_ms = np.array([row[1] for row in rows], np.float64)
    valid = np.array([row[2] for row in rows], bool)
    plain = np.array([labels.get(int(at), _NORMAL) == _NORMAL for at in end_ns], bool)
    both = plain & np.concatenate([[True], plain[:-1]])[: len(plain)]
    return correct(end_ns[valid], rr_ms[valid], both[valid])


def windows(
    series: Corrected,
    duration_ns: int,
    *,
    window_s: float = WINDOW_S,
    step_s: float = STEP_S,
) -> Iterator[Variability]:
    """Measure every window that lies in a recording; of a shorter one there is none."""
    window_ns, step_ns = round(window_s * NS_PER_S), round(step_s * NS_PER_S)
    for end_ns in range(window_ns, duration_ns + 1, step_ns):
        yield variability_of(series, end_ns, window_ns)


def _played(engine: Engine, recording: Recording) -> Iterator[EngineOutput]:
    for from_ns in range(0, recording.duration_ns, PIECE_NS):
        to_ns = min(from_ns + PIECE_NS, recording.duration_ns)
        chunks = list(recording.chunks(from_ns, to_ns, base_ns=0))
        if chunks:
            yield engine.feed(pack_all(chunks))
        yield engine.tick(to_ns)
