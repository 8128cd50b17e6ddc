"""The report of a load test: figures as JSON, and a page that shows them."""

from __future__ import annotations

import html
import json
import math
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.meter import STAGES
from loadtest.page import blank_figure, document, picture, table
from loadtest.verdicts import Verdict, is_valid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from loadtest.embedded_run import Run

STAGE_SAYS: Mapping[str, str] = {
    "sent": "block handed over",
    "processed": "step processed",
    "finding": "finding made",
    "stored": "finding committed to the store",
    "alarm": "alarm raised with its finding",
    "alarm_by_delay": "alarm raised after the policy's delay",
    "page_trace": "trace read by a page",
    "page_alarm": "alarm read by a page",
}


def write(
    run: Run, verdicts: Sequence[Verdict], scores: Mapping[str, Any], folder: Path
) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.html`` into a folder and give their paths.

    Parameters
    ----------
    scores
        By code, as `loadtest.scoring` gives them in plain numbers.
    """
    told = figures(run, verdicts, scores)
    as_json, as_page = folder / "report.json", folder / "report.html"
    as_json.write_text(json.dumps(plain(told), indent=1, ensure_ascii=False) + "\n", "utf-8")
    as_page.write_text(page(run, verdicts, scores), "utf-8")
    return as_json, as_page


def figures(run: Run, verdicts: Sequence[Verdict], scores: Mapping[str, Any]) -> dict[str, Any]:
    """Give everything measured as one object."""
    return {
        "scenario": run.plan.name,
        "seed": run.plan.seed,
        "participants": run.plan.n,
        "duration_s": run.plan.duration_s,
        "machine": {"python": platform.python_version(), "system": platform.system()},
        "valid": is_valid(list(verdicts)),
        "met": all(verdict.met for verdict in verdicts),
        "verdicts": [
            {"name": v.name, "limit": v.limit, "measured": v.measured, "met": v.met}
            for v in verdicts
        ],
        "generator": {"cpu_s": run.cpu_s, "elapsed_s": run.elapsed_s},
        "latency": {stage: run.meter.histograms.summary(stage) for stage in STAGES},
        "samples": {**run.samples, "by_signal": run.by_signal},
        "results": run.results,
        "scores": scores,
        "pages": [
            {"messages": p["messages"], "octets": p["octets"], "problem": p["problem"]}
            for p in run.pages
        ],
    }


def page(run: Run, verdicts: Sequence[Verdict], scores: Mapping[str, Any]) -> str:
    """Give the page: verdicts first, then latency, counts and truth."""
    plan = run.plan
    met, valid = all(v.met for v in verdicts), is_valid(list(verdicts))
    word = "All verdicts are met." if met else "Not all verdicts are met."
    if not valid:
        word = "Invalid: the generator did not keep its schedule; the figures say nothing."
    parts = [
        f"<h1>Load test: {html.escape(plan.title or plan.name)}</h1>",
        f"<p class=note>Scenario {html.escape(plan.name)}, seed {plan.seed}, {plan.n} people, "
        f"{plan.duration_s:g} s, embedded mode with {len(run.pages)} open "
        f"page{'s' if len(run.pages) != 1 else ''}.</p>",
        f"<p class='verdict{'' if met and valid else ' bad'}'>{word}</p>",
        table(
            ("demand", "limit", "measured", "met"),
            (
                (
                    v.demand.says,
                    f"{'at most' if v.demand.at_most else 'at least'} {_number(v.limit)}"
                    f" {_unit(v.demand.unit)}",
                    f"{_number(v.measured)} {_unit(v.demand.unit)}",
                    ("met", "yes") if v.met else ("missed", "NO"),
                )
                for v in verdicts
            ),
        ),
        "<h2>Latency from the intended send of a block</h2>",
        "<p class=note>A block is due when its last sample has been measured. Every stage counts "
        "from there, also where the generator was late, so that no wait is hidden. Participants "
        "whose packets the script delays are left out of latencies, not of counts.</p>",
        table(
            ("stage", "count", "median ms", "p90", "p99", "p99.9", "worst"),
            (_latency_row(run, stage) for stage in STAGES),
        ),
        _plot(lambda ax: _draw_curves(ax, run), "percentiles of every stage"),
        "<h2>Schedule</h2>",
        f"<p>Making the blocks took {run.cpu_s:.2f} s of processor time in {run.elapsed_s:.1f} s: "
        f"{run.cpu_s / run.elapsed_s:.3f} of a core.</p>",
        _plot(lambda ax: _draw_schedule(ax, run), "lateness over time"),
        "<h2>What became of the samples</h2>",
        table(("", "samples"), ((k.replace("_", " "), f"{v:,}") for k, v in run.samples.items())),
        table(("signal", "sent"), ((k, f"{v:,}") for k, v in sorted(run.by_signal.items()))),
        table(("results", ""), ((k.replace("_", " "), f"{v:,}") for k, v in run.results.items())),
        "<h2>Findings against what was planted</h2>",
        _scores(scores),
    ]
    return document(f"Load test: {plan.name}", parts)


def _latency_row(run: Run, stage: str) -> tuple[str, ...]:
    summary = run.meter.histograms.summary(stage)
    return (
        STAGE_SAYS[stage],
        f"{summary['count']:,.0f}",
        *(_number(summary[key]) for key in ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms")),
    )


def _scores(scores: Mapping[str, Any]) -> str:
    columns = (
        ("required", "planted"), ("found", "found"), ("missed", "missed"), ("false", "false"),
        ("sensitivity", "sensitivity"), ("positive_predictive_value", "pos. predictive value"),
        ("delay_median_s", "delay median s"), ("delay_p95_s", "p95"),
    )  # fmt: skip
    rows = [
        (code, *(_number(row.get(key, math.nan)) for key, _ in columns))
        for code, row in scores.get("codes", {}).items()
    ]
    if not rows:
        return "<p>Nothing was planted that a detector could find.</p>"
    planted = table(("code", *(title for _, title in columns)), rows)
    silent = scores.get("no_detector", [])
    said = ", ".join(html.escape(str(code)) for code in silent)
    return planted + (f"<p class=note>Planted, but no detector yet: {said}.</p>" if said else "")


def _plot(draw: Callable[[Axes], None], caption: str) -> str:
    figure = blank_figure(9, 3.4)
    draw(figure.subplots())
    return picture(figure, caption, as_svg=True)


def _draw_curves(ax: Axes, run: Run) -> None:
    for stage in STAGES:
        if run.meter.histograms.count(stage):
            curve = run.meter.histograms.curve(stage)
            x = [1.0 / (1.0 - percent / 100.0) for percent, _ in curve]
            ax.plot(x, [ms for _, ms in curve], label=STAGE_SAYS[stage])
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = (1, 2, 10, 100, 1000, 10_000)
    ax.set_xticks(ticks, ("0", "50", "90", "99", "99.9", "99.99"))
    ax.set_xlabel("percentile")
    ax.set_ylabel("ms")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def _draw_schedule(ax: Axes, run: Run) -> None:
    ax.plot(run.meter.sent_s, run.meter.late_ms, lw=0.8, label="block handed over late by")
    behind = run.meter.behind_ms
    ax.plot([t for t, _ in behind], [ms for _, ms in behind], lw=0.8, label="step processed after")
    ax.set_xlabel("s since the start")
    ax.set_ylabel("ms")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)


def _number(value: float) -> str:
    if isinstance(value, float) and math.isnan(value):
        return "-"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 10 else f"{value:,.1f}"


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def plain(value: Any) -> Any:
    """Give the same without NaN, which JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
