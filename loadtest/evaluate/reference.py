"""Reference annotations of a record: beats with their classes, rhythms, noise, its ECG."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.spans import Samples, Spans, joined
from processors.errors import InputError

# The classes of EC57 and the annotation codes of each; escape beats (e j n) are S, as in `bxb`.
CLASSES: Final = "NSVFQ"
CODES: Final = ("NLRB", "AaJSejn", "VEr", "F", "Q/f?")
_CLASS_OF: Final = {symbol: k for k, symbols in enumerate(CODES) for symbol in symbols}
N, S, V, F, Q = range(5)


@dataclass(frozen=True, slots=True)
class Beats:
    """Beats in order: sample and class (`N` to `Q`) of each."""

    at: Samples
    kind: NDArray[np.int64]


@dataclass(frozen=True)
class Reference:
    """What is known of one record.

    Attributes
    ----------
    stem
        Path of the record without ending.
    fs_hz, n_samples
        Time base and length; the length is 0 where the header states none.
    at, symbols, notes
        The annotations of ``.atr``, in order.
    """

    stem: Path
    fs_hz: float
    stated_length: int
    at: Samples
    symbols: NDArray[np.str_]
    notes: NDArray[np.str_]

    @property
    def name(self) -> str:
        return self.stem.name

    @cached_property
    def beats(self) -> Beats:
        """The beats of the annotations."""
        return beats_of(self.at, self.symbols)

    @cached_property
    def rhythm_beats(self) -> Samples:
        """The beats that rhythms are judged at: of ``.atr``, or else of ``.qrs`` (afdb)."""
        at = self.beats.at
        if not len(at):
            at = beats_of(*_annotations(self.stem, "qrs")[:2]).at
        return np.unique(at)

    @property
    def n_samples(self) -> int:
        """Length; where it is not stated, up to and with the last beat."""
        return self.stated_length or int(self.rhythm_beats[-1]) + 1

    @property
    def hours(self) -> float:
        return self.n_samples / self.fs_hz / 3600.0

    def rhythm(self, names: Collection[str]) -> Spans:
        """Give where a rhythm of these names is annotated, each to the next change of rhythm."""
        change = self.symbols == "+"
        at = self.at[change].tolist()
        ends = [*at[1:], self.n_samples]
        notes = self.notes[change].tolist()
        spans = zip(at, ends, notes, strict=False)
        return joined((a, b) for a, b, note in spans if note.removeprefix("(") in names)

    @cached_property
    def flutter_waves(self) -> Spans:
        """Ventricular flutter or fibrillation marked ``[`` to ``]``: no beats are scored there."""
        begins, ends = (self.at[self.symbols == symbol] for symbol in "[]")
        ends = np.append(ends, self.stated_length or self.n_samples)
        after = np.searchsorted(ends[:-1], begins)
        return joined(zip(begins.tolist(), ends[after].tolist(), strict=True))

    def ecg(self, from_s: float, to_s: float, lead: int = 0) -> NDArray[np.float64]:
        """Read a piece of a lead, mV."""
        import wfdb

        first = max(0, round(from_s * self.fs_hz))
        last = min(self.n_samples, round(to_s * self.fs_hz))
        read = wfdb.rdrecord(str(self.stem), sampfrom=first, sampto=last, channels=[lead])
        mv: NDArray[np.float64] = np.asarray(read.p_signal[:, 0], np.float64)
        return mv


def read_reference(stem: Path) -> Reference:
    """Read header and ``.atr`` of a record; without ``.atr`` nothing is annotated.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    import wfdb

    header = wfdb.rdheader(str(stem))
    if stem.with_suffix(".atr").is_file():
        at, symbols, notes = _annotations(stem, "atr")
    else:
        at, symbols, notes = np.zeros(0, np.int64), np.zeros(0, np.str_), np.zeros(0, np.str_)
    return Reference(stem, float(header.fs), int(header.sig_len or 0), at, symbols, notes)


def beats_of(at: Samples, symbols: NDArray[np.str_]) -> Beats:
    """Pick the beats out of annotations.

    >>> beats_of(np.array([1, 2, 3]), np.array(["N", "+", "V"])).kind.tolist()
    [0, 2]
    """
    kind = np.array([_CLASS_OF.get(symbol, -1) for symbol in symbols.tolist()], np.int64)
    is_beat = kind >= 0
    return Beats(at[is_beat], kind[is_beat])


def _annotations(stem: Path, extension: str) -> tuple[Samples, Any, Any]:
    import wfdb

    path = f"{stem}.{extension}"
    try:
        read = wfdb.rdann(str(stem), extension)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise InputError(path, f"expected WFDB annotations ({error})") from error
    notes = np.array([note.strip("\0 ") for note in read.aux_note], np.str_)
    return np.asarray(read.sample, np.int64), np.asarray(read.symbol, np.str_), notes
