"""Pictures of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.baselines import goal
from loadtest.evaluate.beats import BeatScore
from loadtest.evaluate.cases import Case, Setting
from loadtest.evaluate.figures import Row
from loadtest.evaluate.said import claimed
from loadtest.evaluate.spans import Spans
from loadtest.evaluate.strips import COLOURS
from loadtest.page import blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREY = "#0b62a4", "#b0413e", "#8a99a8"
_SUMS = ("gross", "average")
_TIMED = {**COLOURS, "AFIB": COLOURS["af"], "AFL": "#c9b3dd"}

HoursOf = Mapping[str, NDArray[np.float64]]  # by name: spans in hours, [n, 2]


def rates_by_record(rows: Mapping[str, Row], setting: Setting) -> Figure:
    """Draw Se and +P of QRS and of V by record, each with its goal."""
    names = [name for name in rows if name not in _SUMS]
    figure = blank_figure(11, 5.2)
    axes = figure.subplots(2, 1, sharex=True)
    x = np.arange(len(names))
    for ax, kind, title in zip(axes, ("qrs", "veb"), ("QRS", "ventricular beats"), strict=True):
        values = []
        for k, (figure_name, label, colour) in enumerate(
            ((f"{kind}_se", "Se", BLUE), (f"{kind}_ppv", "+P", RED))
        ):
            y = [rows[name][figure_name] for name in names]
            values += [v for v in y if not math.isnan(v)]
            ax.plot(x + 0.16 * (2 * k - 1), y, "o", color=colour, markersize=6, label=label)
            limit = goal(setting.database, figure_name).limit
            if not math.isnan(limit):
                ax.axhline(limit, color=GREY, linewidth=0.9)
        ax.set_ylabel(f"{title}, %")
        if values:
            low = min(values)
            ax.set_ylim(low - 0.06 * (100.5 - low) - 0.02, 100 + 0.05 * (100.5 - low))
        _clean(ax)
    axes[0].legend(loc="lower left", ncols=2, fontsize=9, frameon=False)
    axes[1].set_xticks(x, names, rotation=0 if len(names) < 24 else 90, fontsize=8)
    return figure


def latencies(score: BeatScore, chunk_ms: int) -> Figure:
    """Draw how many beats are told, and labelled, by a time after R."""
    figure = blank_figure(11, 3.4)
    left, right = figure.subplots(1, 2)
    for values, label, colour in (
        (score.first_ms, "first line", BLUE),
        (score.label_ms, "last label", RED),
    ):
        if not len(values):
            continue
        left.hist(values, bins=np.arange(0, 1000, 20).tolist(), color=colour, alpha=0.6,
                  label=label)  # fmt: skip
        ordered = np.sort(values)
        late = 1.0 - np.arange(len(ordered)) / len(ordered)
        right.plot(ordered, 100 * late, color=colour, label=label)
    if not len(score.first_ms):
        return figure
    left.set_title(f"beats by latency, pieces of {chunk_ms} ms", fontsize=9, loc="left")
    right.set_title("share of beats that is told later, %", fontsize=9, loc="left")
    right.set_yscale("log")
    right.set_ylim(0.005, 110)
    right.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    for ax in (left, right):
        ax.set_xlabel("ms from R")
        ax.legend(fontsize=8, frameon=False)
        _clean(ax)
    return figure


def timelines(lines: Sequence[tuple[str, float, HoursOf, HoursOf]]) -> Figure:
    """Draw each record as two lines of time: annotated above, claimed below."""
    figure = blank_figure(11, 0.6 + 0.34 * len(lines))
    ax = figure.subplots()
    shown: dict[str, Any] = {}
    for row, (_, hours, true, ours) in enumerate(lines):
        for of, low in ((true, row - 0.34), (ours, row + 0.02)):
            ax.broken_barh([(0, hours)], (low, 0.3), facecolors="#eef2f6")
            for name, spans in of.items():
                pieces = [(a, b - a) for a, b in spans.tolist()]
                if pieces:
                    bars = ax.broken_barh(pieces, (low, 0.3), facecolors=_TIMED.get(name, BLUE))
                    shown.setdefault(name, bars)
    ax.set_yticks(range(len(lines)), [line[0] for line in lines], fontsize=8)
    ax.set_ylim(len(lines) - 0.5, -0.6)
    ax.set_xlim(0, max(line[1] for line in lines))
    ax.set_xlabel("hours")
    if shown:
        ax.legend(list(shown.values()), list(shown), fontsize=8, ncols=len(shown), frameon=False,
                  loc="lower right", bbox_to_anchor=(1, 1))  # fmt: skip
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(length=0)
    return figure


def spans_in_hours(case: Case, names: Mapping[str, Collection[str]]) -> HoursOf:
    """Give annotated rhythms of a record, hours."""
    of = case.reference
    return {name: _hours(of.rhythm(some), of.fs_hz) for name, some in names.items()}


def claims_in_hours(case: Case, codes: Sequence[str]) -> HoursOf:
    """Give what was claimed of some codes, hours."""
    of = case.reference
    return {
        code: _hours(claimed(case.said.episodes([code], of.n_samples)), of.fs_hz) for code in codes
    }


def _hours(spans: Spans, fs_hz: float) -> NDArray[np.float64]:
    return spans / (3600.0 * fs_hz)


def roc(curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Figure:
    """Draw ROC curves and the two distributions behind them.

    Parameters
    ----------
    curves
        By title: scores of clean and of noisy pieces.
    """
    figure = blank_figure(5.5 * len(curves) + 5.5, 3.8)
    axes = np.atleast_1d(figure.subplots(1, 1 + len(curves)))
    for k, (title, (clean, noisy)) in enumerate(curves.items()):
        limits = np.unique(np.r_[-np.inf, clean, noisy, np.inf])
        found = [(noisy < limit).mean() for limit in limits]
        lost = [(clean < limit).mean() for limit in limits]
        axes[0].plot(100 * np.array(lost), 100 * np.array(found), label=title)
        bins = np.linspace(0, 1, 26).tolist()
        axes[1 + k].hist(clean, bins=bins, density=True, alpha=0.6, color=BLUE, label="clean")
        axes[1 + k].hist(noisy, bins=bins, density=True, alpha=0.6, color=RED, label="noisy")
        axes[1 + k].set_title(f"score, {title}", fontsize=9, loc="left")
        axes[1 + k].set_yticks([])
    axes[0].plot([0, 100], [0, 100], color=GREY, linewidth=0.8)
    axes[0].set_xlabel("clean called noisy, %")
    axes[0].set_ylabel("noisy called noisy, %")
    for ax in axes:
        ax.legend(fontsize=8, frameon=False)
        _clean(ax)
    return figure


def _clean(ax: Axes) -> None:
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)


def recoveries(curves: Sequence[Any]) -> Figure:
    """Draw heart rates around stops, with the peak and the marks that were found.

    Parameters
    ----------
    curves
        `loadtest.evaluate.parts.recovery.Curve`.
    """
    n_columns = 4
    n_rows = -(-len(curves) // n_columns)
    figure = blank_figure(12, 1.9 * n_rows + 0.3)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in axes[len(curves) :]:
        ax.set_visible(False)
    for ax, curve in zip(axes, curves, strict=False):
        ax.plot(curve.t_s, curve.rate, color="#111", linewidth=0.8)
        ax.axvline(0, color=GREY, linewidth=0.8)
        peak = curve.value("hr_peak")
        ax.plot([-10, 0], [peak, peak], color=BLUE, linewidth=2)
        marks = [(s, curve.value(f"hr{s}")) for s in (30, 60, 120)]
        ax.plot([s for s, _ in marks], [v for _, v in marks], "o", color=BLUE, markersize=4)
        grade = {1.0: "A", 2.0: "B", 3.0: "C"}.get(curve.value("grade"), "")
        title = f"{curve.record}, {curve.at_s:.0f} s: {curve.value('hrr60'):.0f} /min, {grade}"
        if not math.isnan(curve.true_s):
            ax.axvline(curve.true_s, color=RED, linewidth=0.8, linestyle="--")
            title = title.replace(" /min", f" ({curve.true_drop:.0f}) /min")
        ax.set_title(title, fontsize=7, loc="left", pad=2)
        ax.tick_params(labelsize=6)
        ax.set_xlim(-120, 180)
        _clean(ax)
    return figure


def noise(rows: Mapping[str, Row]) -> Figure:
    """Draw figures by the ratio of signal to noise, a line for each noise."""
    panels = {
        "se": "QRS Se, %", "ppv": "QRS +P, %", "v_false_per_min": "false V a minute",
        "af_percent": "AF claimed, % of time", "score": "mean score",
        "suppressed": "noise beats suppressed, %",
    }  # fmt: skip
    by_kind: dict[str, list[tuple[int, Row]]] = {}
    for name, row in rows.items():
        kind, snr_db, _ = name.split()
        by_kind.setdefault(kind, []).append((int(snr_db), row))
    figure = blank_figure(11, 5.6)
    axes = figure.subplots(2, 3, sharex=True).ravel()
    colours = {"bw": GREY, "em": BLUE, "ma": RED}
    for ax, (key, title) in zip(axes, panels.items(), strict=True):
        for kind, points in by_kind.items():
            ax.plot([snr for snr, _ in points], [row[key] for _, row in points], "o-",
                    color=colours[kind], markersize=4, label=kind)  # fmt: skip
        ax.set_title(title, fontsize=9, loc="left")
        ax.set_xlim(26, -8)  # from clean to noisy
        ax.set_ylim(*((0, 1.05) if key == "score" else (0, max(1.0, 1.05 * ax.get_ylim()[1]))))
        _clean(ax)
    for ax in axes[3:]:
        ax.set_xlabel("SNR, dB")
    axes[0].legend(fontsize=8, frameon=False)
    return figure
