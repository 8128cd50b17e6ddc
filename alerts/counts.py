"""Findings that made no alarm, counted by the reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """All but `unknown` are of codes in the catalogue.

    Attributes
    ----------
    unknown
        By code: not in the catalogue, kept as findings only.
    duplicate, late, off
        Told before; known later than the policy allows; of a rule that is off or logs only.
    brief
        Ended before their delay.
    suppressed, suspended, withheld
        In a refractory time; while a technical alarm holds the signal back; while a person has
        paused or switched off the alarms. Those that still stand afterwards make an alarm then and
        are counted all the same.
    """

    unknown: dict[str, int] = field(default_factory=dict)
    duplicate: int = 0
    late: int = 0
    off: int = 0
    brief: int = 0
    suppressed: int = 0
    suspended: int = 0
    withheld: int = 0
