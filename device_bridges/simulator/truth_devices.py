"""What planted faults of devices amount to: electrodes, silences, losses, batteries, clocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from device_bridges.simulator.events import SPEC_OF, Kind
from device_bridges.simulator.truth_person import (
    NOISY_DB,
    NOTHING_NEEDED,
    Condition,
    Person,
    stale_s,
)
from device_bridges.simulator.truth_spans import touches
from processors.records import Control
from processors.signals import SIGNALS

FLAG_S = 1.0  # s, default: a flag that is up for less may be missed
SEEN_S, SEEN_MARGIN_S = 3.0, 3.0  # s, default: a lead that the device does not call off
LOST_S, LOST_MARGIN_S = 1.0, 0.5  # s, CLINICAL 4: gap; s, default
SILENT_MARGIN_S = 2.0  # s, default
AFTER_NOISE_S = 90.0  # s, CLINICAL 4: poor_signal is counted over 90 s
DEAF_DB, DEAF_S = -6.0, 15.0  # dB, s, default: beyond it nobody could read the signal
BATTERY_LOW, BATTERY_BACK = 15.0, 15.75  # %, CLINICAL 4: 5 % on the safe side
SKEW_S, SKEW_PPM, SKEW_HELD_S = 2.0, 200.0, 300.0  # s, 1e-6, s, CLINICAL 4
SIGNAL_INDEX = {name: float(k) for k, name in enumerate(SIGNALS)}

RAIL, FLAT = 0.0, 1.0  # `form` of an electrode that is off


def device_conditions(
    person: Person, controls: Sequence[tuple[float, Control]]
) -> Iterator[Condition]:
    """Give what was the matter with devices and the way from them.

    Parameters
    ----------
    controls
        What the participant's devices said, with the true time.
    """
    for event in person.events:
        kind = Kind(int(event["kind"]))
        if kind == Kind.LEAD_OFF and "ecg" in person.worn:
            yield from _lead_off(person, event)
        elif kind in _DISTURBS and "ecg" in person.signals_of(event):
            yield _disturbed(person, event, kind)
        elif kind == Kind.SILENT:
            yield from _silent(person, event)
        elif kind in _SHAKES:
            yield from _shaken(person, event, kind)
        if kind in (Kind.CLOCK_OFFSET, Kind.CLOCK_DRIFT, Kind.CLOCK_JUMP):
            yield from _skewed(person, event, kind)
    yield from _slow_devices(person)
    yield from _speechless(person)
    yield from _batteries(person, controls)


_DISTURBS = (Kind.MOTION, Kind.MUSCLE, Kind.SATURATION, Kind.WANDER, Kind.MAINS)
_SHAKES = (Kind.DROPOUTS, Kind.LATE, Kind.SHUFFLED, Kind.CLOCK_OFFSET, Kind.CLOCK_JUMP)


def _lead_off(person: Person, event: Any) -> Iterator[Condition]:
    start_s, end_s = float(event["start_s"]), min(float(event["end_s"]), person.until_s)
    told = event["b"] == 1.0
    wait_s = 0.0 if told else SEEN_S
    # A flat line of a lead that its device calls attached cannot be told from asystole (3.10).
    sure = end_s - start_s >= (FLAG_S if told else SEEN_S + SEEN_MARGIN_S)
    gone = [(e["start_s"], e["end_s"]) for e in person.of_kind(Kind.SILENT, Kind.DROPOUTS)]
    sure &= told or (event["a"] != FLAT and not touches((start_s, end_s), gone))
    yield Condition(
        "lead_off", start_s, end_s, start_s + wait_s, bool(sure), {"by_device": float(told)},
        "lead_off", NOTHING_NEEDED,
    )  # fmt: skip
    yield Condition("poor_signal", start_s, end_s + AFTER_NOISE_S, end_s, False, {}, "lead_off")
    if not told and event["a"] != RAIL:
        for code in ("asystole", "pause"):
            yield Condition(code, start_s - 2.0, end_s + 5.0, end_s, False, {}, "lead_off")


def _disturbed(person: Person, event: Any, kind: Kind) -> Condition:
    """Give the noise that makes a signal poor: beyond doubt only what nobody could read."""
    start_s, end_s = float(event["start_s"]), min(float(event["end_s"]), person.until_s)
    deaf = kind in (Kind.MOTION, Kind.MUSCLE) and event["a"] <= DEAF_DB
    return Condition(
        "poor_signal", start_s, end_s + AFTER_NOISE_S, start_s + SEEN_S,
        bool(deaf and end_s - start_s >= DEAF_S),
        {"snr_db": float(event["a"])} if event["a"] <= NOISY_DB else {}, SPEC_OF[kind].name,
        NOTHING_NEEDED,
    )  # fmt: skip


def _silent(person: Person, event: Any) -> Iterator[Condition]:
    """Give silence of waveforms, and what was lost meanwhile; slow signals see `_slow_devices`."""
    start_s, end_s = float(event["start_s"]), float(event["end_s"])
    length_s = end_s - start_s
    for signal in person.signals_of(event):
        values = {"signal": SIGNAL_INDEX[signal]}
        is_wave = person.worn[signal].fs_hz > 0
        if is_wave and length_s >= LOST_S - LOST_MARGIN_S and end_s < person.until_s:
            yield Condition(
                "gap", start_s, None, end_s, length_s >= LOST_S + LOST_MARGIN_S,
                values | {"lost_s": length_s}, "silent", NOTHING_NEEDED,
            )  # fmt: skip
        elif not is_wave:
            yield Condition("gap", start_s - 2.0, end_s + 30.0, end_s, False, values, "silent")
        if is_wave or person.worn[signal].every_s == 0.0:
            yield from _hushed(person, signal, start_s, end_s, "silent", sure=True)


def _hushed(
    person: Person, signal: str, from_s: float, to_s: float, cause: str, *, sure: bool
) -> Iterator[Condition]:
    """Give the finding of a signal that says nothing from one time to another."""
    due_s = from_s + stale_s(signal)
    if to_s > due_s - SILENT_MARGIN_S and due_s < person.until_s:
        yield Condition(
            "device_silent", due_s, min(to_s, person.until_s), due_s,
            sure and to_s >= due_s + SILENT_MARGIN_S, {"signal": SIGNAL_INDEX[signal]}, cause,
            NOTHING_NEEDED,
        )  # fmt: skip


def _slow_devices(person: Person) -> Iterator[Condition]:
    """Give silence between readings that come one at a time: planted, or by their schedule."""
    for signal, worn in person.worn.items():
        if worn.every_s == 0.0 or math.isinf(stale_s(signal)):
            continue
        at_s = np.arange(worn.phase_s, person.until_s, worn.every_s)
        for event in person.of_kind(Kind.SILENT):
            if signal in person.signals_of(event):
                at_s = at_s[(at_s < event["start_s"]) | (at_s >= event["end_s"])]
        if not len(at_s):
            continue
        ends_s = np.append(at_s[1:], np.inf)
        for k in np.flatnonzero(ends_s - at_s > stale_s(signal) - SILENT_MARGIN_S).tolist():
            yield from _hushed(
                person, signal, float(at_s[k]), float(ends_s[k]), "silent", sure=True
            )


def _shaken(person: Person, event: Any, kind: Kind) -> Iterator[Condition]:
    """Give the losses and silences that chance, lateness or a set clock may make."""
    start_s = float(event["start_s"])
    end_s = max(float(event["end_s"]), start_s)
    moved_s = abs(float(event["a"])) if kind != Kind.DROPOUTS else 0.0
    spans = [(start_s, end_s)]
    if kind in (Kind.CLOCK_OFFSET, Kind.CLOCK_JUMP):
        spans = [(start_s - moved_s, start_s), (end_s - moved_s, end_s)]
    for from_s, to_s in spans:
        for code in ("gap", "device_silent"):
            last_s = to_s + moved_s + 5.0
            yield Condition(code, from_s - 2.0, last_s, from_s, False, {}, SPEC_OF[kind].name)


def _speechless(person: Person) -> Iterator[Condition]:
    """Give the silence of devices that have nothing to say: no beat, no pulse, no breath."""
    for signal in ("rr", "heart_rate"):
        if signal in person.worn:
            for b in np.flatnonzero(person.rr_s > stale_s(signal) - SILENT_MARGIN_S).tolist():
                end_s = float(person.r_s[b])
                from_s = end_s - float(person.rr_s[b])
                yield from _hushed(person, signal, from_s, end_s + 10.0, "", sure=False)
                yield Condition("gap", from_s - 2.0, end_s + 15.0, end_s, False)


def _batteries(person: Person, controls: Sequence[tuple[float, Control]]) -> Iterator[Condition]:
    """Give low batteries, from what their devices said."""
    low: tuple[float, float] | None = None
    for t_s, control in controls:
        percent = control.values.get("percent", math.nan)
        if control.kind != "battery" or t_s > person.until_s:
            continue
        if low is None and percent <= BATTERY_LOW:
            low = t_s, percent
        elif low is not None and percent > BATTERY_BACK:
            yield _battery(low, t_s)
            low = None
    if low is not None:
        yield _battery(low, person.until_s)


def _battery(low: tuple[float, float], end_s: float) -> Condition:
    onset_s, percent = low
    return Condition(
        "battery_low", onset_s, end_s, onset_s, True, {"percent": percent}, "battery",
        NOTHING_NEEDED,
    )  # fmt: skip


def _skewed(person: Person, event: Any, kind: Kind) -> Iterator[Condition]:
    start_s = float(event["start_s"])
    end_s = min(float(event["end_s"]), person.until_s)
    if kind == Kind.CLOCK_JUMP:  # it stays
        end_s = person.until_s
    limit = SKEW_PPM if kind == Kind.CLOCK_DRIFT else SKEW_S
    much = abs(float(event["a"]))
    if much > 0.75 * limit:
        sure = much >= 1.25 * limit and end_s - start_s >= SKEW_HELD_S
        yield Condition(
            "clock_skew", start_s, end_s, start_s, sure, {}, SPEC_OF[kind].name,
            NOTHING_NEEDED,
        )  # fmt: skip
