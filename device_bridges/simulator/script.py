"""The script of a scenario: what happens, when, and to whom, as a file writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from device_bridges.simulator.events import EVENTS, EventSpec, Kind
from device_bridges.simulator.form import Form
from device_bridges.simulator.quantities import (
    Moment,
    Range,
    Span,
    Time,
    not_known,
    parse_range,
    parse_share,
)
from processors.signals import SIGNALS

ALL = "all"

_HEART = ("ecg", "rr", "ppg", "heart_rate")
# One of these has to be worn, or nobody could ever notice the event.
_NOTICED_BY: Mapping[Kind, tuple[str, ...]] = {
    **{kind: _HEART for kind in Kind if kind <= Kind.EFFORT},
    Kind.DESATURATION: ("spo2",),
    Kind.APNOEA: ("respiration", "spo2"),
    Kind.MEAL: ("glucose",),
    Kind.GLUCOSE_EXCURSION: ("glucose",),
    Kind.PRESSURE: ("blood_pressure",),
    Kind.SMOKE: ("pm2_5", "pm10"),
    Kind.FEVER: ("body_temperature", "skin_temperature"),
}


def _who(value: Any) -> Any:
    """Read who: a number, a share, numbers of a group, ids, or all."""
    if value == ALL:
        return value
    if isinstance(value, str):
        return parse_share(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, list) and value:
        if all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in value):
            return tuple(value)
        if all(isinstance(one, str) and one.startswith("P-") for one in value):
            return tuple(value)
    raise ValueError(
        "expected how many (3), a share ('10 %'), 'all', numbers within the group ([1, 4]) or "
        f"ids (['P-0001']), found {value!r}"
    )


Who = Annotated[int | float | str | tuple[int, ...] | tuple[str, ...], BeforeValidator(_who)]


class Event(Form):
    """Something that happens to some people; what kinds there are, `EVENTS` says.

    Attributes
    ----------
    start_s
        ``at`` or ``from``; a meal may have been before the start.
    to_s, for_s
        When it ends, or how long it lasts; of a repeated event, ``to`` ends the repetition.
    jitter_s
        Everybody begins within that time after the start.
    signal
        Which signal a fault concerns; empty: as usual for the kind.
    once
        In the first round only, though the script repeats.
    parameters
        Low and high of what was given.
    """

    kind: str
    start_s: Time
    to_s: Span | None = Field(None, alias="to")
    for_s: Span | None = Field(None, alias="for")
    every_s: Span | None = Field(None, alias="every")
    who: Who
    jitter_s: Moment = Field(0.0, alias="jitter")
    signal: str = ""
    once: bool = False
    parameters: dict[str, Range] = Field(default_factory=dict, exclude=True)

    @property
    def spec(self) -> EventSpec:
        return EVENTS[self.kind]

    @property
    def about(self) -> str:
        """Name the signal that a fault concerns; empty: all, or no fault."""
        return self.signal or self.spec.signal

    @property
    def noticed_by(self) -> tuple[str, ...]:
        """Name the signals one of which must be worn for it to be seen; empty: any will do."""
        return (self.about,) if self.about else _NOTICED_BY.get(self.spec.kind, ())

    @classmethod
    def keys(cls) -> list[str]:
        """Name the keys as they are written, without the parameters of the kinds."""
        written = [field.alias or name for name, field in cls.model_fields.items()]
        return ["at", "from", *(key for key in written if key not in {"start_s", "parameters"})]

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        kind = str(value.get("kind", ""))
        if kind not in EVENTS:
            raise ValueError(f"kind: {not_known(kind, EVENTS)}")
        ranges = {one.name: one for one in EVENTS[kind].parameters}
        known = [*cls.keys(), *ranges]
        found: dict[str, Any] = {"parameters": {}}
        for key, given in value.items():
            if key in ranges:
                low, high = parse_range(given)
                one = ranges[key]
                if not one.low <= low <= high <= one.high:
                    raise ValueError(
                        f"{key}: expected {one.low:g} to {one.high:g} {one.unit}, found {given!r}"
                    )
                found["parameters"][key] = (low, high)
            elif key not in known:
                raise ValueError(not_known(key, known))
            elif key in {"at", "from"}:
                if "start_s" in found:
                    raise ValueError("expected one of at and from, found both")
                found["start_s"] = given
            else:
                found[key] = given
        if "start_s" not in found:
            raise ValueError("expected when it begins: at, or from")
        return found

    @model_validator(mode="after")
    def _has_its_times(self) -> Self:
        if self.start_s < 0 and self.spec.kind != Kind.MEAL:
            raise ValueError(f"{self.kind}: expected a time from 0; only meals may lie before")
        if self.to_s is not None and self.to_s <= self.start_s:
            raise ValueError("to: expected a time after the start")
        if self.spec.lasts:
            if self.every_s is not None and self.for_s is None:
                raise ValueError(f"{self.kind} with every: expected for, how long each one lasts")
            if self.every_s is None and (self.to_s is None) == (self.for_s is None):
                raise ValueError(f"{self.kind} lasts: expected either to (when) or for (how long)")
        else:
            if self.for_s is not None:
                raise ValueError(f"{self.kind} happens once: expected no for")
            if self.to_s is not None and self.every_s is None:
                raise ValueError(f"{self.kind} happens once: to is for events with every")
        if self.signal and not (self.spec.is_fault and self.signal in SIGNALS):
            raise ValueError(
                f"signal: {not_known(self.signal, SIGNALS)}"
                if self.spec.is_fault
                else f"signal: {self.kind} is no fault of a signal"
            )
        return self
