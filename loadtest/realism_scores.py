"""The same detectors on simulated people and on recordings: QRS, and atrial fibrillation by beat.

What is counted is what docs/accuracy.md says of the reference scorer; it stands outside this
project and remains the judge, this is the short way for a report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import wfdb
from numpy.typing import NDArray

from alerts.policy import load_policy
from device_bridges.replay.link import find_recordings
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from loadtest.recordings import write_recordings
from processors.records import NS_PER_S
from streams.annotate import Options, annotate

BEATS = Path(__file__).with_name("realism_beats.toml")  # as mitdb
FIBRILLATION = Path(__file__).with_name("realism_af.toml")  # as afdb
MOST_APART_S = 0.15  # of a beat and its detection: ANSI/AAMI EC57
LEARNING_S = 300.0  # left out of the score of beats: EC57
LIVE_S = 1.0  # a live state is that of so long after the beat
_BEAT_SYMBOLS = list("NLRBAaJSVrFejnE/fQ?")
_PIECE_NS = NS_PER_S  # of input; what is found does not depend on it

Samples = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """One figure of simulated and of recorded signals, %; NaN: not measured."""

    figure: str
    simulated: float
    recorded: float

    @property
    def difference(self) -> float:
        return self.simulated - self.recorded


def score_both(recordings: Path | None, seed: int) -> list[Scored]:
    """Run the detectors over simulated and recorded signals; takes minutes."""
    with TemporaryDirectory() as folder:
        made = Path(folder)
        write_recordings(expand(load(BEATS), seed), made / "beats")
        write_recordings(expand(load(FIBRILLATION), seed), made / "af")
        simulated = {
            **beat_scores(made / "beats", made / "out_beats"),
            **af_scores(made / "af", made / "out_af", "atr"),
        }
        recorded: dict[str, float] = {}
        if recordings is not None and (recordings / "mitdb").is_dir():
            recorded |= beat_scores(recordings / "mitdb", made / "out_mitdb")
        if recordings is not None and (recordings / "afdb").is_dir():
            recorded |= af_scores(recordings / "afdb", made / "out_afdb", "qrs")
    return [Scored(name, value, recorded.get(name, math.nan)) for name, value in simulated.items()]


def run_detectors(folder: Path, out: Path, beats_extension: str = "") -> None:
    """Annotate all records of a folder, from beat times if an extension is given."""
    found = find_recordings([folder], beats_extension=beats_extension)
    out.mkdir(parents=True, exist_ok=True)
    options = Options(out=out, lead=0, chunk_ns=_PIECE_NS)
    annotate(found.sources, options, policy=load_policy())


def beat_scores(folder: Path, out: Path) -> dict[str, float]:
    """Give sensitivity and positive predictivity of QRS over all records, %."""
    run_detectors(folder, out)
    counts = np.zeros(3, np.int64)
    for header in sorted(folder.glob("*.hea")):
        reference = folder / header.stem
        if not reference.with_suffix(".atr").is_file():
            continue  # a PPG
        fs_hz = float(wfdb.rdheader(str(reference)).fs)
        first = round(LEARNING_S * fs_hz)
        fibrillation = fibrillation_spans(reference)
        theirs, ours = (
            beats[(beats >= first) & ~within(beats, fibrillation)]
            for beats in (read_beats(reference, "atr"), read_beats(out / header.stem, "vit"))
        )
        counts += paired(theirs, ours, round(MOST_APART_S * fs_hz))
    found, missed, false = counts.tolist()
    return {
        "QRS, Se": 100.0 * found / (found + missed),
        "QRS, +P": 100.0 * found / (found + false),
    }


def paired(reference: Samples, test: Samples, most: int) -> tuple[int, int, int]:
    """Give how many beats were found, missed and false; times increase, pairs are nearest.

    >>> paired(np.array([100, 200, 300]), np.array([103, 290, 302, 400]), 20)
    (2, 1, 2)
    """
    i = j = found = 0
    while i < len(reference) and j < len(test):
        apart = int(test[j]) - int(reference[i])
        nearer_test = j + 1 < len(test) and abs(test[j + 1] - reference[i]) < abs(apart)
        nearer_beat = i + 1 < len(reference) and abs(test[j] - reference[i + 1]) < abs(apart)
        if apart < -most or (apart <= most and nearer_test):
            j += 1
        elif apart > most or nearer_beat:
            i += 1
        else:
            found, i, j = found + 1, i + 1, j + 1
    return found, len(reference) - found, len(test) - found


def af_scores(folder: Path, out: Path, extension: str) -> dict[str, float]:
    """Give sensitivity, specificity and accuracy of AF by beat, live and as claimed, %."""
    run_detectors(folder, out, extension)
    tables = {"live": np.zeros((2, 2), np.int64), "claimed": np.zeros((2, 2), np.int64)}
    for header in sorted(folder.glob("*.hea")):
        reference = folder / header.stem
        fs_hz = float(wfdb.rdheader(str(reference)).fs)
        at = read_beats(reference, extension)[1:]  # no interval ends in the first
        true = within(at, rhythm_spans(reference, "(AFIB", int(at[-1]) + 1))
        claimed, live = claimed_and_live(out / f"{header.stem}.jsonl", int(at[-1] + 2 * fs_hz))
        said = {"claimed": within(at, claimed), "live": within(at + round(LIVE_S * fs_hz), live)}
        for name, table in tables.items():
            np.add.at(table, (true.astype(int), said[name].astype(int)), 1)
    return {
        f"AF by beat, {name}, {figure}": value
        for name, table in tables.items()
        for figure, value in _shares(table).items()
    }


def _shares(table: NDArray[np.int64]) -> Mapping[str, float]:
    (quiet, false), (missed, found) = table.tolist()
    return {
        "Se": 100.0 * found / (found + missed),
        "Sp": 100.0 * quiet / (quiet + false),
        "accuracy": 100.0 * (found + quiet) / int(table.sum()),
    }


def read_beats(record: Path, extension: str) -> Samples:
    """Give the samples of all beats of an annotation file."""
    marks = wfdb.rdann(str(record), extension)
    beats: Samples = marks.sample[np.isin(marks.symbol, _BEAT_SYMBOLS)].astype(np.int64)
    return beats


def fibrillation_spans(record: Path) -> list[tuple[int, int]]:
    """Give the annotated ventricular fibrillation and flutter, samples; EC57 leaves it out."""
    marks = wfdb.rdann(str(record), "atr")
    begins, ends = (marks.sample[np.array(marks.symbol) == symbol].tolist() for symbol in "[]")
    return list(zip(begins, ends, strict=False))


def rhythm_spans(record: Path, rhythm: str, end: int) -> list[tuple[int, int]]:
    """Give from where to where a rhythm is annotated, samples."""
    marks = wfdb.rdann(str(record), "atr")
    changes = [
        (int(at), note.strip("\0"))
        for at, symbol, note in zip(marks.sample, marks.symbol, marks.aux_note, strict=True)
        if symbol == "+"
    ]
    ends = [at for at, _ in changes[1:]] + [end]
    return [(at, stop) for (at, note), stop in zip(changes, ends, strict=True) if note == rhythm]


def claimed_and_live(log: Path, end: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Give where AF is claimed to have been, and when it was said to be, samples."""
    claimed: dict[str, list[int]] = {}
    live: dict[str, list[int]] = {}
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            if one["kind"] != "finding" or one["code"] != "af":
                continue
            name, at, emitted = one["id"], int(one["onset_sample"]), int(one["emitted_sample"])
            if one["state"] == "offset":
                claimed[name][1], live[name][1] = at, emitted
            else:
                claimed[name] = [at, end]
                live.setdefault(name, [emitted, end])
    return [(a, b) for a, b in claimed.values()], [(a, b) for a, b in live.values()]


def within(at: Samples, spans: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Tell which samples lie in any of some spans, the end not included."""
    inside = np.zeros(len(at), np.bool_)
    for first, stop in spans:
        inside |= (at >= first) & (at < stop)
    return inside
