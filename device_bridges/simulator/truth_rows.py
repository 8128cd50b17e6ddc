"""Rows of truth, and the file they are written to: JSON lines, as docs/truth.md explains them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from device_bridges.simulator.plan import Plan
from processors.errors import InputError

VERSION = 2
VALUE = "value:"  # prefix of rows that are the truth of a value, not of a condition


class TruthError(InputError):
    """A file of truth cannot be read."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One thing that was true of one participant.

    Attributes
    ----------
    onset_s, offset_s
        Seconds since the start by the clock of the participant's device; `offset_s` is None for
        points.
    met_s
        When the definition was met, by the same clock: delays are counted from here.
    required
        A detector has to find it. False: it may, for the case is borderline, follows from
        something else, or the signal was hidden.
    values
        How much: names as in the evidence of the finding, where there is one.
    cause
        Event of the script that led to it; empty: the state of the body.
    ahead_s
        How far the device's clock was ahead of the true time.
    timed
        Packets were not held back by the script, so that a delay says something.
    """

    participant: str
    code: str
    onset_s: float
    offset_s: float | None
    met_s: float
    required: bool = True
    values: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""
    ahead_s: float = 0.0
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Head:
    """What the first line of a file of truth says: which scenario it is about.

    Attributes
    ----------
    duration_s
        How long was played; infinite where it is not known.
    base_ns
        Time of the start on the time base of the findings.
    """

    name: str
    seed: int
    participants: int
    duration_s: float
    base_ns: int = 0

    @property
    def hours(self) -> float:
        """Participant hours; NaN where not known."""
        hours = self.participants * self.duration_s / 3600.0
        return hours if math.isfinite(hours) else math.nan


def write_truth(path: Path, plan: Plan, truth: Sequence[Truth], *, base_ns: int = 0) -> None:
    """Write JSON lines: a head that names the scenario, then one row a line."""
    head = {
        "kind": "scenario",
        "version": VERSION,
        "name": plan.name,
        "seed": plan.seed,
        "participants": plan.n,
        "duration_s": plan.duration_s if math.isfinite(plan.duration_s) else None,
        "base_ns": base_ns,
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, ensure_ascii=False) + "\n")
        for row in truth:
            file.write(json.dumps({"kind": "truth", **asdict(row)}, ensure_ascii=False) + "\n")


def read_truth(path: Path) -> tuple[Head, list[Truth]]:
    """Give the head and the rows of a file of truth.

    Raises
    ------
    TruthError
        No such file, not of this form, or of another version.
    """
    lines = json_lines(path)
    number, first = next(lines, (1, {}))
    if first.get("kind") != "scenario":
        raise TruthError(str(path), "expected a first line of kind scenario: is it a truth.jsonl?")
    if first.get("version") != VERSION:
        raise TruthError(
            f"{path}:{number}", f"expected version {VERSION}, found {first.get('version')!r}"
        )
    try:
        head = _head(first)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TruthError(f"{path}:{number}", f"is no head of a scenario ({error!r})") from error
    rows = []
    for number, line in lines:
        if line.get("kind") != "truth":
            continue
        try:
            rows.append(_row(line))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise TruthError(f"{path}:{number}", f"is no row of truth ({error!r})") from error
    return head, rows


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the number and the object of each line of a file that is not blank.

    Raises
    ------
    TruthError
        The file cannot be read, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    yield number, _object(text, f"{path}:{number}")
    except OSError as error:
        raise TruthError(str(path), f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TruthError(str(path), f"is not text ({error.reason})") from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TruthError(where, f"is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise TruthError(where, f"expected an object, found {type(found).__name__}")
    return found


def _head(line: Mapping[str, Any]) -> Head:
    duration_s = line["duration_s"]
    return Head(
        name=str(line["name"]),
        seed=int(line["seed"]),
        participants=int(line["participants"]),
        duration_s=math.inf if duration_s is None else float(duration_s),
        base_ns=int(line["base_ns"]),
    )


def _row(line: Mapping[str, Any]) -> Truth:
    offset_s = line["offset_s"]
    return Truth(
        participant=str(line["participant"]),
        code=str(line["code"]),
        onset_s=_finite(line["onset_s"]),
        offset_s=None if offset_s is None else _finite(offset_s),
        met_s=_finite(line["met_s"]),
        required=bool(line["required"]),
        values={str(key): float(value) for key, value in line["values"].items()},
        cause=str(line["cause"]),
        ahead_s=_finite(line["ahead_s"]),
        timed=bool(line["timed"]),
    )


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"expected a number, found {value!r}")
    return number
