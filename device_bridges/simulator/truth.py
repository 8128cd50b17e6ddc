"""The truth of a scenario: what really was the matter with whom, from planted beats and bodies.

Rows come from the beats that were drawn and from the body of each second, by the definitions of
CLINICAL 3, not from what the script asked for: a run that the script wanted and the heart could not
make is no truth. Nothing here uses the detectors.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.clocks import device_offset_s
from device_bridges.simulator.plan import Plan
from processors.errors import VitalsError

VERSION = 1
VALUE = "value:"  # prefix of rows that are the truth of a value, not of a condition

# Of the body, what the truth needs of each second.
KEPT = ("rate", "breath_rate", "spo2", "glucose", "systolic", "diastolic", "body_temperature",
        "pm2_5")  # fmt: skip


class TruthError(VitalsError, ValueError):
    """A file of truth cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Truth:
    """One thing that was true of one participant.

    Attributes
    ----------
    onset_s, offset_s
        Seconds since the start by the participant's device clock; `offset_s` is None for points.
    met_s
        When the definition was met: delays are counted from here.
    required
        A detector has to find it. False: it may, for the case is borderline, follows from
        something else, or the signal was hidden.
    values
        How much: names as in the evidence of the finding, where there is one.
    cause
        Event of the script that led to it; empty: the state of the body.
    """

    participant: str
    code: str
    onset_s: float
    offset_s: float | None
    met_s: float
    required: bool = True
    values: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of truth before it has a participant; true time, seconds since the start."""

    code: str
    onset_s: float
    offset_s: float | None
    met_s: float
    required: bool = True
    values: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """All that the rules need of one participant.

    Attributes
    ----------
    r_s, rr_s, label, shape
        Of each beat, in order: float64, float64, int8, int8 ``[b]``.
    cause
        int32 ``[b]``: row in `events` of the event that made the beat; -1: none.
    seconds
        float64 ``[s, len(KEPT)]``, row k is second k.
    events
        dtype `EVENT`, of this participant.
    signals
        Signals that are worn, with the seconds between values (0: waveform or each beat).
    until_s
        End of the run.
    """

    slot: int
    r_s: NDArray[np.float64]
    rr_s: NDArray[np.float64]
    label: NDArray[np.int8]
    shape: NDArray[np.int8]
    cause: NDArray[np.int32]
    seconds: NDArray[np.float64]
    events: NDArray[Any]
    signals: Mapping[str, float]
    until_s: float
    event_group: bool
    rate_max: float
    rate_rest: float
    posture: int
    spo2_limit: float
    sensitive: bool

    def column(self, name: str) -> NDArray[np.float64]:
        """Give what the body did in each second."""
        found: NDArray[np.float64] = self.seconds[:, KEPT.index(name)]
        return found


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
        from device_bridges.simulator.truth_bodies import body_conditions
        from device_bridges.simulator.truth_rhythms import rhythm_conditions
        from device_bridges.simulator.truth_values import value_conditions

        found = []
        for person in self._people(until_s):
            conditions = [
                *rhythm_conditions(person),
                *body_conditions(person, self._plan.signal_names),
                *value_conditions(person),
            ]
            rows = [self._row(person.slot, condition) for condition in conditions]
            found += sorted(rows, key=lambda row: (row.onset_s, row.code))
        return found

    def _people(self, until_s: float) -> Iterable[Person]:
        plan = self._plan
        beats = np.concatenate(self._beats) if self._beats else np.zeros(0, _NO_BEATS)
        beats = beats[(beats["r_s"] >= 0) & (beats["r_s"] <= until_s)]
        beats = beats[np.argsort(beats["slot"], kind="stable")]
        edges = np.searchsorted(beats["slot"], np.arange(plan.n + 1))
        n_seconds = min(math.ceil(until_s), len(self._seconds))
        seconds = np.stack(self._seconds[:n_seconds]) if n_seconds else np.zeros((0, plan.n, len(KEPT)))
        for slot, who in enumerate(plan.participants):
            mine = beats[edges[slot] : edges[slot + 1]]
            events = plan.events[plan.event_offsets[slot] : plan.event_offsets[slot + 1]]
            age = 45.0 if who.age_years is None else who.age_years  # CLINICAL 3.9: age unknown
            usual_max = 208.0 - 0.7 * age  # /min, Tanaka 2001 (CLINICAL 3.9, to be confirmed)
            if who.beta_blocker:
                usual_max = 164.0 - 0.7 * age  # /min, Brawner 2004 (as above)
            rest = plan.people["rate_rest"][slot]
            yield Person(
                slot=slot,
                r_s=mine["r_s"],
                rr_s=mine["rr_s"].astype(np.float64),
                label=mine["label"],
                shape=mine["shape"],
                cause=mine["event"] - int(plan.event_offsets[slot]),
                seconds=seconds[:, slot].astype(np.float64),
                events=events[events["start_s"] < until_s],
                signals=_worn(plan, slot),
                until_s=until_s,
                event_group=who.event,
                rate_max=who.heart_rate_max or usual_max,
                rate_rest=who.heart_rate_rest or float(rest),
                posture=who.posture or 0,
                spo2_limit=90.0 if who.spo2_low is None else who.spo2_low,  # %, CLINICAL 3.12
                sensitive=who.sensitive,
            )

    def _row(self, slot: int, condition: Condition) -> Truth:
        """Give a condition its participant and the time of the device's clock."""

        def device_s(t_s: float) -> float:
            return round(t_s + device_offset_s(self._plan, slot, t_s), 6)

        return Truth(
            participant=self._plan.participants[slot].id,
            code=condition.code,
            onset_s=device_s(condition.onset_s),
            offset_s=None if condition.offset_s is None else device_s(condition.offset_s),
            met_s=device_s(condition.met_s),
            required=condition.required,
            values={key: round(float(value), 4) for key, value in condition.values.items()},
            cause=condition.cause,
        )


