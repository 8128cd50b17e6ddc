"""What a technical alarm holds back: new alarms of a signal that cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.rule import Rule
from alerts.track import ATTACHED, QUIET, Entry, Track
from processors.records import Finding
from processors.signals import SIGNALS

_SIGNAL_NAMES = tuple(SIGNALS)


def suspended(tracks: Iterable[Track], rule: Rule, finding: Finding) -> bool:
    """Tell whether a technical finding that stands holds a new alarm of this finding back.

    Its own refractory time does not matter, nor whether its alarm has been acknowledged.
    """
    if not rule.signal:
        return False
    return any(
        entry.phase in {QUIET, ATTACHED} and _covers(track.rule, entry, rule, finding)
        for track in tracks
        if track.rule.suspends
        for entry in track.entries.values()
    )


def _covers(technical: Rule, entry: Entry, rule: Rule, finding: Finding) -> bool:
    """Tell whether a standing technical finding says that this one cannot be trusted."""
    if technical.suspends != "own":
        return technical.suspends in {"all", rule.signal}
    # What began after the silence has samples behind it and is not held back.
    index = entry.finding.evidence.get("signal", -1.0)
    named = 0 <= index < len(_SIGNAL_NAMES) and _SIGNAL_NAMES[int(index)] == rule.signal
    return named and finding.at_ns <= entry.finding.at_ns
