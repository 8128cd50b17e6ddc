"""What devices say beside samples: stop buttons, electrode flags, batteries; and who people are."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator

from device_bridges.simulator.clocks import device_offset_s
from device_bridges.simulator.events import Kind
from device_bridges.simulator.plan import Plan
from processors.records import NS_PER_S, Control
from registry.participants import profile

STOP_BUTTON = 1.0  # `marker` of an effort
SAYS_SO = 1.0  # `flag` of an electrode that is off
_BATTERY_STEPS = 20  # reports from full to empty of an event


class ControlScript:
    """All controls of a plan, in the order of time.

    Parameters
    ----------
    base_ns
        Device time of the start.
    """

    def __init__(self, plan: Plan, base_ns: int) -> None:
        said = [
            *((0.0, profile(person, base_ns)) for person in plan.participants),
            *_electrodes_on(plan, base_ns),
            *_scripted(plan, base_ns),
        ]
        said.sort(key=lambda each: each[0])
        self._t_s = [t_s for t_s, _ in said]
        self._controls = [control for _, control in said]

    def between(self, from_s: float, to_s: float) -> list[Control]:
        """Give what is said in ``[from_s, to_s)``, true time since the start."""
        first = bisect.bisect_left(self._t_s, from_s)
        return self._controls[first : bisect.bisect_left(self._t_s, to_s)]


def _electrodes_on(plan: Plan, base_ns: int) -> Iterator[tuple[float, Control]]:
    """Say at the start that electrodes are on: the simulated patch measures their impedance."""
    for sensor in plan.sensors:
        if sensor.signal == "ecg":
            for slot in sensor.slots.tolist():
                yield 0.0, _control(plan, base_ns, slot, 0.0, "lead", {"off": 0.0})


def _scripted(plan: Plan, base_ns: int) -> Iterator[tuple[float, Control]]:
    for event in plan.events:
        slot, start_s, end_s = int(event["slot"]), float(event["start_s"]), float(event["end_s"])
        kind = int(event["kind"])
        if kind == Kind.LEAD_OFF and event["b"] == SAYS_SO:
            for t_s, off in ((start_s, 1.0), (end_s, 0.0)):
                yield t_s, _control(plan, base_ns, slot, t_s, "lead", {"off": off})
        elif kind == Kind.EFFORT and event["d"] == STOP_BUTTON:
            yield end_s, _control(plan, base_ns, slot, end_s, "mark", {"stop": 1.0})
        elif kind == Kind.BATTERY and math.isfinite(end_s):
            for step in range(_BATTERY_STEPS + 1):
                share = step / _BATTERY_STEPS
                t_s = start_s + share * (end_s - start_s)
                percent = float(round(event["a"] + share * (event["b"] - event["a"])))
                yield t_s, _control(plan, base_ns, slot, t_s, "battery", {"percent": percent})


def _control(
    plan: Plan, base_ns: int, slot: int, t_s: float, kind: str, values: dict[str, float]
) -> Control:
    """Give a control stamped by the device's clock."""
    device_s = t_s + device_offset_s(plan, slot, t_s)
    t_ns = base_ns + round(device_s * NS_PER_S)
    return Control(plan.participants[slot].id, t_ns, kind, values)
