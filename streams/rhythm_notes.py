"""The rhythm track of a recording: WFDB ``+`` and ``~`` marks from findings (CLINICAL 3.7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from processors.records import Finding

# Where several hold, the first of this list wins (CLINICAL 3.7, rhythm notes).
NOTES: Final = {
    "vf": "(VFL",
    "asystole": "(ASYS",
    "vt": "(VT",
    "vt_nonsustained": "(VT",
    "ventricular_rhythm": "(IVR",
    "ventricular_bradycardia": "(IVR",
    "pause": "(PAUSE",
    "af": "(AFIB",
    "bradycardia": "(SBR",
    "extreme_bradycardia": "(SBR",
    "extreme_tachycardia": "(SVTA",
    "pvc_bigeminy": "(B",
    "pvc_trigeminy": "(T",
}
NORMAL: Final = "(N"
QUALITY: Final = ("poor_signal", "lead_off", "gap")
_RANK: Final = {code: rank for rank, code in enumerate(NOTES)}


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation that is not a beat: time, symbol (``+`` or ``~``), note."""

    t_ns: int
    symbol: str
    note: str


def rhythm_marks(findings: Iterable[Finding], end_ns: int) -> list[Mark]:
    """Give the marks of a recording, in time order.

    Parameters
    ----------
    findings
        In the order they became known; an amendment replaces what was said before.
    end_ns
        End of the recording, for conditions that still hold.
    """
    findings = list(findings)
    spans = _spans(findings, end_ns)
    changes = sorted({t for _, start, end in spans for t in (start, end) if t < end_ns})
    marks = []
    in_force = NORMAL
    for t_ns in changes:
        holding = [code for code, start, end in spans if start <= t_ns < end]
        note = NOTES[min(holding, key=_RANK.__getitem__)] if holding else NORMAL
        if note != in_force:
            marks.append(Mark(t_ns, "+", note))
            in_force = note
    quality = [finding for finding in findings if finding.code in QUALITY]
    marks += [Mark(f.at_ns, "~", "" if f.state == "offset" else f.code) for f in quality]
    return sorted(marks, key=lambda mark: mark.t_ns)


def _spans(findings: list[Finding], end_ns: int) -> list[tuple[str, int, int]]:
    """Give (code, start, end) of every condition that has a note."""
    open_at: dict[str, tuple[str, int]] = {}
    ended: dict[str, tuple[str, int, int]] = {}
    for finding in findings:
        if finding.code not in NOTES:
            continue
        if finding.state == "onset":
            open_at[finding.id] = (finding.code, finding.at_ns)
        elif finding.state == "point":
            length_ns = round(finding.evidence.get("duration_s", 0.0) * 1e9)
            ended[finding.id] = (finding.code, finding.at_ns, finding.at_ns + length_ns)
        else:
            _, start = open_at.pop(finding.id, (finding.code, finding.onset_ns))
            ended[finding.id] = (finding.code, start, finding.at_ns)
    spans = [*ended.values(), *((code, start, end_ns) for code, start in open_at.values())]
    return [span for span in spans if span[2] > span[1]]
