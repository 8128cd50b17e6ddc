"""``vitals annotate``: recordings in, annotations and findings out."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Annotated

import typer


def annotate(
    paths: Annotated[
        list[Path], typer.Argument(help="Records, files of records, CSV files, or folders.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for NAME.vit and NAME.jsonl.")],
    lead: Annotated[str, typer.Option(help="ECG lead: 0, 1, ... or all.")] = "0",
    chunk_ms: Annotated[
        int, typer.Option("--chunk-ms", min=1, max=60_000, help="Length of each piece of input.")
    ] = 40,
    beats: Annotated[
        str, typer.Option("--beats", metavar="EXT", help="Read beat times (RR) from NAME.EXT.")
    ] = "",
    column_map: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=SIGNAL[:UNIT]", help="What a CSV column holds."),
    ] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", help="TOML file: age_years, heart_rate_max, ...")
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="Write feature lines as well.")
    ] = False,
) -> None:
    """Stream recordings through the engine and write annotations, findings and alarms."""
    # Imported here: they bring compiled kernels along, which --help can do without.
    from alerts.policy import load_policy
    from device_bridges.replay.columns import parse_mapping
    from device_bridges.replay.link import find_recordings
    from streams.annotate import Options, Progress
    from streams.annotate import annotate as run
    from streams.commands.progress import signal_progress, warner

    options = Options(
        out=_folder(out),
        lead=_lead(lead),
        chunk_ns=chunk_ms * 1_000_000,
        features=features,
        profile=None if profile is None else read_profile(profile),
    )
    found = find_recordings(paths, beats_extension=beats, mapping=parse_mapping(column_map or []))
    warn = warner()
    for note in found.notes:
        warn(note)
    began = time.perf_counter()
    with signal_progress(len(found.sources)) as show:

        def progress(at: Progress) -> None:
            show(at.done, at.signal_s)

        signal_s = run(found.sources, options, policy=load_policy(), warn=warn, progress=progress)
    took_s = time.perf_counter() - began
    typer.echo(
        f"{len(found.sources)} recordings, {signal_s / 3600:.2f} h of signal in {took_s:.1f} s "
        f"({signal_s / took_s:.0f} times real time) -> {out}"
    )


def read_profile(path: Path) -> dict[str, float]:
    """Read a participant profile: numbers by the names of the control ``profile``.

    Raises
    ------
    SettingError
        The file cannot be read, or names something that is not in a profile.
    """
    from processors.errors import SettingError
    from processors.signals import CONTROLS

    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError("profile", f"{path}: {error}") from error
    known = [column.name for column in CONTROLS["profile"]]
    for name, value in values.items():
        if name not in known:
            raise SettingError("profile", f"{path}: {name!r} is not one of {', '.join(known)}")
        if not isinstance(value, int | float):
            raise SettingError("profile", f"{path}: {name} is {value!r}, expected a number")
    return {name: float(value) for name, value in values.items()}


def _lead(text: str) -> int | None:
    from processors.errors import SettingError

    if text == "all":
        return None
    if not text.isdecimal():
        raise SettingError("--lead", f"expected a number or all, found {text!r}")
    return int(text)


def _folder(path: Path) -> Path:
    from processors.errors import SettingError

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError("--out", f"{path} cannot be made ({error.strerror})") from error
    return path
