"""Times, lengths, shares and ranges as scenario files write them: with their unit."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {
    "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0,
}  # fmt: skip
_METRES = {"m": 1.0, "km": 1000.0}
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


def parse_time(value: Any) -> float:
    """Give seconds; raises ValueError.

    >>> parse_time("1 h 30 min"), parse_time("-20 s")
    (5400.0, -20.0)
    """
    return _measure(
        value, _SECONDS, "a time with its unit, such as '30 s', '5 min' or '1 h 30 min'"
    )


def parse_length(value: Any) -> float:
    """Give metres; raises ValueError.

    >>> parse_length("1.2 km")
    1200.0
    """
    return _measure(value, _METRES, "a length with its unit, such as '800 m' or '1.2 km'")


def parse_share(value: Any) -> float:
    """Give a share of 1; raises ValueError.

    >>> parse_share("9 %")
    0.09
    """
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*", value) if _is_text(value) else None
    if found is None or float(found[1]) > 100.0:
        raise ValueError(f"expected a share such as '10 %', found {value!r}")
    return float(found[1]) / 100.0


def parse_clock(value: Any) -> float:
    """Give seconds since midnight; raises ValueError.

    >>> parse_clock("09:30")
    34200.0
    """
    found = _CLOCK.fullmatch(value.strip()) if _is_text(value) else None
    if found is None:
        raise ValueError(f"expected a time of day such as '09:30', found {value!r}")
    return 3600.0 * int(found[1]) + 60.0 * int(found[2]) + float(found[3] or 0)


def parse_range(value: Any) -> tuple[float, float]:
    """Give low and high of a number or of two; raises ValueError.

    >>> parse_range(80), parse_range([20, 45])
    ((80.0, 80.0), (20.0, 45.0))
    """
    pair = value if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2 or not all(_is_number(one) for one in pair) or pair[0] > pair[1]:
        raise ValueError(f"expected a number, or [low, high] to draw from, found {value!r}")
    return float(pair[0]), float(pair[1])


def not_known(word: str, known: Iterable[str]) -> str:
    """Say that there is nothing of that name, and name the nearest that there is.

    >>> not_known("durations", ["duration", "repeat"])
    "'durations' is unknown; did you mean duration?"
    """
    known = list(known)
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if near:
        return f"{word!r} is unknown; did you mean {' or '.join(near)}?"
    return f"{word!r} is unknown; there are {', '.join(known) or 'none'}"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _measure(value: Any, units: Mapping[str, float], expected: str) -> float:
    if _is_text(value):
        sign, rest = (-1.0, value.strip()[1:]) if value.strip()[:1] == "-" else (1.0, value)
        parts = _PART.findall(rest)
        whole = _PART.sub("", rest) == ""
        if parts and whole and all(unit in units for _, unit in parts):
            return sign * sum(float(number) * units[unit] for number, unit in parts)
    raise ValueError(f"expected {expected}, found {value!r}")


def _positive(value: Any) -> float:
    if (seconds := parse_time(value)) <= 0:
        raise ValueError(f"expected a time above 0, found {value!r}")
    return seconds


def _from_zero(value: Any) -> float:
    if (seconds := parse_time(value)) < 0:
        raise ValueError(f"expected a time from 0, found {value!r}")
    return seconds


Time = Annotated[float, BeforeValidator(parse_time)]  # s, before the start too
Moment = Annotated[float, BeforeValidator(_from_zero)]  # s, from the start on
Span = Annotated[float, BeforeValidator(_positive)]  # s, longer than nothing
Share = Annotated[float, BeforeValidator(parse_share)]
Clock = Annotated[float, BeforeValidator(parse_clock)]
Range = Annotated[tuple[float, float], BeforeValidator(parse_range)]
Length = Annotated[float, BeforeValidator(parse_length)]
