"""The page of a comparison: sections of text, pictures and tables in one HTML file."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loadtest.page import document, picture, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from loadtest.realism_scores import Scored


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of many simulated people and many recordings.

    Attributes
    ----------
    simulated, recorded
        5th percentile, median, 95th; NaN where nothing was measured.
    within
        Share of the simulated values that lie between the recorded 5th and 95th percentile.
    """

    measure: str
    simulated: tuple[float, float, float]
    recorded: tuple[float, float, float]
    within: float


def compared(measure: str, simulated: Sequence[float], recorded: Sequence[float]) -> Compared:
    """Compare the values of one measure; those that are NaN do not count.

    >>> compared("x", [1.0, 2.0, 9.0], [1.0, 2.0, 3.0]).recorded[1]
    2.0
    """
    ours, theirs = (np.array([v for v in vs if math.isfinite(v)]) for vs in (simulated, recorded))
    low, _, high = around = _percentiles(theirs)
    within = (
        float(np.mean((ours >= low) & (ours <= high))) if len(ours) and len(theirs) else (math.nan)
    )
    return Compared(measure, _percentiles(ours), around, within)


def compared_each(
    simulated: Sequence[Mapping[str, float]], recorded: Sequence[Mapping[str, float]]
) -> list[Compared]:
    """Compare each measure by name, in the order of the first that has any."""
    names = next((list(one) for one in (*simulated, *recorded)), [])
    return [
        compared(name, [one[name] for one in simulated], [one[name] for one in recorded])
        for name in names
    ]


def _percentiles(values: np.ndarray) -> tuple[float, float, float]:
    if not len(values):
        return math.nan, math.nan, math.nan
    low, middle, high = np.percentile(values, [5, 50, 95]).tolist()
    return low, middle, high


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what is compared, pictures with captions, tables by title, scores."""

    title: str
    says: str
    pictures: Sequence[tuple[str, Figure]] = ()
    tables: Sequence[tuple[str, Sequence[Compared]]] = ()
    scores: Sequence[Scored] = ()


def page(title: str, says: str, sections: Iterable[Section]) -> str:
    """Give the HTML of a page; pictures are inside."""
    parts = [f"<h1>{html.escape(title)}</h1><p class=note>{html.escape(says)}</p>"]
    for section in sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2><p>{html.escape(section.says)}</p>")
        parts += [picture(figure, caption) for caption, figure in section.pictures]
        parts += [_table(caption, rows) for caption, rows in section.tables if rows]
        if section.scores:
            parts.append(_score_table(section.scores))
    return document(title, parts)


def _table(caption: str, rows: Sequence[Compared]) -> str:
    head = (caption, "simulated: median", "5-95 %", "recorded: median", "5-95 %", "within")
    cells = [
        (row.measure, *_range(row.simulated), *_range(row.recorded), _share(row.within))
        for row in rows
    ]
    return table(head, cells)


def _score_table(scores: Sequence[Scored]) -> str:
    head = ("%", "simulated", "recorded", "difference, points")
    cells = [
        (one.figure, _two(one.simulated), _two(one.recorded), _two(one.difference, "+"))
        for one in scores
    ]
    return table(head, cells)


def _two(value: float, sign: str = "") -> str:
    return "-" if math.isnan(value) else f"{value:{sign}.2f}"


def _range(values: tuple[float, float, float]) -> tuple[str, str]:
    low, middle, high = values
    if math.isnan(middle):
        return "-", "-"
    return _number(middle), f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.0f} %"
