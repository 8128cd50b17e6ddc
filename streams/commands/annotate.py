"""``vitals annotate``: recordings in, annotations and findings out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import Beats, ColumnMap, Lead, Records


def annotate(
    paths: Records,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder for NAME.vit and NAME.jsonl."),
    ],
    lead: Lead = "0",
    chunk_ms: Annotated[
        int,
        typer.Option(
            "--chunk-ms", metavar="MS", min=1, max=60_000, help="Length of a piece of input, ms."
        ),
    ] = 40,
    beats: Beats = "",
    column_map: ColumnMap = None,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            metavar="FILE|NAME",
            help="TOML file: age_years, heart_rate_max, ...; or rules by name: cinc2015.",
        ),
    ] = "",
    features: Annotated[
        bool, typer.Option("--features", help="Write feature lines as well.")
    ] = False,
) -> None:
    """Annotate recordings, faster than real time.

    They are streamed as if they came in live. Each record NAME gives DIR/NAME.vit (WFDB
    annotations) and DIR/NAME.jsonl (beats, findings and alarms, each with the moment it became
    known). Exit status: 0 all done, 1 some recordings could not be used, 2 none could, or an
    option is wrong.
    """
    # Imported here: they bring compiled kernels along, which --help can do without.
    from alerts.policy import load_policy
    from device_bridges.replay.columns import parse_mapping
    from device_bridges.replay.link import find_recordings
    from processors.errors import VitalsError
    from streams.annotate import Options, Progress
    from streams.annotate import annotate as run
    from streams.commands.profiles import Profile, read_profile
    from streams.commands.progress import complain, counted, signal_progress, warner

    chosen_lead = lead_number(lead)
    mapping = parse_mapping(column_map or [])
    known = read_profile(profile) if profile else Profile({})
    found = find_recordings(paths, beats_extension=beats, mapping=mapping)
    options = Options(
        out=_folder(out),
        lead=chosen_lead,
        chunk_ns=chunk_ms * 1_000_000,
        features=features,
        profile=known.values,
        rules=known.rules,
    )
    warn = warner()
    for note in found.notes:
        warn(note)
    faults: list[VitalsError] = [*found.faults]
    began = time.perf_counter()
    with signal_progress(len(found.sources)) as show:

        def progress(at: Progress) -> None:
            show(at.done, at.signal_s)

        done = run(
            found.sources,
            options,
            policy=load_policy(),
            warn=warn,
            fault=faults.append,
            progress=progress,
        )
    took_s = time.perf_counter() - began
    for fault in faults:
        complain(f"{fault}; left out" if done.done else str(fault))
    if not done.done:
        raise typer.Exit(2)
    typer.echo(
        f"{counted(done.done, 'recording')}, {done.signal_s / 3600:.2f} h of signal in "
        f"{took_s:.1f} s ({done.signal_s / took_s:.0f} times real time) -> {out}"
    )
    if faults:
        raise typer.Exit(1)


def lead_number(text: str) -> int | None:
    """Read an option ``--lead``: a number, or None for all."""
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
    except FileExistsError as error:
        raise SettingError("--out", f"expected a folder, found a file at {path}") from error
    except OSError as error:
        raise SettingError("--out", f"{path} cannot be made ({error.strerror})") from error
    return path
