"""Which conditions have a truth: what hears them, and how long their detectors may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ECG = ("ecg",)
_BEATS = ("ecg", "rr")
_RATE = ("ecg", "rr", "heart_rate")


@dataclass(frozen=True, slots=True)
class Code:
    """One condition.

    Attributes
    ----------
    heard_by
        Signals that let it be noticed; the first that is worn counts. Empty: any.
    settle_s
        What is met less than this before the end of a run cannot be demanded, default.
    met
        When its definition is met, as docs/truth.md says it.
    margin
        Within it a case is not required, as docs/truth.md says it.
    """

    heard_by: tuple[str, ...]
    settle_s: float
    met: str
    margin: str = ""


def _of_ecg(met: str, margin: str = "") -> Code:
    return Code(_ECG, 5.0, met, margin)


_READ = "at the first reading beyond the limit"
CODES: Mapping[str, Code] = {
    # Stops and fibrillation.
    "asystole": _of_ecg("4.0 s after the last beat", "RR 60 ms"),
    "pause": _of_ecg("3.0 s after the last beat", "RR 60 ms; from 3.94 s on it follows asystole"),
    "pauses_frequent": _of_ecg("with the fifth RR of 2.0 s in 60 s", "RR 60 ms, 5 s; slow hearts"),
    "missed_beat": _of_ecg("with the beat after the long RR", "never required"),
    "vf": _of_ecg("4 s after it began", "1 s"),
    "af": Code(_BEATS, 30.0, "with the first beat", "shorter than 31.5 s"),
    # Ventricular beats.
    "vt": _of_ecg("with the sixth V, or after 30 s", "rate 5 %, 2 s"),
    "vt_nonsustained": _of_ecg("with the beat after the run", "rate 5 %"),
    "ventricular_rhythm": _of_ecg("with the fifth V", "rate 5 %"),
    "ventricular_bradycardia": _of_ecg("with the fifth V", "rate 5 %"),
    "pvc_run": _of_ecg("with the beat after the run", "rate 5 %"),
    "pvc_couplet": _of_ecg("with the beat after the second V"),
    "pvc_bigeminy": _of_ecg("with the third V"),
    "pvc_trigeminy": _of_ecg("with the third V"),
    "pvc_frequent": _of_ecg("with the tenth V in 60 s", "one beat; V of runs follow"),
    "pvc_multiform": _of_ecg("with the V of a second form"),
    "pvc_r_on_t": _of_ecg("with the beat after the pause", "RR 60 ms"),
    # Rates.
    "extreme_bradycardia": Code(_BEATS, 5.0, "with the fifth beat", "rate 5 %; a single pause"),
    "extreme_tachycardia": Code(_BEATS, 5.0, "with the 17th beat", "rate 5 %; effort; V follow"),
    "bradycardia": Code(_RATE, 6.0, "after 60 s of the meter", "rate 5 %, 4 s"),
    "tachycardia": Code(_RATE, 6.0, "after 60 s of the meter", "rate 5 %, 4 s; effort"),
    "effort_rate_high": Code(_RATE, 6.0, "after 60 s of the meter", "rate 5 %, 4 s"),
    "heart_rate_recovery": Code(
        _RATE,
        8.0,
        "125 s after the stop; 155 s where only a small fall tells it",
        "3 /min, 2 % of HRmax; nobody planned it; "
        "told by nothing but a drop below 12, or seen to walk on",
    ),
    "heart_rate_recovery_delayed": Code(
        _RATE, 8.0, "125 s after the stop", "2 /min, 2 % of HRmax; no mark, no motion"
    ),
    # Bodies.
    "spo2_low": Code(("spo2",), 15.0, _READ, "1 point, 10 s"),
    "spo2_very_low": Code(("spo2",), 15.0, _READ, "1 point, 10 s"),
    "apnoea": Code(("respiration",), 5.0, "20 s after the last breath", "2 s; after an arrest"),
    "respiration_high": Code(("respiration",), 40.0, _READ, "1.5 /min, 30 s"),
    "respiration_low": Code(("respiration",), 40.0, _READ, "1.5 /min, 30 s"),
    "fever": Code(("body_temperature",), 180.0, _READ, "0.15 Cel, two readings"),
    "hypothermia": Code(("body_temperature",), 180.0, _READ, "0.15 Cel, two readings"),
    "glucose_urgent_low": Code(("glucose",), 30.0, _READ, "6 %, two readings"),
    "glucose_low": Code(("glucose",), 30.0, _READ, "6 %, two readings"),
    "glucose_high": Code(("glucose",), 30.0, _READ, "6 %, two readings"),
    "glucose_very_high": Code(("glucose",), 30.0, _READ, "6 %, two readings"),
    "glucose_falling_fast": Code(("glucose",), 30.0, _READ, "1 mg/dL per min; the first 15 min"),
    "glucose_rising_fast": Code(("glucose",), 30.0, _READ, "1 mg/dL per min; the first 15 min"),
    "glucose_urgent_low_soon": Code(("glucose",), 30.0, _READ, "15 %; the first 20 min"),
    "blood_pressure_crisis": Code(("blood_pressure",), 5.0, "at the second reading", "7 mm[Hg]"),
    "blood_pressure_low": Code(("blood_pressure",), 5.0, "at the second reading", "7 mm[Hg]"),
    "blood_pressure_exercise_stop": Code(("blood_pressure",), 5.0, _READ, "7 mm[Hg]"),
    "blood_pressure_exercise_high": Code(("blood_pressure",), 5.0, _READ, "7 mm[Hg]"),
    "air_quality_caution": Code(("pm2_5",), 120.0, _READ, "15 %; less than an hour known"),
    "air_quality_warning": Code(("pm2_5",), 120.0, _READ, "15 %; less than an hour known"),
    "exposure_high": Code(("pm2_5",), 120.0, _READ, "15 %; less than 18 h known"),
    # Devices.
    "lead_off": Code(_ECG, 2.0, "at once if told, else after 3 s", "1 s, 6 s; flat and not told"),
    "poor_signal": Code(_ECG, 20.0, "after 3 s", "above -6 dB, below 15 s"),
    "device_silent": Code((), 2.0, "after the stale time of the signal", "2 s; not planted"),
    "gap": Code((), 2.0, "when the signal is back", "0.5 s; slow signals"),
    "battery_low": Code((), 2.0, "when the device says 15 % or less"),
    "clock_skew": Code((), 300.0, "when the clock is off", "25 %, less than 5 min"),
}
