"""The sentence that tells a person why an alarm is there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from alerts.alarm import Text
from alerts.rule import Rule


def reason(rule: Rule, value: float, evidence: Mapping[str, float]) -> Text:
    """Say what was found, in English and Korean.

    The title alone stands where the rule says no more, or where a number that the sentence needs
    is not known.

    >>> from alerts.policy import load_policy
    >>> reason(load_policy().rule("asystole"), 4.0, {}).en
    'Asystole: no QRS for 4.0 s'
    """
    if not rule.says.en:
        return rule.title
    known = {**evidence, "value": value}
    for name in rule.fields:
        if not math.isfinite(known.get(name, math.nan)):
            return rule.title
    return Text(
        f"{rule.title.en}: {rule.says.en.format_map(known)}",
        f"{rule.title.ko}: {rule.says.ko.format_map(known)}",
    )
