"""``vitals hrv``: heart rate variability of recordings, in time and by frequency."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Annotated

import typer

from processors.records import NS_PER_S
from processors.variability import Variability
from streams.commands.options import Beats, ColumnMap, Lead, Records


def hrv(
    paths: Records,
    lead: Lead = "0",
    beats: Beats = "",
    column_map: ColumnMap = None,
    window: Annotated[
        float, typer.Option(metavar="S", min=130, help="Length of a window, s.")
    ] = 300.0,
    step: Annotated[float, typer.Option(metavar="S", min=1, help="From window to window, s.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a window.")] = False,
) -> None:
    """Measure heart rate variability of recordings, with LF and HF.

    Intervals beside beats that are not normal are interpolated, missed and extra beats corrected
    (Lipponen and Tarvainen 2019). Of windows with too many of them, or too much time without any,
    only the counts are given. Exit status: 0 all done, 1 some recordings could not be used, 2 none
    could, or an option is wrong.
    """
    from device_bridges.replay.columns import parse_mapping
    from device_bridges.replay.link import find_recordings, read_recording
    from processors.errors import VitalsError
    from streams.commands.annotate import lead_number
    from streams.commands.progress import complain, warner
    from streams.variability import corrected_intervals, windows

    number = lead_number(lead)
    found = find_recordings(paths, beats_extension=beats, mapping=parse_mapping(column_map or []))
    warn = warner()
    for note in found.notes:
        warn(note)
    faults: list[VitalsError] = [*found.faults]
    done = 0
    for source in found.sources:
        try:
            recording = read_recording(source)
            if number is not None and "ecg" in recording.signals:
                recording = recording.with_lead(number)
        except VitalsError as error:
            faults.append(error)
            continue
        for text in recording.warnings:
            warn(text)
        series = corrected_intervals(recording, all_leads=number is None)
        rows = windows(series, recording.duration_ns, window_s=window, step_s=step)
        if not as_json:
            typer.echo(f"{source.participant}\n{_HEAD}")
        for row in rows:
            typer.echo(_json(source.participant, row) if as_json else _text(row))
        done += 1
    for fault in faults:
        complain(f"{fault}; left out" if done else str(fault))
    if faults:
        raise typer.Exit(1 if done else 2)


_COLUMNS = {
    "mean_nn_ms": "mean NN", "sdnn_ms": "SDNN", "rmssd_ms": "RMSSD", "pnn50_percent": "pNN50",
    "vlf_ms2": "VLF", "lf_ms2": "LF", "hf_ms2": "HF", "lf_hf": "LF/HF", "n": "n",
    "accepted_percent": "accepted", "coverage_percent": "covered",
}  # fmt: skip
_HEAD = f"{'until s':>9}" + "".join(f"{title:>9}" for title in _COLUMNS.values())


def _text(row: Variability) -> str:
    values = (getattr(row, name) for name in _COLUMNS)
    cells = ("-" if math.isnan(v) else f"{v:.4g}" for v in values)
    return f"{row.end_ns / NS_PER_S:>9.0f}" + "".join(f"{cell:>9}" for cell in cells)


def _json(name: str, row: Variability) -> str:
    values = {key: _plain(value) for key, value in asdict(row).items() if key != "end_ns"}
    return json.dumps({"recording": name, "until_s": row.end_ns / NS_PER_S, **values})


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
