"""What a policy would have done: stored findings through the state machine once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.alarm import ENDED, Alarm, AlarmChange
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from processors.records import NS_PER_S, Finding
from registry.participants import Participant

# What still waits when the findings end is given this long.
AFTER_NS = 3600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """That a person acknowledged an alarm of a code; of another policy it is the same act."""

    t_ns: int
    participant: str
    code: str
    by: str


Counts = Mapping[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy makes of it.

    Attributes
    ----------
    sounded
        Alarms that were to be heard, by code and priority.
    reached
        Alarms that reached a recipient, by recipient.
    """

    sounded: Counts
    reached: Counts

    @property
    def total(self) -> int:
        """How many alarms sounded."""
        return sum(self.sounded.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of the comparison: how many before, how many after."""

    name: tuple[str, ...]
    before: int
    after: int


def replay(
    findings: Iterable[Finding],
    acts: Iterable[Acknowledged],
    policy: Policy,
    people: Iterable[Participant] = (),
) -> list[AlarmChange]:
    """Give what happens to the alarms under a policy.

    Parameters
    ----------
    findings
        Every state and revision that was told, in any order.
    acts
        A person acknowledges the open alarm of that participant and code, if there is one then.
        Inactivations are not repeated: the question is what would have sounded.
    """
    core = AlarmCore(policy)
    for person in people:
        core.enrol(person)
    story: list[tuple[int, int, Finding | Acknowledged]] = [(one.t_ns, 0, one) for one in findings]
    story += [(act.t_ns, 1, act) for act in acts]
    story.sort(key=lambda item: item[:2])
    changes: list[AlarmChange] = []
    for t_ns, _, one in story:
        if isinstance(one, Finding):
            changes += core.apply(one)
            continue
        changes += core.tick(t_ns, one.participant)
        for alarm in core.alarms(one.participant):
            if alarm.code == one.code:
                changes += core.acknowledge(alarm.id, one.by, t_ns)
    if story:
        changes += core.tick(story[-1][0] + AFTER_NS)
    return changes


def outcome(changes: Iterable[AlarmChange]) -> Outcome:
    """Count the alarms that sounded, and whom they reached."""
    heard: dict[str, Alarm] = {}
    latest: dict[str, Alarm] = {}
    for change in changes:
        if change.alarm.sounding:
            heard.setdefault(change.alarm.id, change.alarm)
        if change.alarm.state != ENDED:
            latest[change.alarm.id] = change.alarm
    sounded: Counter[tuple[str, ...]] = Counter(
        (alarm.code, alarm.priority) for alarm in heard.values()
    )
    reached: Counter[tuple[str, ...]] = Counter(
        (name,) for key in heard for name in latest[key].reached
    )
    return Outcome(sounded, reached)


def by_code(before: Outcome, after: Outcome) -> list[Difference]:
    """Give a row for each code and priority that sounded, the greatest change first."""
    return _rows(before.sounded, after.sounded)


def by_recipient(before: Outcome, after: Outcome) -> list[Difference]:
    """Give a row for each recipient reached, the greatest change first."""
    return _rows(before.reached, after.reached)


def _rows(before: Counts, after: Counts) -> list[Difference]:
    names = sorted({*before, *after})
    rows = [Difference(name, before.get(name, 0), after.get(name, 0)) for name in names]
    return sorted(rows, key=lambda row: (-abs(row.after - row.before), -row.before, row.name))
