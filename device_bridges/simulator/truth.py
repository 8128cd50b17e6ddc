"""The truth of a scenario: what really was the matter with whom, from planted beats and bodies.

Rows come from the beats that were drawn and from the body of each second, by the definitions of
CLINICAL 3, not from what the script asked for: a run that the script wanted and the heart could not
make is no truth. Nothing here uses the detectors. docs/truth.md explains the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.clocks import ALL_SIGNALS, clock_events, device_offset_s
from device_bridges.simulator.controls import ControlScript
from device_bridges.simulator.events import Kind
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.tables import LOGGED_BEAT
from device_bridges.simulator.truth_bodies import body_conditions
from device_bridges.simulator.truth_codes import CODES
from device_bridges.simulator.truth_devices import device_conditions
from device_bridges.simulator.truth_person import KEPT, LEARNING_S, Condition, Person, Worn
from device_bridges.simulator.truth_rates import rate_conditions
from device_bridges.simulator.truth_recovery import recovery_conditions
from device_bridges.simulator.truth_rhythms import rhythm_conditions
from device_bridges.simulator.truth_rows import (
    VALUE,
    Head,
    Truth,
    TruthError,
    read_truth,
    write_truth,
)
from device_bridges.simulator.truth_spans import touches
from device_bridges.simulator.truth_values import value_conditions
from device_bridges.simulator.truth_ventricular import ventricular_conditions
from processors.records import NS_PER_S, Control

__all__ = ["VALUE", "Head", "Recorder", "Truth", "TruthError", "read_truth", "write_truth"]


class Recorder:
    """Writes down what happens while a plan is played, and says afterwards what was true."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._beats: list[NDArray[Any]] = []
        self._seconds: list[NDArray[np.float32]] = []

    def on_second(self, second: int, rows: NDArray[Any]) -> None:
        """Keep one second of all bodies, dtype `SECOND` ``[n]``; they come in order from 0."""
        if second != len(self._seconds):
            raise ValueError(f"expected second {len(self._seconds)}, found {second}")
        self._seconds.append(np.stack([rows[name] for name in KEPT], axis=1).astype(np.float32))

    def on_beats(self, beats: NDArray[Any]) -> None:
        """Keep beats, dtype `LOGGED_BEAT`; those of one participant come in order."""
        if len(beats):
            self._beats.append(beats.copy())

    def truth(self, until_s: float) -> list[Truth]:
        """Give everything that was true up to a time, by participant and onset."""
        controls = _controls(self._plan)
        found: list[Truth] = []
        for person in self._people(until_s):
            rows = _Rows(self._plan, person)
            said = controls.get(person.who.id, [])
            mine = [
                rows.row(condition)
                for condition in conditions_of(person, said)
                if condition.onset_s < until_s
            ]
            found += sorted(mine, key=lambda row: (row.onset_s, row.code))
        return found

    def _people(self, until_s: float) -> Iterator[Person]:
        plan = self._plan
        beats = np.concatenate(self._beats) if self._beats else np.zeros(0, LOGGED_BEAT)
        beats = beats[np.argsort(beats["slot"], kind="stable")]
        edges = np.searchsorted(beats["slot"], np.arange(plan.n + 1))
        n_seconds = min(math.ceil(until_s), len(self._seconds))
        seconds = np.zeros((n_seconds, plan.n, len(KEPT)), np.float32)
        if n_seconds:
            np.stack(self._seconds[:n_seconds], out=seconds)
        worn = _worn(plan)
        for slot, who in enumerate(plan.participants):
            mine = beats[edges[slot] : edges[slot + 1]]
            # One beat after the end is kept: it says how long the last interval is.
            mine = mine[: int(np.searchsorted(mine["r_s"], until_s, "right")) + 1]
            first, stop = plan.event_offsets[slot : slot + 2].tolist()
            yield Person(
                slot=slot,
                who=who,
                male=bool(plan.people["male"][slot] > 0.5),
                rate_rest=float(plan.people["rate_rest"][slot]),
                r_s=mine["r_s"].astype(np.float64),
                rr_s=mine["rr_s"].astype(np.float64),
                label=mine["label"],
                shape=mine["shape"],
                cause=np.where(mine["event"] >= 0, mine["event"] - first, -1),
                seconds=seconds[:, slot].astype(np.float64),
                events=plan.events[first:stop],
                worn=worn[slot],
                signal_names=plan.signal_names,
                until_s=until_s,
            )


