"""``vitals realism``: simulated signals beside recorded ones, as a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def realism(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The report, HTML.")] = Path(
        "realism.html"
    ),
    recordings: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of databases: mitdb, vfdb, nstdb, bidmc, nsrdb, gudb, afdb."
        ),
    ] = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Run the detectors over both, too: takes some minutes."),
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the simulation.")] = 1,
) -> None:
    """Lay simulated signals beside recorded ones.

    Shapes of beats, spectra, intervals, pulses and strips.

    Takes about a minute. Without recordings the report shows simulated signals only.
    """
    from loadtest.realism import compare
    from processors.errors import SettingError

    if recordings is not None and not recordings.is_dir():
        raise SettingError("--recordings", f"{recordings} is no folder")
    try:
        tables = compare(out, recordings, seed=seed, scores=scores)
    except OSError as error:
        raise SettingError("--out", f"{out} cannot be written ({error.strerror})") from error
    n = sum(map(len, tables.values()))
    typer.echo(f"{n} measures in {len(tables)} tables: {out}")
