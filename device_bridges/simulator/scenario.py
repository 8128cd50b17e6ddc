"""Scenarios: TOML files that say who is watched and what happens to them, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from device_bridges.simulator import course as courses
from device_bridges.simulator.inherit import ScenarioError, chain, laid_over, names, read
from device_bridges.simulator.kits import Reading
from device_bridges.simulator.plan import CourseGrid
from device_bridges.simulator.quantities import not_known
from device_bridges.simulator.script import ALL, Event
from device_bridges.simulator.sheet import Group, Place, Sheet

__all__ = ["Scenario", "ScenarioError", "load", "names"]

_KITS = Path(__file__).with_name("kits.toml")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as read: nothing has been drawn yet; `expand` makes a `Plan` of it.

    Attributes
    ----------
    participants
        How many, if nobody asks for another number.
    duration_s
        Infinite if it goes on.
    repeat_s
        All events happen again after that time; infinite: they do not.
    groups, sizes
        By name, in the order of the file; how many people each has.
    kits
        Devices that somebody wears: signals with their rates.
    """

    name: str
    title: str
    says: str
    participants: int
    duration_s: float
    repeat_s: float
    clock_s: float
    course: CourseGrid | None
    places: Mapping[str, Place]
    kits: Mapping[str, Mapping[str, Reading]]
    groups: Mapping[str, Group]
    sizes: Mapping[str, int]
    events: tuple[Event, ...]
    verdicts: Mapping[str, float]


def load(name_or_path: str | Path) -> Scenario:
    """Read a scenario: one that comes with the simulator, by name, or a file.

    Raises
    ------
    ScenarioError
        There is none of that name; the file cannot be read; a key or name is not known (the nearest
        are named); a value is of the wrong kind or out of range; scenarios inherit in a circle.
    """
    files = list(chain(name_or_path))
    merged: dict[str, Any] = read(_KITS)
    for file, tree in reversed(files):
        _sheet(tree, str(file))
        merged = laid_over(merged, {**tree, "inherits": ""})
    path = files[0][0]
    return _checked(path.stem, _sheet(merged, str(path)), str(path))


def _sheet(tree: Mapping[str, Any], file: str) -> Sheet:
    try:
        return Sheet.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] not in {"value_error", "missing"}:
            problem = f"{problem.replace('Input should be', 'expected')}, found {first['input']!r}"
        raise ScenarioError(file, _key(first["loc"]), problem) from error


def _key(loc: tuple[int | str, ...]) -> str:
    """Write the place of a value as its file has it; events are counted from 1."""
    key = ""
    for part in loc:
        if isinstance(part, int):
            key += f" #{part + 1}"
        else:
            word = "at" if part == "start_s" else part
            key += f".{word}" if key else word
    return key


def _checked(name: str, sheet: Sheet, file: str) -> Scenario:
    """Make a scenario of a sheet that is complete, or say what is missing or does not fit."""
    groups = {name: group for name, group in sheet.groups.items() if group.count != 0}
    sizes = _sizes(sheet, groups, file)
    duration_s = math.inf if sheet.duration_s is None else sheet.duration_s
    repeat_s = math.inf if sheet.repeat_s is None else sheet.repeat_s
    if math.isinf(duration_s) and not math.isinf(repeat_s):
        raise ScenarioError(file, "repeat", "expected a duration as well: a script has an end")
    _check_script(sheet, groups, sizes, file)
    needed = dict.fromkeys(kit for group in groups.values() for kit in group.sensors)
    return Scenario(
        name=name,
        title=sheet.title or name,
        says=sheet.says,
        participants=sheet.participants or sum(sizes.values()),
        duration_s=duration_s,
        repeat_s=repeat_s,
        clock_s=sheet.clock_s,
        course=_course(sheet, file),
        places=sheet.places or {"room": Place.model_validate({})},
        kits={kit: readings for kit, readings in sheet.sensors.items() if kit in needed},
        groups=groups,
        sizes=sizes,
        events=sheet.events,
        verdicts=sheet.verdicts,
    )


