"""Who gets which event, and when: the script of a scenario as rows of events.

Each run of a line of the script (a line runs once in every repetition) draws its people from those
whom nothing is happening to that would contradict it, if possible from those who have had nothing
in this repetition. The draw depends on the seed, the line and the number of the run.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.busy import N_HOLDS, apart_s, holds, length_s
from device_bridges.simulator.choices import choose
from device_bridges.simulator.events import EVENT, N_PARAMETERS
from device_bridges.simulator.scenario import Scenario
from device_bridges.simulator.script import ALL, Event
from device_bridges.simulator.sheet import Group
from processors.signals import SIGNALS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SIGNAL_NAMES = tuple(SIGNALS)


@dataclass(frozen=True, slots=True)
class Members:
    """The people of a group who take part.

    Attributes
    ----------
    size
        How many the script is written for.
    first
        Slot of the first one; the others follow.
    numbers
        int64 ``[m]``, increasing: which of the group they are, from 0; beyond `size` the group
        repeats itself.
    """

    name: str
    group: Group
    size: int
    first: int
    numbers: Ints

    @property
    def slots(self) -> Ints:
        return self.first + np.arange(len(self.numbers))

    def named(self, numbers: Sequence[int]) -> Ints:
        """Give the slots of people who are called by number, from 1, and of their like."""
        return self.slots[np.isin(self.numbers % self.size, np.array(numbers) - 1)]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the script with the people it is about.

    Attributes
    ----------
    pool
        Slots, increasing.
    fixed
        Slots of those called by number or id; None: they are drawn, or all.
    count
        How many are drawn.
    code
        Of the random numbers.
    """

    event: Event
    pool: Ints
    fixed: Ints | None
    count: int
    code: int

    @property
    def chosen(self) -> Ints | None:
        return self.pool if self.event.who == ALL else self.fixed


def named_numbers(group: Group) -> list[int]:
    """Give the numbers, from 0, of those whom the group's script calls by number."""
    called = [e.who for e in group.events if isinstance(e.who, tuple)]
    return sorted({int(number) - 1 for numbers in called for number in numbers})


def most_at_once(events: Sequence[Event]) -> int:
    """Give how many people the events need who draw them, if each is given to one person."""
    spans = [
        (event.start_s, event.start_s + length_s(event) + event.jitter_s + apart_s(event))
        for event in events
        if not isinstance(event.who, tuple) and event.who != ALL
    ]
    return max((sum(a <= start_s < b for a, b in spans) for start_s, _ in spans), default=0)


def cast(
    scenario: Scenario,
    members: Sequence[Members],
    people: NDArray[Any],
    seed: int,
    duration_s: float,
) -> NDArray[Any]:
    """Give all events of everybody, dtype `EVENT`, by slot, then by start.

    Who is called by number or id is drawn for nothing else. Where too few are free, fewer get it.
    """
    lines = list(_lines(scenario, members, len(people)))
    called = np.zeros(len(people), bool)
    for line in lines:
        if line.fixed is not None:
            called[line.fixed] = True
    busy_s = np.full((N_HOLDS, len(people)), -np.inf)
    last_run = np.full(len(people), -1)
    blocks = []
    for start_s, run, line in _runs(lines, scenario.repeat_s, duration_s):
        generator = np.random.Generator(
            np.random.Philox(key=np.array([seed % (1 << 64), line.code << 32 | run], np.uint64))
        )
        held = holds(line.event)
        slots = line.chosen
        if slots is None:
            free = ~called
            for hold in held:
                free &= busy_s[hold] <= start_s
            found = line.pool[free[line.pool]]
            fresh = found[last_run[found] < run]
            found = fresh if len(fresh) >= line.count else found
            drawn = generator.choice(len(found), min(line.count, len(found)), replace=False)
            slots = np.sort(found[drawn])
            last_run[slots] = run
        if len(slots):
            starts_s = _starts(line.event, start_s, scenario.repeat_s, duration_s)
            blocks.append(_rows(line.event, slots, starts_s, people, generator))
            until_s = starts_s[-1] + length_s(line.event) + line.event.jitter_s
            for hold in held:
                busy_s[hold, slots] = np.maximum(busy_s[hold, slots], until_s + apart_s(line.event))
    if not blocks:
        return np.zeros(0, EVENT)
    # As bytes: numpy copies structured rows field by field.
    events = np.concatenate([block.view(np.uint8) for block in blocks]).view(EVENT)
    order = np.lexsort((events["start_s"], events["slot"]))
    return np.take(events, order[events["start_s"][order] < duration_s])