def conditions_of(person: Person, controls: list[tuple[float, Control]]) -> Iterator[Condition]:
    """Give all that was true of one participant, in true time."""
    yield from rhythm_conditions(person)
    yield from ventricular_conditions(person)
    yield from rate_conditions(person)
    yield from recovery_conditions(person)
    yield from body_conditions(person)
    yield from device_conditions(person, controls)
    yield from value_conditions(person)


class _Rows:
    """Makes rows of one participant's conditions: required or not, by the clock of the device."""

    def __init__(self, plan: Plan, person: Person) -> None:
        self._plan = plan
        self._person = person
        self._has_clocks = bool(len(clock_events(person.events)))
        self._has_delays = bool(person.of_kind(Kind.LATE, Kind.SHUFFLED))

    def row(self, condition: Condition) -> Truth:
        person = self._person
        signal = self._signal(condition)
        onset_s = self._device_s(condition.onset_s, signal)
        offset_s = condition.offset_s
        values = {k: round(float(v), 6) for k, v in condition.values.items() if math.isfinite(v)}
        return Truth(
            participant=person.who.id,
            code=condition.code,
            onset_s=onset_s,
            offset_s=None if offset_s is None else self._device_s(offset_s, signal),
            met_s=self._device_s(condition.met_s, signal),
            required=condition.required and self._is_due(condition, signal),
            values=values,
            cause=condition.cause,
            ahead_s=self._ahead_s(condition.met_s, signal),
            timed=not (self._has_delays and person.untimed(condition.met_s)),
        )

    def _signal(self, condition: Condition) -> str | None:
        """Name the signal by which a condition is noticed."""
        code = CODES.get(condition.code)
        return None if code is None else self._person.heard_by(code.heard_by)

    def _is_due(self, condition: Condition, signal: str | None) -> bool:
        """Tell whether it can be demanded: not while learning, hidden, or cut off by the end."""
        if condition.code.startswith(VALUE):
            return True
        if condition.onset_s < LEARNING_S:
            return False
        if condition.met_s + CODES[condition.code].settle_s > self._person.until_s:
            return False
        return signal is None or not touches(condition.needed, self._person.hidden(signal))

    def _device_s(self, t_s: float, signal: str | None) -> float:
        return round(t_s + self._ahead_s(t_s, signal), 6)

    def _ahead_s(self, t_s: float, signal: str | None) -> float:
        """Give how far the clock of the device that measures a signal is ahead."""
        if not self._has_clocks:
            return 0.0
        names = self._plan.signal_names
        index = names.index(signal) if signal in names else ALL_SIGNALS
        return round(device_offset_s(self._plan, self._person.slot, t_s, index), 6)


def _worn(plan: Plan) -> list[dict[str, Worn]]:
    """Give everybody's sensors by signal; of two of one signal the one that measures more often."""
    found: list[dict[str, Worn]] = [{} for _ in range(plan.n)]
    for sensor in sorted(plan.sensors, key=lambda each: (-each.fs_hz, each.every_s)):
        phases_s = sensor.phase_s if len(sensor.phase_s) else np.zeros(len(sensor.slots))
        for slot, phase_s in zip(sensor.slots.tolist(), phases_s.tolist(), strict=True):
            worn = Worn(sensor.fs_hz, sensor.every_s, phase_s, sensor.history_s)
            found[slot].setdefault(sensor.signal, worn)
    return found


def _controls(plan: Plan) -> dict[str, list[tuple[float, Control]]]:
    """Give what each participant's devices say of batteries, with the true time."""
    if not (plan.events["kind"] == Kind.BATTERY).any():
        return {}
    slots = {who.id: slot for slot, who in enumerate(plan.participants)}
    found: dict[str, list[tuple[float, Control]]] = {}
    for control in ControlScript(plan, 0).between(-math.inf, math.inf):
        if control.kind == "battery":
            device_s = control.t_ns / NS_PER_S
            t_s = device_s - device_offset_s(plan, slots[control.participant], device_s)
            found.setdefault(control.participant, []).append((t_s, control))
    return found
