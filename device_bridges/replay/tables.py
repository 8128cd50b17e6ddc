"""Read recordings from tables (CSV, CSV.gz): a header line, a time column, columns of signals.

Waveforms become runs at the rate of the time stamps; other signals are records at their own times,
and an empty cell of theirs is no record. Rows are passed on in the order of the file, also where
times jump back. What is not a number counts as missing and is warned about with its line.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from device_bridges.replay.columns import (
    Column,
    HeaderError,
    Mapping,
    channel_of,
    channels_of,
    columns_of,
)
from device_bridges.replay.recording import IrregularTrack, Recording, RegularTrack, Track
from device_bridges.replay.timeline import breaks, runs_of, sampling_rate_hz, sampling_step_ns
from processors.errors import InputError
from processors.records import NS_PER_S
from processors.signals import Channel, signal_spec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK = math.inf  # stands for an empty cell while rows are read; no signal has infinite values
_SHOWN_LINES = 3
_SHOWN_CELL = 24  # characters
_OWN_RATE_SHARE = 0.75
_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")  # control characters that no table has
_LEAST_ROWS = 3  # of a waveform, to tell its rate


@dataclass(slots=True)
class _Complaints:
    """Faults of rows by kind: the first in words, a few line numbers, a count."""

    path: Path
    _found: dict[str, tuple[str, list[int]]] = field(default_factory=dict)

    def add(self, line: int, fault: str, found: str = "") -> None:
        """Note a fault of a line; `found` takes the place of ``{}`` in it."""
        self._found.setdefault(fault, (found, []))[1].append(line)

    def sentences(self) -> tuple[str, ...]:
        return tuple(
            self._sentence(fault.replace("{}", found, 1), lines)
            for fault, (found, lines) in self._found.items()
        )

    def _sentence(self, fault: str, lines: list[int]) -> str:
        more = ""
        if len(lines) > 1:
            listed = ", ".join(str(line) for line in lines[1 : 1 + _SHOWN_LINES])
            more = f" (and {len(lines) - 1} more: line {listed}{', ...' * (len(lines) > 4)})"
        return f"{self.path.name}:{lines[0]}: {fault}{more}"


@dataclass(slots=True)
class _Rows:
    """The used columns of a table as read: own times in ns, values in the units of the signals."""

    t_ns: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    cells: list[array[float]] = field(default_factory=list)


def check_header(path: Path, mapping: Mapping) -> None:
    """Read the header line only.

    Raises
    ------
    InputError
        It does not fit; the text names line 1, what was found, what was expected and what is near.
    """
    with _opened(path) as file:
        _header(path, file.readline(), mapping)


def read_table(path: Path, participant: str, mapping: Mapping = ()) -> Recording:
    """Read a table whole.

    Raises
    ------
    InputError
        The header does not fit, there is no row with a time, or a waveform has no common rate.
    """
    complaints = _Complaints(path)
    with _opened(path) as file:
        first_line = file.readline()
        columns, unused, delimiter = _header(path, first_line, mapping)
        rows, iso = _read_rows(csv.reader(file, delimiter=delimiter), columns, complaints)
    if not rows.t_ns:
        raise InputError(path.name, "expected rows with a time and values, found none")
    t_ns = np.array(rows.t_ns, np.int64)
    _complain_about_times(t_ns, rows, complaints)
    tracks, notes = _tracks(columns, rows, t_ns, complaints)
    if unused:
        notes.append(f"left out: {', '.join(unused)}")
    start_ns = min(track.first_ns for track in tracks)
    return Recording(
        participant,
        tuple(tracks),
        duration_ns=max(track.until_ns for track in tracks) - start_ns,
        start_ns=start_ns,
        iso_times=iso,
        warnings=complaints.sentences(),
        notes=tuple(notes),
    )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    opener: Callable[..., TextIO] = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield file
    except (OSError, EOFError, csv.Error) as e:
        raise InputError(path.name, f"cannot be read ({e})") from e


def _header(path: Path, line: str, mapping: Mapping) -> tuple[list[Column], list[str], str]:
    if not line:
        raise InputError(path.name, "expected a header line, found an empty file")
    if _NO_TEXT.search(line):
        found = "UTF-16" if len(line) > 3 and not line[3:40:2].strip("\0") else "no text"
        raise InputError(path.name, f"expected a table as text in UTF-8, found {found}")
    delimiter = max(",;\t", key=line.count)
    names = next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    try:
        return (*columns_of(names, mapping), delimiter)
    except HeaderError as e:
        raise InputError(f"{path.name}:1", str(e)) from e


def _read_rows(
    reader: Iterator[list[str]], columns: Sequence[Column], complaints: _Complaints
) -> tuple[_Rows, bool]:
    """Read rows until the end, or until a compressed file breaks off."""
    rows = _Rows(cells=[array("d") for _ in columns[1:]])
    time = columns[0]
    signals = [(column, channel_of(column.target)) for column in columns[1:]]
    width = max(column.index for column in columns) + 1
    scale_ns = time.target.convert.factor * NS_PER_S
    iso = False
    line = 1
    try:
        for line, row in enumerate(reader, start=2):
            if not row:
                continue
            if len(row) < width:
                complaints.add(
                    line, f"expected at least {width} cells, found fewer; taken as missing"
                )
                row.extend([""] * (width - len(row)))
            if not rows.t_ns and not iso:
                iso = _iso_ns(row[time.index]) is not None and not _is_number(row[time.index])
            t_ns = _iso_ns(row[time.index]) if iso else _number_ns(row[time.index], scale_ns)
            if t_ns is None:
                found = repr(row[time.index][:_SHOWN_CELL])
                complaints.add(line, "expected a time, found {}; row left out", found)
                continue
            rows.t_ns.append(t_ns)
            rows.lines.append(line)
            for cells, (column, channel) in zip(rows.cells, signals, strict=True):
                cells.append(_value(row[column.index], column, channel, line, complaints))
    except EOFError:
        complaints.add(line, "the compressed file breaks off here; the rest is missing")
    return rows, iso


def _value(
    cell: str, column: Column, channel: Channel, line: int, complaints: _Complaints
) -> float:
    convert = column.target.convert
    try:
        value = float(cell) * convert.factor + convert.offset
    except ValueError:
        if not cell.strip():
            return _BLANK
        fault = f"expected a number for {column.name}, found {{}}; taken as missing"
        complaints.add(line, fault, repr(cell[:_SHOWN_CELL]))
        return math.nan
    if value < channel.low or value > channel.high:
        within = f"{channel.low:g} to {channel.high:g} {channel.unit}"
        fault = f"expected {column.name} from {within}, found {{}}; not used"
        complaints.add(line, fault, f"{value:g}")
    return math.nan if math.isinf(value) else value


def _number_ns(cell: str, scale_ns: float) -> int | None:
    try:
        return round(float(cell) * scale_ns)
    except (ValueError, OverflowError):
        return None


def _is_number(cell: str) -> bool:
    return _number_ns(cell, 1.0) is not None


def _iso_ns(cell: str) -> int | None:
    """Read an ISO 8601 time as ns since the epoch; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def _complain_about_times(t_ns: NDArray[np.int64], rows: _Rows, complaints: _Complaints) -> None:
    for i in np.flatnonzero(np.diff(t_ns) < 0):
        complaints.add(rows.lines[i + 1], "the time jumps back; passed on as it is")


