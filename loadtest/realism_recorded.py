"""Recordings that simulated signals are compared with; what is not there is left out."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.realism_measures import ECG_HZ, Floats, at_rate, pieces, template, without_wander

LABELS = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F"}  # symbols of mitdb by AAMI class
PPG_HZ = 125  # of bidmc
PIECE_S = 300.0  # of RR: Task Force 1996, Eur Heart J 17:354, five minutes
_GUDB_HZ = 250
_GUDB_S = 60.0
_AF_PIECE_S = 120.0
_NSRDB_PIECES = 24  # of each record, evenly through day and night


def files(folder: Path | None, name: str, pattern: str) -> list[Path]:
    """Give the files of a database; none if it is not there."""
    return [] if folder is None else sorted((folder / name).glob(pattern))


def records(folder: Path | None, name: str, suffix: str = ".hea") -> list[Path]:
    """Give the WFDB records of a database that have such a file, without the suffix."""
    return [path.with_suffix("") for path in files(folder, name, f"*{suffix}")]


def mitdb_ecg(record: Path, from_s: float = 0.0, to_s: float | None = None) -> Floats:
    """Give the first lead, mV, at 250 Hz."""
    import wfdb

    fs_hz = 360
    read = wfdb.rdrecord(
        str(record),
        sampfrom=round(from_s * fs_hz),
        sampto=None if to_s is None else round(to_s * fs_hz),
        channels=[0],
    )
    return at_rate(read.p_signal[:, 0], fs_hz, ECG_HZ)


def beat_templates(folder: Path | None) -> dict[str, list[Floats]]:
    """Give the templates of each class of beat, one for each record of mitdb that has it."""
    import wfdb

    found: dict[str, list[Floats]] = {label: [] for label in LABELS}
    for record in records(folder, "mitdb"):
        mv = without_wander(mitdb_ecg(record))
        marks = wfdb.rdann(str(record), "atr")
        at = np.round(marks.sample * ECG_HZ / 360).astype(int)
        symbols = np.array(marks.symbol)
        for label, of_label in LABELS.items():
            beat = template(mv, at[np.isin(symbols, list(of_label))])
            if beat is not None:
                found[label].append(beat)
    return found


def sinus_ecg(folder: Path | None, seconds: float = 60.0) -> list[Floats]:
    """Give a quiet piece of each record of mitdb that has one: all beats normal, mV at 250 Hz."""
    import wfdb

    found = []
    for record in records(folder, "mitdb"):
        marks = wfdb.rdann(str(record), "atr")
        t_s = marks.sample / 360
        odd = np.array([symbol != "N" for symbol in marks.symbol])
        odd &= t_s > 1  # the first mark names the rhythm
        for start_s in range(60, 1700, 60):
            if not odd[(t_s >= start_s) & (t_s < start_s + seconds)].any():
                found.append(mitdb_ecg(record, start_s, start_s + seconds))
                break
    return found


def rhythm_ecg(
    folder: Path | None, notes: Collection[str], least_s: float, most_s: float = 60.0
) -> list[Floats]:
    """Give the pieces of vfdb of a rhythm, at least so long, mV at 250 Hz."""
    import wfdb

    found = []
    for record in records(folder, "vfdb"):
        marks = wfdb.rdann(str(record), "atr")
        ends = [*marks.sample.tolist()[1:], int(wfdb.rdheader(str(record)).sig_len)]
        for start, end, note in zip(marks.sample.tolist(), ends, marks.aux_note, strict=True):
            if note.strip("\0") in notes and end - start >= least_s * ECG_HZ:
                stop = min(end, start + round(most_s * ECG_HZ))
                found.append(_vfdb(record, start, stop))
    return found


def _vfdb(record: Path, first: int, stop: int) -> Floats:
    import wfdb

    read = wfdb.rdrecord(str(record), sampfrom=first, sampto=stop, channels=[0])
    mv: Floats = np.nan_to_num(np.asarray(read.p_signal[:, 0], np.float64))
    return mv


def ppg(folder: Path | None) -> list[Floats]:
    """Give the PPG of bidmc, arbitrary units at 125 Hz."""
    found = []
    for path in files(folder, "bidmc", "*_Signals.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            names = [name.strip() for name in next(lines).split(",")]
            found.append(np.loadtxt(lines, delimiter=",", usecols=names.index("PLETH")))
    return found


def sinus_rr(folder: Path | None) -> list[Floats]:
    """Give pieces of five minutes of RR of people who live their day (nsrdb), ms."""
    import wfdb

    found: list[Floats] = []
    for record in records(folder, "nsrdb"):
        marks = wfdb.rdann(str(record), "atr")
        normal = np.array([symbol == "N" for symbol in marks.symbol])
        all_of_it = pieces(marks.sample[normal] / 128, PIECE_S)
        found += all_of_it[:: max(1, len(all_of_it) // _NSRDB_PIECES)]
    return found


def sitting_rr(folder: Path | None) -> list[Floats]:
    """Give the RR of people who sit still (gudb), ms, and of nobody twice."""
    found: dict[str, Floats] = {}
    for path in files(folder, "gudb", "*_sitting_*.tsv"):
        t_s = np.loadtxt(path, usecols=0) / _GUDB_HZ
        found.setdefault(path.name[:10], 1000 * np.diff(t_s))
    return [rr for rr in found.values() if rr.sum() > 1000 * _GUDB_S]


def fibrillation_rr(folder: Path | None) -> list[Floats]:
    """Give pieces of two minutes of RR in atrial fibrillation (afdb), ms."""
    import wfdb

    found: list[Floats] = []
    for record in records(folder, "afdb", ".qrs"):
        beats = wfdb.rdann(str(record), "qrs").sample
        for start, end in _episodes(wfdb.rdann(str(record), "atr"), "(AFIB", int(beats[-1])):
            t_s = beats[(beats >= start) & (beats < end)] / 250
            found += pieces(t_s, _AF_PIECE_S)[:4]
    return found


def _episodes(marks: Any, rhythm: str, last: int) -> Iterator[tuple[int, int]]:
    ends: NDArray[Any] = np.append(marks.sample[1:], last)
    for start, end, note in zip(marks.sample, ends, marks.aux_note, strict=True):
        if note.strip("\0") == rhythm:
            yield int(start), int(end)
