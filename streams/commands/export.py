"""``vitals export``: everything that is stored of a participant, as files."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Config, Data, From, To


def export(
    participant: Annotated[
        str, typer.Option("--participant", metavar="ID", help="Whose; the id of the page.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
    begin: From = "",
    until: To = "",
    file_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="csv, parquet, wfdb or edf.")
    ] = "csv",
    data: Data = None,
    config: Config = None,
) -> None:
    """Give back all that is stored of a participant, lossless.

    Waveforms in the device's own integers, values, findings, alarms, acknowledgements, audit and
    strips, from the stores of the settings. What a format cannot hold is written as CSV beside it,
    and said. A monitor may be running.
    """
    from processors.errors import SettingError
    from streams.commands.moments import span_ns
    from streams.commands.opening import open_store, opened_waveforms
    from streams.commands.progress import counted
    from streams.config import load
    from streams.export import FORMATS
    from streams.export.content import gather

    settings = load({"data": data}, file=config)
    if file_format not in FORMATS:
        raise SettingError("--format", f"expected {', '.join(FORMATS)}, found {file_format!r}")
    from_ns, until_ns = span_ns(begin, until)
    with contextlib.closing(open_store(settings)) as store, opened_waveforms(settings) as waves:
        content = gather(store, waves, participant, from_ns, until_ns)
    _make(out)
    for note in FORMATS[file_format](content, out):
        typer.echo(note, err=True)
    samples = sum(len(run.samples) for run in content.waveforms)
    typer.echo(
        f"{counted(samples, 'sample')} in {counted(len(content.waveforms), 'run')}, "
        f"{counted(sum(len(s.t_ns) for s in content.series.values()), 'value')}, "
        f"{counted(len({f.id for f in content.findings}), 'finding')} and "
        f"{counted(len({c.alarm.id for c in content.alarm_changes}), 'alarm')} are in {out}"
    )


def _make(out: Path) -> None:
    from processors.errors import SettingError

    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise SettingError("--out", f"{out} is not empty")
    except OSError as error:
        raise SettingError("--out", f"{out} cannot be made ({error.strerror})") from error
