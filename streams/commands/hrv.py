"""``vitals hrv``: heart rate variability of recordings, in time and by frequency."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from processors.errors import VitalsError
from processors.records import NS_PER_S
from processors.variability import Variability
from streams.commands.options import Beats, ColumnMap, Config, Data, From, Lead, OptionalRecords, To

if TYPE_CHECKING:
    from device_bridges.replay.recording import Recording


def hrv(
    paths: OptionalRecords = None,
    lead: Lead = "0",
    beats: Beats = "",
    column_map: ColumnMap = None,
    window: Annotated[
        float, typer.Option(metavar="S", min=130, help="Length of a window, s.")
    ] = 300.0,
    step: Annotated[float, typer.Option(metavar="S", min=1, help="From window to window, s.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a window.")] = False,
    participant: Annotated[
        str, typer.Option(metavar="ID", help="Measure what is stored of them, not records.")
    ] = "",
    begin: From = "",
    until: To = "",
    data: Data = None,
    config: Config = None,
) -> None:
    """Measure heart rate variability of recordings, with LF and HF.

    Or of the ECG that is stored of a participant, else of the RR intervals of a strap. Intervals
    beside beats that are not normal are interpolated, missed and extra beats corrected (Lipponen
    and Tarvainen 2019). Of windows with too many of them, or too much time without any, only the
    counts are given. Exit status: 0 all done, 1 some recordings could not be used, 2 none could, or
    an option is wrong.
    """
    from processors.errors import SettingError
    from streams.commands.annotate import lead_number
    from streams.commands.progress import complain
    from streams.variability import corrected_intervals, windows

    number = lead_number(lead)
    if bool(paths) == bool(participant):
        raise SettingError("PATH", "expected either records or --participant")
    if participant:
        recordings: Iterator[Recording | VitalsError]
        recordings = _stored(participant, begin, until, data, config)
    else:
        recordings = _recorded(paths or [], beats, column_map)
    faults: list[VitalsError] = []
    done = 0
    for found in recordings:
        recording = found if isinstance(found, VitalsError) else _of_lead(found, number)
        if isinstance(recording, VitalsError):
            faults.append(recording)
            continue
        series = corrected_intervals(recording, all_leads=number is None)
        rows = windows(series, recording.duration_ns, window_s=window, step_s=step)
        since = f", {_iso(recording.start_ns)}" if recording.iso_times else ""
        if not as_json:
            typer.echo(f"{recording.participant}{since}\n{_HEAD}")
        for row in rows:
            typer.echo(_json(recording, row) if as_json else _text(row))
        done += 1
    for fault in faults:
        complain(f"{fault}; left out" if done else str(fault))
    if faults:
        raise typer.Exit(1 if done else 2)


def _of_lead(recording: Recording, number: int | None) -> Recording | VitalsError:
    if number is None or "ecg" not in recording.signals:
        return recording
    try:
        return recording.with_lead(number)
    except VitalsError as error:
        return error


def _recorded(
    paths: list[Path], beats: str, column_map: list[str] | None
) -> Iterator[Recording | VitalsError]:
    from device_bridges.replay.columns import parse_mapping
    from device_bridges.replay.link import find_recordings, read_recording
    from streams.commands.progress import warner

    found = find_recordings(paths, beats_extension=beats, mapping=parse_mapping(column_map or []))
    warn = warner()
    for note in found.notes:
        warn(note)
    yield from found.faults
    for source in found.sources:
        try:
            recording = read_recording(source)
        except VitalsError as error:
            yield error
            continue
        for text in recording.warnings:
            warn(text)
        yield recording


def _stored(
    participant: str, begin: str, until: str, data: Path | None, config: Path | None
) -> Iterator[Recording | VitalsError]:
    from processors.errors import SettingError
    from streams.commands.moments import span_ns
    from streams.commands.opening import open_store, opened_waveforms
    from streams.config import load
    from streams.recall import recall, recall_intervals

    from_ns, until_ns = span_ns(begin, until)
    settings = load({"data": data}, file=config)
    with opened_waveforms(settings) as waves:
        recording = recall(waves, participant, from_ns, until_ns)
    if recording is None:
        with contextlib.closing(open_store(settings)) as store:
            recording = recall_intervals(store, participant, from_ns, until_ns)
    if recording is None:
        raise SettingError(
            "--participant", f"no ECG and no RR are stored of {participant!r} in that time"
        )
    yield recording


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


def _json(recording: Recording, row: Variability) -> str:
    values = {key: _plain(value) for key, value in asdict(row).items() if key != "end_ns"}
    until = {"until": _iso(recording.start_ns + row.end_ns)} if recording.iso_times else {}
    named = {"recording": recording.participant, "until_s": row.end_ns / NS_PER_S, **until}
    return json.dumps({**named, **values})


def _iso(t_ns: int) -> str:
    return datetime.fromtimestamp(t_ns // NS_PER_S, UTC).isoformat()


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
