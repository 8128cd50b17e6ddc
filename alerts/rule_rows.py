"""Rows of the catalogue, one for each code: read and checked."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from typing import Any

from alerts.alarm import Text
from alerts.rule import PRIORITIES, SOUNDS, Escalation, Rule, Worse
from alerts.tables import check_keys, check_word, seconds
from alerts.wording import words_of
from processors.errors import SettingError
from processors.records import NS_PER_S
from processors.signals import SIGNALS

RELEASES = ("acknowledged", "read", "documented")
SUSPENDS = ("", "own", "all", *SIGNALS)

# Keys of a row: type, and what stands when it is left out (None: it must be given).
_KEYS: dict[str, tuple[type, Any]] = {
    "priority": (str, None), "sounds_as": (str, ""), "chain": (str, None), "rank": (int, None),
    "delay_s": (float, 0.0), "delay_from": (str, "definition"), "end_delay_s": (float, 0.0),
    "latch": (bool, False), "release": (str, "acknowledged"), "refractory_s": (float, None),
    "hold_s": (float, 0.0), "recipients": (list, None), "title": (str, None),
    "title_ko": (str, None), "when": (str, ""), "when_ko": (str, ""), "says": (str, ""),
    "says_ko": (str, ""), "suspends": (str, ""),
    "overrides": (bool, False), "worse": (dict, {}), "sounds_late": (bool, False),
    "summary": (bool, False), "log_only": (bool, False), "enabled": (bool, True),
}  # fmt: skip
_TIMES = ("delay_s", "end_delay_s", "refractory_s", "hold_s")
_WORSE = ("at_least", "at_most", "priority", "refractory_s")


def parse_rule(
    where: str, code: str, index: int, row: Mapping[str, Any], chains: Mapping[str, str],
    strands: Mapping[str, str], escalations: Mapping[str, Escalation], hold_s: float,
) -> Rule:  # fmt: skip
    """Give the rule of a row; SettingError for what is missing, unknown or out of range.

    Parameters
    ----------
    chains, strands
        Signal and strand of each chain.
    """
    check_keys(where, row, _KEYS)
    value = {key: _value(where, key, row) for key in _KEYS}
    for key, words in (("priority", PRIORITIES), ("chain", chains), ("release", RELEASES),
                       ("sounds_as", ("", *SOUNDS)), ("suspends", SUSPENDS),
                       ("delay_from", ("definition", "onset"))):  # fmt: skip
        check_word(f"{where} {key}", value[key], words)
    technical = value["priority"] == "technical"
    if value["sounds_as"] and not technical:
        raise SettingError(f"{where} sounds_as", "is for technical alarms only")
    if value["release"] != "acknowledged" and not value["latch"]:
        raise SettingError(f"{where} release", "is for alarms that latch only")
    if not value["recipients"] or not all(isinstance(one, str) for one in value["recipients"]):
        raise SettingError(f"{where} recipients", "expected one name or more")
    if "hold_s" not in row:
        value["hold_s"] = hold_s
    times = {key: nanoseconds(seconds(where, key, value[key])) for key in _TIMES}
    says = Text(value["says"], value["says_ko"])
    return Rule(
        code=code,
        index=index,
        priority=value["priority"],
        sounds_as=value["sounds_as"] or ("low" if technical else ""),
        chain=value["chain"],
        rank=value["rank"],
        signal=chains[value["chain"]],
        delay_ns=times["delay_s"],
        delay_from_onset=value["delay_from"] == "onset",
        end_delay_ns=times["end_delay_s"],
        latch=value["latch"],
        release=value["release"],
        refractory_ns=times["refractory_s"],
        hold_ns=times["hold_s"],
        recipients=tuple(value["recipients"]),
        title=Text(value["title"], value["title_ko"]),
        says=says,
        fields=_fields(where, says),
        suspends=value["suspends"],
        overrides=value["overrides"],
        worse=_worse(where, value["worse"]),
        sounds_late=value["sounds_late"],
        summary=value["summary"],
        log_only=value["log_only"],
        enabled=value["enabled"],
        escalation=escalations.get(value["priority"], Escalation()),
        strand=strands[value["chain"]],
        words=words_of(
            Text(value["when"], value["when_ko"]),
            value["priority"],
            delay_s=value["delay_s"],
            from_onset=value["delay_from"] == "onset",
        ),
    )


def _worse(where: str, row: Mapping[str, Any]) -> Worse | None:
    if not row:
        return None
    where += " worse"
    check_keys(where, row, _WORSE)
    if ("at_least" in row) == ("at_most" in row):
        raise SettingError(where, "expected either at_least or at_most")
    limit = row.get("at_least", row.get("at_most"))
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise SettingError(where, f"expected a number, found {limit!r}")
    priority = row.get("priority", "")
    check_word(f"{where} priority", priority, ("", *PRIORITIES))
    refractory_ns = -1
    if "refractory_s" in row:
        refractory_ns = nanoseconds(seconds(where, "refractory_s", row["refractory_s"]))
    return Worse(
        float(limit) if "at_least" in row else math.inf,
        float(limit) if "at_most" in row else -math.inf,
        priority,
        refractory_ns,
    )


def _value(where: str, key: str, row: Mapping[str, Any]) -> Any:
    kind, default = _KEYS[key]
    if key not in row:
        if default is None:
            raise SettingError(where, f"{key!r} is missing")
        return default
    value = row[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise SettingError(f"{where} {key}", f"expected {kind.__name__}, found {value!r}")
    return value


def _fields(where: str, says: Text) -> tuple[str, ...]:
    """Give the names a sentence uses, after trying the sentence with a number in each."""
    names = set()
    for text in (says.en, says.ko):
        try:
            used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
            text.format_map(dict.fromkeys(used, 1.0))
        except (ValueError, KeyError, IndexError) as error:
            raise SettingError(f"{where} says", f"{text!r} cannot be filled in: {error}") from error
        names |= used
    return tuple(sorted(names))


def nanoseconds(seconds: float) -> int:
    """Give seconds as whole nanoseconds."""
    return round(seconds * NS_PER_S)
