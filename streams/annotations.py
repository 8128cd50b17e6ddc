"""What `vitals annotate` writes of one recording: ``NAME.vit`` and ``NAME.jsonl``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

from processors.errors import SettingError
from processors.records import NS_PER_S, Finding
from streams.rhythm_notes import rhythm_marks

LABELS: Final = " NSVFQ"  # by number of `beat_labels`; 0 is no label
PROVISIONAL: Final = "N"  # by far the most frequent; the class label follows
TABLE_FS_HZ: Final = 1000.0  # time base of .vit for recordings without one of their own


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the event log: when it became known, what it is about, and the rest of it."""

    known_ns: int
    about_ns: int
    time_field: str
    fields: Mapping[str, Any]


@dataclass(slots=True)
class RecordWriter:
    """Collects the lines of one recording and writes its two files.

    Attributes
    ----------
    name
        Of the files and of the participant.
    fs_hz
        The record's time base; 0 for tables, whose lines carry seconds instead of samples.
    start_s
        Own time of a table's first moment.
    """

    name: str
    folder: Path
    fs_hz: float
    duration_ns: int
    start_s: float = 0.0
    _log: TextIO = field(init=False)
    _beats: dict[int, str] = field(init=False, default_factory=dict)
    _findings: list[Finding] = field(init=False, default_factory=list)
    _newest: float = field(init=False, default=0)

    def __post_init__(self) -> None:
        path = self.folder / f"{self.name}.jsonl"
        try:
            self._log = path.open("w", encoding="utf-8")
        except OSError as error:
            raise SettingError("out", f"{path} cannot be written ({error.strerror})") from error

    def write(self, lines: Iterable[Line], until_ns: int) -> None:
        """Write what became known in a step that gave everything before `until_ns`."""
        self._newest = max(self._newest, self._emission(until_ns))
        for line in sorted(lines, key=lambda line: line.known_ns):
            fields = dict(line.fields)
            about = self._position(line.about_ns)
            if line.fields["kind"] == "beat" and not self._keep_beat(line, about):
                continue
            suffix = "sample" if self.fs_hz else "t_s"
            # A deadline at the very end of the step is about its end, not about a sample.
            self._newest = max(self._newest, about)
            where = {f"{line.time_field}{suffix}": about, f"emitted_{suffix}": self._newest}
            kind = {"kind": fields.pop("kind")}
            self._log.write(json.dumps({**kind, **where, **fields}, ensure_ascii=False) + "\n")

    def _keep_beat(self, line: Line, about: float) -> bool:
        """Note a beat line for the annotation file; False for a label of a beat not standing."""
        label = line.fields["label"]
        if label is None:
            return self._beats.pop(line.about_ns, None) is not None
        self._beats[line.about_ns] = label
        return True

    def note(self, finding: Finding) -> None:
        """Remember a finding for the rhythm marks."""
        self._findings.append(finding)

    def close(self) -> None:
        """Write the annotation file."""
        self._log.close()
        fs_hz = self.fs_hz or TABLE_FS_HZ
        rows = [(t_ns, label, "") for t_ns, label in self._beats.items()]
        rows += [(m.t_ns, m.symbol, m.note) for m in rhythm_marks(self._findings, self.duration_ns)]
        rows = [row for row in rows if 0 <= row[0] < self.duration_ns]
        # A rhythm begins with the beat at the same sample, so it stands before it.
        rows.sort(key=lambda row: (_sample(row[0], fs_hz), row[1] not in "+~"))
        write_annotations(
            self.folder / f"{self.name}.vit",
            [_sample(t_ns, fs_hz) for t_ns, _, _ in rows],
            [symbol for _, symbol, _ in rows],
            [note for _, _, note in rows],
            fs_hz,
        )

    def _emission(self, until_ns: int) -> float:
        if not self.fs_hz:
            return self.start_s + until_ns / NS_PER_S
        # The last sample strictly before `until_ns`: of a time base, whether or not it was read.
        return max(math.ceil(until_ns * self.fs_hz / NS_PER_S) - 1, 0)

    def _position(self, t_ns: int) -> float:
        if self.fs_hz:
            return _sample(t_ns, self.fs_hz)
        return round(self.start_s + t_ns / NS_PER_S, 6)


def _sample(t_ns: int, fs_hz: float) -> int:
    return max(round(t_ns * fs_hz / NS_PER_S), 0)


def record_file_names(participants: Iterable[str]) -> dict[str, str]:
    """Give each participant a file name of its own, also where only odd characters differ.

    >>> record_file_names(["a b", "a_b"])
    {'a b': 'a_b', 'a_b': 'a_b-2'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for participant in participants:
        base = record_file_name(participant)
        name, k = base, 1
        while name.lower() in taken:  # some file systems do not tell case apart
            k += 1
            name = f"{base}-{k}"
        taken.add(name.lower())
        names[participant] = name
    return names


def record_file_name(participant: str) -> str:
    """Give a name that WFDB readers accept: letters, digits, hyphen and underscore.

    >>> record_file_name("bidmc 01")
    'bidmc_01'
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", participant)


def write_annotations(
    path: Path, samples: Sequence[int], symbols: Sequence[str], notes: Sequence[str], fs_hz: float
) -> None:
    """Write a WFDB annotation file; without annotations an empty one."""
    if not samples:
        path.write_bytes(b"")
        return
    import numpy as np
    import wfdb

    wfdb.wrann(
        path.stem,
        path.suffix.removeprefix("."),
        np.asarray(samples, np.int64),
        symbol=list(symbols),
        aux_note=[f"{note}\0" if note else "" for note in notes],
        fs=fs_hz,
        write_dir=str(path.parent),
    )
