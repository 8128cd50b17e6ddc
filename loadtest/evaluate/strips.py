"""Strips of ECG on squared paper, as SVG: signal, beats and bands above and below."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.cases import Case
from loadtest.evaluate.reference import CLASSES, Beats, Reference
from loadtest.evaluate.spans import Spans

BEFORE_S, AFTER_S = 4.0, 6.0
_WIDTH, _MOST_PX_PER_S = 1000.0, 95.0
_PX_PER_MV = 38.0
_MOST_MV = 4.0  # shown of a strip from lowest to highest
_EDGE = 16.0  # px above and below, for marks
_SHOWN_HZ = 200.0  # points a second: more are not seen
COLOURS = {
    "vf": "#b0413e", "vt": "#d98324", "asystole": "#33415c", "noise": "#9aa5b1", "af": "#7a4fa3",
}  # fmt: skip
_OTHER = "#0b62a4"


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch above or below a strip, s of the record."""

    start_s: float
    stop_s: float
    name: str
    row: int  # 0 above; 1, 2 below


@dataclass(slots=True)
class Strip:
    """A piece of one lead, mV, with marks at times of the record, s."""

    title: str
    from_s: float
    fs_hz: float
    mv: NDArray[Any]
    above: list[tuple[float, str]] = field(default_factory=list)
    below: list[tuple[float, str]] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    at_s: float | None = None


