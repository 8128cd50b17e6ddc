"""From a scenario and a seed to a plan: everybody, everything that happens, every sensor."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator import people as persons
from device_bridges.simulator.casting import Members, cast, most_at_once, named_numbers
from device_bridges.simulator.plan import Places, Plan, Sensor
from device_bridges.simulator.scenario import Scenario
from device_bridges.simulator.sheet import Place
from device_bridges.simulator.tables import PERSON
from processors.errors import SettingError
from processors.signals import SIGNALS
from registry.participants import Participant

ID_DIGITS = 4
_TO_UNIT = 1.0 / (1 << 53)


def expand(
    scenario: Scenario,
    seed: int,
    participants: int | None = None,
    duration_s: float | None = None,
) -> Plan:
    """Make every choice that a scenario leaves open; the same seed gives the same plan.

    Parameters
    ----------
    participants
        How many; None: as many as the scenario says. Groups grow and shrink in proportion. Of
        fewer people, those stay whom the script needs, so that something of everything is left;
        with more, scripts concern more people.
    duration_s
        When it ends; None: as the scenario says.

    Raises
    ------
    SettingError
        Nobody, or no time.

    Examples
    --------
    >>> from device_bridges.simulator.scenario import load
    >>> expand(load("quiet"), seed=1, participants=3).participants[2].id
    'P-0003'
    """
    n = scenario.participants if participants is None else participants
    end_s = scenario.duration_s if duration_s is None else duration_s
    if n < 1:
        raise SettingError("participants", f"expected at least 1, found {n}")
    if not end_s > 0:
        raise SettingError("duration", f"expected a time above 0, found {end_s:g} s")
    if math.isinf(end_s) and not math.isinf(scenario.duration_s):
        raise SettingError("duration", f"expected an end: {scenario.name} has one")
    members = _members(scenario, n)
    people, known = _everybody(scenario, members, seed)
    events = cast(scenario, members, people, seed, end_s)
    return Plan(
        name=scenario.name,
        title=scenario.title,
        seed=seed,
        duration_s=end_s,
        clock_s=scenario.clock_s,
        people=people,
        participants=tuple(known),
        events=events,
        event_offsets=np.searchsorted(events["slot"], np.arange(n + 1)).astype(np.int64),
        sensors=tuple(_sensors(scenario, members, people)),
        signal_names=tuple(SIGNALS),
        places=_places(scenario.places),
        course=scenario.course,
        verdicts=dict(scenario.verdicts),
    )


def sizes(scenario: Scenario, n: int) -> dict[str, int]:
    """Give how many of n people are in each group, at least one where there are enough people.

    More people than the scenario is written for are spread in proportion. Of fewer, each group
    first gets those whom its script needs.
    """
    written = np.array(list(scenario.sizes.values()))
    needed = np.array(
        [
            min(len(named_numbers(group)) + most_at_once(group.events), size)
            for group, size in zip(scenario.groups.values(), written.tolist(), strict=True)
        ]
    )
    needed = np.maximum(needed, 1)
    if n >= written.sum():
        shares = _apportion(written, n)
    elif n >= needed.sum():
        shares = needed + _apportion(written - needed, n - int(needed.sum()))
    elif n >= len(needed):
        shares = 1 + _apportion(needed - 1, n - len(needed))
    else:
        shares = (np.arange(len(needed)) < n).astype(np.int64)
    return dict(zip(scenario.sizes, shares.tolist(), strict=True))


def _apportion(weights: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Part n in proportion to weights, by the largest remainders; of equal ones the first."""
    exact = n * weights / max(int(weights.sum()), 1)
    parts = np.floor(exact).astype(np.int64)
    order = np.argsort(parts - exact, kind="stable")
    parts[order[: n - int(parts.sum())]] += 1
    return parts


def _members(scenario: Scenario, n: int) -> list[Members]:
    found: list[Members] = []
    first = 0
    for name, m in sizes(scenario, n).items():
        group, size = scenario.groups[name], scenario.sizes[name]
        called = named_numbers(group)
        others = np.setdiff1d(np.arange(max(size, m)), called)
        kept = np.sort(np.concatenate([np.array(called, np.int64), others])[:m]).astype(np.int64)
        if m:
            found.append(Members(name, group, size, first, kept))
        first += m
    return found


def _everybody(
    scenario: Scenario, members: Sequence[Members], seed: int
) -> tuple[NDArray[Any], list[Participant]]:
    """Draw people and what is known of them, by slot."""
    n = sum(len(one.numbers) for one in members)
    digits = max(ID_DIGITS, len(str(n)))
    tables, known = [], list[Participant]()
    for one in members:
        drawn = persons.Drawn(seed, one.name, one.numbers)
        place = list(scenario.places).index(one.group.place) if one.group.place else 0
        people = persons.draw_people(one.group, drawn, place)
        _set_out(people, one, drawn)
        ids = [f"P-{slot + 1:0{digits}}" for slot in one.slots.tolist()]
        known += persons.participants(one.group, one.name, drawn, people, ids)
        tables.append(people)
    return np.concatenate([np.zeros(0, PERSON), *tables]), known


def _set_out(people: NDArray[Any], members: Members, drawn: persons.Drawn) -> None:
    """Part a group into waves, those of low number first."""
    waves = members.group.waves
    if waves is None:
        return
    wave = np.arange(len(people)) * waves.count // len(people)
    late_s = waves.spread_s * drawn.even("set_out")
    people["wave_start_s"] = waves.first_s + waves.every_s * wave + late_s
    people["course_start_m"] = drawn.within("along", waves.along)


def _sensors(
    scenario: Scenario, members: Sequence[Members], people: NDArray[Any]
) -> Iterator[Sensor]:
    for kit, readings in scenario.kits.items():
        wearers = [one.slots for one in members if kit in one.group.sensors]
        if not wearers:
            continue
        slots = np.concatenate(wearers).astype(np.int32)
        for signal, reading in readings.items():
            phase_s = reading.every_s * _own(people["seed"][slots], f"{kit}/{signal}")
            if reading.first_s is not None:
                phase_s = np.full(len(slots), reading.first_s)
            yield Sensor(
                signal, kit, slots, reading.hz, reading.every_s, reading.history_s, phase_s
            )


def _own(seeds: NDArray[np.uint64], name: str) -> NDArray[np.float64]:
    """Give everybody a number of [0, 1) of their own that belongs to a name."""
    mixed = (seeds ^ np.uint64(zlib.crc32(name.encode()))) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(11)).astype(np.float64) * _TO_UNIT


def _places(places: Mapping[str, Place]) -> Places:
    def column(name: str) -> NDArray[np.float64]:
        return np.array([getattr(place, name) for place in places.values()], np.float64)

    return Places(
        names=tuple(places),
        latitude=column("latitude"),
        longitude=column("longitude"),
        altitude=column("altitude"),
        pm2_5=column("pm2_5"),
        pm10=column("pm10"),
        air_temperature=column("air_temperature"),
        humidity=column("humidity"),
    )
