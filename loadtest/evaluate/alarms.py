"""Alarms per person-day, and which of them the reference's own beats and rhythms fulfil."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.figures import Row, rate, upper_bound
from loadtest.evaluate.reference import Reference, V
from loadtest.evaluate.said import Line, Said
from loadtest.evaluate.spans import Samples, Spans, joined, lasting, meets, size, where

PRIORITIES = ("high", "medium", "low", "technical")
_WORDS = {True: "fulfilled", False: "not_fulfilled", None: "unknown"}
MARGIN_S = 2.0  # s, default: how far an alarm may lie from what fulfils it
# Alarms that are high by the catalogue and that a reference of beats and rhythms can fulfil.
EVENTS = ("vf", "asystole", "vt", "ventricular_bradycardia", "extreme_bradycardia",
          "extreme_tachycardia")  # fmt: skip
BESIDE_S = 60.0  # s, default: time within so much of an event is not free of events
_METER_BEATS = 12  # of the mean of a rate meter: CLINICAL 3.8


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm of a record, and whether the reference fulfils it (None: it cannot tell).

    Attributes
    ----------
    calm
        It was told where the reference knows of no event near.
    """

    record: str
    line: Line
    onset: float
    fulfilled: bool | None
    calm: bool = False


@dataclass(frozen=True, slots=True)
class AlarmScore:
    """The alarms of one record, or of several, and the days that were watched.

    Attributes
    ----------
    calm_days
        Those without an event (`EVENTS`) near; 0 where the reference knows of none.
    """

    raised: tuple[Raised, ...]
    days: float
    calm_days: float = 0.0


def score(reference: Reference, said: Said) -> AlarmScore:
    """Sort the alarms of one record."""
    found = []
    spans: dict[str, Spans | None] = {}
    margin = MARGIN_S * reference.fs_hz
    events = _events(reference)
    for alarm in said.raised:
        if alarm.code not in spans:
            spans[alarm.code] = fulfilling(alarm.code, reference)
        finding = said.onsets.get(alarm.id)
        onset = finding.at if finding else alarm.at
        of_code = spans[alarm.code]
        true = None if of_code is None else meets(of_code, onset - margin, alarm.told + margin)
        calm = events is not None and not meets(events, alarm.told, alarm.told + 1)
        found.append(Raised(reference.name, alarm, onset, true, calm))
    days = reference.hours / 24.0
    free = 0.0 if events is None else 1.0 - size(events) / reference.n_samples
    return AlarmScore(tuple(found), days, days * free)


def _events(reference: Reference) -> Spans | None:
    """Give where an event is near; None: the reference marks neither beats nor rhythms."""
    known = [spans for code in EVENTS if (spans := fulfilling(code, reference)) is not None]
    if not known:
        return None
    wide, end = round(BESIDE_S * reference.fs_hz), reference.n_samples
    return joined((max(a - wide, 0), min(b + wide, end)) for one in known for a, b in one.tolist())


def summed(scores: Sequence[AlarmScore]) -> AlarmScore:
    """Pool the scores of records."""
    every = tuple(raised for one in scores for raised in one.raised)
    days, calm = sum(one.days for one in scores), sum(one.calm_days for one in scores)
    return AlarmScore(every, days, calm)


def false_of(score: AlarmScore, priority: str = "high") -> list[Raised]:
    """Give the alarms of a priority that nothing in the reference fulfils."""
    return [
        raised
        for raised in score.raised
        if raised.line.priority == priority and raised.fulfilled is False
    ]


def figures(score: AlarmScore) -> Row:
    """Count by priority; give false high ones a day with the 95 % upper bound."""
    row: Row = {
        name: sum(raised.line.priority == name for raised in score.raised) for name in PRIORITIES
    }
    false = len(false_of(score))
    calm = sum(raised.calm for raised in false_of(score))
    high = [raised.fulfilled for raised in score.raised if raised.line.priority == "high"]
    return {
        **row,
        "high_fulfilled": high.count(True),
        "high_false": false,
        "high_unknown": high.count(None),
        "days": score.days,
        "high_false_per_day": rate(false, score.days),
        "high_false_per_day_bound": upper_bound(false, score.days),
        "calm_days": score.calm_days,
        "calm_false": calm,
        "calm_false_per_day": rate(calm, score.calm_days),
        "calm_false_per_day_bound": upper_bound(calm, score.calm_days),
    }


def code_rows(score: AlarmScore) -> Mapping[str, Row]:
    """Count by code, the most urgent first."""
    rows: dict[str, Row] = {}
    for raised in sorted(
        score.raised, key=lambda r: (PRIORITIES.index(r.line.priority), r.line.code)
    ):
        row = rows.setdefault(
            f"{raised.line.code}, {raised.line.priority}",
            {"raised": 0, "fulfilled": 0, "not_fulfilled": 0, "unknown": 0, "per_day": 0.0},
        )
        row["raised"] += 1
        row[_WORDS[raised.fulfilled]] += 1
    for row in rows.values():
        row["per_day"] = rate(row["raised"], score.days)
    return rows


# --- what the reference fulfils ---------------------------------------------------------------