_NO_BEATS = [("slot", np.int32), ("event", np.int32), ("r_s", float), ("rr_s", np.float32),
             ("label", np.int8), ("shape", np.int8)]  # fmt: skip


def _worn(plan: Plan, slot: int) -> dict[str, float]:
    return {
        sensor.signal: sensor.every_s
        for sensor in plan.sensors
        if slot in _members(sensor.slots.tobytes())
    }


_MEMBERS: dict[bytes, frozenset[int]] = {}


def _members(slots: bytes) -> frozenset[int]:
    """Give the slots of a sensor as a set; a plan has few sensors and asks for each person."""
    if slots not in _MEMBERS:
        if len(_MEMBERS) > 256:
            _MEMBERS.clear()
        _MEMBERS[slots] = frozenset(np.frombuffer(slots, np.int32).tolist())
    return _MEMBERS[slots]


def spans(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the runs of True as half-open index pairs.

    >>> spans(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def write_truth(path: Path, plan: Plan, truth: Sequence[Truth]) -> None:
    """Write JSON lines: a head that names the scenario, then one row a line."""
    head = {
        "kind": "scenario", "version": VERSION, "name": plan.name, "seed": plan.seed,
        "participants": plan.n, "duration_s": None if math.isinf(plan.duration_s)
        else plan.duration_s,
    }  # fmt: skip
    lines = [head, *({"kind": "truth", **asdict(row)} for row in truth)]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, "utf-8")


def read_truth(path: Path) -> tuple[dict[str, Any], list[Truth]]:
    """Give the head and the rows of a file of truth.

    Raises
    ------
    TruthError
        No such file, no such form, or of another version.
    """
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise TruthError(path, str(error)) from error
    if not lines or not isinstance(lines[0], dict) or lines[0].get("kind") != "scenario":
        raise TruthError(path, "expected a first line of kind scenario")
    if lines[0].get("version") != VERSION:
        raise TruthError(path, f"expected version {VERSION}, found {lines[0].get('version')!r}")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows.append(_read_row(line))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TruthError(path, f"line {number} is no row of truth ({error})") from error
    return lines[0], rows


def _read_row(line: Mapping[str, Any]) -> Truth:
    offset = line["offset_s"]
    return Truth(
        participant=str(line["participant"]),
        code=str(line["code"]),
        onset_s=float(line["onset_s"]),
        offset_s=None if offset is None else float(offset),
        met_s=float(line["met_s"]),
        required=bool(line["required"]),
        values={str(key): float(value) for key, value in line["values"].items()},
        cause=str(line["cause"]),
    )
