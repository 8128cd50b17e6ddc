"""Who changed what about alarms, and why: records that are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Audit:
    """One thing that a person did.

    Attributes
    ----------
    action
        What was done: one word, as ``limits`` or ``audio_off``.
    participant, code
        Whom and which alarm it concerns; empty for all.
    reason
        In the person's own words.
    details
        What else belongs to it, by name.
    """

    t_ns: int
    person: str
    action: str
    participant: str
    code: str
    reason: str
    details: Mapping[str, str] = field(default_factory=dict)
