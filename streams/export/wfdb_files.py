"""Waveforms as WFDB records: one for each run without a break.

The header of a record says time to the microsecond and gain to some digits; its comments say both
exactly, with the device and the count of the first sample. Findings are annotations (``.vit``) of
the records in which they lie. WFDB has integers only: other waveforms are written as CSV.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from processors.records import NS_PER_S, Chunk, Finding
from streams.export.content import Content, channel_names, runs_by_kind, stream_name, unit_of
from streams.export.tables import write_others_csv, write_waveforms_csv

# The value that says "none" in each format of samples; a sample that is that value needs the wider.
_NONE = {"16": -(2**15), "32": -(2**31)}


def write_wfdb(content: Content, out: Path) -> list[str]:
    """Write waveforms as records, the rest as CSV; gives what is not in the records."""
    left: list[Chunk] = []
    for number, several in enumerate(runs_by_kind(content.waveforms).values()):
        for k, run in enumerate(several):
            digital = _digital(run)
            if digital is None:
                left.append(run)
            else:
                _write(f"{stream_name(run)}-{number}-{k + 1:04d}", run, *digital, content, out)
    write_waveforms_csv(left, out)
    write_others_csv(content, out)
    notes = ["values, findings, alarms and strips are in CSV files: WFDB has no place for them"]
    if left:
        names = ", ".join(sorted({run.signal for run in left}))
        notes.append(f"{names}: not all is in 32-bit integers, which WFDB has; it is in CSV files")
    return notes


def _digital(run: Chunk) -> tuple[NDArray[np.int64], str] | None:
    """Give the integers to write, and their format; None where no format holds them."""
    if run.samples.dtype.kind == "f":
        return None
    values = run.samples.astype(np.int64)
    gone = run.missing if run.missing is not None else np.zeros(values.shape, bool)
    there = values[~gone]
    for name, none in _NONE.items():
        if not len(there) or (there.min() > none and there.max() < -none):
            return np.where(gone, none, values), name
    return None


def _write(
    name: str, run: Chunk, digital: NDArray[np.int64], fmt: str, content: Content, out: Path
) -> None:
    n_columns = digital.shape[1]
    began = datetime.fromtimestamp(run.t0_ns // NS_PER_S, UTC).replace(
        microsecond=run.t0_ns % NS_PER_S // 1000, tzinfo=None
    )
    # A gain must be above 0; the exact numbers are in the comments.
    gain = 1 / run.scale if run.scale > 0 else 1.0
    baseline = round(-run.offset / run.scale) if run.scale > 0 else 0
    wfdb.wrsamp(
        name,
        fs=run.fs_hz,
        units=[unit_of(run).replace(" ", "_")] * n_columns,
        sig_name=channel_names(run),
        d_signal=digital,
        fmt=[fmt] * n_columns,
        adc_gain=[gain] * n_columns,
        baseline=[int(np.clip(baseline, -(2**31) + 1, 2**31 - 1))] * n_columns,
        comments=[
            f"participant: {content.participant}",
            f"device: {run.device}",
            f"t0_ns: {run.t0_ns}",
            f"seq: {run.seq}",
            f"fs_hz: {run.fs_hz!r}",
            f"scale: {run.scale!r}",
            f"offset: {run.offset!r}",
        ],
        base_time=began.time(),
        base_date=began.date(),
        write_dir=str(out),
    )
    inside = [f for f in content.findings if 0 <= _sample(f, run) < len(digital)]
    if inside:
        inside.sort(key=lambda f: _sample(f, run))
        wfdb.wrann(
            name,
            "vit",
            np.array([_sample(f, run) for f in inside]),
            symbol=['"'] * len(inside),
            aux_note=[f"{f.code} {f.state}" for f in inside],
            fs=run.fs_hz,
            write_dir=str(out),
        )


def _sample(finding: Finding, run: Chunk) -> int:
    return int((finding.at_ns - run.t0_ns) * run.fs_hz // NS_PER_S)
