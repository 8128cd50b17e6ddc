"""Profiles of rules: other thresholds for processors, by name or from a file, for scoring.

A profile is what a table of numbers of some source asks for where it differs from the parameters
that the engine runs. People are watched with the parameters.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from processors.errors import SettingError
from processors.records import Processor
from processors.registry import discover

Rules = Mapping[str, Mapping[str, float]]
"""Numbers by the name of a processor and of a field of its ``Params``."""

NO_RULES: Final[Rules] = MappingProxyType({})
PROFILES: Final[Mapping[str, Rules]] = MappingProxyType(
    {
        # Column C of CLINICAL 3.7: Clifford 2015, Computing in Cardiology 42:273.
        "cinc2015": {
            "pause": {"asystole_s": 4.0},  # s without a beat
            "rate_limits": {
                "extreme_slow_per_min": 40.0,  # /min, below ...
                "slow_beats": 5,  # ... over so many beats in a row
                "extreme_fast_per_min": 140.0,  # /min, above ...
                "fast_beats": 17,  # ... over so many beats in a row
            },
            "ventricular": {
                "vt_rate_per_min": 100.0,  # /min, above ...
                "vt_beats": 5,  # ... over so many V in a row
            },
            # Waves that beats have grown into are VT from the same rate on.
            "fibrillation": {"slow_per_min": 100.0},  # /min
        }
    }
)


def profile_named(name: str) -> Rules:
    """Give a profile of `PROFILES`.

    Raises
    ------
    SettingError
        There is none of that name.
    """
    if name not in PROFILES:
        raise SettingError("profile", f"expected one of {', '.join(PROFILES)}, found {name!r}")
    return PROFILES[name]


def make_processors(rules: Rules = NO_RULES) -> list[Processor]:
    """Make one of each processor, with the numbers of the rules in place of its own.

    Raises
    ------
    SettingError
        A name that no processor or none of its parameters has, or something that is not such a
        number; the text names the nearest.

    >>> len(make_processors()) == len(discover())
    True
    """
    made = {make.name: make for make in discover()}  # type: ignore[attr-defined]
    for name in rules:
        _known(name, made)
    return [_make(make, rules.get(name)) for name, make in made.items()]


def _make(make: Callable[..., Processor], values: Mapping[str, float] | None) -> Processor:
    if not values:
        return make()
    name: str = make.name  # type: ignore[attr-defined]
    parameter = inspect.signature(make).parameters.get("params")
    default: Any = parameter.default if parameter else None
    if not is_dataclass(default):
        raise SettingError("profile", f"{name} has no parameters")
    kinds = {one.name: type(getattr(default, one.name)) for one in fields(default)}
    for key, value in values.items():
        _known(f"{name}.{key}", [f"{name}.{one}" for one in kinds])
        kind = kinds[key]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if kind not in {int, float} or not (whole or (kind is float and isinstance(value, float))):
            raise SettingError("profile", f"{name}.{key}: expected {_WORDS.get(kind, 'nothing')}, "
                               f"found {value!r}")  # fmt: skip
    numbers = {key: kinds[key](value) for key, value in values.items()}
    return make(replace(default, **numbers))  # type: ignore[type-var]


_WORDS: Final = {int: "a whole number", float: "a number"}


def _known(name: str, known: Collection[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or sorted(known)
        raise SettingError("profile", f"expected {' or '.join(near[:3])}, found {name!r}")
