"""One row of the catalogue: how loud a finding is, for how long, and for whom."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alerts.alarm import Text

PRIORITIES = ("high", "medium", "low", "technical")  # worst first
SOUNDS = ("high", "medium", "low", "none")


@dataclass(frozen=True, slots=True)
class Escalation:
    """What follows when nobody acts: seconds, infinite for never.

    Attributes
    ----------
    first_s, every_s
        Not acknowledged: the next recipient after `first_s`, then one more every `every_s`.
    realarm_s
        Acknowledged and not over: active again after this.
    """

    first_s: float = math.inf
    every_s: float = math.inf
    realarm_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Worse:
    """Beyond a value the alarm is of another priority or comes again sooner."""

    at_least: float
    at_most: float
    priority: str
    refractory_ns: int

    def holds(self, value: float) -> bool:
        """Tell whether the value lies beyond; NaN does not."""
        return value >= self.at_least or value <= self.at_most


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the catalogue; the keys are explained at the head of the file.

    Attributes
    ----------
    index
        Position in the catalogue.
    signal
        What the chain stands on; empty for technical alarms.
    fields
        Names that `says` and `says_ko` use.
    strand
        Codes of one strand compete for being heard: a chain, or all chains of a signal of which one
        overrides the others.
    words
        What it takes for an alarm.
    """

    code: str
    index: int
    priority: str
    sounds_as: str
    chain: str
    rank: int
    signal: str
    delay_ns: int
    delay_from_onset: bool
    end_delay_ns: int
    latch: bool
    release: str
    refractory_ns: int
    hold_ns: int
    recipients: tuple[str, ...]
    title: Text
    says: Text
    fields: tuple[str, ...]
    suspends: str
    overrides: bool
    worse: Worse | None
    sounds_late: bool
    summary: bool
    log_only: bool
    enabled: bool
    escalation: Escalation
    strand: str
    words: Text

    @property
    def silent(self) -> bool:
        """Tell whether its findings make no alarm: switched off, or only for the log."""
        return self.log_only or not self.enabled

    def is_worse(self, value: float) -> bool:
        """Tell whether the value lies beyond that of `worse`."""
        return self.worse is not None and self.worse.holds(value)

    def priority_at(self, value: float) -> str:
        """Give the priority of a finding with this value."""
        if self.worse is not None and self.worse.priority and self.worse.holds(value):
            return self.worse.priority
        return self.priority

    def sound_at(self, value: float) -> str:
        """Give the priority of the sound."""
        return self.sounds_as or self.priority_at(value)

    def refractory_at(self, value: float) -> int:
        """Give the refractory time for a finding with this value, ns."""
        if self.worse is not None and self.worse.refractory_ns >= 0 and self.worse.holds(value):
            return self.worse.refractory_ns
        return self.refractory_ns