def _lines(scenario: Scenario, members: Sequence[Members], n: int) -> Iterator[_Line]:
    for one in members:
        for k, event in enumerate(one.group.events):
            fixed = one.named(event.who) if isinstance(event.who, tuple) else None  # type: ignore[arg-type]
            count = _count(event, one.size, len(one.numbers))
            yield _Line(event, one.slots, fixed, count, _code(one.name, k))
    written_for = sum(scenario.sizes.values())
    for k, event in enumerate(scenario.events):
        fixed = None
        if isinstance(event.who, tuple):
            slots = np.array([int(str(one).removeprefix("P-")) - 1 for one in event.who])
            fixed = slots[slots < n]
        pool = np.concatenate([one.slots for one in members if _sees(scenario, one, event)])
        yield _Line(event, pool, fixed, _count(event, written_for, n), _code("", k))


def _sees(scenario: Scenario, members: Members, event: Event) -> bool:
    """Tell whether a group wears what would notice an event."""
    worn = {signal for kit in members.group.sensors for signal in scenario.kits[kit]}
    return not event.noticed_by or not worn.isdisjoint(event.noticed_by)


def _code(name: str, number: int) -> int:
    return zlib.crc32(f"{name}/{number}".encode())


def _count(event: Event, size: int, n: int) -> int:
    """Give how many of n people get an event that is written for a group of some size."""
    if isinstance(event.who, float):
        return max(round(event.who * n), 1)
    if isinstance(event.who, int):
        return max(round(event.who * n / size), 1)
    return 0


def _runs(
    lines: Sequence[_Line], repeat_s: float, duration_s: float
) -> list[tuple[float, int, _Line]]:
    """Give start, number and line of each run, in the order of time, then of the script."""
    found = []
    for order, line in enumerate(lines):
        start_s, run = line.event.start_s, 0
        while start_s < duration_s:
            found.append((start_s, order, run))
            if math.isinf(repeat_s) or line.event.once:
                break
            run += 1
            start_s = line.event.start_s + run * repeat_s
    found.sort()
    return [(start_s, run, lines[order]) for start_s, order, run in found]


def _starts(event: Event, start_s: float, repeat_s: float, duration_s: float) -> Floats:
    """Give when an event of a run begins, again and again if it has `every`."""
    if event.every_s is None:
        return np.array([start_s])
    if event.to_s is not None:
        last_s = start_s + event.to_s - event.start_s
    else:
        last_s = min(start_s - event.start_s + repeat_s, duration_s)
    return np.arange(start_s, max(last_s, start_s + 1e-9), event.every_s)


def _rows(
    event: Event,
    slots: Ints,
    starts_s: Floats,
    people: NDArray[Any],
    generator: np.random.Generator,
) -> NDArray[Any]:
    """Give the rows of one run: each person at each start, with numbers of their own."""
    n = len(slots) * len(starts_s)
    start_s = starts_s + event.jitter_s * generator.random((len(slots), 1))
    lasting_s = length_s(event) if event.spec.lasts else 0.0
    rows = np.zeros(n, EVENT)
    rows["slot"] = np.repeat(slots, len(starts_s))
    rows["kind"] = event.spec.kind
    rows["start_s"] = start_s.ravel()
    rows["end_s"] = rows["start_s"] + lasting_s
    values = np.zeros((N_PARAMETERS, n))
    for k, parameter in enumerate(event.spec.parameters):
        low, high = event.parameters.get(parameter.name, (parameter.default, parameter.default))
        values[k] = generator.uniform(low, high, n) if low < high else low
    choose(event.spec.kind, values, lasting_s, people, rows["slot"], generator)
    for column, value in zip("abcd", values, strict=True):
        rows[column] = value
    rows["signal"] = _SIGNAL_NAMES.index(event.about) if event.about else -1
    return rows
