"""``vitals truth``: play a scenario through the engine, score findings against what was planted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from device_bridges.simulator.plan import Plan
    from loadtest.scoring import Emitted, Scores

truth = typer.Typer(
    help="Play a scenario and score what is found of it.",
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
) -> None:
    """Play a scenario through engine and alarms, faster than real time, and score it.

    Writes truth.jsonl, findings.jsonl, alarms.jsonl and score.json.
    """
    from dataclasses import asdict

    from device_bridges.simulator.noise import NoiseBank
    from device_bridges.simulator.truth import write_truth
    from loadtest import offline
    from loadtest.scoring import score as match

    plan = _plan(scenario, seed, participants, seconds)
    out.mkdir(parents=True, exist_ok=True)
    outcome = offline.run(plan, noise=None if noise is None else NoiseBank(noise))
    write_truth(out / "truth.jsonl", plan, outcome.truth)
    _write_lines(out / "findings.jsonl", [offline.finding_line(e) for e in outcome.findings])
    lines = [{**asdict(alarm), "change": alarm.kind, "kind": "alarm"} for alarm in outcome.alarms]
    _write_lines(out / "alarms.jsonl", lines)
    scores = match(outcome.truth, outcome.findings, hours=outcome.hours, features=outcome.features)
    _finish(scores, out / "score.json")


@truth.command()
def score(
    planted: Annotated[Path, typer.Argument(metavar="TRUTH", help="truth.jsonl of a scenario.")],
    findings: Annotated[
        list[Path],
        typer.Argument(
            metavar="FINDINGS...", help="Files of findings (JSON lines), or a folder of them."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the scores here.")
    ] = None,
    missed: Annotated[
        bool, typer.Option("--missed", help="List what was missed and what was false.")
    ] = False,
) -> None:
    """Score findings against a file of truth: by code, what was found, missed, false, how late."""
    from device_bridges.simulator.truth import read_truth
    from loadtest.offline import read_findings
    from loadtest.scoring import score as match

    head, rows = read_truth(planted)
    files = [
        file
        for path in findings
        for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])
        if file.name not in ("truth.jsonl", "alarms.jsonl")
    ]
    emitted: list[Emitted] = [each for file in files for each in read_findings(file)]
    scores = match(rows, emitted, head.base_ns, hours=head.hours)
    _finish(scores, out)
    if missed:
        _list_faults(scores)


@truth.command()
def show(
    scenario: _Scenario,
    participants: _Participants = None,
    seconds: _Seconds = None,
    seed: _Seed = 1,
) -> None:
    """List what the script of a scenario does to whom, for a seed."""
    from rich.console import Console
    from rich.table import Table

    from device_bridges.simulator.events import SPEC_OF

    plan = _plan(scenario, seed, participants, seconds)
    table = Table("participant", "group", "event", "from s", "to s", "with", box=None)
    for event in plan.events:
        spec = SPEC_OF[int(event["kind"])]
        person = plan.participants[int(event["slot"])]
        given = [
            f"{parameter.name}={event[column]:g}"
            for parameter, column in zip(spec.parameters, "abcd", strict=False)
            if not math.isnan(event[column])
        ]
        table.add_row(
            person.id, person.group, spec.name, f"{event['start_s']:.1f}",
            f"{event['end_s']:.1f}" if spec.lasts else "", " ".join(given),
        )  # fmt: skip
    Console().print(table)


def _plan(scenario: str, seed: int, participants: int | None, seconds: float | None) -> Plan:
    from device_bridges.simulator.expand import expand
    from device_bridges.simulator.scenario import load
    from processors.errors import SettingError

    plan = expand(load(scenario), seed, participants, seconds)
    if math.isinf(plan.duration_s):
        raise SettingError("--seconds", f"{plan.name} has no end of its own; say how long")
    return plan


def _finish(scores: Scores, out: Path | None) -> None:
    from loadtest.report import plain

    told = scores.plain()
    _show_codes(told)
    _show_values(told["values"])
    if told["no_detector"]:
        typer.echo(f"planted, but no detector yet: {', '.join(told['no_detector'])}")
    if out is not None:
        out.write_text(json.dumps(plain(told), indent=1) + "\n", "utf-8")


def _show_codes(told: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "code", "planted", "found", "missed", "false", "allowed", "Se", "PPV", "delay s", "p95",
        box=None,
    )  # fmt: skip
    for code, row in told["codes"].items():
        table.add_row(
            code, *(str(row[key]) for key in ("required", "found", "missed", "false", "allowed")),
            _percent(row["sensitivity"]), _percent(row["positive_predictive_value"]),
            _figure(row["delay_median_s"]), _figure(row["delay_p95_s"]),
        )  # fmt: skip
    Console().print(table)
    typer.echo(
        f"all: Se {_percent(told['sensitivity'])}, PPV "
        f"{_percent(told['positive_predictive_value'])}, {told['participant_hours']:.2f} "
        "participant hours"
    )


def _show_values(values: Mapping[str, Any]) -> None:
    for name, row in values.items():
        errors = "; ".join(
            f"{column}: median error {_figure(e['median_absolute'])}, p95 "
            f"{_figure(e['p95_absolute'])}"
            for column, e in row["value_errors"].items()
        )
        typer.echo(f"{name.removeprefix('value:')}: {row['found']} of {row['required']}; {errors}")


def _list_faults(scores: Scores) -> None:
    for code, each in sorted(scores.codes.items()):
        for row in each.missed_rows:
            typer.echo(f"missed {code} {row.participant} at {row.onset_s:.1f} s ({row.cause})")
        for emitted in each.false_rows:
            finding = emitted.finding
            typer.echo(f"false {code} {finding.participant} at {finding.at_ns / 1e9:.1f} s")


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    from loadtest.report import plain

    path.write_text("".join(json.dumps(plain(line)) + "\n" for line in lines), "utf-8")


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"
