"""All that is known of the alarms of one participant: strands, what holds back, what was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from alerts.alarm import ENDED, Alarm, AlarmChange, AlarmState, alarm_from_plain
from alerts.counts import Counts
from alerts.holds import Holds
from alerts.inactivation import Inactivation
from alerts.policy import Policy
from alerts.rule import Rule
from alerts.strand import Strand
from alerts.track import NEVER_NS, track_from_plain
from alerts.who import Who
from processors.records import Finding
from registry.participants import Participant

VERSION: Final = 2  # of the plain form
MOST_SEEN: Final = 500  # findings remembered for good measure: a state stays below 50 KB


class Watch:
    """The state of one participant.

    Attributes
    ----------
    strands
        By name.
    seen
        By finding id: how far it has been told (`lifecycle.stage`), and when that became known.
    next_ns
        The first deadline of all strands.
    horizon_ns
        All findings of this participant known up to here have been applied.
    changed
        Something a restart would need is different since the last `state`.
    """

    def __init__(self, policy: Policy, counts: Counts, participant: str) -> None:
        self._policy = policy
        self._counts = counts
        self.who = Who(Participant(participant))
        self.holds = Holds()
        self.strands: dict[str, Strand] = {}
        self.seen: dict[str, tuple[int, int]] = {}
        self.next_ns = NEVER_NS
        self.horizon_ns = -NEVER_NS
        self.prune_at = 64
        self.changed = False

    def strand(self, rule: Rule) -> Strand:
        """Give the strand of a code."""
        return self._strand(rule.strand)

    def alarms(self) -> list[Alarm]:
        """Give the open alarms, in the order of the catalogue."""
        tracks = [track for strand in self.strands.values() for track in strand.tracks.values()]
        tracks.sort(key=lambda track: track.rule.index)
        return [track.alarm for track in tracks if track.alarm is not None]

    def advance(self, until_ns: int, name: str | None = None) -> list[AlarmChange]:
        """Let the deadlines of one strand, or of all, up to `until_ns` pass.

        Those that can hold its alarms back go first.
        """
        if name is None:
            names = sorted(self.strands, key=lambda name: bool(self._policy.holders[name]))
        else:
            names = [*self._policy.holders[name], name]
        changes: list[AlarmChange] = []
        for each in names:
            one = self.strands.get(each)
            if one is not None and one.next_ns <= until_ns:
                changes += one.advance(until_ns)
                self.changed = True
        self._find_next()
        return changes

    def take(self, rule: Rule, finding: Finding, *, first: bool) -> list[AlarmChange]:
        """Make the step of one finding; deadlines that lie before it pass first."""
        changes = self.advance(finding.t_ns - 1, rule.strand)
        changes += self.strand(rule).take(rule, finding, first=first)
        self._release()
        self._find_next()
        return changes

    def acknowledge(
        self, code: str, by: str, now_ns: int, *, documented: bool, useful: bool | None
    ) -> list[AlarmChange]:
        """Make the step of a person who has seen the open alarm of a code."""
        rule = self._policy.rules[code]
        changes = self.advance(now_ns - 1, rule.strand)
        changes += self.strand(rule).acknowledge(
            code, by, now_ns, documented=documented, useful=useful
        )
        self.changed = True
        self._find_next()
        return changes

    def inactivate(self, inactivation: Inactivation) -> list[AlarmChange]:
        """Make the step of a person who makes alarms quiet for a while."""
        changes = self.advance(inactivation.from_ns - 1)
        self.holds.inactivations[inactivation.id] = inactivation
        return changes + self._settle(inactivation.from_ns)

    def reactivate(self, key: str, now_ns: int) -> list[AlarmChange]:
        """Make the step of a person who ends that before its time."""
        changes = self.advance(now_ns - 1)
        one = self.holds.inactivations[key]
        until_ns = min(one.until_ns, max(now_ns, one.from_ns))
        self.holds.inactivations[key] = replace(one, until_ns=until_ns)
        self.holds.released_ns = now_ns
        self._release()
        return changes + self._settle(now_ns)

    def adopt(self, alarm: Alarm, rule: Rule, now_ns: int) -> None:
        """Take over an open alarm whose findings are not known any more; `settle` follows."""
        self.strand(rule).adopt(alarm, rule, now_ns)
        self.changed = True

    def settle(self, now_ns: int) -> list[AlarmChange]:
        """End a step in all strands."""
        changes = [change for one in self.strands.values() for change in one.settle(now_ns)]
        self._find_next()
        return changes

    def resume(self, now_ns: int) -> list[AlarmChange]:
        """Go on from a state after a restart; what was held back is left to its detectors."""
        self.changed = True
        self.holds.suspensions.clear()
        changes = [change for one in self.strands.values() for change in one.resume(now_ns)]
        self._find_next()
        return changes

    def ended(self) -> list[AlarmChange]:
        """Give the end of all open alarms, at the time of their state: nothing is known further."""
        return [AlarmChange("ended", alarm.t_ns, ended(alarm)) for alarm in self.alarms()]

    def state(self, horizon_ns: int) -> AlarmState:
        """Give what a restart needs; what cannot matter any more is forgotten first."""
        self.horizon_ns = max(self.horizon_ns, horizon_ns)
        self.prune(self.horizon_ns)
        self.changed = False
        return AlarmState(self.who.person.id, self.horizon_ns, self.to_plain())

    def prune(self, horizon_ns: int) -> None:
        """Forget what is so old that telling it again would be late, and codes at rest."""
        oldest_ns = horizon_ns - self._policy.late_after_ns
        self.holds.prune(oldest_ns)
        standing: set[str] = set()
        for strand in self.strands.values():
            idle = [code for code, track in strand.tracks.items() if track.is_idle(oldest_ns)]
            for code in idle:
                del strand.tracks[code]
            standing.update(key for track in strand.tracks.values() for key in track.entries)
        kept = [
            (key, told)
            for key, told in self.seen.items()
            if told[1] >= oldest_ns or key in standing
        ]
        if len(kept) > MOST_SEEN:
            kept.sort(key=lambda item: item[1][1])
            kept = [item for item in kept[:-MOST_SEEN] if item[0] in standing] + kept[-MOST_SEEN:]
        self.seen = dict(kept)
        self.prune_at = 64 + 2 * len(kept)

    def to_plain(self) -> dict[str, Any]:
        """Give everything as strings, numbers, lists and maps."""
        return {
            "version": VERSION,
            "horizon_ns": self.horizon_ns,
            "prune_at": self.prune_at,
            "seen": {key: list(told) for key, told in self.seen.items()},
            "passed": {name: strand.passed_ns for name, strand in self.strands.items()},
            "tracks": {
                code: track.to_plain()
                for strand in self.strands.values()
                for code, track in strand.tracks.items()
            },
            "limits": dict(self.who.limits),
            **self.holds.to_plain(),
        }

    def take_plain(self, plain: Mapping[str, Any]) -> list[AlarmChange]:
        """Take over what `to_plain` gave.

        Of codes that make no alarm by this policy, for it has others or they are switched off,
        nothing is taken over; their open alarms end, for nobody would end them.

        Raises
        ------
        ValueError
            It is of another version.
        """
        if plain.get("version") != VERSION:
            raise ValueError(f"alarm state: expected version {VERSION}, found {plain['version']}")
        self.horizon_ns = plain["horizon_ns"]
        self.prune_at = plain.get("prune_at", self.prune_at)
        self.seen = {key: (told, t_ns) for key, (told, t_ns) in plain["seen"].items()}
        self.holds.take_plain(plain)
        self.who.limits = dict(plain["limits"])
        for name, passed_ns in plain["passed"].items():
            if name in self._policy.waits:
                self._strand(name).passed_ns = passed_ns
        changes: list[AlarmChange] = []
        for code, track in plain["tracks"].items():
            rule = self._policy.rules.get(code)
            if rule is not None:
                self.strand(rule).tracks[code] = track_from_plain(rule, track)
            elif track["alarm"]:
                alarm = alarm_from_plain(track["alarm"])
                changes.append(AlarmChange("ended", alarm.t_ns, ended(alarm)))
        for strand in self.strands.values():
            strand.find_next()
            for code in [code for code, track in strand.tracks.items() if track.rule.silent]:
                changes += strand.drop(code, max(self.horizon_ns, strand.passed_ns))
            if changes:
                changes += strand.resound(max(self.horizon_ns, strand.passed_ns))
        self._find_next()
        return changes

    def _strand(self, name: str) -> Strand:
        strand = self.strands.get(name)
        if strand is None:
            strand = Strand(self._policy, self._counts, self.who, self.holds)
            self.strands[name] = strand
        return strand

    def _find_next(self) -> None:
        self.next_ns = min([strand.next_ns for strand in self.strands.values()], default=NEVER_NS)

    def _settle(self, now_ns: int) -> list[AlarmChange]:
        self.changed = True
        return self.settle(now_ns)

    def _release(self) -> None:
        """Have what was held back looked at again, in every strand."""
        if self.holds.released_ns is not None:
            for strand in self.strands.values():
                strand.release(self.holds.released_ns)
            self.holds.released_ns = None


def ended(alarm: Alarm) -> Alarm:
    """Give an alarm as it is when nobody looks after it any more."""
    revision = alarm.revision + 1
    return replace(alarm, state=ENDED, latched=False, sounding=False, revision=revision)
