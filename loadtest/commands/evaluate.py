"""``vitals evaluate``: score the live engine on recordings, beside published figures and goals."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|PATH...",
            help="mitdb, afdb, nsrdb, cinc2017, vfdb, hrr; or any record, table or folder.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Each database gets a folder in it.")
    ] = Path("out/evaluate"),
    shared: Annotated[
        Path,
        typer.Option(
            "--shared",
            metavar="DIR",
            envvar="VITALS_SHARED",
            help="Folder above data, where databases lie by name.",
        ),
    ] = Path("../shared"),
    of_set: Annotated[
        str, typer.Option("--set", metavar="ds1|ds2|all", help="Records of mitdb.")
    ] = "",
    record: Annotated[
        list[str] | None,
        typer.Option("--record", metavar="NAME", help="Only this record; may be repeated."),
    ] = None,
    beats: Annotated[
        str,
        typer.Option("--beats", metavar="EXT", help="Read beat times from NAME.EXT, not the ECG."),
    ] = "",
    lead: Annotated[
        str, typer.Option("--lead", metavar="N|all", help="ECG lead to use: 0, 1, ... or all.")
    ] = "0",
    chunk_ms: Annotated[
        int | None,
        typer.Option(
            "--chunk-ms",
            metavar="MS",
            min=1,
            max=60_000,
            help="Length of a piece of input; 40 for signals, 1000 for beats alone.",
        ),
    ] = None,
    score_only: Annotated[
        bool, typer.Option("--score-only", help="Score what an earlier run left in --out.")
    ] = False,
) -> None:
    """Score the live engine on recordings, faster than real time.

    They are streamed as by vitals annotate and scored against their reference annotations. Each
    database gets DIR/NAME/evaluate.html, evaluate.json and what the engine said. Exit status: 0
    all done, 1 some recordings could not be used, 2 nothing could.
    """
    # Imported here: they bring compiled kernels along, which --help can do without.
    from loadtest.evaluate import html, run, text
    from loadtest.evaluate.cases import Setting
    from loadtest.evaluate.databases import database
    from loadtest.report import plain
    from processors.errors import VitalsError
    from streams.commands.annotate import lead_number
    from streams.commands.progress import complain, signal_progress

    among = _set(of_set)
    faults: list[VitalsError] = []
    found = [database(name, shared / "data", beats) for name in names]
    for each in found:
        folder = out / each.name
        setting = Setting(each.name, lead_number(lead), chunk_ms or each.chunk_ms)
        sources = run.chosen(each, record or (), among)
        began = time.perf_counter()
        if not score_only:
            with signal_progress(len(sources)) as show:
                run.play(sources, each, setting, folder, fault=faults.append, show=show)
        cases = run.cases_of(sources, folder)
        if not cases:
            continue
        evaluation = run.judged(
            cases, setting, each.says, _command(each.name, of_set, record or [])
        )
        for line in text.lines(evaluation):
            typer.echo(line)
        as_json = json.dumps(plain(evaluation.plain()), indent=1, ensure_ascii=False)
        (folder / "evaluate.json").write_text(as_json + "\n", "utf-8")
        (folder / "evaluate.html").write_text(html.page(evaluation), "utf-8")
        took_s = time.perf_counter() - began
        typer.echo(f"\n{took_s:.0f} s -> {folder}/evaluate.html\n")
    for fault in faults:
        complain(f"{fault}; left out")
    if faults:
        raise typer.Exit(1)


def _set(name: str) -> frozenset[str] | None:
    from loadtest.evaluate.databases import SETS
    from processors.errors import SettingError

    if not name:
        return None
    if name not in SETS:
        raise SettingError("--set", f"expected {', '.join(SETS)}, found {name!r}")
    return SETS[name]


def _command(name: str, of_set: str, records: list[str]) -> str:
    """Give the command that asks for the same."""
    given = [f"--set {of_set}"] if of_set else []
    return " ".join(["vitals evaluate", name, *given, *(f"--record {each}" for each in records)])