def fulfilling(code: str, reference: Reference) -> Spans | None:
    """Give where the reference fulfils the definition of an alarm.

    None: it cannot tell, for it marks no beats (or no rhythms), or the code has no such definition.
    """
    make = _BY_RHYTHM.get(code)
    has_rhythm = bool(np.any(reference.symbols == "+"))
    has_beats = len(_beats(reference)) > 0
    if make is not None and (has_rhythm or has_beats):
        return make(reference)
    make = _BY_BEATS.get(code)
    return make(reference) if make is not None and has_beats else None


def _beats(reference: Reference) -> Samples:
    at = reference.beats.at
    if len(at) or not reference.stem.with_suffix(".qrs").is_file():
        return at
    return reference.rhythm_beats


def _rate_over(at: Samples, n_intervals: int, fs_hz: float) -> NDArray[np.float64]:
    """Give the mean rate over so many intervals that end at each beat from there on, /min."""
    spans = np.maximum(at[n_intervals:] - at[:-n_intervals], 1)
    rates: NDArray[np.float64] = 60.0 * fs_hz * n_intervals / spans
    return rates


def _consecutive(beats: int, *, above: float = np.inf, below: float = 0.0) -> _Maker:
    """Give a finder of so many consecutive beats with a mean rate beyond a limit, /min."""

    def find(reference: Reference) -> Spans:
        at, n = _beats(reference), beats - 1
        mean = _rate_over(at, n, reference.fs_hz) if len(at) > n else np.zeros(0)
        hits = np.flatnonzero((mean > above) | (mean < below))
        return _outside_flutter(reference, [(at[k], at[k + n] + 1) for k in hits])

    return find


def _meter(*, above: float = np.inf, below: float = 0.0) -> _Maker:
    """Give a finder of a minute in which the mean of 12 intervals stays beyond a limit, /min."""

    def find(reference: Reference) -> Spans:
        at, n = _beats(reference), _METER_BEATS
        mean = _rate_over(at, n, reference.fs_hz) if len(at) > n else np.zeros(0)
        runs = where((mean > above) | (mean < below)) + n
        spans = joined((at[a], at[b - 1] + 1) for a, b in runs.tolist())
        return lasting(spans, (60.0 - MARGIN_S) * reference.fs_hz)

    return find


def _silence(seconds: float) -> _Maker:
    """Give a finder of intervals of at least so long."""

    def find(reference: Reference) -> Spans:
        at = _beats(reference)
        hits = np.flatnonzero(np.diff(at) >= seconds * reference.fs_hz)
        spans = _outside_flutter(reference, [(at[k], at[k + 1]) for k in hits])
        return joined([*spans.tolist(), *reference.rhythm(["ASYS"]).tolist()])

    return find


def _ventricular(least: int, *, above: float = 0.0, below: float = np.inf) -> _Maker:
    """Give a finder of runs of so many V with a mean rate between two limits, /min."""

    def find(reference: Reference) -> Spans:
        beats = reference.beats
        spans = []
        for a, b in where(beats.kind == V).tolist():
            if b - a >= least:
                span = beats.at[b - 1] - beats.at[a]
                if above <= 60.0 * reference.fs_hz * (b - a - 1) / span < below:
                    spans.append((beats.at[a], beats.at[b - 1] + 1))
        return joined(spans)

    return find


def _rhythm(*names: str) -> _Maker:
    def find(reference: Reference) -> Spans:
        return reference.rhythm(names)

    return find


def _either(*makers: _Maker) -> _Maker:
    def find(reference: Reference) -> Spans:
        return joined(pair for make in makers for pair in make(reference).tolist())

    return find


def _flutter(reference: Reference) -> Spans:
    return reference.flutter_waves


def _outside_flutter(reference: Reference, pairs: Sequence[tuple[int, int]]) -> Spans:
    """Leave out what runs into ventricular flutter, where no beats are marked."""
    flutter = reference.flutter_waves
    return joined((a, b) for a, b in pairs if not meets(flutter, a, b))


_Maker = Callable[[Reference], Spans]
# The definitions of CLINICAL 3.7.
_BY_BEATS: Mapping[str, _Maker] = MappingProxyType(
    {
        "extreme_tachycardia": _consecutive(17, above=140.0),
        "extreme_bradycardia": _consecutive(5, below=40.0),
        "tachycardia": _meter(above=120.0),
        "bradycardia": _meter(below=45.0),
        "pause": _silence(3.0),
        "ventricular_bradycardia": _ventricular(5, below=40.0),
    }
)
_BY_RHYTHM: Mapping[str, _Maker] = MappingProxyType(
    {
        "asystole": _silence(4.0),
        "vf": _either(_rhythm("VF", "VFIB", "VFL"), _flutter),
        "vt": _either(_rhythm("VT", "VF", "VFIB", "VFL"), _flutter, _ventricular(6, above=130.0)),
        "vt_nonsustained": _either(_rhythm("VT"), _ventricular(3, above=130.0)),
        "ventricular_rhythm": _either(_rhythm("IVR"), _ventricular(5, above=40.0, below=130.0)),
        "af": _rhythm("AFIB", "AFL"),
    }
)
