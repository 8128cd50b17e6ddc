"""``vitals simulate``: a scenario as recordings with their truth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def simulate(
    scenario: Annotated[
        str, typer.Argument(help="A shipped scenario or a TOML file.", metavar="SCENARIO")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the records go.")],
    participants: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="People, instead of the scenario's own.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=1, help="Length, instead of its own.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the simulation.")] = 1,
) -> None:
    """Write simulated people as records with their truth.

    WFDB: ECG and PPG as their devices delivered them, NAME.atr with every planted beat and
    rhythm, and truth.jsonl with every condition. The same scenario and seed give the same files.
    """
    from device_bridges.simulator.expand import expand
    from device_bridges.simulator.scenario import load
    from device_bridges.simulator.truth import write_truth
    from loadtest.recordings import write_recordings
    from processors.errors import SettingError

    plan = expand(load(scenario), seed, participants, seconds)
    if math.isinf(plan.duration_s) or plan.n * plan.duration_s > 5e7:
        raise SettingError("--seconds", f"{plan.name} has {plan.duration_s:g} s; say how many")
    recorder = write_recordings(plan, out)
    truth = recorder.truth(plan.duration_s)
    write_truth(out / "truth.jsonl", plan, truth)
    typer.echo(f"{plan.n} people, {plan.duration_s:g} s, {len(truth)} rows of truth in {out}")
