"""``vitals truth``: play a scenario through the engine, score findings against what was planted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from device_bridges.simulator.plan import Plan
    from loadtest.scoring import Scores

truth = typer.Typer(
    help="Play a scenario; score what is found of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Scenario = Annotated[
    str, typer.Argument(help="A shipped scenario or a TOML file.", metavar="SCENARIO")
]
_Participants = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="People, instead of the scenario's own.")
]
_Seconds = Annotated[
    float | None, typer.Option(metavar="S", min=1, help="Length, instead of the scenario's own.")
]
_Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the simulation.")]
_Require = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SHARE",
        help="End with status 1 below it: sensitivity=0.95, positive_predictive_value=0.9; "
        "may be repeated.",
    ),
]
_Faults = Annotated[bool, typer.Option("--faults", help="List what was missed and what was false.")]

MISSED = 1  # exit status; 2 is an error of the user's to mend


@truth.command()
def run(
    scenario: _Scenario,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.")],
    participants: _Participants = None,
    seconds: _Seconds = None,
    seed: _Seed = 1,
    noise: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of nstdb: real noise for noisy signals."),
    ] = None,
    require: _Require = None,
    faults: _Faults = False,
) -> None:
    """Play a scenario through engine and alarms, faster than real time, and score it.

    Writes truth.jsonl, findings.jsonl, alarms.jsonl, score.json and truth.html,
    with strips of VF, VT and asystole and curves of recoveries.
    """
    from device_bridges.simulator.noise import NoiseBank
    from device_bridges.simulator.truth import write_truth
    from loadtest import offline, told_files, truth_page
    from loadtest.score_table import demands

    limits = demands(require or [])
    plan = _plan(scenario, seed, participants, seconds)
    _make(out)
    bank = None if noise is None else NoiseBank(noise)
    outcome = offline.run(plan, noise=bank)
    write_truth(out / "truth.jsonl", plan, outcome.truth)
    told_files.write_lines(out / "findings.jsonl", map(told_files.finding_line, outcome.findings))
    told_files.write_lines(out / "alarms.jsonl", map(told_files.alarm_line, outcome.alarms))
    scores = outcome.scores()
    given = {"seed": seed, "participants": participants, "seconds": seconds, "noise": noise}
    options = [f"--{name} {value}" for name, value in given.items() if value is not None]
    command = " ".join(["vitals truth run", scenario, *options])
    (out / "truth.html").write_text(truth_page.page(outcome, scores, command, bank), "utf-8")
    _finish(scores, out / "score.json", limits, faults=faults)


@truth.command()
def score(
    planted: Annotated[Path, typer.Argument(metavar="TRUTH", help="truth.jsonl of a scenario.")],
    findings: Annotated[
        list[Path],
        typer.Argument(
            metavar="FINDINGS...",
            help="Lines of a truth run or of annotate, a folder of them, or the store of a run.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the scores here.")
    ] = None,
    fs_hz: Annotated[
        float | None,
        typer.Option(metavar="HZ", min=1, help="Of positions in samples without NAME.vit."),
    ] = None,
    require: _Require = None,
    faults: _Faults = False,
) -> None:
    """Score findings against a file of truth: what was found, missed, false, and how late."""
    from alerts.policy import load_policy
    from device_bridges.simulator.truth import read_truth
    from loadtest.score_table import demands
    from loadtest.scoring import score as match
    from loadtest.told_files import read_told

    limits = demands(require or [])
    head, rows = read_truth(planted)
    people = {row.participant for row in rows}
    told = read_told(findings, base_ns=head.base_ns, participants=people, fs_hz=fs_hz)
    scores = match(
        rows,
        told.findings,
        hours=head.hours,
        until_s=head.duration_s,
        features=told.features,
        alarms=told.alarms,
        policy=load_policy() if told.alarms else None,
    )
    _finish(scores, out, limits, faults=faults)


@truth.command()
def show(
    scenario: _Scenario,
    participants: _Participants = None,
    seconds: _Seconds = None,
    seed: _Seed = 1,
) -> None:
    """List what the script of a scenario does to whom, for a seed."""
    from device_bridges.simulator.events import SPEC_OF

    plan = _plan(scenario, seed, participants, seconds, endless=True)
    typer.echo(_script_line("participant", "group", "event", "from s", "to s", "with"))
    for event in plan.events:
        spec = SPEC_OF[int(event["kind"])]
        person = plan.participants[int(event["slot"])]
        given = [
            f"{parameter.name}={event[column]:g}"
            for parameter, column in zip(spec.parameters, "abcd", strict=False)
            if not math.isnan(event[column])
        ]
        index = int(event["signal"])
        signal = [f"signal={plan.signal_names[index]}"] if index >= 0 else []
        typer.echo(
            _script_line(
                person.id, person.group, spec.name, f"{event['start_s']:.1f}",
                f"{event['end_s']:.1f}" if spec.lasts else "", " ".join([*given, *signal]),
            )
        )  # fmt: skip


def _script_line(who: str, group: str, event: str, from_s: str, to_s: str, given: str) -> str:
    return f"{who:<12}{group[:16]:<18}{event:<18}{from_s:>9}{to_s:>9}  {given}".rstrip()


def _plan(
    scenario: str,
    seed: int,
    participants: int | None,
    seconds: float | None,
    *,
    endless: bool = False,
) -> Plan:
    from device_bridges.simulator.expand import expand
    from device_bridges.simulator.scenario import load
    from processors.errors import SettingError

    plan = expand(load(scenario), seed, participants, seconds)
    if math.isinf(plan.duration_s) and not endless:
        raise SettingError("--seconds", f"{plan.name} has no end of its own; say how long")
    return plan


def _make(folder: Path) -> None:
    from processors.errors import SettingError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError("--out", f"{folder} cannot be made ({error.strerror})") from error


def _finish(scores: Scores, out: Path | None, limits: dict[str, float], *, faults: bool) -> None:
    """Print and write the scores; end with status 1 where less was reached than demanded."""
    from loadtest import score_table
    from loadtest.report import plain
    from processors.errors import SettingError

    _echo(score_table.lines(scores))
    if faults:
        _echo(score_table.faults(scores))
    if out is not None:
        try:
            out.write_text(json.dumps(plain(scores.plain()), indent=1) + "\n", "utf-8")
        except OSError as error:
            raise SettingError("--json", f"{out} cannot be written ({error.strerror})") from error
    unmet = [verdict for verdict in score_table.judged(scores, limits) if not verdict.met]
    for verdict in unmet:
        reached = "nothing to judge" if math.isnan(verdict.measured) else f"{verdict.measured:.4f}"
        typer.echo(f"{verdict.name}: expected {verdict.limit:g}, found {reached}", err=True)
    if unmet:
        raise typer.Exit(MISSED)


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
