"""Options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PATHS = typer.Argument(
    metavar="PATH",
    help="Records (NAME or any file of it), tables (.csv, .csv.gz), or folders of them.",
    show_default=False,
)
Records = Annotated[list[Path], _PATHS]
OptionalRecords = Annotated[list[Path] | None, _PATHS]
Lead = Annotated[
    str, typer.Option("--lead", metavar="N|all", help="ECG lead to use: 0, 1, ... or all.")
]
Beats = Annotated[
    str, typer.Option("--beats", metavar="EXT", help="Read beat times from NAME.EXT, not the ECG.")
]
Scenario = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE", help="What is simulated: a shipped scenario or a file (demo)."
    ),
]
Participants = Annotated[
    int | None,
    typer.Option(metavar="N", help="Simulated people, instead of the scenario's own number."),
]
Loop = Annotated[bool, typer.Option("--loop", help="Play recordings again at the end.")]
ReplayedBeats = Annotated[
    str,
    typer.Option("--beats", metavar="EXT", help="Replay beat times of NAME.EXT, not the ECG."),
]
ColumnMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=SIGNAL",
        help="What a column of a table holds: COLUMN=SIGNAL[:UNIT]; may be repeated.",
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed of the simulation (default 1)")]
Port = Annotated[
    int | None,
    typer.Option(metavar="N", help="Port of the page; 0: any free one (default 8080)"),
]
Host = Annotated[
    str | None, typer.Option(metavar="NAME", help="Address of the page (default 127.0.0.1)")
]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the store (default vitals-data)")
]
PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy", metavar="FILE", help="Alarm policy of this site (default the shipped one)"
    ),
]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="ISO 8601; UTC where no zone is given (all).")
]
To = Annotated[
    str, typer.Option("--to", metavar="TIME", help="The first moment that is left out (all).")
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with settings (default vitals.toml if there is one)"),
]
Kafka = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Kafka brokers (default 127.0.0.1:9092)")
]
Partitions = Annotated[
    int | None, typer.Option(metavar="N", help="Partitions of every topic (default 8)")
]