def spread(lists: Sequence[tuple[Case, list[int]]], most: int) -> list[tuple[Case, int]]:
    """Take errors of each record in turn until there are enough; those of one record evenly."""
    chosen: list[tuple[Case, int]] = []
    share = max(1, -(-most // max(1, len(lists))))
    for case, errors in lists:
        step = max(1, len(errors) // share)
        chosen += [(case, at) for at in errors[::step][:share]]
    return chosen[:most]


def group(title: str, says: str, drawn: Iterable[str]) -> str:
    """Give strips under a title, folded."""
    inside = "".join(drawn)
    if not inside:
        return ""
    return (
        f"<details><summary><b>{html.escape(title)}</b> "
        f"<span class=note>{html.escape(says)}</span></summary>{inside}</details>"
    )


def beat_strip(case: Case, at: int, lead: int) -> str:
    """Draw ten seconds around a beat with the beats of the reference and ours."""
    reference = case.reference
    middle_s = at / reference.fs_hz
    from_s = max(0.0, middle_s - BEFORE_S)
    strip = Strip(
        f"{case.name}, {clock(middle_s)}", from_s, reference.fs_hz,
        reference.ecg(from_s, middle_s + AFTER_S, lead), at_s=middle_s,
    )  # fmt: skip
    strip.above = _marks(reference.beats, reference, from_s, middle_s + AFTER_S)
    strip.below = _marks(case.said.beats, reference, from_s, middle_s + AFTER_S)
    return drawn(strip)


def _marks(
    beats: Beats, reference: Reference, from_s: float, to_s: float
) -> list[tuple[float, str]]:
    at_s = beats.at / reference.fs_hz
    inside = (at_s >= from_s) & (at_s < to_s)
    return [
        (float(t), CLASSES[k])
        for t, k in zip(at_s[inside], beats.kind[inside].tolist(), strict=True)
    ]


def bands_of(spans: Spans, fs_hz: float, name: str, row: int) -> list[Band]:
    """Give spans of samples as bands."""
    return [Band(a / fs_hz, b / fs_hz, name, row) for a, b in spans.tolist()]


def drawn(strip: Strip) -> str:
    """Give a strip as SVG; what is higher than its paper is cut off."""
    every = max(1, round(strip.fs_hz / _SHOWN_HZ))
    mv = np.nan_to_num(np.asarray(strip.mv, np.float64))
    middle = float(np.median(mv)) if len(mv) else 0.0
    low, high = (float(v) for v in (mv.min(), mv.max())) if len(mv) else (0.0, 0.0)
    low, high = max(low, middle - _MOST_MV / 2), min(high, middle + _MOST_MV / 2)
    low, high = min(low, middle - 0.5), max(high, middle + 0.5)
    length_s = len(mv) / strip.fs_hz
    px_per_s = min(_MOST_PX_PER_S, _WIDTH / max(length_s, 1.0))
    width, tall = length_s * px_per_s, (high - low) * _PX_PER_MV
    rows_below = max((band.row for band in strip.bands), default=0)
    height = tall + 2 * _EDGE + 11 * rows_below
    base = _EDGE + high * _PX_PER_MV

    def x(at_s: float) -> float:
        return (min(max(at_s - strip.from_s, 0.0), length_s)) * px_per_s

    points = _outline(np.clip(mv, low, high), every)
    line = " ".join(
        f"{i / strip.fs_hz * px_per_s:.1f},{base - v * _PX_PER_MV:.1f}" for i, v in points
    )
    parts = [
        f"<svg viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' role=img "
        f"aria-label='{html.escape(strip.title)}'>",
        _paper(width, _EDGE, tall, px_per_s),
    ]
    for band in strip.bands:
        if band.stop_s > strip.from_s and band.start_s < strip.from_s + length_s:
            top = 3 if band.row == 0 else _EDGE + tall + 3 + 11 * (band.row - 1)
            colour = COLOURS.get(band.name, _OTHER)
            wide = max(x(band.stop_s) - x(band.start_s), 2.0)
            parts.append(
                f"<rect x='{x(band.start_s):.1f}' y='{top:.1f}' width='{wide:.1f}' "
                f"height='9' fill='{colour}'><title>{html.escape(band.name)}</title></rect>"
            )
    if strip.at_s is not None:
        parts.append(
            f"<rect x='{x(strip.at_s) - 14:.1f}' y='{_EDGE:.1f}' width='28' "
            f"height='{tall:.1f}' fill='#ffd54f' opacity='.35'/>"
        )
    parts.append(f"<polyline points='{line}' fill='none' stroke='#111' stroke-width='1'/>")
    for marks, y in ((strip.above, _EDGE - 4), (strip.below, _EDGE + tall + 12)):
        parts += [
            f"<text x='{x(t):.1f}' y='{y:.1f}' font-size='11' text-anchor='middle'"
            f"{_mark_style(text)}>{text}</text>"
            for t, text in marks
        ]
    parts.append("</svg>")
    return f"<figure><figcaption>{html.escape(strip.title)}</figcaption>{''.join(parts)}</figure>"


def _mark_style(label: str) -> str:
    return " fill='#54677a'" if label == "N" else " fill='#b00020' font-weight='700'"


def _outline(mv: NDArray[np.float64], every: int) -> list[tuple[int, float]]:
    """Give the lowest and highest of every few samples, in their order: no peak is lost."""
    if every == 1:
        return list(enumerate(mv.tolist()))
    points: list[tuple[int, float]] = []
    for first in range(0, len(mv), 2 * every):
        piece = mv[first : first + 2 * every]
        ends = sorted({int(piece.argmin()), int(piece.argmax())})
        points += [(first + k, float(piece[k])) for k in ends]
    return points


def _paper(width: float, top: float, tall: float, px_per_s: float) -> str:
    """Give squares of 200 ms and 0.5 mV."""
    upright = "".join(f"M{k * px_per_s / 5:.1f} {top:.1f}v{tall:.1f}"
                      for k in range(int(width / px_per_s * 5) + 1))  # fmt: skip
    flat = "".join(f"M0 {top + k * _PX_PER_MV / 2:.1f}h{width:.1f}"
                   for k in range(int(tall / _PX_PER_MV * 2) + 1))  # fmt: skip
    return f"<path d='{upright}{flat}' stroke='#f3c9c4' stroke-width='.6' fill='none'/>"


def clock(at_s: float) -> str:
    """Give a time of a record as hours, minutes and seconds.

    >>> clock(3725.04), clock(65.2)
    ('1:02:05.0', '1:05.2')
    """
    minutes, seconds = divmod(round(at_s, 1), 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"
