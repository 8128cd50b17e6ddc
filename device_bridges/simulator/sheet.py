"""The form of a scenario file: every key, its type and what stands when it is left out.

`docs/scenarios.md` explains the keys to people who write such files.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from device_bridges.simulator.form import Form
from device_bridges.simulator.kits import Reading, check_kit
from device_bridges.simulator.quantities import Clock, Length, Moment, Range, Share, Span, Time
from device_bridges.simulator.script import Event

NAMES = ("mixed", "korean", "english")


class Place(Form):
    """A place, and what its air is like; left out, it is a room in a town (default)."""

    latitude: float = Field(37.57, ge=-90, le=90)
    longitude: float = Field(126.98, ge=-180, le=180)
    altitude: float = Field(40.0, ge=-500, le=9000)
    pm2_5: float = Field(12.0, ge=0, le=1000)
    pm10: float = Field(22.0, ge=0, le=2000)
    air_temperature: float = Field(22.0, ge=-40, le=60)
    humidity: float = Field(45.0, ge=0, le=100)


class Waves(Form):
    """How a group sets out on the course: in so many waves, one after the other.

    Attributes
    ----------
    first_s, every_s
        When the first wave sets out, and how much later each next one.
    spread_s
        Within a wave, people set out within that time.
    along
        Where on the course they begin; low to high.
    """

    count: int = Field(1, ge=1)
    first_s: Time = Field(0.0, alias="first")
    every_s: Span = Field(60.0, alias="every")
    spread_s: Moment = Field(20.0, alias="spread")
    along: tuple[Length, Length] = (0.0, 0.0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= self.along[0] <= self.along[1]:
            raise ValueError("along: expected two lengths, the smaller one first")
        return self


class Group(Form):
    """People who are alike: how many, who they are, what they wear, what happens to them."""

    count: int | None = Field(None, ge=0)
    share: Share | None = None
    title: str = ""
    names: str = "mixed"
    place: str = ""
    sensors: tuple[str, ...] = ()
    waves: Waves | None = None
    event: bool = False
    sensitive: bool = False
    spo2_low: float | None = Field(None, ge=50, le=100)
    posture_after_stop: Literal["upright", "sitting", "supine"] | None = None
    age: Range = (20.0, 80.0)
    male: Share = Field(0.5)
    beta_blocker: Share = Field(0.0)
    variability: float = Field(1.0, ge=0.05, le=3)
    age_known: Share = Field(0.95)
    rates_known: Share = Field(0.3)
    fitness_mets: Range | None = None
    heart_rate_rest: Range | None = None
    respiration_rest: Range | None = None
    walking_speed: Range | None = None
    weight_kg: Range | None = None
    spo2_rest: Range | None = None
    glucose_rest: Range | None = None
    systolic_rest: Range | None = None
    diastolic_rest: Range | None = None
    replace_events: bool = False
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.count is not None and self.share is not None:
            raise ValueError("expected one of count and share, found both")
        if self.names not in NAMES and "{number}" not in self.names:
            raise ValueError(
                f"names: expected {', '.join(NAMES)}, or a pattern such as 'Bed {{number}}', "
                f"found {self.names!r}"
            )
        return self


class Sheet(Form):
    """A whole file; with `inherits`, only what differs."""

    title: str = ""
    says: str = ""
    inherits: str = ""
    participants: int | None = Field(None, ge=1, le=100_000)
    duration_s: Span | None = Field(None, alias="duration")
    repeat_s: Span | None = Field(None, alias="repeat")
    clock_s: Clock = Field(9 * 3600.0, alias="clock")
    course: str = ""
    places: dict[str, Place] = Field(default_factory=dict)
    sensors: dict[str, Annotated[dict[str, Reading], BeforeValidator(check_kit)]] = Field(
        default_factory=dict
    )
    groups: dict[str, Group] = Field(default_factory=dict)
    replace_events: bool = False
    events: tuple[Event, ...] = ()
    verdicts: dict[str, float] = Field(default_factory=dict)
