"""What alerts give out: an alarm, and a change of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.inactivation import Inactivation, inactivation_from_plain, inactivation_to_plain

# States of an alarm, in the order it runs through them (CLINICAL 4, life cycle).
ACTIVE, ACKNOWLEDGED, ENDED = "active", "acknowledged", "ended"

# Kinds of change; these four enter a state, the others amend what is shown.
STATE_KINDS = frozenset({"raised", "realarmed", "acknowledged", "ended"})
CHANGE_KINDS = STATE_KINDS | {
    "repeated", "revised", "latched", "sound", "suppressed", "restored", "escalated",
    "inactivated", "reactivated",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for a person, in English and in Korean."""

    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it is now.

    Attributes
    ----------
    id
        ``a`` and the id of the finding that raised it: a replay makes it again.
    priority
        ``high``, ``medium``, ``low``, ``technical``.
    sounds_as
        The priority of its sound: ``high``, ``medium``, ``low``, ``none``.
    state
        ``active``, ``acknowledged``, ``ended``.
    latched
        The condition is over; the alarm stays until a person lets it go.
    sounding
        To be heard: active, not inactivated, and neither outranked in its chain nor silenced by vf
        or asystole.
    onset_ns
        Where the finding says that it began, as amended.
    t_ns
        When it came into the state it is in; a deadline where time decided it.
    acknowledged_by
        Who, empty for nobody; of an alarm that sounds again, nobody.
    finding_id
        The finding that raised it; the strip of waveform around it has the same id.
    count
        Findings that belong to it, the first included.
    suppressed
        Findings of the same code in the refractory time after it.
    value
        Of the newest of its findings.
    reason
        The sentence, from the code, the value and the evidence.
    raised_ns
        When it was first given out: its emission. 0 where that is not known.
    step, reached
        The step of escalation it is at, from 0, and who has been reached up to now.
    inactivation
        What keeps it quiet at the moment: by whom, why and until when. It stays on show.
    useful
        What the person who acknowledged it said of it; None for nothing.
    evidence
        Numbers of the newest of its findings.
    limits
        Those in force for its code when it was raised, by name.
    rule
        The rule that fired, in words.
    revision
        Rises from step to step that changes it. A replay gives each change again with its own, so
        of two states of an alarm the one with the higher revision is the newer.
    """

    id: str
    participant: str
    code: str
    priority: str
    sounds_as: str
    state: str
    latched: bool
    sounding: bool
    onset_ns: int
    t_ns: int
    acknowledged_by: str
    finding_id: str
    count: int
    suppressed: int
    value: float
    reason: Text
    raised_ns: int = 0
    step: int = 0
    reached: tuple[str, ...] = ()
    inactivation: Inactivation | None = None
    useful: bool | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    rule: Text = Text("", "")
    revision: int = 0


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One step in the life of an alarm.

    Attributes
    ----------
    kind
        ``raised``; ``repeated`` (one more finding of it); ``revised`` (amended); ``latched`` (its
        condition is over); ``sound`` (only `Alarm.sounding` changed); ``acknowledged``;
        ``realarmed`` (active again); ``ended``; ``suppressed`` (a finding in its refractory time,
        counted on the ended alarm); ``restored`` (taken over from a store); ``escalated`` (nobody
        acknowledged it: `Alarm.step` and `Alarm.reached`); ``inactivated``, ``reactivated``
        (`Alarm.inactivation` changed, is over).
    t_ns
        When; a deadline where time decided it.
    alarm
        After the change.
    """

    kind: str
    t_ns: int
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class AlarmState:
    """All that the alarm core knows of one participant, to go on from after a restart.

    Attributes
    ----------
    t_ns
        Up to when all findings have been applied.
    plain
        Strings, numbers, lists and maps, as JSON has them.
    """

    participant: str
    t_ns: int
    plain: Mapping[str, Any]


def alarm_id(finding_id: str) -> str:
    """Give the identity of the alarm that a finding raises."""
    return "a" + finding_id


def alarm_to_plain(alarm: Alarm) -> dict[str, Any]:
    """Give an alarm as strings, numbers, lists and maps; texts as ``[en, ko]``."""
    plain: dict[str, Any] = {name: getattr(alarm, name) for name in Alarm.__slots__}
    for name in ("reason", "rule"):
        plain[name] = [plain[name].en, plain[name].ko]
    plain["reached"] = list(alarm.reached)
    plain["evidence"], plain["limits"] = dict(alarm.evidence), dict(alarm.limits)
    plain["inactivation"] = alarm.inactivation and inactivation_to_plain(alarm.inactivation)
    return plain


def alarm_from_plain(plain: Mapping[str, Any]) -> Alarm:
    """Give the alarm that `alarm_to_plain` was given; of an older version, what it had."""
    values = {**plain, "reason": Text(*plain["reason"])}
    if "rule" in values:
        values["rule"] = Text(*values["rule"])
        values["reached"] = tuple(values["reached"])
        if values["inactivation"]:
            values["inactivation"] = inactivation_from_plain(values["inactivation"])
    return Alarm(**values)
