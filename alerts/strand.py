"""Alarms of one participant that compete for being heard: every transition, at a given time.

A step is one moment: a finding, the expiry of deadlines, or a person. In a step alarms change
(`_note`), then it is settled which of them sound, then the changes are given out.
"""

from __future__ import annotations

from dataclasses import replace

from alerts.alarm import ACKNOWLEDGED, ACTIVE, ENDED, Alarm, AlarmChange, alarm_id
from alerts.counts import Counts
from alerts.holds import Holds
from alerts.inactivation import WITHHOLDING, Inactivation
from alerts.ladder import Ladder
from alerts.policy import Policy
from alerts.reason import reason
from alerts.rule import PRIORITIES, Rule
from alerts.sounding import sounding_codes
from alerts.track import ATTACHED, DELAYED, HELD, NEVER_NS, QUIET, Entry, Track
from alerts.who import Who
from processors.records import Finding


class Strand:
    """The codes of one participant that `Rule.strand` ties together.

    Strands have nothing to do with each other, but for what `Holds` says, which is asked for a
    time. So one strand may be ahead of another, and each waits only for its own detectors.

    Attributes
    ----------
    tracks
        By code, of the codes ever found.
    next_ns
        The first deadline.
    passed_ns
        The newest moment of a step.
    """

    def __init__(self, policy: Policy, counts: Counts, who: Who, holds: Holds) -> None:
        self._policy = policy
        self._counts = counts
        self._who = who
        self._holds = holds
        self._ladder = Ladder(policy, who)
        self.tracks: dict[str, Track] = {}
        self.next_ns = NEVER_NS
        self.passed_ns = -NEVER_NS
        self._notes: list[tuple[str, Alarm]] = []

    def alarms(self) -> list[Alarm]:
        """Give the open alarms, in the order of the catalogue."""
        tracks = sorted(self.tracks.values(), key=lambda track: track.rule.index)
        return [track.alarm for track in tracks if track.alarm is not None]

    def advance(self, until_ns: int) -> list[AlarmChange]:
        """Let all deadlines up to `until_ns` pass, each in a step at its own time."""
        changes: list[AlarmChange] = []
        while self.next_ns <= until_ns:
            now_ns = self.next_ns
            for track in sorted(self.tracks.values(), key=lambda track: track.rule.index):
                if track.first_ns <= now_ns:
                    self._expire(track, now_ns)
            changes += self.settle(now_ns)
        return changes

    def take(self, rule: Rule, finding: Finding, *, first: bool) -> list[AlarmChange]:
        """Make the step of one finding that has not been told before (`first`: not even begun)."""
        track = self.tracks.get(rule.code)
        if track is None:
            track = self.tracks[rule.code] = Track(rule)
        if finding.state == "offset":
            self._end(track, finding)
        elif first:
            due_ns = finding.t_ns
            if finding.state == "onset":
                due_ns = track.counted_from(finding.t_ns, finding.at_ns, rule.delay_ns)
            entry = Entry(finding, DELAYED, due_ns, over=finding.state == "point")
            track.entries[finding.id] = entry
            # An open alarm takes it at once: the delay is there to raise one, not to keep one.
            if due_ns <= finding.t_ns or track.alarm is not None:
                self._look(track, entry, finding.t_ns)
        else:
            self._revise(track, finding)
        track.arm()
        return self.settle(finding.t_ns)

    def acknowledge(
        self, code: str, by: str, now_ns: int, *, documented: bool, useful: bool | None
    ) -> list[AlarmChange]:
        """Make the step of a person who has seen the open alarm of a code."""
        track = self.tracks[code]
        alarm = track.alarm
        if alarm is None:
            return []
        track.released = track.released or documented or track.rule.release != "documented"
        if alarm.state == ACTIVE:
            track.alarm = alarm = replace(
                alarm, state=ACKNOWLEDGED, sounding=False, acknowledged_by=by, useful=useful,
                latched=alarm.latched and not track.released, t_ns=max(now_ns, alarm.t_ns),
            )  # fmt: skip
            track.escalate_ns = NEVER_NS
            self._notes.append(("acknowledged", alarm))
        elif useful is not None:
            track.alarm = replace(alarm, useful=useful)
            self._note("revised", track)
        if track.stands() or not track.released:
            self._ladder.remind(track, now_ns)
        else:
            if track.hold_ns != NEVER_NS:
                track.quiet_from_ns = now_ns
            self._close(track, now_ns)
        track.arm()
        return self.settle(now_ns)

    def adopt(self, alarm: Alarm, rule: Rule, now_ns: int) -> None:
        """Take over an open alarm whose findings are not known any more; `settle` follows.

        A latched one stays. Any other is held for `Rule.hold_ns`, in which its detector may report
        again; it then ends or latches as if its condition had ended.
        """
        track = self.tracks.setdefault(rule.code, Track(rule))
        track.alarm = replace(alarm, sounding=False)
        track.worse = rule.is_worse(alarm.value)
        if alarm.latched:
            track.quiet_from_ns = now_ns
        else:
            track.hold_ns = now_ns + rule.hold_ns
        if alarm.state == ACKNOWLEDGED:
            track.released = rule.release != "documented"
            self._ladder.remind(track, now_ns)
        else:
            self._ladder.wait(track, now_ns, first=True)
        self._note("restored", track)
        track.arm()

    def drop(self, code: str, now_ns: int) -> list[AlarmChange]:
        """Forget a code that makes no alarm any more; its open alarm ends, others may sound."""
        track = self.tracks[code]
        if track.alarm is not None:
            self._close(track, now_ns)
        del self.tracks[code]
        return self.settle(now_ns)

    def resound(self, now_ns: int) -> list[AlarmChange]:
        """Decide again what sounds, where something that outranked others is not there any more."""
        opened = [track for track in self.tracks.values() if track.alarm is not None]
        codes = sounding_codes([track.opened for track in opened], self._policy.rules)
        for track in opened:
            if track.opened.sounding != (track.rule.code in codes):
                self._note("sound", track)
        return self.settle(now_ns)

    def release(self, now_ns: int) -> None:
        """Let everything that is held back be looked at again, by the next deadline.

        It is a deadline and no step, for what ended meanwhile may not have been told yet.
        """
        for track in self.tracks.values():
            for entry in track.entries.values():
                if entry.phase == HELD:
                    entry.due_ns = min(entry.due_ns, now_ns)
            track.arm()
        self.find_next()

    def resume(self, now_ns: int) -> list[AlarmChange]:
        """Go on after a restart: deadlines that passed meanwhile pass, open alarms are shown."""
        for track in self.tracks.values():
            track.lose_findings(now_ns)
        self.find_next()
        changes = self.advance(now_ns)
        for track in self.tracks.values():
            if track.alarm is not None:
                self._note("restored", track)
        return changes + self.settle(now_ns)

    def settle(self, now_ns: int) -> list[AlarmChange]:
        """End a step: decide what keeps quiet and what sounds, find the next deadline."""
        self.passed_ns = max(self.passed_ns, now_ns)
        opened = [track for track in self.tracks.values() if track.alarm is not None]
        for track in opened if self._holds.inactivations else ():
            quieting = self._holds.quieting(track.opened, self.passed_ns)
            if quieting != track.opened.inactivation:
                self._quiet(track, quieting)
        self.find_next()
        if not self._notes:
            return []
        codes = sounding_codes([track.opened for track in opened], self._policy.rules)
        current: dict[str, Alarm] = {}
        changed: list[Alarm] = []
        noted = {alarm.id for _, alarm in self._notes}
        for track in opened:
            alarm = track.opened
            sounding = track.rule.code in codes
            if alarm.sounding != sounding or alarm.id in noted:
                revision = alarm.revision + 1
                alarm = track.alarm = replace(alarm, sounding=sounding, revision=revision)
                changed.append(alarm)
            current[alarm.id] = alarm
        changes = [(kind, current.get(alarm.id, alarm)) for kind, alarm in self._notes]
        changes += [("sound", alarm) for alarm in changed if alarm.id not in noted]
        self._notes = []
        return [AlarmChange(kind, max(now_ns, alarm.t_ns), alarm) for kind, alarm in changes]

    def find_next(self) -> None:
        """Find the first deadline, after any change of the tracks."""
        self.next_ns = min([track.first_ns for track in self.tracks.values()], default=NEVER_NS)

    # What may happen in a step. None of these decides what sounds.

    def _expire(self, track: Track, now_ns: int) -> None:
        for entry in track.due(now_ns):
            if entry.phase != ATTACHED:  # not taken by an alarm raised just before
                self._look(track, entry, now_ns)
        if track.escalate_ns <= now_ns and self._ladder.climb(track, now_ns):
            self._note("escalated", track)
        if track.realarm_ns <= now_ns:
            track.realarm_ns = NEVER_NS
            self._wake(track, "realarmed", now_ns)
        if track.hold_ns <= now_ns:
            track.hold_ns = NEVER_NS
            if track.alarm is not None and not track.stands():
                self._over(track, now_ns)
        track.arm()

    def _look(self, track: Track, entry: Entry, now_ns: int) -> None:
        """Decide about a finding that is due: attach it, hold it back, or raise an alarm."""
        if track.rule.suspends and not entry.over:
            self._holds.begin(track.rule, entry.finding, now_ns)
        if track.alarm is not None:
            self._attach(track, entry, now_ns)
            return
        waited = entry.phase == QUIET
        if self._hold_back(track, entry, now_ns, trusted=entry.over and waited):
            return
        quiet_until_ns = track.quiet_until(entry.finding)
        if now_ns < quiet_until_ns:
            if not waited:
                self._suppress(track)
            entry.phase, entry.due_ns = QUIET, quiet_until_ns
            if entry.over and not self._is_high(track.rule, entry.finding):
                del track.entries[entry.finding.id]
            return
        self._raise(track, entry, now_ns)

    def _hold_back(self, track: Track, entry: Entry, now_ns: int, *, trusted: bool) -> bool:
        """Tell whether it is held back by a technical finding, unless trusted, or by a person."""
        suspended_ns = 0
        if not trusted:
            suspended_ns = self._holds.suspended_until(track.rule, entry.finding, now_ns)
        # A person acts on what is shown, so for them it is as late as the newest step.
        at_ns = max(now_ns, self.passed_ns)
        withheld_ns = self._holds.withheld_until(track.rule.code, at_ns)
        if max(suspended_ns, withheld_ns) <= now_ns:
            return False
        if entry.phase != HELD:
            self._counts.suspended += suspended_ns > now_ns
            self._counts.withheld += withheld_ns > now_ns >= suspended_ns
        entry.phase, entry.due_ns = HELD, max(suspended_ns, withheld_ns)
        if entry.over:
            del track.entries[entry.finding.id]
        return True

    def _raise(self, track: Track, entry: Entry, now_ns: int) -> None:
        rule, finding = track.rule, entry.finding
        others = [other for other in track.entries.values() if other is not entry]
        for other in others:
            other.phase = ATTACHED
        entry.phase = ATTACHED
        track.entries = {key: kept for key, kept in track.entries.items() if not kept.over}
        track.newest, track.worse, track.released = finding.id, rule.is_worse(finding.value), False
        priority = rule.priority_at(finding.value)
        step, reached = self._ladder.reach(rule, priority, 0, now_ns)
        track.alarm = Alarm(
            id=alarm_id(finding.id), participant=finding.participant, code=rule.code,
            priority=priority, sounds_as=rule.sound_at(finding.value), state=ACTIVE,
            latched=False, sounding=False, onset_ns=finding.at_ns, t_ns=now_ns,
            acknowledged_by="", finding_id=finding.id, count=1 + len(others), suppressed=0,
            value=finding.value, reason=reason(rule, finding.value, finding.evidence),
            raised_ns=now_ns, step=max(step, 0), reached=reached,
            evidence=dict(finding.evidence),
            limits=self._policy.limits.of_alarm(self._who, rule.code, finding.evidence),
            rule=rule.words,
        )  # fmt: skip
        if not track.stands():
            if rule.latch:
                track.alarm = replace(track.alarm, latched=True)
                track.quiet_from_ns = now_ns
            else:
                track.hold_ns = now_ns + rule.hold_ns
        self._ladder.wait(track, now_ns, first=True)
        self._note("raised", track)

    def _attach(self, track: Track, entry: Entry, now_ns: int) -> None:
        alarm = track.opened
        if entry.over:
            del track.entries[entry.finding.id]
            if not track.rule.latch:
                held_ns = -NEVER_NS if track.hold_ns == NEVER_NS else track.hold_ns
                track.hold_ns = max(held_ns, now_ns + track.rule.hold_ns)
            elif not track.stands():
                track.quiet_from_ns = now_ns
        else:
            entry.phase = ATTACHED
            alarm = replace(alarm, latched=False)
        again = entry.finding.id == alarm.finding_id  # told anew after a restart
        track.alarm = replace(alarm, count=alarm.count + (not again))
        track.newest = entry.finding.id
        self._show(track, entry.finding, "repeated", now_ns)

    def _revise(self, track: Track, finding: Finding) -> None:
        entry = track.entries.get(finding.id)
        if entry is not None:
            entry.finding = finding
            if entry.phase == DELAYED and track.rule.delay_from_onset:
                entry.due_ns = track.counted_from(finding.t_ns, finding.at_ns, track.rule.delay_ns)
            if track.rule.suspends:
                self._holds.amend(finding)
            if entry.phase == QUIET or (entry.phase == DELAYED and entry.due_ns <= finding.t_ns):
                self._look(track, entry, finding.t_ns)
        if track.alarm is not None and track.newest == finding.id:
            if track.alarm.finding_id == finding.id:
                track.alarm = replace(track.alarm, onset_ns=finding.at_ns)
            self._show(track, finding, "revised", finding.t_ns)

    def _show(self, track: Track, finding: Finding, kind: str, now_ns: int) -> None:
        """Put a finding's value on the alarm; one that makes it worse wakes it."""
        rule, alarm = track.rule, track.opened
        priority = rule.priority_at(finding.value)
        worse = rule.is_worse(finding.value)
        woken = PRIORITIES.index(priority) < PRIORITIES.index(alarm.priority)
        woken = woken or (worse and not track.worse)
        if woken:
            sounds_as = rule.sound_at(finding.value)
            alarm = replace(alarm, priority=priority, sounds_as=sounds_as)
        track.worse = track.worse or worse
        text = reason(rule, finding.value, finding.evidence)
        track.alarm = replace(
            alarm, value=finding.value, reason=text, evidence=dict(finding.evidence)
        )
        if woken and alarm.state == ACKNOWLEDGED:
            self._wake(track, "realarmed", now_ns)
        else:
            if woken:
                waiting_ns = track.escalate_ns
                self._ladder.wait(track, now_ns, first=True)
                track.escalate_ns = min(track.escalate_ns, waiting_ns)
            self._note(kind, track)

    def _end(self, track: Track, finding: Finding) -> None:
        entry = track.entries.get(finding.id)
        if entry is None:
            return
        now_ns = finding.t_ns
        if entry.phase == QUIET and self._is_high(track.rule, entry.finding):
            entry.over = True
        else:
            del track.entries[finding.id]
            self._counts.brief += entry.phase == DELAYED
        if entry.phase == ATTACHED and track.alarm is not None and not track.stands():
            ends_ns = track.counted_from(now_ns, finding.at_ns, track.rule.end_delay_ns)
            if track.hold_ns != NEVER_NS:
                ends_ns = max(ends_ns, track.hold_ns)
            if ends_ns <= now_ns:
                track.hold_ns = NEVER_NS
                self._over(track, now_ns)
            else:
                track.hold_ns = ends_ns
        if track.rule.suspends:
            self._holds.end(finding.id, now_ns)

    def _over(self, track: Track, now_ns: int) -> None:
        """The condition of the open alarm is over: it latches or ends."""
        alarm = track.opened
        track.quiet_from_ns = now_ns
        if track.rule.latch and not track.released:
            track.alarm = replace(alarm, latched=True)
            self._note("latched", track)
        else:
            self._close(track, now_ns)

    def _close(self, track: Track, now_ns: int) -> None:
        alarm = track.opened
        track.last = replace(
            alarm, state=ENDED, latched=False, sounding=False, t_ns=max(now_ns, alarm.t_ns),
            revision=alarm.revision + 1,
        )  # fmt: skip
        track.alarm = None
        track.hold_ns = track.realarm_ns = track.escalate_ns = NEVER_NS
        self._notes.append(("ended", track.last))

    def _wake(self, track: Track, kind: str, now_ns: int) -> None:
        alarm = track.alarm
        if alarm is None or alarm.state != ACKNOWLEDGED:
            return
        step, reached = self._ladder.reach(track.rule, alarm.priority, 0, now_ns)
        track.alarm = replace(
            alarm, state=ACTIVE, acknowledged_by="", t_ns=max(now_ns, alarm.t_ns),
            step=max(step, 0), reached=reached,
        )  # fmt: skip
        track.realarm_ns = NEVER_NS
        track.released = False
        self._ladder.wait(track, now_ns, first=True)
        self._note(kind, track)

    def _quiet(self, track: Track, quieting: Inactivation | None) -> None:
        """Show what a person has done to keep the alarm quiet, or that this is over.

        Escalation rests where new alarms are held back as well, and begins anew afterwards.
        """
        rested = track.opened.inactivation
        track.alarm = replace(track.opened, inactivation=quieting)
        rests = quieting is not None and quieting.kind in WITHHOLDING
        if rests:
            track.escalate_ns = NEVER_NS
        elif rested is not None and rested.kind in WITHHOLDING:
            self._ladder.wait(track, self.passed_ns, first=True)
        track.arm()
        if ("raised", track.opened.id) not in {(kind, noted.id) for kind, noted in self._notes}:
            self._note("reactivated" if quieting is None else "inactivated", track)

    def _suppress(self, track: Track) -> None:
        self._counts.suppressed += 1
        if track.last is not None:
            track.last = replace(
                track.last,
                suppressed=track.last.suppressed + 1,
                revision=track.last.revision + 1,
            )
            self._notes.append(("suppressed", track.last))

    def _note(self, kind: str, track: Track) -> None:
        self._notes.append((kind, track.opened))

    @staticmethod
    def _is_high(rule: Rule, finding: Finding) -> bool:
        return rule.priority_at(finding.value) == PRIORITIES[0]