def _tracks(
    columns: Sequence[Column], rows: _Rows, t_ns: NDArray[np.int64], complaints: _Complaints
) -> tuple[list[Track], list[str]]:
    tracks: list[Track] = []
    notes: list[str] = []
    lines = np.array(rows.lines, np.int64)
    for signal in dict.fromkeys(column.target.signal for column in columns[1:]):
        spec = signal_spec(signal)
        members = [column for column in columns if column.target.signal == signal]
        channels = channels_of(spec, members)
        values = np.full((len(t_ns), len(channels)), np.inf)
        for column in members:
            cells = np.array(rows.cells[columns.index(column) - 1], np.float64)
            values[:, channels.index(column.target.channel)] = cells
        blank = np.isinf(values)
        filled = ~blank.all(axis=1)
        values[blank] = np.nan
        samples = values.astype(np.float32)
        if not filled.any():
            notes.append(f"{signal}: no values, left out")
        elif spec.waveform:
            # Blank cells are missing samples, unless most are: then this signal has its own rate.
            used = np.ones(len(t_ns), bool) if filled.mean() > _OWN_RATE_SHARE else filled
            made = _waveform(signal, t_ns[used], samples[used], lines[used], complaints)
            tracks.append(replace(made, channels=channels))
            notes.append(f"{signal}: {made.fs_hz:g} Hz by the time stamps")
        else:
            names = () if channels == tuple(one.name for one in spec.channels) else channels
            tracks.append(IrregularTrack(signal, t_ns[filled], samples[filled], names))
    if not tracks:
        raise InputError(complaints.path.name, "expected rows with values, found none")
    _complain_about_repeats(tracks, rows, t_ns, complaints)
    return tracks, notes


def _waveform(
    signal: str,
    t_ns: NDArray[np.int64],
    values: NDArray[np.float32],
    lines: NDArray[np.int64],
    complaints: _Complaints,
) -> RegularTrack:
    if len(t_ns) < _LEAST_ROWS:
        problem = f"expected at least {_LEAST_ROWS} rows of {signal}, found {len(t_ns)}"
        raise InputError(complaints.path.name, problem)
    step_ns = sampling_step_ns(t_ns)
    if math.isnan(step_ns):
        raise InputError(
            complaints.path.name,
            f"expected {signal} at a common sampling rate, found times that follow none",
        )
    found = breaks(t_ns, step_ns)
    fs_hz = sampling_rate_hz(t_ns, found, step_ns)
    for at in found:
        if at.samples > 0:
            complaints.add(int(lines[at.row]), f"{signal} samples are missing before this line")
        elif t_ns[at.row] >= t_ns[at.row - 1]:
            complaints.add(int(lines[at.row]), f"{signal} rows come again; passed on as they are")
    return RegularTrack(signal, fs_hz, runs_of(t_ns, values, found, fs_hz))


def _complain_about_repeats(
    tracks: Sequence[Track], rows: _Rows, t_ns: NDArray[np.int64], complaints: _Complaints
) -> None:
    """Warn of equal rows in tables of records; beats may well share a time stamp and a value."""
    if any(isinstance(track, RegularTrack) or track.signal == "rr" for track in tracks):
        return
    for i in np.flatnonzero(np.diff(t_ns) == 0):
        if all(cells[i] == cells[i + 1] for cells in rows.cells):
            complaints.add(rows.lines[i + 1], "the same row again; passed on as it is")
