"""Everything that is known of one simulated person after a run, laid out for the rules of truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.clocks import ALL_SIGNALS
from device_bridges.simulator.events import SPEC_OF, Kind
from device_bridges.simulator.truth_spans import Span, runs
from processors.signals import SIGNALS
from registry.participants import Participant

# Of the body, what the truth needs of each second.
KEPT = ("rate", "effort", "breath_rate", "spo2", "glucose", "systolic", "diastolic",
        "body_temperature", "pm2_5")  # fmt: skip

LEARNING_S = 10.0  # s, default: detectors may still be learning
AFTER_S = 15.0  # s, default: and again after a signal was hidden
NOISY_DB = 6.0  # dB, default: noise that comes so close to the signal hides it
LATE_S = 1.0  # s, ARCHITECTURE: an engine waits no longer for what is late
BLIND_EFFORT = 0.5  # share of the reserve, default: in hard effort fingers and cuffs give nothing
AGE_UNKNOWN = 45.0  # a, CLINICAL 3.9

# `Condition.needs` of what can be found although a signal is hidden, or because it is.
NOTHING_NEEDED: Span = (math.inf, math.inf)

# Everything that hears the heart, best first.
HEARTBEAT = ("ecg", "rr", "heart_rate")

_HIDING = (Kind.LEAD_OFF, Kind.SATURATION, Kind.SILENT, Kind.DROPOUTS)
_NOISY = (Kind.MOTION, Kind.MUSCLE)
_CLOCKS = (Kind.CLOCK_OFFSET, Kind.CLOCK_JUMP)
_ARRESTS = (Kind.VF, Kind.ASYSTOLE)


@dataclass(frozen=True, slots=True)
class Condition:
    """A row of truth before it has a participant; true time, seconds since the start.

    Attributes
    ----------
    needs
        What of the signal a detector needs in order to decide; if any of it is hidden, the row is
        not required. None: from the onset until the definition is met.
    """

    code: str
    onset_s: float
    offset_s: float | None
    met_s: float
    required: bool = True
    values: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""
    needs: Span | None = None

    @property
    def needed(self) -> Span:
        return self.needs or (self.onset_s, max(self.onset_s, self.met_s))


@dataclass(frozen=True, slots=True)
class Worn:
    """A sensor of one person: rate of a waveform, or time between values and when the first is."""

    fs_hz: float
    every_s: float
    phase_s: float
    history_s: float


@dataclass(frozen=True)
class Person:
    """All that the rules need of one participant.

    Attributes
    ----------
    r_s, rr_s, label, shape
        Of each beat, in order, the one after the end included: float64, float64, int8, int8
        ``[b]``.
    cause
        int32 ``[b]``: row in `events` of the event that made the beat; negative: none.
    seconds
        float64 ``[s, len(KEPT)]``, row k is second k.
    events
        dtype `EVENT`, of this participant.
    worn
        By signal.
    until_s
        End of the run.
    """

    slot: int
    who: Participant
    male: bool
    rate_rest: float
    r_s: NDArray[np.float64]
    rr_s: NDArray[np.float64]
    label: NDArray[np.int8]
    shape: NDArray[np.int8]
    cause: NDArray[np.int32]
    seconds: NDArray[np.float64]
    events: NDArray[Any]
    worn: Mapping[str, Worn]
    signal_names: Sequence[str]
    until_s: float

    def column(self, name: str) -> NDArray[np.float64]:
        """Give what the body did in each second, float64 ``[s]``."""
        found: NDArray[np.float64] = self.seconds[:, KEPT.index(name)]
        return found

    @cached_property
    def rate_max(self) -> float:
        """HRmax as it is known: of the profile, or by age."""
        age = AGE_UNKNOWN if self.who.age_years is None else self.who.age_years
        usual = 208.0 - 0.7 * age  # /min, Tanaka 2001 (CLINICAL 3.9, to be confirmed)
        if self.who.beta_blocker:
            usual = 164.0 - 0.7 * age  # /min, Brawner 2004 (CLINICAL 3.9, to be confirmed)
        return self.who.heart_rate_max or usual

    def heard_by(self, signals: Sequence[str]) -> str | None:
        """Give the first of some signals that is worn."""
        return next((signal for signal in signals if signal in self.worn), None)

    def of_kind(self, *kinds: Kind) -> list[Any]:
        """Give the events of some kinds, in the order of time."""
        return [event for event in self.events if int(event["kind"]) in kinds]

    def name_cause(self, beat: int) -> str:
        """Name the event that made a beat; empty: none."""
        row = int(self.cause[beat])
        return SPEC_OF[int(self.events["kind"][row])].name if 0 <= row < len(self.events) else ""

    def signals_of(self, event: Any) -> list[str]:
        """Name the worn signals that a fault concerns."""
        index = int(event["signal"])
        if index == ALL_SIGNALS:
            return list(self.worn)
        return [name for name in (self.signal_names[index],) if name in self.worn]

    @cached_property
    def efforts(self) -> list[Span]:
        """Spans of any effort, by the body: planted ones and walks."""
        return [(float(a), float(b)) for a, b in runs(self.column("effort") > 0.1)]

    @cached_property
    def arrests(self) -> list[Span]:
        """Spans without a pulse, and what follows."""
        return [
            (float(event["start_s"]), float(event["end_s"]) + AFTER_S)
            for event in self.of_kind(*_ARRESTS)
        ]

    @cached_property
    def fibrillation(self) -> list[Span]:
        """Spans of ventricular fibrillation, and what follows: no beat there means anything."""
        return [
            (float(event["start_s"]), float(event["end_s"]) + AFTER_S)
            for event in self.of_kind(Kind.VF)
        ]

    def hidden(self, signal: str) -> list[Span]:
        """Give the spans in which nothing can be demanded of a signal."""
        if signal not in self._hidden:
            self._hidden[signal] = [(-math.inf, LEARNING_S), *self._faults(signal)]
        return self._hidden[signal]

    @cached_property
    def _hidden(self) -> dict[str, list[Span]]:
        return {}

    def _faults(self, signal: str) -> list[Span]:
        found: list[Span] = []
        after_s = AFTER_S + 2.0 * self.worn[signal].every_s
        for event in self.events:
            kind, start_s, end_s = Kind(int(event["kind"])), event["start_s"], event["end_s"]
            if not SPEC_OF[kind].is_fault or signal not in self.signals_of(event):
                continue
            if kind in _HIDING or (kind in _NOISY and event["a"] < NOISY_DB):
                found.append((start_s, end_s + after_s))
            elif kind in _CLOCKS:
                moved_s = abs(event["a"])
                found.append((start_s - moved_s, start_s + moved_s + after_s))
                if kind == Kind.CLOCK_OFFSET:
                    found.append((end_s - moved_s, end_s + moved_s + after_s))
            elif kind == Kind.LATE and event["a"] > LATE_S:
                found.append((start_s, end_s + event["a"] + after_s))
        if signal in ("spo2", "blood_pressure"):
            hard = runs(self.column("effort") >= BLIND_EFFORT)
            found += [(float(a), b + after_s) for a, b in hard]
            found += self.arrests
        return found

    def untimed(self, t_s: float) -> bool:
        """Tell whether packets are held back at a time."""
        return any(
            event["start_s"] <= t_s <= event["end_s"] + event["a"] * (event["kind"] == Kind.LATE)
            for event in self.of_kind(Kind.LATE, Kind.SHUFFLED)
        )

    def readings(self, signal: str, column: str) -> tuple[NDArray[np.float64], ...]:
        """Give when a device reads a slow signal, and what is true then: float64 ``[k]`` each."""
        worn = self.worn[signal]
        every_s = max(worn.every_s, 1.0)
        at_s = np.arange(worn.phase_s, min(self.until_s, len(self.seconds)), every_s)
        return at_s, self.column(column)[at_s.astype(np.int64)]


def stale_s(signal: str) -> float:
    """Give the silence after which a signal counts as gone; infinite where there is none."""
    variant = SIGNALS[signal].variant()
    return variant.stale_after_s if variant.name == "continuous" else math.inf
