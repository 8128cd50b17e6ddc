"""What is remembered of one code of one participant: its findings, its alarm, its deadlines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from alerts.alarm import Alarm, alarm_from_plain, alarm_to_plain
from alerts.rule import PRIORITIES, Rule
from processors.errors import ContractError
from processors.records import Finding

NEVER_NS = 2**63 - 1

# Where a finding stands: its delay runs; held back by a technical alarm or a person; waits for the
# end of the refractory time; belongs to the open alarm.
DELAYED, HELD, QUIET, ATTACHED = "delayed", "held", "quiet", "attached"


@dataclass(slots=True)
class Entry:
    """A finding that stands, or one that is over and has still to be told.

    Attributes
    ----------
    due_ns
        When it is looked at again, unless ATTACHED; `NEVER_NS`: not before something ends.
    over
        It stands no more: a point, or ended in the refractory time and too urgent to be dropped.
    """

    finding: Finding
    phase: str
    due_ns: int
    over: bool = False


@dataclass(slots=True)
class Track:
    """One code of one participant.

    Attributes
    ----------
    entries
        By finding id.
    alarm, last
        The open alarm; the one that ended last.
    newest
        The finding whose value and reason the alarm shows.
    worse
        The alarm, or the last one, was beyond the value of the rule's `worse`.
    quiet_from_ns
        When the condition of `last` (or of the latched `alarm`) was over.
    hold_ns
        Until when the alarm stays though nothing stands.
    realarm_ns
        When it becomes active again.
    escalate_ns
        When the next recipient is reached.
    released
        A person has done what the rule's `release` asks for.
    first_ns
        The first of the deadlines, as of the last `arm`.
    """

    rule: Rule
    entries: dict[str, Entry] = field(default_factory=dict)
    alarm: Alarm | None = None
    last: Alarm | None = None
    newest: str = ""
    worse: bool = False
    quiet_from_ns: int = -NEVER_NS
    hold_ns: int = NEVER_NS
    realarm_ns: int = NEVER_NS
    escalate_ns: int = NEVER_NS
    released: bool = False
    first_ns: int = NEVER_NS

    @property
    def opened(self) -> Alarm:
        """The open alarm, where there must be one."""
        if self.alarm is None:
            raise ContractError(f"{self.rule.code}: a step on an alarm that is not open")
        return self.alarm

    def arm(self) -> None:
        """Find the first deadline, after any change of the others."""
        first = min(self.hold_ns, self.realarm_ns, self.escalate_ns)
        if self.alarm is not None and self.alarm.inactivation is not None:
            first = min(first, self.alarm.inactivation.until_ns)
        for entry in self.entries.values():
            if entry.due_ns < first and entry.phase != ATTACHED:
                first = entry.due_ns
        self.first_ns = first

    def due(self, now_ns: int) -> list[Entry]:
        """Give the findings that wait for a time up to `now_ns`, by deadline."""
        waiting = [
            entry
            for entry in self.entries.values()
            if entry.due_ns <= now_ns and entry.phase != ATTACHED
        ]
        return sorted(waiting, key=lambda entry: (entry.due_ns, entry.finding.id))

    def stands(self) -> bool:
        """Tell whether a finding of the open alarm stands."""
        return any(entry.phase == ATTACHED for entry in self.entries.values())

    def counted_from(self, t_ns: int, at_ns: int, delay_ns: int) -> int:
        """Give the end of a delay after a change known at `t_ns` and claimed at `at_ns`."""
        return max(t_ns, at_ns + delay_ns) if self.rule.delay_from_onset else t_ns + delay_ns

    def quiet_until(self, finding: Finding) -> int:
        """Give the end of the refractory time for a finding; a worse one has none."""
        if self.last is None:
            return -NEVER_NS
        value = finding.value
        more_urgent = PRIORITIES.index(self.rule.priority_at(value)) < PRIORITIES.index(
            self.last.priority
        )
        if more_urgent or (self.rule.is_worse(value) and not self.worse):
            return -NEVER_NS
        return self.quiet_from_ns + self.rule.refractory_at(value)

    def is_idle(self, horizon_ns: int) -> bool:
        """Tell whether nothing of it can matter any more: no alarm, no finding, no refractory."""
        if self.alarm is not None or self.entries:
            return False
        worse_ns = self.rule.worse.refractory_ns if self.rule.worse is not None else 0
        quiet_ns = max(self.rule.refractory_ns, worse_ns)
        return self.last is None or self.quiet_from_ns + quiet_ns <= horizon_ns

    def lose_findings(self, now_ns: int) -> None:
        """Go on where nobody will tell the end of any finding: after a restart.

        Those of the open alarm keep it for `Rule.hold_ns`, in which its detector may report again.
        What waits for its delay, or urgently for the end of the refractory time, is told when that
        is over, at the earliest now. What was held back is left to its detector.
        """
        if self.stands():
            self.hold_ns = now_ns + self.rule.hold_ns
        kept = {}
        for key, entry in self.entries.items():
            urgent = self.rule.priority_at(entry.finding.value) == PRIORITIES[0]
            if entry.phase == DELAYED or (entry.phase == QUIET and urgent):
                entry.over, entry.due_ns = True, max(entry.due_ns, now_ns)
                kept[key] = entry
        self.entries = kept
        self.arm()

    def to_plain(self) -> dict[str, Any]:
        """Give all but the rule as strings, numbers, lists and dicts."""
        return {
            "entries": [
                [_finding_to_plain(entry.finding), entry.phase, entry.due_ns, entry.over]
                for entry in self.entries.values()
            ],
            "alarm": self.alarm and alarm_to_plain(self.alarm),
            "last": self.last and alarm_to_plain(self.last),
            **{name: getattr(self, name) for name in _PLAIN},
        }


_PLAIN = (
    "newest", "worse", "quiet_from_ns", "hold_ns", "realarm_ns", "escalate_ns", "released",
)  # fmt: skip
_FINDING = tuple(spec.name for spec in fields(Finding))


def track_from_plain(rule: Rule, plain: Mapping[str, Any]) -> Track:
    """Give the track that `Track.to_plain` was given."""
    entries = [
        Entry(Finding(**finding), phase, due_ns, over)
        for finding, phase, due_ns, over in plain["entries"]
    ]
    track = Track(
        rule,
        entries={entry.finding.id: entry for entry in entries},
        alarm=plain["alarm"] and alarm_from_plain(plain["alarm"]),
        last=plain["last"] and alarm_from_plain(plain["last"]),
        **{name: plain[name] for name in _PLAIN},
    )
    track.arm()
    return track


def _finding_to_plain(finding: Finding) -> dict[str, Any]:
    return {
        name: dict(finding.evidence) if name == "evidence" else getattr(finding, name)
        for name in _FINDING
    }
