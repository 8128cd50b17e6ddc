"""What keeps new alarms of one participant back: technical findings, and persons.

Both are asked for a time, not for now: alarms of different strands are decided at different
moments, and each must see what was in force when it was due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from alerts.alarm import Alarm
from alerts.inactivation import (
    WITHHOLDING,
    Inactivation,
    inactivation_from_plain,
    inactivation_to_plain,
    strongest,
)
from alerts.rule import Rule
from alerts.track import NEVER_NS
from processors.records import Finding
from processors.signals import SIGNALS

_SIGNAL_NAMES = tuple(SIGNALS)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A technical finding that stands, or stood: what it says cannot be trusted.

    Attributes
    ----------
    signal
        ``all`` for every one.
    at_ns
        Where the trouble began; of a silent device, what began later is not held back.
    since_ns, until_ns
        Half-open: from when its own delay was over, to its end; `NEVER_NS` while it stands.
    own
        It speaks of its own device only, so `at_ns` counts.
    """

    code: str
    finding_id: str
    signal: str
    at_ns: int
    since_ns: int
    until_ns: int
    own: bool

    def covers(self, signal: str, at_ns: int, t_ns: int) -> bool:
        """Tell whether it holds an alarm back that is due at ``t_ns`` and began at ``at_ns``."""
        return (
            self.since_ns <= t_ns < self.until_ns
            and self.signal in {"all", signal}
            and (not self.own or at_ns <= self.at_ns)
        )


@dataclass(frozen=True, slots=True)
class Held:
    """What keeps alarms of one participant back or quiet: technical findings, and persons."""

    participant: str
    suspensions: tuple[Suspension, ...] = ()
    inactivations: tuple[Inactivation, ...] = ()

    @property
    def any(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.suspensions or self.inactivations)


class Holds:
    """The suspensions and inactivations of one participant.

    Attributes
    ----------
    suspensions, inactivations
        By id of the finding, by id; ended ones are kept until `prune`.
    released_ns
        When something last ended that may have held alarms back; None once this has been seen to.
    """

    def __init__(self) -> None:
        self.suspensions: dict[str, Suspension] = {}
        self.inactivations: dict[str, Inactivation] = {}
        self.released_ns: int | None = None

    def begin(self, rule: Rule, finding: Finding, now_ns: int) -> None:
        """Note that a technical finding stands, its delay being over; once is enough."""
        if finding.id in self.suspensions:
            return
        signal = rule.suspends
        if rule.suspends == "own":
            index = finding.evidence.get("signal", -1.0)
            if not 0 <= index < len(_SIGNAL_NAMES):
                return
            signal = _SIGNAL_NAMES[int(index)]
        self.suspensions[finding.id] = Suspension(
            rule.code, finding.id, signal, finding.at_ns, now_ns, NEVER_NS, rule.suspends == "own"
        )

    def amend(self, finding: Finding) -> None:
        """Take over where an amended technical finding says that the trouble began."""
        stood = self.suspensions.get(finding.id)
        if stood is not None:
            self.suspensions[finding.id] = replace(stood, at_ns=finding.at_ns)

    def end(self, finding_id: str, now_ns: int) -> None:
        """Note that a technical finding is over."""
        stood = self.suspensions.get(finding_id)
        if stood is not None:
            self.suspensions[finding_id] = replace(stood, until_ns=now_ns)
            self.released_ns = now_ns

    def suspended_until(self, rule: Rule, finding: Finding, t_ns: int) -> int:
        """Give until when technical findings hold an alarm back that is due at ``t_ns``.

        Returns
        -------
        int
            `NEVER_NS` while one stands, 0 where none does.
        """
        if not rule.signal:
            return 0
        return max(
            (
                one.until_ns
                for one in self.suspensions.values()
                if one.covers(rule.signal, finding.at_ns, t_ns)
            ),
            default=0,
        )

    def withheld_until(self, code: str, t_ns: int) -> int:
        """Give until when a person holds new alarms of a code back; 0 where nobody does."""
        return max(
            (
                one.until_ns
                for one in self.inactivations.values()
                if one.kind in WITHHOLDING and one.covers(code, "", t_ns)
            ),
            default=0,
        )

    def quieting(self, alarm: Alarm, t_ns: int) -> Inactivation | None:
        """Give what a person has done to keep this alarm quiet; None for nothing."""
        return strongest(
            one for one in self.inactivations.values() if one.covers(alarm.code, alarm.id, t_ns)
        )

    def standing(self) -> list[Suspension]:
        """Give the suspensions that stand, the oldest first."""
        stand = [one for one in self.suspensions.values() if one.until_ns == NEVER_NS]
        return sorted(stand, key=lambda one: (one.since_ns, one.code))

    def in_force(self, t_ns: int) -> list[Inactivation]:
        """Give the inactivations in force, the one that ends first before the others."""
        found = [one for one in self.inactivations.values() if one.from_ns <= t_ns < one.until_ns]
        return sorted(found, key=lambda one: (one.until_ns, one.id))

    def prune(self, before_ns: int) -> None:
        """Forget what ended before a time."""
        self.suspensions = {k: s for k, s in self.suspensions.items() if s.until_ns > before_ns}
        # None of these is on an alarm any more: its end was a deadline of the alarm's strand.
        self.inactivations = {k: i for k, i in self.inactivations.items() if i.until_ns > before_ns}

    def to_plain(self) -> dict[str, Any]:
        """Give it as strings, numbers, lists and maps."""
        return {
            "suspensions": [asdict(one) for one in self.suspensions.values()],
            "inactivations": [inactivation_to_plain(i) for i in self.inactivations.values()],
        }

    def take_plain(self, plain: Mapping[str, Any]) -> None:
        """Take over what `to_plain` gave."""
        stood = [Suspension(**one) for one in plain["suspensions"]]
        acts = [inactivation_from_plain(one) for one in plain["inactivations"]]
        self.suspensions = {one.finding_id: one for one in stood}
        self.inactivations = {one.id: one for one in acts}
