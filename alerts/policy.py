"""How loud each finding is: the catalogue of alarms, read and checked.

The file is ``alerts/catalogue.toml``; its head explains the keys. A site changes single values of
existing codes by a file of the same form.
"""

from __future__ import annotations

import difflib
import math
import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.alarm import Text
from processors.errors import SettingError
from processors.records import NS_PER_S
from processors.signals import SIGNALS

CATALOGUE = Path(__file__).with_name("catalogue.toml")
PRIORITIES = ("high", "medium", "low", "technical")  # worst first
SOUNDS = ("high", "medium", "low", "none")
RELEASES = ("acknowledged", "read", "documented")
SUSPENDS = ("", "own", "all", *SIGNALS)

# Keys of a row: type, and what stands when it is left out (None: it must be given).
_KEYS: dict[str, tuple[type, Any]] = {
    "priority": (str, None), "sounds_as": (str, ""), "chain": (str, None), "rank": (int, None),
    "delay_s": (float, 0.0), "delay_from": (str, "definition"), "end_delay_s": (float, 0.0),
    "latch": (bool, False), "release": (str, "acknowledged"), "refractory_s": (float, None),
    "hold_s": (float, -1.0), "recipients": (list, None), "title": (str, None),
    "title_ko": (str, None), "says": (str, ""), "says_ko": (str, ""), "suspends": (str, ""),
    "overrides": (bool, False), "worse": (dict, {}), "sounds_late": (bool, False),
    "summary": (bool, False), "log_only": (bool, False), "enabled": (bool, True),
}  # fmt: skip
_WORSE = ("at_least", "at_most", "priority", "refractory_s")
_ESCALATION = ("first_s", "every_s", "realarm_s")
_DEFAULTS = ("late_after_s", "hold_s")
_SECTIONS = ("defaults", "chains", "escalation", "alarm")


