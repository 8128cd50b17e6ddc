"""Waveforms as EDF+D: a file for each signal and device, with its gaps.

Written here because a data record of EDF+D carries its own time, which a writer of continuous
files does not offer (edfio, 0.4). Samples are the device's 16-bit integers. The first record of a
run has the annotation ``run t0_ns=... seq=... n=...``: how many samples are real, for a run seldom
ends where a record does. The field for the filter says rate, scale and offset exactly, which the
numbers of eight characters in the header do not. -32768 fills up and is "no value"; where a device
gives it as a value, or in more than 16 bits, the signal is written as CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from processors.records import NS_PER_S, Chunk, Finding
from streams.export.content import Content, channel_names, runs_by_kind, stream_name, unit_of
from streams.export.tables import write_others_csv, write_waveforms_csv

NONE: Final = -(2**15)
_HIGHEST: Final = 2**15 - 1
_MONTHS: Final = (
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"
)  # fmt: skip


def write_edf(content: Content, out: Path) -> list[str]:
    """Write waveforms as EDF+D, the rest as CSV; gives what is not in the EDF files."""
    left: list[Chunk] = []
    for number, several in enumerate(runs_by_kind(content.waveforms).values()):
        if all(map(_fits, several)):
            path = out / f"{stream_name(several[0])}-{number}.edf"
            path.write_bytes(_file(content, several))
        else:
            left += several
    write_waveforms_csv(left, out)
    write_others_csv(content, out)
    notes = ["values, alarms and strips are in CSV files: EDF+ has no place for them"]
    if left:
        names = ", ".join(sorted({run.signal for run in left}))
        notes.append(f"{names}: not all is in 16-bit integers, which EDF has; it is in CSV files")
    return notes


def _fits(run: Chunk) -> bool:
    if run.samples.dtype.kind == "f":
        return False
    there = run.samples if run.missing is None else run.samples[~run.missing]
    return not there.size or bool(there.min() > NONE and there.max() <= _HIGHEST)


def _file(content: Content, runs: Sequence[Chunk]) -> bytes:
    first = runs[0]
    n_record = max(round(first.fs_hz), 1)  # samples in a data record: about a second
    start_s = first.t0_ns // NS_PER_S
    records, notes = [], []
    for run in runs:
        values = run.samples.astype("<i2")
        if run.missing is not None:
            values[run.missing] = NONE
        for i in range(0, len(values), n_record):
            t_ns = run.t0_ns + round(i * NS_PER_S / run.fs_hz) - start_s * NS_PER_S
            record = np.full((n_record, values.shape[1]), NONE, "<i2")
            record[: len(values) - i] = values[i : i + n_record]
            records.append(record.T.tobytes())
            until_ns = t_ns + round(n_record * NS_PER_S / run.fs_hz)
            notes.append(
                _tal(t_ns, "")
                + (_tal(t_ns, _about(run)) if i == 0 else b"")
                + b"".join(_findings(content.findings, start_s * NS_PER_S, t_ns, until_ns))
            )
    room = -(-max(map(len, notes)) // 2) * 2
    body = b"".join(
        record + note.ljust(room, b"\0") for record, note in zip(records, notes, strict=True)
    )
    return _header(content, first, start_s, n_record, room // 2, len(records)) + body


def _about(run: Chunk) -> str:
    return f"run t0_ns={run.t0_ns} seq={run.seq} n={len(run.samples)}"


def _findings(
    findings: Sequence[Finding], start_ns: int, from_ns: int, until_ns: int
) -> Iterator[bytes]:
    for finding in findings:
        if from_ns <= finding.at_ns - start_ns < until_ns:
            yield _tal(finding.at_ns - start_ns, f"{finding.code} {finding.state}")


def _tal(t_ns: int, text: str) -> bytes:
    r"""Give a time-stamped annotation; without a text it is the time of the data record.

    >>> _tal(1_500_000_000, "pause point")
    b'+1.500000000\x14pause point\x14\x00'
    """
    return f"+{t_ns // NS_PER_S}.{t_ns % NS_PER_S:09d}\x14{text}\x14\0".encode()


def _header(
    content: Content, run: Chunk, start_s: int, n_record: int, room: int, n_records: int
) -> bytes:
    began = datetime.fromtimestamp(start_s, UTC)
    date = f"{began.day:02d}-{_MONTHS[began.month - 1]}-{began.year}"
    names = channel_names(run)
    n = len(names) + 1
    exact = f"fs={run.fs_hz!r} scale={run.scale!r} offset={run.offset!r}"
    low, high = (value * run.scale + run.offset for value in (NONE + 1, _HIGHEST))
    per_signal = (
        (16, [*names, "EDF Annotations"]),
        (80, [run.device] * (n - 1) + [""]),
        (8, [unit_of(run)] * (n - 1) + [""]),
        (8, [_number(low)] * (n - 1) + ["-1"]),
        (8, [_number(high)] * (n - 1) + ["1"]),
        (8, [str(NONE + 1)] * (n - 1) + [str(NONE)]),
        (8, [str(_HIGHEST)] * n),
        (80, [exact] * (n - 1) + [""]),
        (8, [str(n_record)] * (n - 1) + [str(room)]),
        (32, [""] * n),
    )
    fixed = [
        _field("0", 8),
        _field(f"{content.participant.replace(' ', '_')} X X X", 80),
        _field(f"Startdate {date} X X {run.device.replace(' ', '_') or 'X'}", 80),
        _field(f"{began:%d.%m.%y}", 8),
        _field(f"{began:%H.%M.%S}", 8),
        _field(str(256 * (n + 1)), 8),
        _field("EDF+D", 44),
        _field(str(n_records), 8),
        _field(_number(n_record / run.fs_hz), 8),
        _field(str(n), 4),
    ]
    return b"".join(fixed + [_field(text, width) for width, texts in per_signal for text in texts])


def _number(value: float) -> str:
    """Give a number in eight characters, as near as they come."""
    for digits in range(7, -1, -1):
        text = f"{value:.{digits}f}"
        if len(text) <= 8:
            return text
    return "9" * 8 if value > 0 else "-" + "9" * 7


def _field(text: str, width: int) -> bytes:
    """Give a field of the header; what EDF's letters cannot say is a question mark."""
    return text.encode("ascii", "replace")[:width].ljust(width)
