"""Simulated people as recordings with annotations, for any tool that reads WFDB.

Each person gets a record of the ECG as the device delivered it, a reference annotation file
``.atr`` of the beats and rhythms that were planted, and, where a PPG is worn, a record of it.
Who wears a strap and no ECG gets a record without signals: beats and rhythms only, as in afdb.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import wfdb
from numpy.typing import NDArray

from device_bridges.pacing import STEP_NS
from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.events import EVENTS, Kind
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.tables import F, N, S, V
from device_bridges.simulator.truth import Recorder
from device_bridges.simulator.waves import ECG_HZ
from processors.records import Block

MISSING = -32768  # WFDB format 16
SYMBOLS: Final[Mapping[int, str]] = {N: "N", S: "A", V: "V", F: "F"}  # WFDB annotation codes
NORMAL = "(N"
# Rhythm notes of the MIT-BIH databases; `(ASYS` and `(VF` as in vfdb. Where several hold, the first
# of this list is in force, as in the heart.
RHYTHMS: Final[Mapping[Kind, str]] = {
    Kind.ASYSTOLE: "(ASYS",
    Kind.VF: "(VF",
    Kind.SVT: "(SVTA",
    Kind.AF: "(AFIB",
    Kind.BIGEMINY: "(B",
    Kind.TRIGEMINY: "(T",
}
_SUFFIX: Final[Mapping[str, str]] = {"ecg": "", "ppg": "_ppg"}


@dataclass(slots=True)
class _Trace:
    """One waveform of everybody who wears it, as it arrives."""

    signal: str
    fs_hz: float
    scale: float
    samples: dict[str, NDArray[np.int16]]


def write_recordings(plan: Plan, folder: Path) -> Recorder:
    """Write a record per person of a plan and give who wrote down the truth.

    Raises
    ------
    ValueError
        The plan has no end.
    """
    if math.isinf(plan.duration_s):
        raise ValueError(f"{plan.name}: a recording needs an end")
    folder.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(plan)
    beats = _Beats(recorder)
    traces = _collect(plan, SimulatorBridge(plan, record=beats))
    for trace in traces.values():
        for name, samples in trace.samples.items():
            _write_record(folder, name + _SUFFIX[trace.signal], trace, samples)
    with_ecg = traces["ecg"].samples.keys() if "ecg" in traces else ()
    with_strap = {int(k) for worn in plan.sensors if worn.signal == "rr" for k in worn.slots}
    for slot, person in enumerate(plan.participants):
        if person.id not in with_ecg:
            if slot not in with_strap:
                continue
            _write_header(folder, person.id, plan.duration_s)
        _write_annotations(folder, plan, slot, beats.of(slot))
    return recorder


class _Beats:
    """Keeps the beats, and hands all on to the recorder of the truth."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._beats: list[NDArray[Any]] = []

    def on_second(self, second: int, rows: NDArray[Any]) -> None:
        self._recorder.on_second(second, rows)

    def on_beats(self, beats: NDArray[Any]) -> None:
        self._recorder.on_beats(beats)
        self._beats.append(beats.copy())

    def of(self, slot: int) -> NDArray[Any]:
        if len(self._beats) > 1:
            self._beats = [np.concatenate(self._beats)]
        rows: NDArray[Any] = self._beats[0][self._beats[0]["slot"] == slot]
        return rows


def _collect(plan: Plan, bridge: SimulatorBridge) -> dict[str, _Trace]:
    """Lay everything out by the count of samples; what did not arrive is missing."""
    traces: dict[str, _Trace] = {}
    for _, blocks in bridge.steps(STEP_NS):
        for block in blocks:
            if block.signal not in _SUFFIX:
                continue
            trace = traces.get(block.signal)
            if trace is None:
                fs_hz, scale = float(block.fs_hz[0]), float(block.scale[0])
                trace = traces[block.signal] = _Trace(block.signal, fs_hz, scale, {})
            _lay_out(plan, trace, block)
    return traces


def _lay_out(plan: Plan, trace: _Trace, block: Block) -> None:
    for r, name in enumerate(block.participants):
        samples = trace.samples.get(name)
        if samples is None:
            n = math.ceil(plan.duration_s * trace.fs_hz)
            samples = trace.samples[name] = np.full(n, MISSING, np.int16)
        first, stop = int(block.offsets[r]), int(block.offsets[r + 1])
        at = int(block.seq[r])
        samples[at : at + stop - first] = block.samples[first:stop, 0]


def _write_record(folder: Path, name: str, trace: _Trace, samples: NDArray[np.int16]) -> None:
    wfdb.wrsamp(
        name,
        fs=trace.fs_hz,
        units=["mV" if trace.signal == "ecg" else "NU"],
        sig_name=["ECG" if trace.signal == "ecg" else "PLETH"],
        d_signal=samples[:, None],
        fmt=["16"],
        adc_gain=[1.0 / trace.scale],
        baseline=[0],
        write_dir=str(folder),
    )


def _write_header(folder: Path, name: str, duration_s: float) -> None:
    """Write the header of a record without signals; wfdb writes none."""
    n_samples = math.ceil(duration_s * ECG_HZ)
    (folder / f"{name}.hea").write_text(f"{name} 0 {ECG_HZ} {n_samples}\n", "ascii")


def _write_annotations(folder: Path, plan: Plan, slot: int, beats: NDArray[Any]) -> None:
    """Write beats and changes of rhythm in the order of time."""
    fs_hz = ECG_HZ
    within = (beats["r_s"] >= 0) & (beats["r_s"] < plan.duration_s)
    marks = [
        (round(float(beat["r_s"]) * fs_hz), SYMBOLS[int(beat["label"])], "")
        for beat in beats[within]
    ]
    marks += [(round(t_s * fs_hz), symbol, note) for t_s, symbol, note in _rhythms(plan, slot)]
    marks.sort(key=lambda mark: (mark[0], mark[1] == "+"))
    end = math.ceil(plan.duration_s * fs_hz)
    marks = [mark for mark in marks if mark[0] < end]
    wfdb.wrann(
        plan.participants[slot].id,
        "atr",
        np.array([mark[0] for mark in marks], np.int64),
        [mark[1] for mark in marks],
        aux_note=[mark[2] for mark in marks],
        fs=fs_hz,
        write_dir=str(folder),
    )


def _rhythms(plan: Plan, slot: int) -> Iterator[tuple[float, str, str]]:
    """Give what rhythm begins when; ``[`` and ``]`` around fibrillation, as EC57 wants them."""
    spans = []
    for event in plan.events[plan.event_offsets[slot] : plan.event_offsets[slot + 1]]:
        note = RHYTHMS.get(Kind(int(event["kind"])))
        if note is None:
            continue
        start_s, end_s = float(event["start_s"]), min(float(event["end_s"]), plan.duration_s)
        spans.append((start_s, end_s, note))
        if note == RHYTHMS[Kind.VF]:
            yield start_s, "[", ""
            yield end_s, "]", ""
    rank = {note: place for place, note in enumerate(RHYTHMS.values())}
    in_force = ""
    for t_s in sorted({0.0, *(t for start_s, end_s, _ in spans for t in (start_s, end_s))}):
        holding = [note for start_s, end_s, note in spans if start_s <= t_s < end_s]
        now = min(holding, key=rank.__getitem__, default=NORMAL)
        if now != in_force:
            yield t_s, "+", now
            in_force = now


def rhythm_names() -> dict[str, str]:
    """Give the note of each event that has one, for the documentation."""
    return {spec.name: RHYTHMS[spec.kind] for spec in EVENTS.values() if spec.kind in RHYTHMS}