def _check_script(
    sheet: Sheet, groups: Mapping[str, Group], sizes: Mapping[str, int], file: str
) -> None:
    """Check what the groups are given and what happens to them, each against the rest."""
    for event in sheet.events + tuple(e for group in groups.values() for e in group.events):
        if event.every_s and not event.to_s and not (sheet.duration_s or sheet.repeat_s):
            raise ScenarioError(file, "duration", f"expected it: {event.kind} with every has no to")
    for group_name, group in groups.items():
        _check_group(sheet, f"groups.{group_name}", group, file)
        worn = _worn(sheet, group)
        for number, event in enumerate(group.events, start=1):
            where = f"groups.{group_name}.events #{number}"
            _check_who(event, sizes[group_name], where, file)
            _check_worn(event, worn, group_name, where, file)
    everybody = set[str]().union(*(_worn(sheet, group) for group in groups.values()))
    for number, event in enumerate(sheet.events, start=1):
        _check_ids(event, sum(sizes.values()), f"events #{number}", file)
        _check_worn(event, everybody, "any group", f"events #{number}", file)


def _sizes(sheet: Sheet, groups: Mapping[str, Group], file: str) -> dict[str, int]:
    """Give how many people each group is written for."""
    if not groups:
        raise ScenarioError(file, "groups", "expected at least one group of people")
    sizes = {}
    for name, group in groups.items():
        if group.count is None and group.share is None:
            raise ScenarioError(file, f"groups.{name}", "expected count, or share")
        if group.share is not None and sheet.participants is None:
            raise ScenarioError(file, "participants", f"expected it: groups.{name} has a share")
        share = 0.0 if group.share is None else group.share
        sizes[name] = group.count or max(round(share * (sheet.participants or 0)), 1)
    return sizes


def _worn(sheet: Sheet, group: Group) -> set[str]:
    return {signal for kit in group.sensors for signal in sheet.sensors.get(kit, {})}


def _check_group(sheet: Sheet, key: str, group: Group, file: str) -> None:
    for kit in group.sensors:
        if kit not in sheet.sensors:
            raise ScenarioError(file, f"{key}.sensors", not_known(kit, sheet.sensors))
    if group.place and group.place not in sheet.places:
        raise ScenarioError(file, f"{key}.place", not_known(group.place, sheet.places))
    if group.waves is not None and not sheet.course:
        raise ScenarioError(file, f"{key}.waves", "expected a course to set out on: course = ...")


def _check_who(event: Event, size: int, key: str, file: str) -> None:
    numbers = event.who if isinstance(event.who, tuple) else (event.who,)
    for number in numbers:
        if isinstance(number, str) and number != ALL:
            raise ScenarioError(file, f"{key}.who", "ids are for [[events]] of no group")
        if isinstance(number, int) and number > size:
            raise ScenarioError(file, f"{key}.who", f"expected at most {size}, found {number}")


def _check_ids(event: Event, n: int, key: str, file: str) -> None:
    for one in event.who if isinstance(event.who, tuple) else ():
        number = str(one).removeprefix("P-")
        if isinstance(one, int) or not number.isdecimal() or not 1 <= int(number) <= n:
            raise ScenarioError(file, f"{key}.who", f"expected ids P-0001 to P-{n:04}, found {one}")


def _check_worn(event: Event, worn: set[str], group: str, key: str, file: str) -> None:
    wanted = event.noticed_by
    if wanted and worn.isdisjoint(wanted):
        raise ScenarioError(
            file, key, f"nobody in {group} wears a sensor of {' or '.join(wanted)}: {event.kind} "
            "would never be seen"
        )  # fmt: skip


def _course(sheet: Sheet, file: str) -> CourseGrid | None:
    if not sheet.course:
        return None
    if Path(sheet.course).suffix:
        return courses.read_course(Path(sheet.course))
    try:
        return courses.read_course(courses.shipped(sheet.course))
    except LookupError:
        problem = f"no such course: {not_known(sheet.course, courses.names())}"
        raise ScenarioError(file, "course", problem) from None
