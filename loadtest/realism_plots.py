"""Pictures of simulated signals beside recorded ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from loadtest.page import blank_figure
from loadtest.realism_measures import AFTER_S, BEFORE_S, ECG_HZ, Floats, spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIMULATED, RECORDED = "#0b62a4", "#b0413e"
STRIP_S = 10.0

Signals = Sequence[NDArray[Any]]


def templates(simulated: Mapping[str, Signals], recorded: Mapping[str, Signals]) -> Figure:
    """Draw the beats of each class: one line a person or a record, thick: their median."""
    figure = blank_figure(11, 5)
    axes = figure.subplots(2, len(simulated), sharex=True, sharey="row", squeeze=False)
    t_ms = 1000 * np.arange(-BEFORE_S, AFTER_S - 1e-9, 1 / ECG_HZ)
    rows = ((simulated, "simulated", SIMULATED), (recorded, "recorded", RECORDED))
    for row, (beats, name, colour) in enumerate(rows):
        for ax, (label, shapes) in zip(axes[row], beats.items(), strict=True):
            for shape in shapes:
                ax.plot(t_ms[: len(shape)], shape, color=colour, alpha=0.3, linewidth=0.7)
            # Ventricular beats point to either side: their median is like none of them.
            if shapes and label != "V":
                middle = np.median(shapes, axis=0)
                ax.plot(t_ms[: len(middle)], middle, color=colour, linewidth=2)
            ax.set_title(f"{label}, {name} ({len(shapes)})", fontsize=9)
            ax.set_ylim(-2.5, 2.8)
            ax.grid(alpha=0.3)
    for ax in axes[1]:
        ax.set_xlabel("ms from R")
    for ax in axes[:, 0]:
        ax.set_ylabel("mV")
    return figure


def spectra(panels: Mapping[str, tuple[tuple[Signals, float], tuple[Signals, float]]]) -> Figure:
    """Draw the shares of power per Hz: median and middle half of both.

    Parameters
    ----------
    panels
        By title: simulated and recorded signals, each with their rate.
    """
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = blank_figure(3.7 * n_columns, 3.1 * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for ax, (title, both) in zip(axes, panels.items(), strict=False):
        for (signals, fs_hz), name, colour in zip(
            both, ("simulated", "recorded"), (SIMULATED, RECORDED), strict=True
        ):
            _spectrum(ax, signals, fs_hz, f"{name} ({len(signals)})", colour)
        ax.set_title(title, fontsize=9)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(0.25, 50)
        ax.set_ylim(1e-6, 3)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7)
        ax.set_xlabel("Hz")
    return figure


def _spectrum(ax: Axes, signals: Signals, fs_hz: float, name: str, colour: str) -> None:
    if not len(signals):
        return
    grid = np.geomspace(0.25, 50, 160)
    rows = []
    for one in signals:
        f_hz, power = spectrum(one, fs_hz)
        inside = grid <= f_hz[-1]
        rows.append(np.where(inside, np.interp(grid, f_hz, power), np.nan))
    low, middle, high = np.nanpercentile(rows, [25, 50, 75], axis=0)
    ax.plot(grid, middle, color=colour, label=name)
    ax.fill_between(grid, low, high, color=colour, alpha=0.2)


def intervals(panels: Mapping[str, tuple[Sequence[Floats], Sequence[Floats]]]) -> Figure:
    """Draw histograms of RR and Poincare plots, simulated and recorded side by side."""
    figure = blank_figure(11, 3.2 * len(panels))
    axes = figure.subplots(len(panels), 3, squeeze=False)
    for row, (title, both) in zip(axes, panels.items(), strict=True):
        named = zip(both, ("simulated", "recorded"), (SIMULATED, RECORDED), strict=True)
        for ax, (pieces, name, colour) in zip(row[1:], named, strict=True):
            rr = np.concatenate([np.zeros(0), *pieces])
            row[0].hist(rr, bins=np.arange(300, 1500, 20).tolist(), density=True, alpha=0.5,
                        color=colour, label=name)  # fmt: skip
            shown = [piece for piece in pieces if len(piece) > 2]
            for piece in shown[:: max(1, len(shown) // 12)]:  # evenly from all of them
                ax.plot(piece[:-1], piece[1:], ".", color=colour, markersize=1.5, alpha=0.5)
            ax.set_title(f"{title}, {name}: RR against the one before", fontsize=9)
            ax.set_xlim(300, 1500)
            ax.set_ylim(300, 1500)
            ax.set_aspect("equal")
        row[0].set_title(f"{title}: RR", fontsize=9)
        row[0].set_xlabel("ms")
        row[0].legend(fontsize=7)
    return figure


def strips(pairs: Mapping[str, tuple[NDArray[Any] | None, NDArray[Any] | None]]) -> Figure:
    """Draw ten seconds of each rhythm, simulated on the left, recorded on the right, mV."""
    figure = blank_figure(13, 1.75 * len(pairs))
    axes = figure.subplots(len(pairs), 2, squeeze=False)
    for row, (title, both) in zip(axes, pairs.items(), strict=True):
        for ax, mv, name in zip(row, both, ("simulated", "recorded"), strict=True):
            ax.set_title(f"{title}, {name}", fontsize=8, loc="left", pad=2)
            _paper(ax, mv)
    return figure


def _paper(ax: Axes, mv: NDArray[Any] | None) -> None:
    """Draw a strip on squares of 200 ms and 0.5 mV."""
    if mv is None or not len(mv):
        ax.set_visible(False)
        return
    middle = float(np.median(mv))
    low, high = min(float(mv.min()), middle - 1), max(float(mv.max()), middle + 1.5)
    ax.set_xticks(np.arange(0, STRIP_S + 0.01, 0.2))
    ax.set_yticks(np.arange(np.floor(2 * low) / 2, high + 0.5, 0.5))
    ax.tick_params(labelbottom=False, labelsize=6, length=0)
    ax.grid(color="#f0b9b2", linewidth=0.4)
    ax.plot(np.arange(len(mv)) / ECG_HZ, mv, color="black", linewidth=0.7)
    ax.set_xlim(0, STRIP_S)


def pulses(simulated: Sequence[Floats], recorded: Sequence[Floats]) -> Figure:
    """Draw the mean pulses from foot to foot, each from 0 to 1."""
    figure = blank_figure(9, 3)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, waves, name, colour in zip(
        axes, (simulated, recorded), ("simulated", "recorded"), (SIMULATED, RECORDED), strict=True
    ):
        for wave in waves:
            ax.plot(np.linspace(0, 1, len(wave)), wave, color=colour, alpha=0.6)
        ax.set_title(f"pulse, {name} ({len(waves)})", fontsize=9)
        ax.set_xlabel("from foot to foot")
        ax.grid(alpha=0.3)
    return figure
