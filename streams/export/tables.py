"""Everything as tables: CSV or Parquet, the same columns in both.

``waveforms.*`` has a row for each run without a break; its samples are in ``waveform-NAME-K.*``: as
CSV a row for each sample with the number of its run, its time and its integers, empty where there
is no value; physical value = integer * scale + offset. Numbers of CSV come back bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alerts.alarm import alarm_to_plain
from processors.records import Chunk, pack, sample_times_ns
from streams.export.content import Content, channel_names, runs_by_kind, stream_name, unit_of
from streams.stores.waveforms.join import by_kind, join
from streams.stores.waveforms.tables import write_runs


def write_csv(content: Content, out: Path) -> list[str]:
    """Write everything as CSV."""
    write_waveforms_csv(content.waveforms, out)
    write_others_csv(content, out)
    return []


def write_parquet(content: Content, out: Path) -> list[str]:
    """Write everything as Parquet; waveforms as they are stored."""
    blocks = by_kind(pack([run]) for run in content.waveforms)
    for number, kind in enumerate(sorted(blocks)):
        block = join(blocks[kind])
        name = block.signal + (f"-{block.variant}" if block.variant else "")
        write_runs(out / f"waveform-{name}-{number}.parquet", block)
    _write_others(content, lambda table, name: pq.write_table(table, out / f"{name}.parquet"))
    return []


def write_waveforms_csv(waveforms: Sequence[Chunk], out: Path) -> None:
    """Write runs and their samples."""
    runs: list[dict[str, Any]] = []
    for number, several in enumerate(runs_by_kind(waveforms).values()):
        name = f"waveform-{stream_name(several[0])}-{number}.csv"
        with _csv_writer(out / name, several[0]) as file:
            for run in several:
                file.write_table(_samples(run, len(runs)))
                runs.append(
                    {
                        "run": len(runs), "file": name, "signal": run.signal,
                        "variant": run.variant, "device": run.device,
                        "channels": " ".join(channel_names(run)), "unit": unit_of(run),
                        "t0_ns": run.t0_ns, "seq": run.seq, "n": len(run.samples),
                        "fs_hz": repr(run.fs_hz), "scale": repr(run.scale),
                        "offset": repr(run.offset), "type": run.samples.dtype.name,
                    }
                )  # fmt: skip
    if runs:
        pa.csv.write_csv(pa.Table.from_pylist(runs), out / "waveforms.csv")


def write_others_csv(content: Content, out: Path) -> None:
    """Write all but waveforms as CSV."""
    _write_others(content, lambda table, name: pa.csv.write_csv(table, out / f"{name}.csv"))


def _samples(run: Chunk, number: int) -> pa.Table:
    n = len(run.samples)
    arrays = [
        pa.array(np.full(n, number)),
        pa.array(sample_times_ns(run.t0_ns, run.fs_hz, n)),
    ]
    for c in range(run.samples.shape[1]):
        values: NDArray[Any] = run.samples[:, c]
        gone = None if run.missing is None else run.missing[:, c]
        if values.dtype.kind == "f":
            # Written as doubles, which show every bit of a float32.
            values = values.astype(np.float64)
            gone = np.isnan(values) if gone is None else gone | np.isnan(values)
        arrays.append(pa.array(values, mask=gone))
    return pa.table(arrays, names=["run", "t_ns", *channel_names(run)])


def _csv_writer(path: Path, run: Chunk) -> pa.csv.CSVWriter:
    return pa.csv.CSVWriter(path, _samples(run, 0).schema)


def _write_others(content: Content, write: Callable[[pa.Table, str], None]) -> None:
    for name, rows in (
        ("values", _values(content)),
        ("findings", _findings(content)),
        ("alarms", _alarms(content)),
        ("acknowledgements", [_row(a, "t_ns", "alarm_id", "by") for a in content.acknowledgements]),
        ("audit", _audit(content)),
        ("strips", _strips(content)),
    ):
        if rows:
            write(pa.Table.from_pylist(rows), name)


def _values(content: Content) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": name, "t_ns": t_ns, "column": column, "value": value}
        for (kind, name), series in content.series.items()
        for t_ns, row in zip(series.t_ns.tolist(), series.values.tolist(), strict=True)
        for column, value in zip(series.columns, row, strict=True)
    ]


def _findings(content: Content) -> list[dict[str, Any]]:
    names = ("id", "code", "state", "revision", "onset_ns", "at_ns", "t_ns", "value")
    return [
        {**_row(finding, *names), "evidence": json.dumps(dict(finding.evidence))}
        for finding in content.findings
    ]


def _alarms(content: Content) -> list[dict[str, Any]]:
    rows = []
    for change in content.alarm_changes:
        plain = alarm_to_plain(change.alarm)
        for text in ("reason", "rule"):
            plain[f"{text}_en"], plain[f"{text}_ko"] = plain.pop(text)
        for name in ("reached", "inactivation", "evidence", "limits"):  # not of one value: JSON
            plain[name] = json.dumps(plain[name], ensure_ascii=False)
        rows.append({"kind": change.kind, "changed_ns": change.t_ns, **plain})
    return rows


def _audit(content: Content) -> list[dict[str, Any]]:
    return [
        {**_row(audit, "t_ns", "person", "action", "participant", "code", "reason"),
         "details": json.dumps(dict(audit.details), ensure_ascii=False)}
        for audit in content.audit
    ]  # fmt: skip


def _strips(content: Content) -> list[dict[str, Any]]:
    return [
        {**_row(strip, "finding_id", "at_ns", "t0_ns", "fs_hz", "scale", "offset"),
         "samples": " ".join(map(str, strip.samples.tolist()))}
        for strip in content.strips
    ]  # fmt: skip


def _row(record: object, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}
