"""Which of the alarms of one participant are to be heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alerts.alarm import ACTIVE, Alarm
from alerts.rule import Rule


def sounding_codes(alarms: Iterable[Alarm], rules: Mapping[str, Rule]) -> set[str]:
    """Choose from the open alarms of one participant, at most one of each code.

    Of the active alarms of a chain only the one of lowest rank sounds. An active vf or asystole
    silences the other chains of its signal; the two do not silence each other.

    Returns
    -------
    set of str
        Codes; acknowledged and inactivated alarms and those that sound as ``none`` are never among
        them, and silence nobody.
    """
    heard = [
        rules[alarm.code]
        for alarm in alarms
        if alarm.state == ACTIVE and alarm.sounds_as != "none" and alarm.inactivation is None
    ]
    if len(heard) < 2:
        return {rule.code for rule in heard}
    worst: dict[str, Rule] = {}
    for rule in heard:
        best = worst.get(rule.chain)
        if best is None or rule.rank < best.rank:
            worst[rule.chain] = rule
    silenced = {rule.signal for rule in heard if rule.overrides}
    return {rule.code for rule in worst.values() if rule.overrides or rule.signal not in silenced}
