"""What an event keeps busy of somebody, and for how long: what else they must not get meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from device_bridges.simulator.events import EVENTS, Kind
from device_bridges.simulator.script import Event

# What an event takes hold of: nobody is drawn for two at a time that want the same.
HEART, OXYGEN, GLUCOSE, PRESSURE, AIR, WARMTH, TRACE, LINK, CLOCK, BATTERY, MEAL = range(11)
N_HOLDS = 11
_HOLD_OF: Mapping[Kind, tuple[int, ...]] = {
    **{kind: (HEART, TRACE) for kind in Kind if kind <= Kind.EFFORT},
    Kind.DESATURATION: (OXYGEN,),
    Kind.APNOEA: (OXYGEN,),
    Kind.MEAL: (MEAL,),
    Kind.GLUCOSE_EXCURSION: (GLUCOSE,),
    Kind.PRESSURE: (PRESSURE,),
    Kind.SMOKE: (AIR,),
    Kind.FEVER: (WARMTH,),
    Kind.SILENT: (HEART, OXYGEN, GLUCOSE, PRESSURE, AIR, WARMTH, TRACE, LINK),
    Kind.DROPOUTS: (HEART, OXYGEN, GLUCOSE, PRESSURE, AIR, WARMTH, TRACE, LINK),
    Kind.DUPLICATES: (LINK,),
    Kind.LATE: (LINK,),
    Kind.SHUFFLED: (LINK,),
    Kind.CLOCK_OFFSET: (CLOCK,),
    Kind.CLOCK_DRIFT: (CLOCK,),
    Kind.CLOCK_JUMP: (CLOCK,),
    Kind.BATTERY: (BATTERY,),
}
_APART_S = 30.0  # s between two events of one person, default
# Longer where what comes after belongs to the event: CLINICAL 3.9 looks 125 s beyond a stop, and
# 300 to 180 s before the next effort; AF ends 2 min after its last beats (CLINICAL 4).
_APART_OF = {Kind.EFFORT: 480.0, Kind.AF: 150.0, Kind.RATE: 90.0, Kind.MEAL: 3600.0}
_ONCE_S = 5.0  # s that a beat or two with what follows take, default


def holds(event: Event) -> tuple[int, ...]:
    """Give what an event takes hold of; signal faults: the trace."""
    return _HOLD_OF.get(event.spec.kind, (TRACE,))


def apart_s(event: Event) -> float:
    """Give how long somebody must be left alone afterwards."""
    return _APART_OF.get(event.spec.kind, _APART_S)


def length_s(event: Event) -> float:
    """Give how long one occurrence lasts; at most, where it is drawn."""
    if event.for_s is not None:
        return event.for_s
    if event.spec.lasts and event.to_s is not None:
        return event.to_s - event.start_s
    if event.spec.kind == Kind.VENTRICULAR_RUN:
        usual = {one.name: (one.default, one.default) for one in EVENTS[event.kind].parameters}
        given = usual | event.parameters
        return 60.0 * given["beats"][1] / given["rate"][0]
    return _ONCE_S
