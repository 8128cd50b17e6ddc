"""What the engine said of one record, in the order it said it: the lines of ``vitals annotate``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.evaluate.reference import CLASSES, Beats
from loadtest.evaluate.spans import Samples, Spans, joined
from processors.errors import InputError


@dataclass(frozen=True, slots=True)
class Line:
    """A finding or an alarm as it was told.

    Attributes
    ----------
    at
        Where it began, or ended (`offset`), or happened; of an alarm: when it was raised.
    told
        Newest position that had been given to the engine by then.
    """

    id: str
    code: str
    state: str
    at: float
    told: float
    evidence: dict[str, float | None] = field(default_factory=dict)
    priority: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A condition from where it was claimed to begin to where it was claimed to end.

    Attributes
    ----------
    on, off
        When begin and end were told.
    """

    start: float
    stop: float
    on: float
    off: float
    line: Line


@dataclass(frozen=True)
class Said:
    """All lines of one record, sorted by what they are.

    Attributes
    ----------
    beats
        Those that stand at the end, with their last label, in order.
    first_told, last_told
        When each of them was first told (since it was last withdrawn), and when last.
    withdrawn
        Position of each withdrawal.
    streams
        By name: times told of features, and their values by column.
    """

    beats: Beats
    first_told: Samples
    last_told: Samples
    withdrawn: Samples
    findings: tuple[Line, ...]
    alarms: tuple[Line, ...]
    streams: dict[str, dict[str, NDArray[np.float64]]]

    @cached_property
    def raised(self) -> tuple[Line, ...]:
        """The alarms that were raised."""
        return tuple(alarm for alarm in self.alarms if alarm.state == "active")

    @cached_property
    def onsets(self) -> dict[str, Line]:
        """The last onset that was told of each finding, by its number."""
        return {line.id: line for line in self.findings if line.state != "offset"}

    def episodes(self, codes: Collection[str], end: float) -> list[Episode]:
        """Give the episodes of some codes, in the order they were told; open ones end at `end`.

        An amended begin counts from the telling of the first; a point lasts one sample.
        """
        opened: dict[str, Episode] = {}
        found: dict[str, Episode] = {}
        for line in self.findings:
            if line.code not in codes:
                continue
            if line.state == "point":
                found[line.id] = Episode(line.at, line.at + 1, line.told, line.told + 1, line)
            elif line.state == "onset":
                on = opened[line.id].on if line.id in opened else line.told
                opened[line.id] = found[line.id] = Episode(line.at, end, on, end, line)
            elif line.id in opened:
                found[line.id] = replace(opened.pop(line.id), stop=line.at, off=line.told)
        return list(found.values())


def claimed(episodes: Iterable[Episode]) -> Spans:
    """Give where the engine says, afterwards, that it was."""
    return joined((int(e.start), int(e.stop)) for e in episodes)


def live(episodes: Iterable[Episode]) -> Spans:
    """Give when the engine showed it."""
    return joined((int(e.on), int(e.off)) for e in episodes)


def read_said(path: Path) -> Said:
    """Read the lines of a record.

    Raises
    ------
    InputError
        The file cannot be read or holds something else.
    """
    read = _Reader()
    try:
        with path.open(encoding="utf-8") as lines:
            for text in lines:
                read.take(json.loads(text))
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), f"is no file of annotate ({error!r})") from error
    return read.done()


class _Reader:
    def __init__(self) -> None:
        self._beats: dict[int, tuple[int, int, int]] = {}  # class, first told, last told
        self._withdrawn: list[int] = []
        self._findings: list[Line] = []
        self._alarms: list[Line] = []
        self._streams: dict[str, list[tuple[float, dict[str, float | None]]]] = {}

    def take(self, line: dict[str, Any]) -> None:
        unit = "sample" if "emitted_sample" in line else "t_s"
        told = line[f"emitted_{unit}"]
        match line["kind"]:
            case "beat":
                self._beat(line[unit], line["label"], told)
            case "finding":
                evidence = {**line["evidence"], "value": line["value"]}
                at = line[f"onset_{unit}"]
                self._findings.append(
                    Line(line["id"], line["code"], line["state"], at, told, evidence)
                )
            case "alarm":
                finding = line["id"].removeprefix("a")
                self._alarms.append(
                    Line(finding, line["code"], line["state"], line[unit], told,
                         priority=line["priority"])
                )  # fmt: skip
            case "feature":
                self._streams.setdefault(line["name"], []).append((line[unit], line["values"]))

    def _beat(self, at: int, label: str | None, told: int) -> None:
        if label is None:
            del self._beats[at]
            self._withdrawn.append(at)
        else:
            first = self._beats[at][1] if at in self._beats else told
            self._beats[at] = (CLASSES.index(label), first, told)

    def done(self) -> Said:
        rows = sorted((at, *rest) for at, rest in self._beats.items())
        at, kind, first, last = np.array(rows, np.int64).reshape(-1, 4).T
        streams = {
            name: {
                "t": np.array([t for t, _ in some], np.float64),
                **{
                    column: np.array([values[column] for _, values in some], np.float64)
                    for column in some[0][1]
                },
            }
            for name, some in self._streams.items()
        }
        return Said(
            Beats(at, kind), first, last, np.array(self._withdrawn, np.int64),
            tuple(self._findings), tuple(self._alarms), streams,
        )  # fmt: skip
