"""What devices people may wear: which signals, how often each is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from device_bridges.simulator.form import Form
from device_bridges.simulator.quantities import Moment, Span, not_known, parse_time

WAVEFORMS = ("ecg", "ppg", "acceleration")
PER_BEAT = ("rr",)
# What the simulator measures value by value, and what devices remember from before the start.
SCALARS = (
    "heart_rate", "spo2", "respiration", "glucose", "blood_pressure", "body_temperature",
    "skin_temperature", "activity", "steps", "position", "altitude", "pm2_5", "pm10",
    "air_temperature", "humidity",
)  # fmt: skip
REMEMBERED = ("glucose", "pm2_5", "pm10")
FASTEST_HZ = 2000.0  # default


class Reading(Form):
    """How often a device measures one signal.

    Attributes
    ----------
    hz
        Of a waveform; else 0.
    every_s
        Between values; 0 for waveforms and for what comes with each beat.
    history_s
        How much of the past is delivered at the start.
    first_s
        When the first value of everybody comes; None: everybody at a time of their own.
    """

    hz: float = 0.0
    every_s: Span = Field(0.0, alias="every")
    history_s: Moment = Field(0.0, alias="history")
    first_s: Moment | None = Field(None, alias="first")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """Read ``"250 Hz"``, ``"beat"`` and ``"1 min"``."""
        if isinstance(value, Mapping):
            return value
        word = value.strip() if isinstance(value, str) else ""
        if word == "beat":
            return {}
        if word.endswith("Hz"):
            try:
                return {"hz": float(word[:-2])}
            except ValueError:
                pass
        try:
            parse_time(value)
        except ValueError:
            raise ValueError(
                f"expected '250 Hz', '1 min', 'beat' or {{ every = '1 min' }}, found {value!r}"
            ) from None
        return {"every": value}


def check_kit(value: Any) -> Any:
    """Check that the simulator measures these signals, and that each has its kind of rate."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected signals with their rates, found {value!r}")  # noqa: TRY004
    for signal, how in value.items():
        if signal not in (*WAVEFORMS, *PER_BEAT, *SCALARS):
            raise ValueError(not_known(signal, [*WAVEFORMS, *PER_BEAT, *SCALARS]))
        reading = Reading.model_validate(how)
        if signal in WAVEFORMS and not (1 <= reading.hz <= FASTEST_HZ and reading.hz % 1 == 0):
            raise ValueError(f"{signal}: expected whole Hz such as '250 Hz', found {how!r}")
        if signal in PER_BEAT and reading != Reading.model_validate({}):
            raise ValueError(f"{signal}: expected 'beat', found {how!r}")
        if signal in SCALARS and not reading.every_s:
            raise ValueError(f"{signal}: expected a time such as '1 min', found {how!r}")
        if reading.history_s and signal not in REMEMBERED:
            raise ValueError(f"{signal}: only {', '.join(REMEMBERED)} have a history")
    return value
