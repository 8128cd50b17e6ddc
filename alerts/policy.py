"""How loud each finding is: the catalogue of alarms, read and checked.

The file is ``alerts/catalogue.toml``; its head explains the keys. A site changes single values of
existing codes by a file of the same form.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.alarm import Text
from alerts.rule import PRIORITIES, SOUNDS, Escalation, Rule, Worse
from alerts.tables import check_keys, check_word, lay_over, read_table, seconds, unknown
from processors.errors import SettingError
from processors.records import NS_PER_S
from processors.signals import SIGNALS

CATALOGUE = Path(__file__).with_name("catalogue.toml")
RELEASES = ("acknowledged", "read", "documented")
SUSPENDS = ("", "own", "all", *SIGNALS)

# Keys of a row: type, and what stands when it is left out (None: it must be given).
_KEYS: dict[str, tuple[type, Any]] = {
    "priority": (str, None), "sounds_as": (str, ""), "chain": (str, None), "rank": (int, None),
    "delay_s": (float, 0.0), "delay_from": (str, "definition"), "end_delay_s": (float, 0.0),
    "latch": (bool, False), "release": (str, "acknowledged"), "refractory_s": (float, None),
    "hold_s": (float, 0.0), "recipients": (list, None), "title": (str, None),
    "title_ko": (str, None), "says": (str, ""), "says_ko": (str, ""), "suspends": (str, ""),
    "overrides": (bool, False), "worse": (dict, {}), "sounds_late": (bool, False),
    "summary": (bool, False), "log_only": (bool, False), "enabled": (bool, True),
}  # fmt: skip
_TIMES = ("delay_s", "end_delay_s", "refractory_s", "hold_s")
_WORSE = ("at_least", "at_most", "priority", "refractory_s")
_ESCALATION = ("first_s", "every_s", "realarm_s")
_DEFAULTS = ("late_after_s", "hold_s")
_SECTIONS = ("defaults", "chains", "escalation", "alarm")


@dataclass(frozen=True, slots=True)
class Policy:
    """The catalogue.

    Attributes
    ----------
    rules
        By code, in the order of the file.
    escalations
        By priority.
    late_after_ns
        What becomes known longer ago than this makes findings only.
    """

    rules: Mapping[str, Rule]
    escalations: Mapping[str, Escalation]
    late_after_ns: int

    def rule(self, code: str) -> Rule:
        """Give the row of a code.

        Raises
        ------
        SettingError
            There is none; the text names the nearest.
        """
        try:
            return self.rules[code]
        except KeyError:
            raise unknown("alarm", code, self.rules) from None


def load_policy(site: Path | None = None, *, catalogue: Path = CATALOGUE) -> Policy:
    """Read the catalogue and, over it, a site's own values.

    Parameters
    ----------
    site
        A file of the same form; it may change any value of existing codes and adds none.

    Raises
    ------
    SettingError
        A file that cannot be read, an unknown key or code (the nearest is named), a value of the
        wrong type or out of range, or two codes with one rank in a chain.
    """
    tree = read_table(catalogue)
    if site is not None:
        lay_over(tree, read_table(site), str(site), "")
    return parse_policy(tree, catalogue.name if site is None else str(site))


def parse_policy(tree: Mapping[str, Any], name: str = "catalogue") -> Policy:
    """Make a policy of a parsed file; raises as `load_policy` does."""
    check_keys(name, tree, _SECTIONS)
    defaults = tree.get("defaults", {})
    check_keys(f"{name} defaults", defaults, _DEFAULTS)
    for chain, signal in tree["chains"].items():
        check_word(f"{name} chains.{chain}", signal, ("", *SIGNALS))
    escalations = {}
    for priority, times in tree.get("escalation", {}).items():
        where = f"{name} escalation.{priority}"
        check_word(where, priority, PRIORITIES)
        check_keys(where, times, _ESCALATION)
        escalations[priority] = Escalation(**{k: seconds(where, k, v) for k, v in times.items()})
    hold_s = seconds(f"{name} defaults", "hold_s", defaults.get("hold_s", 60.0))
    rules = {
        code: _rule(f"{name} alarm.{code}", code, index, row, tree["chains"], escalations, hold_s)
        for index, (code, row) in enumerate(tree.get("alarm", {}).items())
    }
    _check_ranks(name, rules.values())
    late_s = seconds(f"{name} defaults", "late_after_s", defaults.get("late_after_s", 900.0))
    return Policy(rules, escalations, _ns(late_s))


def _rule(
    where: str, code: str, index: int, row: Mapping[str, Any], chains: Mapping[str, str],
    escalations: Mapping[str, Escalation], hold_s: float,
) -> Rule:  # fmt: skip
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
    times = {key: _ns(seconds(where, key, value[key])) for key in _TIMES}
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
        refractory_ns = _ns(seconds(where, "refractory_s", row["refractory_s"]))
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


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _check_ranks(name: str, rules: Iterable[Rule]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for rule in rules:
        other = taken.setdefault((rule.chain, rule.rank), rule.code)
        if other != rule.code:
            raise SettingError(
                f"{name} alarm.{rule.code} rank", f"{rule.chain} {rule.rank} is that of {other}"
            )
