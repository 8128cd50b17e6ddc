"""``vitals loadtest``: open-loop load on a whole program, with verdicts and a report."""

from __future__ import annotations

import contextlib
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from loadtest.embedded_run import Run
    from loadtest.verdicts import Verdict

INVALID, MISSED = 3, 1  # exit statuses; 2 is an error of the user's to mend


def loadtest(
    scenario: Annotated[
        str,
        typer.Argument(help="A shipped scenario (smoke...) or a TOML file.", metavar="SCENARIO"),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where report.html and report.json go.")
    ] = Path("loadtest-report"),
    participants: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="People, instead of the scenario's own.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=1, help="Length, instead of its own.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the simulation.")] = 1,
    pages: Annotated[
        int, typer.Option(metavar="N", min=0, max=16, help="Pages that are open meanwhile.")
    ] = 1,
) -> None:
    """Load the whole program by the clock and judge it.

    Blocks are sent when they are due, whether or not the last one has been dealt with; latency is
    counted from then to finding, store and page. Ends with status 0 where all verdicts of the
    scenario are met, 1 where not, 3 where the generator itself was late, so that nothing is said.
    """
    from device_bridges.simulator.expand import expand
    from device_bridges.simulator.scenario import load
    from loadtest.embedded_run import drive
    from loadtest.report import write
    from loadtest.scoring import score
    from loadtest.verdicts import is_valid, judge
    from processors.errors import SettingError

    plan = expand(load(scenario), seed, participants, seconds)
    if math.isinf(plan.duration_s):
        raise SettingError("--seconds", f"{plan.name} has no end of its own; say how long")
    judge(plan.verdicts, {})  # a wrong name is said before the run, not after
    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vitals-loadtest-")))
        run = drive(plan, folder, pages=pages, say=typer.echo)
    scores = score(run.truth, run.meter.findings, run.meter.schedule.base_ns).plain()
    verdicts = judge(plan.verdicts, _measured(run, scores))
    as_json, as_page = write(run, verdicts, scores, out)
    _show(verdicts)
    typer.echo(f"{as_page}  {as_json}")
    if not is_valid(verdicts):
        typer.echo("invalid: the generator did not keep its schedule", err=True)
        raise typer.Exit(INVALID)
    if not all(verdict.met for verdict in verdicts):
        raise typer.Exit(MISSED)


def _measured(run: Run, scores: dict[str, Any]) -> dict[str, float]:
    histograms = run.meter.histograms
    on_pages = [histograms.percentile_ms(s, 99.0) for s in ("page_trace", "page_alarm")]
    samples, results = run.samples, run.results
    lost_results = (
        max(results["findings_given"] - results["findings_stored"], 0)
        + max(results["rows_given"] - results["rows_stored"], 0)
        + results["alarms_unseen_by_pages"]
    )
    doubled_results = max(results["findings_stored"] - results["findings_given"], 0) + max(
        results["rows_stored"] - results["rows_given"], 0
    )
    return {
        "generator_late_p99_ms": histograms.percentile_ms("sent", 99.0),
        "generator_late_max_ms": histograms.percentile_ms("sent", 100.0),
        "generator_core_share": run.cpu_s / run.elapsed_s,
        "processed_p99_ms": histograms.percentile_ms("processed", 99.0),
        "finding_p99_ms": histograms.percentile_ms("finding", 99.0),
        "stored_p99_ms": histograms.percentile_ms("stored", 99.0),
        "websocket_p99_ms": max((v for v in on_pages if not math.isnan(v)), default=math.nan),
        "lost": float(samples["lost"] + lost_results),
        "doubled": float(samples["doubled"] + doubled_results),
        "sensitivity": scores["sensitivity"],
        "positive_predictive_value": scores["positive_predictive_value"],
    }


def _show(verdicts: list[Verdict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("demand", "limit", "measured", "met", box=None)
    for verdict in verdicts:
        word = "at most" if verdict.demand.at_most else "at least"
        measured = f"{verdict.measured:.4g} {verdict.demand.unit.removesuffix('1')}"
        colour = "green" if verdict.met else "bold red"
        table.add_row(
            verdict.demand.says, f"{word} {verdict.limit:g}", measured,
            f"[{colour}]{'yes' if verdict.met else 'NO'}[/]",
        )  # fmt: skip
    Console().print(table)
