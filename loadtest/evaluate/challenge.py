"""Alarms of bedside monitors, true or false: the score of the PhysioNet Challenge 2015.

A record's header says in two comments which alarm a monitor raised at its 300th second and whether
it was true. Ours is the verdict that the engine had reached by then.

Clifford 2015, Computing in Cardiology 42:273: score = (TP + TN) / (TP + TN + FP + 5 FN), and the
event lies within the 10 s before the alarm. Here a condition that stands at any moment of these
10 s and was told by the alarm counts: an asystole begins with its last beat, 4 s before it is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from loadtest.evaluate.figures import Row, percent
from loadtest.evaluate.reference import Reference
from loadtest.evaluate.said import Said

ALARM_S, WITHIN_S = 300.0, 10.0  # s, Clifford 2015
MISS_WEIGHT = 5  # Clifford 2015
# The codes that confirm an alarm. Fibrillation is ventricular and faster than 100/min: VT as well.
CODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Asystole": ("asystole",),
        "Bradycardia": ("extreme_bradycardia",),
        "Tachycardia": ("extreme_tachycardia",),
        "Ventricular_Tachycardia": ("vt", "vf"),
        "Ventricular_Flutter_Fib": ("vf",),
    }
)
_TRUTH = MappingProxyType({"True alarm": True, "False alarm": False})


@dataclass(frozen=True, slots=True)
class Bedside:
    """An alarm of a monitor: its kind (a name of `CODES`), and whether it was true."""

    kind: str
    true: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one alarm."""

    alarm: Bedside
    confirmed: bool


def bedside_of(stem: Path) -> Bedside | None:
    """Read the alarm of a record (path without ending) from its header; None: it has none."""
    import wfdb

    comments = [text.strip() for text in wfdb.rdheader(str(stem)).comments]
    kinds = [text for text in comments if text in CODES]
    truths = [_TRUTH[text] for text in comments if text in _TRUTH]
    return Bedside(kinds[0], truths[0]) if kinds and truths else None


def verdict(reference: Reference, said: Said, alarm: Bedside) -> Verdict:
    """Say whether the engine confirms an alarm by the time it was raised."""
    end = min(reference.n_samples, round(ALARM_S * reference.fs_hz))
    from_ = end - WITHIN_S * reference.fs_hz
    confirmed = any(
        episode.start < end and episode.stop > from_ and episode.on <= end
        for code in CODES[alarm.kind]
        for episode in said.episodes([code], reference.n_samples)
    )
    return Verdict(alarm, confirmed)


def figures(verdicts: Sequence[Verdict]) -> Row:
    """Count verdicts and score them, in percent."""
    counts = {
        name: sum(one.alarm.true is true and one.confirmed is confirmed for one in verdicts)
        for name, true, confirmed in (
            ("tp", True, True), ("fn", True, False), ("fp", False, True), ("tn", False, False),
        )
    }  # fmt: skip
    right = counts["tp"] + counts["tn"]
    return {
        "alarms": len(verdicts),
        **counts,
        "se": percent(counts["tp"], counts["tp"] + counts["fn"]),
        "sp": percent(counts["tn"], counts["tn"] + counts["fp"]),
        "score": percent(right, right + counts["fp"] + MISS_WEIGHT * counts["fn"]),
    }
