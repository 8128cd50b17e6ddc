"""What devices make of a body's state: their errors, their resolution, and what they cannot see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.kernels.body import LEVEL_COST, MOVING, NO_PULSE
from device_bridges.simulator.kernels.errors import add_errors, spread

Values = NDArray[np.float64]

STILL, WALKING, CLIMBING = 0.0, 1.0, 2.0  # classes of activity
_CLIMBING_GRADE = 0.08  # rise over run, default
_CLIMB_COST = 1.8  # mL/kg per m of height, ACSM walking equation
_M_PER_DEG = 111_320.0  # of latitude
_CGM_LOW, _CGM_HIGH = 39.0, 401.0  # mg/dL, what "Low" and "High" become (CLINICAL 3.14)
_MINUTE_S = 60
_BIAS = 90  # from the stream of an error to that of its bias


@dataclass(frozen=True, slots=True)
class Error:
    """How a device errs: SD in the unit of the signal, all of them defaults of this project.

    Attributes
    ----------
    stream
        Of random numbers; the next one is used as well.
    each, slow, period_s
        An error of each reading, and one that changes within the period.
    bias
        The most that a device is always off, as a share of the value.
    share
        `each` and `slow` are shares of the value.
    resolution
        Step of what is shown; 0: as it is.
    """

    stream: int
    each: float
    slow: float = 0.0
    period_s: float = 60.0
    bias: float = 0.0
    share: bool = False
    resolution: float = 1.0


_ERRORS = {
    "respiration": Error(300, 0.3, 0.5, 20),
    "spo2": Error(302, 0.15, 0.4, 40),  # changes slowly: oximeters average over seconds
    "skin_temperature": Error(304, 0.03, 0.05, 600, resolution=0.1),
    "body_temperature": Error(306, 0.03, 0.04, 600, resolution=0.1),
    "glucose": Error(308, 0.008, 0.025, 2400, share=True),
    "systolic": Error(310, 3.0),
    "diastolic": Error(312, 2.5),
    "pulse": Error(314, 1.0),
    "pm2_5": Error(316, 0.04, bias=0.08, share=True),
    "pm10": Error(318, 0.06, bias=0.08, share=True),
    "air_temperature": Error(320, 0.05, 0.1, 600, resolution=0.1),
    "humidity": Error(322, 0.2, 0.8, 600),
    "altitude": Error(324, 0.3, 3.0, 60, resolution=0.1),
    "north": Error(326, 0.3, 2.5, 45, resolution=0.0),
    "east": Error(328, 0.3, 2.5, 45, resolution=0.0),
}


@dataclass(frozen=True, slots=True)
class View:
    """What is measured: the rings of everybody, and whom and when to read.

    Attributes
    ----------
    seconds
        dtype `SECOND` ``[n, kept]``.
    flags
        int8 ``[n, kept]``: what keeps devices from measuring.
    steps
        float64 ``[n, kept]``: steps since the start, kept for longer than a minute.
    traits
        dtype `TRAIT` ``[n]``.
    slots, t_s
        ``[k]``: who is read, and when.
    """

    seconds: NDArray[Any]
    flags: NDArray[np.int8]
    steps: Values
    traits: NDArray[Any]
    slots: NDArray[np.integer[Any]]
    t_s: Values

    @property
    def second(self) -> NDArray[np.int64]:
        """int64 ``[k]``: the second that holds at the time of each reading."""
        return np.floor(self.t_s).astype(np.int64)

    def field(self, name: str) -> Values:
        """Give a field of the seconds, without error."""
        values: Values = self.seconds[name][self.slots, self.second % self.seconds.shape[1]]
        return values

    def trait(self, name: str) -> NDArray[Any]:
        values: NDArray[Any] = self.traits[name][self.slots]
        return values

    def erred(self, name: str, values: Values) -> Values:
        """Add the errors of an instrument to values, and round to its resolution."""
        error = _ERRORS[name]
        seeds = self.trait("seed")
        wrong = np.zeros(len(values))
        add_errors(seeds, error.stream, self.t_s, error.each, error.slow, error.period_s, wrong)
        if error.bias:
            bias = np.empty(len(values))
            spread(seeds, error.stream + _BIAS, bias)
            wrong += error.bias * (2.0 * bias - 1.0)
        measured = values * (1.0 + wrong) if error.share else values + wrong
        if error.resolution == 0.0:
            return measured
        rounded: Values = np.rint(measured / error.resolution) * error.resolution
        return rounded

    def column(self, name: str) -> Values:
        """Give a field of the seconds with the errors of its instrument."""
        return self.erred(name, self.field(name))

    def blank(self, flags: int, values: Values) -> Values:
        """Give NaN where one of the flags is up."""
        up = self.flags[self.slots, self.second % self.flags.shape[1]] & flags
        return np.where(up, np.nan, values)


def _respiration(view: View) -> Values:
    """Give the rate; no breath, no rate."""
    rate = view.field("breath_rate")
    return np.where(rate > 0.0, np.maximum(view.erred("respiration", rate), 1.0), np.nan)


def _spo2(view: View) -> Values:
    return view.blank(NO_PULSE | MOVING, np.minimum(view.column("spo2"), 100.0))


def _glucose(view: View) -> Values:
    """Give the glucose; the lag of a CGM behind blood is left out, so truth is what is shown."""
    return np.clip(view.column("glucose"), _CGM_LOW, _CGM_HIGH)


def _blood_pressure(view: View) -> Values:
    """Give systolic, diastolic, mean and pulse; the mean as a third of the way up (3.15)."""
    systolic, diastolic = view.column("systolic"), view.column("diastolic")
    diastolic = np.minimum(diastolic, systolic - 10.0)
    mean = np.rint(diastolic + (systolic - diastolic) / 3.0)
    pulse = view.erred("pulse", view.field("rate"))
    readings = np.stack([systolic, diastolic, mean, pulse])
    return view.blank(NO_PULSE | MOVING, readings).T


def _humidity(view: View) -> Values:
    return np.clip(view.column("humidity"), 0.0, 100.0)


def _position(view: View) -> Values:
    """Give latitude and longitude with the errors of a receiver, which wander by metres."""
    latitude, longitude = view.field("latitude"), view.field("longitude")
    nothing = np.zeros(len(latitude))
    north = view.erred("north", nothing) / _M_PER_DEG
    east = view.erred("east", nothing) / (_M_PER_DEG * np.cos(np.radians(latitude)))
    return np.stack([latitude + north, longitude + east], axis=1)


def _activity(view: View) -> Values:
    """Give the class; who asks more of the heart than level ground does, climbs."""
    m_per_min = np.maximum(60.0 * view.field("speed"), 1.0)
    oxygen = view.field("effort") * view.trait("oxygen")
    grade = (oxygen / m_per_min - LEVEL_COST) / _CLIMB_COST
    moves = np.where(grade > _CLIMBING_GRADE, CLIMBING, WALKING)
    return np.where(view.field("cadence") > 0.0, moves, STILL)


def _steps(view: View) -> Values:
    """Give the steps of the minute before."""
    kept, k = view.steps.shape[1], view.second
    before = np.where(k >= _MINUTE_S, view.steps[view.slots, (k - _MINUTE_S) % kept], 0.0)
    steps: Values = np.floor(view.steps[view.slots, k % kept]) - np.floor(before)
    return steps


def _plain(name: str) -> Callable[[View], Values]:
    return lambda view: view.column(name)


SIGNALS: Mapping[str, Callable[[View], Values]] = {
    "respiration": _respiration,
    "spo2": _spo2,
    "glucose": _glucose,
    "blood_pressure": _blood_pressure,
    "humidity": _humidity,
    "position": _position,
    "activity": _activity,
    "steps": _steps,
    **{
        name: _plain(name)
        for name in (
            "skin_temperature",
            "body_temperature",
            "pm2_5",
            "pm10",
            "air_temperature",
            "altitude",
        )
    },
}


def measure(signal: str, view: View) -> Values:
    """Give what a device shows, float64 ``[k, c]``; NaN where it cannot measure.

    Raises
    ------
    LookupError
        No device of the simulator measures the signal.
    """
    if signal not in SIGNALS:
        raise LookupError(f"{signal}: expected one of {', '.join(sorted(SIGNALS))}")
    values = SIGNALS[signal](view)
    return values if values.ndim == 2 else values[:, None]
