"""The option ``--profile``: who a participant is, and by which rules they are judged."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from processors.errors import SettingError
from processors.profiles import NO_RULES, PROFILES, Rules, make_processors, profile_named
from processors.signals import CONTROLS

# Ranges that a profile may have; outside of them it is a slip of the pen.
_RANGES = {
    "age_years": (0, 130),
    "heart_rate_max": (60, 250),
    "heart_rate_rest": (20, 150),
    "event": (0, 1),
}
_RULES = "rules"


@dataclass(frozen=True, slots=True)
class Profile:
    """Columns of the control ``profile``, and numbers of processors in place of their own."""

    values: Mapping[str, float]
    rules: Rules = field(default_factory=dict)


def read_profile(given: str) -> Profile:
    """Take the name of a profile of rules, or read a file.

    In a file, numbers have the names of the control ``profile``; ``rules`` names a profile of
    rules; a table has the name of a processor and holds numbers of its parameters, which go before
    those of the named rules.

    Raises
    ------
    SettingError
        The file cannot be read, or names something that there is not, or not in its range.
    """
    path = Path(given)
    if given in PROFILES and not path.exists():
        return Profile({}, profile_named(given))
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror})"
        if not path.suffix:
            problem += f"; profiles by name: {', '.join(PROFILES)}"
        raise SettingError("--profile", problem) from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise SettingError("--profile", f"{path}: {error}") from error
    try:
        return _profile(found)
    except SettingError as error:
        raise SettingError("--profile", f"{path}: {error.problem}") from error


def _profile(found: Mapping[str, Any]) -> Profile:
    tables = {name: value for name, value in found.items() if isinstance(value, dict)}
    rules = dict(profile_named(found[_RULES]) if _RULES in found else NO_RULES)
    for name, table in tables.items():
        rules[name] = {**rules.get(name, {}), **table}
    make_processors(rules)  # says what is wrong with them
    known = [column.name for column in CONTROLS["profile"]]
    values = {}
    for name, value in found.items():
        if name == _RULES or name in tables:
            continue
        if name not in known:
            raise SettingError("", f"{name!r} is not one of {', '.join(known)}")
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        if type(value) not in {int, float} or not low <= value <= high:
            raise SettingError("", f"expected {name} from {low:g} to {high:g}, found {value!r}")
        values[name] = float(value)
    return Profile(values, rules)
