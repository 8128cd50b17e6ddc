"""``vitals evaluate``: score the live engine on recordings, beside published figures and goals."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from device_bridges.replay.link import Source
    from loadtest.evaluate.cases import Judge
    from loadtest.evaluate.databases import Database
    from processors.errors import VitalsError


def evaluate(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|PATH...",
            help="mitdb, afdb, nsrdb, cinc2015, cinc2017, vfdb, hrr; noise (nstdb in mitdb); "
            "or any record, table or folder.",
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
            help="Length of a piece of input; 40 for signals, 1000 for beats and rates.",
        ),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            "--profile", metavar="FILE|NAME", help="Rules, as of vitals annotate: cinc2015."
        ),
    ] = "",
    docs: Annotated[
        Path | None,
        typer.Option("--docs", metavar="FILE", help="Also write the figures into this document."),
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
    from loadtest.evaluate.databases import STRESS, database
    from loadtest.evaluate.run import JUDGES
    from loadtest.evaluate.run import chosen as choose
    from streams.commands.annotate import lead_number
    from streams.commands.progress import complain

    asked = _Asked(
        out, shared / "data", lead_number(lead), chunk_ms, _set(of_set), of_set, record or [],
        score_only, docs, profile,
    )  # fmt: skip
    faults: list[VitalsError] = []
    done = 0
    for name in names:
        if name == STRESS:
            done += _stress(asked, faults)
        else:
            found = database(name, asked.data, beats)
            sources = choose(found, asked.records, asked.among)
            done += _one(asked, found, sources, asked.lead, JUDGES, faults)
    for fault in faults:
        complain(f"{fault}; left out" if done else str(fault))
    if faults:
        raise typer.Exit(1 if done else 2)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options."""

    out: Path
    data: Path
    lead: int | None
    chunk_ms: int | None
    among: frozenset[str] | None
    of_set: str
    records: list[str]
    score_only: bool
    docs: Path | None
    profile: str

    def command(self, name: str) -> str:
        """Give the command that asks for the same."""
        given = [f"--set {self.of_set}"] if self.of_set else []
        if self.lead != 0:
            given.append(f"--lead {'all' if self.lead is None else self.lead}")
        if self.chunk_ms is not None:
            given.append(f"--chunk-ms {self.chunk_ms}")
        if self.profile:
            given.append(f"--profile {self.profile}")
        return " ".join(["vitals evaluate", name, *given, *(f"--record {r}" for r in self.records)])


def _stress(asked: _Asked, faults: list[VitalsError]) -> int:
    """Make records with noise and evaluate them."""
    from loadtest.evaluate import noise
    from loadtest.evaluate.databases import STRESS, stressed
    from loadtest.evaluate.parts.noise import judge
    from loadtest.evaluate.run import chosen

    found = stressed(asked.out / STRESS / "records")
    conditions = list(noise.conditions(asked.records or noise.RECORDS))
    if not asked.score_only:
        noise.write_records(asked.data, found.paths[0], conditions, asked.lead or 0)
    sources = chosen(found, [one.name for one in conditions], None)
    return _one(asked, found, sources, 0, (judge,), faults)  # one lead is all that is written


def _one(
    asked: _Asked,
    database: Database,
    sources: Sequence[Source],
    lead: int | None,
    judges: Sequence[Judge],
    faults: list[VitalsError],
) -> int:
    """Evaluate one database; give how many recordings were used."""
    from loadtest.evaluate import documents, html, run, text
    from loadtest.evaluate.cases import Setting
    from loadtest.report import plain
    from streams.commands.profiles import Profile, read_profile
    from streams.commands.progress import signal_progress

    profile = asked.profile or database.profile
    known = read_profile(profile) if profile else Profile({})
    folder = asked.out / database.name
    setting = Setting(database.name, lead, asked.chunk_ms or database.chunk_ms)
    began = time.perf_counter()
    if not asked.score_only:
        with signal_progress(len(sources)) as show:
            run.play(sources, database, setting, folder, values=known.values, rules=known.rules,
                     fault=faults.append, show=show)  # fmt: skip
    cases = run.cases_of(sources, folder)
    if not cases:
        return 0
    command = asked.command(database.name)
    evaluation = run.judged(cases, setting, database.says, command, judges)
    for line in text.lines(evaluation):
        typer.echo(line)
    as_json = json.dumps(plain(evaluation.plain()), indent=1, ensure_ascii=False)
    (folder / "evaluate.json").write_text(as_json + "\n", "utf-8")
    (folder / "evaluate.html").write_text(html.page(evaluation), "utf-8")
    if asked.docs is not None:
        documents.update(asked.docs, evaluation)
    typer.echo(f"\n{time.perf_counter() - began:.0f} s -> {folder}/evaluate.html\n")
    return len(cases)


def _set(name: str) -> frozenset[str] | None:
    from loadtest.evaluate.databases import SETS
    from processors.errors import SettingError

    if not name:
        return None
    if name not in SETS:
        raise SettingError("--set", f"expected {', '.join(SETS)}, found {name!r}")
    return SETS[name]
