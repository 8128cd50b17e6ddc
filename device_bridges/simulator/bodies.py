"""The state of everybody's body, second by second; what devices measure is made from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.events import Kind
from device_bridges.simulator.instruments import View, measure
from device_bridges.simulator.kernels.body import (
    APNOEA,
    ARREST,
    BODY,
    DESATURATION,
    EFFORT,
    EXCURSION,
    FEVER,
    GROUND,
    LEVEL_COST,
    MEAL,
    MEAL_LASTS_S,
    N_CURVES,
    PRESSURE,
    PULSE_BACK_S,
    RATE,
    SCRATCH,
    SCRIPT,
    SMOKE,
    SMOKE_OFF_S,
    STOP,
    TRAIT,
    Out,
    World,
    live,
    remember,
)
from device_bridges.simulator.kernels.errors import spread
from device_bridges.simulator.plan import CourseGrid, Plan
from device_bridges.simulator.tables import SECOND, SECONDS_KEPT, SITTING

STEPS_KEPT = 80  # s: a device counts the steps of a minute, up to SECONDS_KEPT ago
DAY_S = 86_400.0
WARMEST_S = 17 * 3600.0  # time of day when the body is warmest
MEALS_FROM_S = 7200.0  # scenarios longer than this have three meals a day

_CODES = {
    Kind.RATE: RATE, Kind.EFFORT: EFFORT, Kind.DESATURATION: DESATURATION, Kind.APNOEA: APNOEA,
    Kind.MEAL: MEAL, Kind.GLUCOSE_EXCURSION: EXCURSION, Kind.PRESSURE: PRESSURE,
    Kind.SMOKE: SMOKE, Kind.FEVER: FEVER, Kind.VF: ARREST, Kind.ASYSTOLE: ARREST,
}  # fmt: skip

_REST_OXYGEN = 3.5  # mL/kg/min, 1 MET
_CLIMB_COST = 1.8  # mL/kg per m of height, ACSM walking equation, with LEVEL_COST per m of way
_FEVER_RAMP_S = (60.0, 1800.0)  # a quarter of the fever within these, default
_PRESSURE_RAMP_S = 20.0  # default
_STANDARD_AIR = (0.0, 15.0, 50.0)  # m, Cel (ICAO standard atmosphere), % (default)

# Streams of random numbers: what somebody is like beyond the table of people.
_ZEAL, _DESATURATION, _CIRCULATION, _WARMTH, _NORTH, _EAST, _COARSE = range(220, 227)


class Bodies:
    """Everybody's bodies; they only go on.

    A stop of an effort begins a recovery H(t) = Hend + F exp(-(t - t0) / tau) that is exact for
    180 s; `hrr60` and `tau` of the event are kept where they fit the person (see `recovery` in the
    kernel). Resting people at a place sit, and lie at night; they walk only in an effort.

    Parameters
    ----------
    plan
        Events that do not concern the body are passed over.

    Attributes
    ----------
    seconds
        dtype `SECOND` ``[n, SECONDS_KEPT]``; second k lies in column ``k % SECONDS_KEPT``.
    newest
        The newest second computed; -1 before the first.
    """

    def __init__(self, plan: Plan) -> None:
        n = plan.n
        self.seconds: NDArray[Any] = np.zeros((n, SECONDS_KEPT), SECOND)
        self.newest = -1
        self._clock_s = plan.clock_s
        self._traits = _traits(plan)
        self._script, self._offsets = _script(plan)
        self._world = _world(plan)
        self._bodies = np.zeros(n, BODY)
        self._knots = np.zeros((n, N_CURVES, 2))
        self._scratch = np.zeros((3, SCRATCH))
        rows = self._stop_rows()
        self._out = Out(
            seconds=self.seconds,
            flags=np.zeros((n, SECONDS_KEPT), np.int8),
            steps=np.zeros((n, STEPS_KEPT)),
            stops=np.zeros(rows[-1], STOP),
            stop_offsets=rows,
        )

    def until(self, second: int) -> None:
        """Compute all seconds up to and including one; nothing if they are known."""
        if second <= self.newest:
            return
        k = np.arange(self.newest + 1, second + 1)
        live(self._traits, self._script, self._offsets, self._world, self.newest + 1,
             _day(self._clock_s + k), self._bodies, self._knots, self._scratch,
             self._out)  # fmt: skip
        self.newest = second

    def slow(
        self, slots: NDArray[np.integer[Any]], signal: str, t_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Give what a device measures of a slow signal: error and resolution of usual devices.

        Parameters
        ----------
        slots
            int ``[k]``.
        signal
            A name of `SIGNALS` of `instruments`.
        t_s
            float64 ``[k]``, times since the start within the seconds kept.

        Returns
        -------
        float64 ``[k, c]``, with the columns of the signal; NaN where a device cannot measure.

        Raises
        ------
        LookupError
            The signal is none of the body, or a time is not kept any more or not yet computed.
        """
        k = np.floor(t_s).astype(np.int64)
        if len(k) and not (max(self.newest - SECONDS_KEPT, -1) < k.min() <= k.max() <= self.newest):
            raise LookupError(
                f"{signal}: expected times in the {SECONDS_KEPT} s up to {self.newest + 1} s, "
                f"found {k.min()} to {k.max()} s"
            )
        return measure(
            signal,
            View(
                seconds=self.seconds,
                flags=self._out.flags,
                steps=self._out.steps,
                traits=self._traits,
                slots=np.asarray(slots),
                t_s=np.asarray(t_s, np.float64),
            ),
        )

    def history(
        self, slots: NDArray[np.integer[Any]], signal: str, t_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Give what a device measured before the start, at times below zero; else like `slow`.

        Glucose, pm2_5 and pm10 only: they go on into what `slow` gives.
        """
        if signal not in {"glucose", "pm2_5", "pm10"}:
            raise LookupError(f"{signal}: devices remember glucose, pm2_5 and pm10 only")
        n = len(slots)
        glucose, pm2_5 = np.empty(n), np.empty(n)
        remember(self._traits, self._script, self._offsets, self._world,
                 np.asarray(slots, np.int64), np.asarray(t_s, np.float64), glucose,
                 pm2_5)  # fmt: skip
        traits = self._traits[slots]
        rows = np.zeros((n, 1), SECOND)
        rows["glucose"][:, 0] = glucose
        rows["pm2_5"][:, 0], rows["pm10"][:, 0] = pm2_5, pm2_5 * traits["coarse"]
        return measure(
            signal,
            View(
                seconds=rows,
                flags=np.zeros((n, 1), np.int8),
                steps=np.zeros((n, 1)),
                traits=traits,
                slots=np.arange(n),
                t_s=np.asarray(t_s, np.float64),
            ),
        )

    def efforts(self) -> NDArray[Any]:
        """Give the stops so far, dtype `STOP`, by slot and time; course rests are stops as well.

        The rates are those of the noise-free rate at the marks of CLINICAL 3.9, known 63 and 125 s
        after the stop; NaN before, and where effort had begun again.
        """
        numbers = np.arange(len(self._out.stops)) - np.repeat(
            self._out.stop_offsets[:-1], np.diff(self._out.stop_offsets)
        )
        happened = numbers < np.repeat(self._bodies["n_stops"], np.diff(self._out.stop_offsets))
        return self._out.stops[happened]

    def _stop_rows(self) -> NDArray[np.int64]:
        """Give where each person's stops begin: one an effort and a rest, one at the end."""
        efforts = np.concatenate([[0], np.cumsum(self._script["code"] == EFFORT)])
        most = efforts[self._offsets[1:]] - efforts[self._offsets[:-1]]
        most += np.where(np.isfinite(self._traits["set_out_s"]), len(self._world.rest_m) + 1, 0)
        return np.concatenate([[0], np.cumsum(most)]).astype(np.int64)


def _day(local_s: NDArray[Any]) -> NDArray[np.float64]:
    """Give the time of day as a wave: 1 when the body is warmest, -1 half a day off."""
    wave: NDArray[np.float64] = np.cos(2.0 * math.pi * (local_s - WARMEST_S) / DAY_S)
    return wave


def _own(people: NDArray[Any], stream: int, low: float, high: float) -> NDArray[np.float64]:
    """Give everybody a number between two that stays."""
    values = np.empty(len(people))
    spread(people["seed"], stream, values)
    return low + (high - low) * values


def _traits(plan: Plan) -> NDArray[Any]:
    """Make the rows of dtype `TRAIT`."""
    people, course = plan.people, plan.course
    traits = np.zeros(plan.n, TRAIT)
    for name in set(TRAIT.names or ()) & set(people.dtype.names or ()):
        traits[name] = people[name]
    traits["phase"] = (people["seed"] % np.uint64(1 << 10)).astype(np.int64)
    traits["reserve"] = people["rate_max"] - people["rate_rest"]
    traits["oxygen"] = _REST_OXYGEN * (people["fitness_mets"] - 1.0)
    traits["systolic"], traits["diastolic"] = people["systolic_rest"], people["diastolic_rest"]
    traits["posture"] = SITTING
    traits["zeal"] = _own(people, _ZEAL, 0.62, 0.86)  # default
    traits["desaturation"] = _own(people, _DESATURATION, 0.25, 0.6)  # default; 0.15 +- 0.06 with
    # full lungs (Stewart 2005, Med Sci Sports Exerc 37:1871), more without
    traits["circulation_s"] = _own(people, _CIRCULATION, 15.0, 20.0)  # default
    traits["body_temperature"] = _own(people, _WARMTH, 36.7, 36.9)  # default

    place = people["place"]
    known = (place >= 0) & (place < len(plan.places.names))
    for name, unknown in (("latitude", 0.0), ("longitude", 0.0), ("pm2_5", 10.0),
                          ("altitude", _STANDARD_AIR[0]), ("air_temperature", _STANDARD_AIR[1]),
                          ("humidity", _STANDARD_AIR[2])):  # fmt: skip
        values = np.append(getattr(plan.places, name), unknown)
        traits[name] = values[np.where(known, place, -1)]
    share = np.append(plan.places.pm10 / np.maximum(plan.places.pm2_5, 0.1), 1.5)
    traits["coarse"] = np.clip(share[np.where(known, place, -1)], 1.05, 4.0)
    traits["coarse"] *= _own(people, _COARSE, 0.95, 1.05)
    # Nobody sits on the spot of another: up to about 20 m apart.
    traits["latitude"] += _own(people, _NORTH, -2e-4, 2e-4)
    traits["longitude"] += _own(people, _EAST, -2e-4, 2e-4)

    traits["set_out_s"] = np.inf
    if course is not None:
        walks = np.isfinite(people["wave_start_s"])
        traits["set_out_s"][walks] = people["wave_start_s"][walks]
        traits["start_m"][walks] = people["course_start_m"][walks]
        at_m = course.step_m * np.arange(len(course.pm2_5))
        start = np.interp(traits["start_m"], at_m, course.pm2_5)
        traits["pm2_5"] = np.where(walks, start, traits["pm2_5"])
    return traits


def _world(plan: Plan) -> World:
    course = plan.course
    return World(
        ground=np.zeros(1, GROUND) if course is None else _ground(course),
        step_m=1.0 if course is None else course.step_m,
        rest_m=np.zeros(0) if course is None else course.rest_m.astype(np.float64),
        rest_s=np.zeros(0) if course is None else course.rest_s.astype(np.float64),
        clock_s=plan.clock_s,
        meals=plan.duration_s > MEALS_FROM_S,
        day_at_start=float(_day(np.array([plan.clock_s]))[0]),
    )


def _ground(course: CourseGrid) -> NDArray[Any]:
    """Lay the course out for the kernel, with what its slopes do to speed and cost.

    Speed falls with the slope as in Tobler's hiking function (1993, NCGIA 93-1), here as a share of
    that on level ground. The cost is the ACSM walking equation; going down costs as level ground
    (default: the equation does not hold there).
    """
    ground = np.zeros(len(course.grade), GROUND)
    for name in ("latitude", "longitude", "altitude", "pm2_5"):
        ground[name] = getattr(course, name)
    ground["pace"] = course.pace * np.exp(-3.5 * (np.abs(course.grade + 0.05) - 0.05))
    ground["cost"] = LEVEL_COST + _CLIMB_COST * np.maximum(course.grade, 0.0)
    return ground


def _script(plan: Plan) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Give the events that concern the body, and where each person's begin."""
    events = plan.events
    chosen = np.isin(events["kind"], [int(kind) for kind in _CODES])
    rows = np.flatnonzero(chosen)
    script = np.zeros(len(rows), SCRIPT)
    for to, row in zip(script, rows.tolist(), strict=True):
        event = events[row]
        kind, start_s, end_s = Kind(int(event["kind"])), float(event["start_s"]), event["end_s"]
        to["code"], to["event"], to["start_s"], to["end_s"] = _CODES[kind], row, start_s, end_s
        for name in "abcd":
            to[name] = event[name]
        ramp_s = 1.0
        if kind in {Kind.RATE, Kind.DESATURATION}:
            ramp_s = float(event["b"])
        elif kind == Kind.PRESSURE:
            ramp_s = _PRESSURE_RAMP_S
        elif kind == Kind.FEVER:
            ramp_s = float(np.clip(0.25 * (end_s - start_s), *_FEVER_RAMP_S))
        to["ramp_s"] = ramp_s
        to["last_s"] = end_s + _AFTER_S.get(kind, ramp_s)
    counted = np.concatenate([[0], np.cumsum(chosen)])
    return script, counted[plan.event_offsets].astype(np.int64)


# How long an event has an effect after its end, s; others: their ramp.
_AFTER_S = {
    Kind.EFFORT: 1.0,
    Kind.APNOEA: 30.0,
    Kind.VF: 30.0 + PULSE_BACK_S,
    Kind.ASYSTOLE: 30.0 + PULSE_BACK_S,
    Kind.MEAL: MEAL_LASTS_S,
    Kind.SMOKE: 10.0 * SMOKE_OFF_S,
    Kind.GLUCOSE_EXCURSION: 1.0,
}