@dataclass(frozen=True, slots=True)
class Escalation:
    """What follows when nobody acts: seconds, infinite for never.

    Attributes
    ----------
    first_s, every_s
        Not acknowledged: the next recipient after `first_s`, then one more every `every_s`.
    realarm_s
        Acknowledged and not over: active again after this.
    """

    first_s: float = math.inf
    every_s: float = math.inf
    realarm_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Worse:
    """Beyond a value the alarm is of another priority or comes again sooner."""

    at_least: float
    at_most: float
    priority: str
    refractory_ns: int

    def holds(self, value: float) -> bool:
        """Tell whether the value lies beyond; NaN does not."""
        return value >= self.at_least or value <= self.at_most


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the catalogue; the keys are explained at the head of the file.

    Attributes
    ----------
    index
        Position in the catalogue.
    signal
        What the chain stands on; empty for technical alarms.
    fields
        Names that `says` and `says_ko` use.
    """

    code: str
    index: int
    priority: str
    sounds_as: str
    chain: str
    rank: int
    signal: str
    delay_ns: int
    delay_from_onset: bool
    end_delay_ns: int
    latch: bool
    release: str
    refractory_ns: int
    hold_ns: int
    recipients: tuple[str, ...]
    title: Text
    says: Text
    fields: tuple[str, ...]
    suspends: str
    overrides: bool
    worse: Worse | None
    sounds_late: bool
    summary: bool
    log_only: bool
    enabled: bool
    escalation: Escalation

    def is_worse(self, value: float) -> bool:
        """Tell whether the value lies beyond that of `worse`."""
        return self.worse is not None and self.worse.holds(value)

    def priority_at(self, value: float) -> str:
        """Give the priority of a finding with this value."""
        if self.worse is not None and self.worse.priority and self.worse.holds(value):
            return self.worse.priority
        return self.priority

    def sound_at(self, value: float) -> str:
        """Give the priority of the sound."""
        return self.sounds_as or self.priority_at(value)

    def refractory_at(self, value: float) -> int:
        """Give the refractory time for a finding with this value, ns."""
        if self.worse is not None and self.worse.refractory_ns >= 0 and self.worse.holds(value):
            return self.worse.refractory_ns
        return self.refractory_ns


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
            raise _unknown("alarm", code, self.rules) from None


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
    tree = _read(catalogue)
    if site is not None:
        _merge(tree, _read(site), str(site), "")
    return parse_policy(tree, catalogue.name)


def parse_policy(tree: Mapping[str, Any], name: str = "catalogue") -> Policy:
    """Make a policy of a parsed file; raises as `load_policy` does."""
    _check_keys(name, tree, _SECTIONS)
    defaults = tree.get("defaults", {})
    _check_keys(f"{name} defaults", defaults, _DEFAULTS)
    escalations = {}
    for priority, times in tree.get("escalation", {}).items():
        where = f"{name} escalation.{priority}"
        _check_word(where, priority, PRIORITIES)
        _check_keys(where, times, _ESCALATION)
        escalations[priority] = Escalation(**{k: _seconds(where, k, v) for k, v in times.items()})
    hold_s = _seconds(f"{name} defaults", "hold_s", defaults.get("hold_s", 60.0))
    rules = {
        code: _rule(f"{name} alarm.{code}", code, index, row, tree["chains"], escalations, hold_s)
        for index, (code, row) in enumerate(tree.get("alarm", {}).items())
    }
    _check_ranks(name, rules.values())
    late_s = _seconds(f"{name} defaults", "late_after_s", defaults.get("late_after_s", 900.0))
    return Policy(rules, escalations, _ns(late_s))


def _rule(
    where: str, code: str, index: int, row: Mapping[str, Any], chains: Mapping[str, str],
    escalations: Mapping[str, Escalation], hold_s: float,
) -> Rule:  # fmt: skip
    _check_keys(where, row, _KEYS)
    value = {key: _value(where, key, row) for key in _KEYS}
    for key, words in (("priority", PRIORITIES), ("chain", chains), ("release", RELEASES),
                       ("sounds_as", ("", *SOUNDS)), ("suspends", SUSPENDS),
                       ("delay_from", ("definition", "onset"))):  # fmt: skip
        _check_word(f"{where} {key}", value[key], words)
    technical = value["priority"] == "technical"
    if value["sounds_as"] and not technical:
        raise SettingError(f"{where} sounds_as", "is for technical alarms only")
    if value["release"] != "acknowledged" and not value["latch"]:
        raise SettingError(f"{where} release", "is for alarms that latch only")
    times = {key: _seconds(where, key, value[key]) for key in
             ("delay_s", "end_delay_s", "refractory_s")}  # fmt: skip
    says = Text(value["says"], value["says_ko"])
    return Rule(
        code=code,
        index=index,
        priority=value["priority"],
        sounds_as=value["sounds_as"] or ("low" if technical else ""),
        chain=value["chain"],
        rank=value["rank"],
        signal=chains[value["chain"]],
        delay_ns=_ns(times["delay_s"]),
        delay_from_onset=value["delay_from"] == "onset",
        end_delay_ns=_ns(times["end_delay_s"]),
        latch=value["latch"],
        release=value["release"],
        refractory_ns=_ns(times["refractory_s"]),
        hold_ns=_ns(hold_s if value["hold_s"] < 0 else value["hold_s"]),
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
    _check_keys(where, row, _WORSE)
    if ("at_least" in row) == ("at_most" in row):
        raise SettingError(where, "expected either at_least or at_most")
    priority = row.get("priority", "")
    _check_word(f"{where} priority", priority, ("", *PRIORITIES))
    refractory_ns = -1
    if "refractory_s" in row:
        refractory_ns = _ns(_seconds(where, "refractory_s", row["refractory_s"]))
    return Worse(
        float(row.get("at_least", math.inf)),
        float(row.get("at_most", -math.inf)),
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


def _seconds(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SettingError(f"{where} {key}", f"expected seconds from 0, found {value!r}")
    return float(value)


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _check_keys(where: str, row: Any, known: Iterable[str]) -> None:
    if not isinstance(row, Mapping):
        raise SettingError(where, f"expected a table, found {row!r}")
    known = list(known)
    for key in row:
        if key not in known:
            raise _unknown(where, key, known)


def _check_word(where: str, word: str, known: Iterable[str]) -> None:
    known = list(known)
    if word not in known:
        raise _unknown(where, word, known)


def _check_ranks(name: str, rules: Iterable[Rule]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for rule in rules:
        other = taken.setdefault((rule.chain, rule.rank), rule.code)
        if other != rule.code:
            raise SettingError(
                f"{name} alarm.{rule.code} rank", f"{rule.chain} {rule.rank} is that of {other}"
            )


def _unknown(where: str, word: str, known: Iterable[str]) -> SettingError:
    names = [name for name in known if name]
    nearest = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known are {', '.join(names)}"
    return SettingError(where, f"{word!r} is unknown; {hint}")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingError(str(path), f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(str(path), f"is not TOML: {error}") from error


def _merge(tree: dict[str, Any], over: Mapping[str, Any], path: str, where: str) -> None:
    """Lay a site's values over the catalogue; names of sections and codes must be there."""
    for key, value in over.items():
        inside = f"{where}.{key}" if where else key
        if isinstance(value, dict) and key in tree:
            if not isinstance(tree[key], dict):
                raise SettingError(f"{path} {inside}", f"expected a value, found {value!r}")
            _merge(tree[key], value, path, inside)
        elif isinstance(value, dict) and key != "worse":
            raise _unknown(f"{path} {where}".strip(), key, tree)
        else:
            tree[key] = value
