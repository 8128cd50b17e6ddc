"""The vocabulary of a script: what can happen to a simulated person, one row each.

An event has a kind, a start, an end and up to four numbers. `EVENTS` names them and gives their
defaults; scenario files, the kernels, the truth and the documentation derive from it. Times are
seconds since the start of the scenario.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Kind(IntEnum):
    """Number of an event kind; kernels branch on it. The hundreds say which part plays it."""

    # The heart's own rhythm.
    PVC = 100
    COUPLET = 101
    VENTRICULAR_RUN = 102
    BIGEMINY = 103
    TRIGEMINY = 104
    PVCS = 105
    PACS = 106
    AF = 107
    SVT = 108
    VF = 109
    ASYSTOLE = 110
    PAUSE = 111
    # The body, each second.
    RATE = 200
    EFFORT = 201
    DESATURATION = 202
    APNOEA = 203
    MEAL = 204
    GLUCOSE_EXCURSION = 205
    PRESSURE = 206
    SMOKE = 207
    FEVER = 208
    # The signal, between body and device.
    WANDER = 300
    MOTION = 301
    MUSCLE = 302
    MAINS = 303
    LEAD_OFF = 304
    SATURATION = 305
    # The device and the way from it.
    SILENT = 400
    DROPOUTS = 401
    DUPLICATES = 402
    LATE = 403
    SHUFFLED = 404
    CLOCK_OFFSET = 405
    CLOCK_DRIFT = 406
    CLOCK_JUMP = 407
    BATTERY = 408


N_PARAMETERS = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number of an event: its name, unit, default and the range that is accepted.

    A default of NaN means that the simulator chooses what suits the person.
    """

    name: str
    unit: str
    default: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One kind of event.

    Attributes
    ----------
    name
        As written in scenario files.
    lasts
        Needs an end. Other events happen once, at the first opportunity after their start.
    says
        What happens, one line.
    parameters
        At most `N_PARAMETERS`; they become ``a``, ``b``, ``c``, ``d`` of the `EVENT` row.
    signal
        Fault of one signal (``ecg``, ``ppg``...) unless the script names another; empty: of all.
    """

    name: str
    kind: Kind
    lasts: bool
    says: str
    parameters: tuple[Parameter, ...] = ()
    signal: str = ""

    @property
    def is_fault(self) -> bool:
        return self.kind >= Kind.WANDER


def _p(name: str, unit: str, default: float, low: float, high: float) -> Parameter:
    return Parameter(name, unit, default, low, high)


CHOSEN = math.nan

_SPECS = (
    EventSpec("pvc", Kind.PVC, False, "one premature ventricular beat with a compensatory pause"),
    EventSpec("couplet", Kind.COUPLET, False, "two ventricular beats in a row",
              (_p("rate", "/min", 130, 60, 250),)),
    EventSpec("ventricular_run", Kind.VENTRICULAR_RUN, False,
              "so many ventricular beats in a row: short runs, VT, idioventricular rhythm",
              (_p("beats", "1", 8, 3, 10_000), _p("rate", "/min", 160, 20, 280))),
    EventSpec("bigeminy", Kind.BIGEMINY, True, "every second beat ventricular"),
    EventSpec("trigeminy", Kind.TRIGEMINY, True, "every third beat ventricular"),
    EventSpec("pvcs", Kind.PVCS, True, "single ventricular beats at random; two foci if `foci` = 2",
              (_p("per_min", "/min", 6, 0.01, 60), _p("foci", "1", 1, 1, 2))),
    EventSpec("pacs", Kind.PACS, True, "single premature atrial beats at random",
              (_p("per_min", "/min", 6, 0.01, 60),)),
    EventSpec("af", Kind.AF, True, "atrial fibrillation: no P waves, f waves, irregular RR",
              (_p("rate", "/min", CHOSEN, 30, 220),)),
    EventSpec("svt", Kind.SVT, True, "regular narrow tachycardia that begins and ends at once",
              (_p("rate", "/min", 185, 100, 280),)),
    EventSpec("vf", Kind.VF, True, "ventricular fibrillation: no beats, no pulse"),
    EventSpec("asystole", Kind.ASYSTOLE, True, "no beats, a flat line"),
    EventSpec("pause", Kind.PAUSE, False, "one RR of this length",
              (_p("seconds", "s", 3.6, 1.2, 15),)),
    EventSpec("rate", Kind.RATE, True, "sinus rhythm drawn to a rate: brady- or tachycardia",
              (_p("rate", "/min", 38, 20, 220), _p("ramp", "s", 12, 1, 600))),
    EventSpec("effort", Kind.EFFORT, True,
              "effort that ends with a stop; the recovery has the drops asked for",
              (_p("level", "1", 0.8, 0.1, 1.1),  # share of the heart-rate reserve
               _p("hrr60", "/min", CHOSEN, 2, 80),
               _p("tau", "s", CHOSEN, 10, 300),
               # 0 none, 1 the stop button, 2 no button but the motion sensor sees it
               _p("marker", "1", 1, 0, 2))),
    EventSpec("desaturation", Kind.DESATURATION, True, "oxygen saturation falls and comes back",
              (_p("nadir", "%", 82, 50, 97), _p("ramp", "s", 20, 2, 600))),
    EventSpec("apnoea", Kind.APNOEA, True, "no breath; oxygen falls after a while"),
    EventSpec("meal", Kind.MEAL, False, "carbohydrates: glucose rises and comes back in hours",
              (_p("rise", "mg/dL", 70, 5, 300),)),
    EventSpec("glucose_excursion", Kind.GLUCOSE_EXCURSION, True,
              "glucose goes to a level and stays until the end: hypo- or hyperglycaemia",
              (_p("level", "mg/dL", 50, 25, 500), _p("per_min", "mg/dL/min", 2.5, 0.1, 8))),
    EventSpec("pressure", Kind.PRESSURE, True, "blood pressure at these values",
              (_p("systolic", "mm[Hg]", 190, 60, 280), _p("diastolic", "mm[Hg]", 105, 30, 180))),
    EventSpec("smoke", Kind.SMOKE, True, "smoke at the place: fine particles rise to a level",
              (_p("pm2_5", "ug/m3", 160, 1, 1000),)),
    EventSpec("fever", Kind.FEVER, True, "body and skin temperature rise",
              (_p("temperature", "Cel", 39, 36, 42),)),
    EventSpec("wander", Kind.WANDER, True, "the baseline wanders",
              (_p("amplitude", "mV", 0.6, 0.01, 5),), "ecg"),
    EventSpec("motion", Kind.MOTION, True,
              "electrode motion (noise of nstdb where present) at this ratio to the signal",
              (_p("snr", "dB", 0, -20, 30),), "ecg"),
    EventSpec("muscle", Kind.MUSCLE, True, "muscle noise (of nstdb where present)",
              (_p("snr", "dB", 3, -20, 30),), "ecg"),
    EventSpec("mains", Kind.MAINS, True, "hum of the mains",
              (_p("amplitude", "mV", 0.3, 0.001, 5), _p("frequency", "Hz", 60, 45, 65)), "ecg"),
    EventSpec("lead_off", Kind.LEAD_OFF, True, "an electrode is off",
              # form 0: at the rail, 1: flat, 2: hum only; flag 1: the device says so
              (_p("form", "1", 0, 0, 2), _p("flag", "1", 1, 0, 1)), "ecg"),
    EventSpec("saturation", Kind.SATURATION, True, "the amplifier clips",
              (_p("range", "mV", 0.6, 0.05, 10),), "ecg"),
    EventSpec("silent", Kind.SILENT, True, "the device sends nothing; what it measured is lost"),
    EventSpec("dropouts", Kind.DROPOUTS, True, "blocks are lost at random",
              (_p("share", "1", 0.1, 0.0001, 1),)),
    EventSpec("duplicates", Kind.DUPLICATES, True, "blocks are delivered twice",
              (_p("share", "1", 0.2, 0.0001, 1),)),
    EventSpec("late", Kind.LATE, True, "everything arrives later",
              (_p("seconds", "s", 0.8, 0.01, 3600),)),
    EventSpec("shuffled", Kind.SHUFFLED, True, "blocks arrive out of order",
              (_p("share", "1", 0.2, 0.0001, 1),)),
    EventSpec("clock_offset", Kind.CLOCK_OFFSET, True, "the device's clock is off",
              (_p("seconds", "s", -3, -1e6, 1e6),)),
    EventSpec("clock_drift", Kind.CLOCK_DRIFT, True, "the device's clock runs fast or slow",
              (_p("ppm", "1e-6", 300, -20_000, 20_000),)),
    EventSpec("clock_jump", Kind.CLOCK_JUMP, False, "the device's clock is set",
              (_p("seconds", "s", 5, -1e6, 1e6),)),
    EventSpec("battery", Kind.BATTERY, True, "the battery runs down; the device reports it",
              (_p("first", "%", 25, 0, 100), _p("last", "%", 4, 0, 100))),
)  # fmt: skip

EVENTS: Mapping[str, EventSpec] = {spec.name: spec for spec in _SPECS}
SPEC_OF: Mapping[int, EventSpec] = {int(spec.kind): spec for spec in _SPECS}

# One event of one person. `signal` is an index into `SIGNAL_NAMES` of the plan; -1: all signals.
EVENT = np.dtype(
    [
        ("slot", np.int32),
        ("kind", np.int32),
        ("start_s", np.float64),
        ("end_s", np.float64),  # of events that do not last: equal to start_s
        ("a", np.float64),
        ("b", np.float64),
        ("c", np.float64),
        ("d", np.float64),
        ("signal", np.int32),
    ],
    align=True,
)
