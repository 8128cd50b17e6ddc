"""``vitals export``: everything that is stored of a participant, as files."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Config, Data

_ALWAYS_NS = -(2**62), 2**62


def export(
    participant: Annotated[
        str, typer.Option("--participant", metavar="ID", help="Whose; the id of the page.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
    begin: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help="ISO 8601; UTC where no zone is given (all)."),
    ] = "",
    until: Annotated[
        str, typer.Option("--to", metavar="TIME", help="The first moment that is left out (all).")
    ] = "",
    file_format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="csv, parquet, wfdb or edf.")
    ] = "csv",
    data: Data = None,
    config: Config = None,
) -> None:
    """Give back all that is stored of a participant, lossless.

    Waveforms in the device's own integers, values, findings, alarms, acknowledgements, audit and
    strips. What a format cannot hold is written as CSV beside it, and said. A monitor may be
    running.
    """
    from processors.errors import SettingError
    from streams.commands.progress import counted
    from streams.config import load
    from streams.export import FORMATS
    from streams.export.content import gather
    from streams.stores.sqlite import SqliteStore
    from streams.stores.waveforms import Folders
    from streams.stores.waveforms.archive import Archive

    settings = load({"data": data}, file=config)
    if file_format not in FORMATS:
        raise SettingError("--format", f"expected {', '.join(FORMATS)}, found {file_format!r}")
    from_ns = _time("--from", begin) if begin else _ALWAYS_NS[0]
    until_ns = _time("--to", until) if until else _ALWAYS_NS[1]
    if from_ns >= until_ns:
        raise SettingError("--to", f"expected a time after {begin}, found {until}")
    path = settings.data / "vitals.sqlite"
    if not path.is_file():
        raise SettingError("--data", f"there is no store in {settings.data}")
    with contextlib.closing(SqliteStore(path)) as store:
        archive = Archive(Folders(settings.data))
        content = gather(store, archive, participant, from_ns, until_ns)
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


def _time(option: str, text: str) -> int:
    """Give a time in ns since the epoch."""
    from datetime import UTC, datetime, timedelta

    from processors.errors import SettingError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        problem = f"expected a time as 2026-11-25T08:30:00+09:00, found {text!r}"
        raise SettingError(option, problem) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000


def _make(out: Path) -> None:
    from processors.errors import SettingError

    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise SettingError("--out", f"{out} is not empty")
    except OSError as error:
        raise SettingError("--out", f"{out} cannot be made ({error.strerror})") from error
