"""Findings for stories of alarms; times are seconds."""

from __future__ import annotations

from alerts.alarm import AlarmChange
from processors.records import NS_PER_S, Finding, finding_id


def seconds(t: float) -> int:
    return round(t * NS_PER_S)


def finding(code, state, t, *, onset=None, at=None, value=4.0, revision=0, who="p1", **evidence):
    onset_ns = seconds(t if onset is None else onset)
    return Finding(
        id=finding_id(who, code, onset_ns), revision=revision, participant=who, code=code,
        state=state, onset_ns=onset_ns, at_ns=seconds(t if at is None else at), t_ns=seconds(t),
        value=value, evidence=evidence,
    )  # fmt: skip


def onset(code, t, **more):
    return finding(code, "onset", t, onset=t, **more)


def offset(code, began, t, **more):
    return finding(code, "offset", t, onset=began, **more)


def point(code, t, **more):
    return finding(code, "point", t, **more)


def every(changes: list[AlarmChange]) -> list[tuple[str, str, float]]:
    return [(c.alarm.code, c.kind, c.t_ns / NS_PER_S) for c in changes]


def but_escalation(changes: list[AlarmChange]) -> list[AlarmChange]:
    """Leave the steps of escalation out, which have stories of their own."""
    return [change for change in changes if change.kind != "escalated"]


def told(changes: list[AlarmChange]) -> list[tuple[str, str, float]]:
    return every(but_escalation(changes))


def tick(core, t, who=None):
    return core.tick(seconds(t), who)


def only(core):
    (alarm,) = core.alarms()
    return alarm
