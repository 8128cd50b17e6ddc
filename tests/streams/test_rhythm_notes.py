"""Findings become rhythm marks: one rhythm at a time, the worst first."""

from __future__ import annotations

from processors.records import NS_PER_S, Finding, finding_id
from streams.rhythm_notes import rhythm_marks


def finding(code: str, state: str, at_s: float, onset_s: float, **evidence: float) -> Finding:
    onset_ns, at_ns = round(onset_s * NS_PER_S), round(at_s * NS_PER_S)
    identity = finding_id("p", code, onset_ns)
    return Finding(identity, 0, "p", code, state, onset_ns, at_ns, at_ns, 0.0, evidence)


def marks(*findings: Finding, end_s: float = 100) -> list[tuple[float, str, str]]:
    found = rhythm_marks(findings, round(end_s * NS_PER_S))
    return [(mark.t_ns / NS_PER_S, mark.symbol, mark.note) for mark in found]


def test_a_rhythm_begins_and_ends_with_what_is_then_in_force() -> None:
    found = marks(finding("vt", "onset", 10, 10), finding("vt", "offset", 20, 10))
    assert found == [(10, "+", "(VT"), (20, "+", "(N")]


def test_the_worse_rhythm_covers_the_other_while_it_lasts() -> None:
    found = marks(
        finding("bradycardia", "onset", 5, 5),
        finding("asystole", "onset", 10, 10),
        finding("asystole", "offset", 16, 10),
        finding("bradycardia", "offset", 30, 5),
    )
    assert found == [(5, "+", "(SBR"), (10, "+", "(ASYS"), (16, "+", "(SBR"), (30, "+", "(N")]


def test_a_pause_reaches_from_its_first_r_to_the_next() -> None:
    assert marks(finding("pause", "point", 7, 7, duration_s=3.5)) == [
        (7, "+", "(PAUSE"),
        (10.5, "+", "(N"),
    ]


def test_what_still_holds_at_the_end_needs_no_end() -> None:
    assert marks(finding("pvc_bigeminy", "onset", 90, 90)) == [(90, "+", "(B")]


def test_an_amended_onset_replaces_the_first() -> None:
    found = marks(finding("af", "onset", 12, 12), finding("af", "onset", 10, 12))
    assert found == [(10, "+", "(AFIB")]


def test_quality_changes_are_marked_with_a_tilde() -> None:
    found = marks(finding("lead_off", "onset", 5, 5), finding("lead_off", "offset", 9, 5))
    assert found == [(5, "~", "lead_off"), (9, "~", "")]


def test_findings_without_a_note_leave_no_mark() -> None:
    assert marks(finding("pvc_couplet", "point", 5, 5), finding("tachycardia", "onset", 6, 6)) == []


def test_no_findings_give_no_marks() -> None:
    assert rhythm_marks([], 0) == []
