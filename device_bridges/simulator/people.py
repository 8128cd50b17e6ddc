"""Who is simulated: everybody drawn from a seed of their own, alike within a group.

A person follows from the seed of the run, the group and their number in it. Others, who come or go,
change nobody. The people and their names are fictitious.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from device_bridges.simulator.names import KOREAN_SHARE, english_name, korean_name
from device_bridges.simulator.shapes import BODIES
from device_bridges.simulator.sheet import Group
from device_bridges.simulator.tables import PERSON, SITTING, SUPINE, UPRIGHT
from registry.participants import Participant

POSTURES = {"upright": UPRIGHT, "sitting": SITTING, "supine": SUPINE}
BETA_BLOCKER_AGE = 60.0  # a, default: younger people are given none

# Columns of what is drawn for each person; new ones go to the end, or everybody changes.
_DRAWN = (
    "age", "male", "fitness", "maximum", "rest", "respiratory", "slow", "breath", "on", "off",
    "speed", "weight", "set_out", "along", "body", "gain", "noise", "wander", "pulse_gain", "delay",
    "oxygen", "glucose", "systolic", "diastolic", "skin", "family", "given", "language",
    "knows_age", "knows_rates", "beta_blocker",
)  # fmt: skip

Floats = NDArray[np.float64]


class Drawn:
    """The random numbers of some people of one group.

    Parameters
    ----------
    numbers
        int64 ``[n]``: which of the group, from 0.

    Attributes
    ----------
    seeds
        uint64 ``[n]``, of everything that is drawn later.
    """

    def __init__(self, seed: int, group: str, numbers: NDArray[np.int64]) -> None:
        self.numbers = numbers
        family = np.uint64(zlib.crc32(group.encode())) << np.uint64(32)
        self.seeds = np.empty(len(numbers), np.uint64)
        self._even = np.empty((len(numbers), len(_DRAWN)))
        key = np.array([seed % (1 << 64), 0], np.uint64)
        for r, number in enumerate(numbers.astype(np.uint64)):
            key[1] = family | number
            generator = np.random.Generator(np.random.Philox(key=key))
            self.seeds[r] = generator.integers(0, 1 << 64, dtype=np.uint64)
            self._even[r] = generator.random(len(_DRAWN))

    def even(self, name: str) -> Floats:
        """Give numbers of [0, 1), evenly distributed, float64 ``[n]``."""
        return self._even[:, _DRAWN.index(name)]

    def normal(self, name: str) -> Floats:
        """Give numbers with mean 0 and SD 1, float64 ``[n]``."""
        drawn: Floats = ndtri(np.clip(self.even(name), 1e-9, 1.0 - 1e-9))
        return drawn

    def pick(self, name: str, n: int) -> NDArray[np.int64]:
        """Give indices below n, int64 ``[n]``."""
        return (self.even(name) * n).astype(np.int64)

    def within(self, name: str, low_high: tuple[float, float]) -> Floats:
        return low_high[0] + (low_high[1] - low_high[0]) * self.even(name)


def draw_people(group: Group, drawn: Drawn, place: int) -> NDArray[Any]:
    """Give rows of dtype `PERSON` for people of a group, but for when they set out.

    Distributions without a source are defaults of this project: plausible, no claim.
    """
    n = len(drawn.seeds)
    people = np.zeros(n, PERSON)
    people["seed"] = drawn.seeds
    age = drawn.within("age", group.age)
    young = age - 20.0
    male = drawn.even("male") < group.male
    people["age_years"], people["male"] = age, male
    fit = drawn.normal("fitness")

    def trait(
        field: str,
        own: tuple[float, float] | None,
        usual: Floats,
        z: Floats,
        low: float,
        high: float,
    ) -> None:
        """Set a field as usual, or as the group has it: then spread over its range by z."""
        if own is None:
            people[field] = np.clip(usual, low, high)
        else:
            people[field] = own[0] + (own[1] - own[0]) * ndtr(z)

    # METs by age: men Morris 1993 (J Am Coll Cardiol 22:175), women Gulati 2005 (NEJM 353:468).
    mets = np.where(male, 14.7 - 0.11 * age, 14.7 - 0.13 * age) * np.exp(0.15 * fit)
    trait("fitness_mets", group.fitness_mets, mets, fit, 3.0, 18.0)
    _draw_rates(people, group, drawn, fit)
    rest = -0.5 * fit + np.sqrt(0.75) * drawn.normal("rest")  # the fit have slow hearts
    usual = 65.0 + 6.0 * rest - 6.0 * blocked(group, drawn, age)
    trait("rate_rest", group.heart_rate_rest, usual, rest, 52.0, 78.0)
    # Both so that LF, HF, RMSSD and SD2 of drawn people are those of nsrdb and gudb sitting.
    people["respiratory_share"] = _lognormal(0.045, 0.35, drawn.normal("respiratory"))
    people["respiratory_share"] *= np.exp(-0.021 * young)  # a third at 70 of what it is at 20
    people["respiratory_share"] = np.clip(people["respiratory_share"], 0.005, 0.12)
    people["slow_share"] = _lognormal(0.08, 0.3, drawn.normal("slow")) * np.exp(-0.01 * young)
    people["slow_share"] = np.clip(people["slow_share"], 0.005, 0.12)
    people["respiratory_share"] *= group.variability
    people["slow_share"] *= group.variability
    z = drawn.normal("breath")
    trait("breath_rest", group.respiration_rest, 15.0 + 1.8 * z, z, 10.0, 20.0)
    z = drawn.normal("speed")
    usual = 1.35 - 0.005 * np.maximum(age - 40.0, 0.0) + 0.1 * z
    trait("walking_speed", group.walking_speed, usual, z, 0.7, 1.8)
    z = drawn.normal("weight")
    usual = np.where(male, 73.0 + 10.0 * z, 58.0 + 8.0 * z)
    trait("weight_kg", group.weight_kg, usual, z, 40.0, 130.0)
    z = drawn.normal("oxygen")
    trait("spo2_rest", group.spo2_rest, 97.7 - 0.012 * young + 0.6 * z, z, 95.0, 99.5)
    z = drawn.normal("glucose")
    trait("glucose_base", group.glucose_rest, 92.0 + 6.0 * z, z, 78.0, 108.0)
    z = drawn.normal("systolic")
    trait("systolic_rest", group.systolic_rest, 108.0 + 0.4 * young + 8.0 * z, z, 90.0, 155.0)
    z = 0.6 * z + 0.8 * drawn.normal("diastolic")
    trait("diastolic_rest", group.diastolic_rest, 68.0 + 0.2 * young + 6.0 * z, z, 52.0, 95.0)
    _draw_signals(people, drawn, young)
    people["wave_start_s"] = np.nan
    people["place"] = place
    people["posture_after_stop"] = POSTURES[group.posture_after_stop or "upright"]
    return people


def blocked(group: Group, drawn: Drawn, age: Floats) -> NDArray[np.bool_]:
    """Tell who takes a beta-blocker."""
    takes: NDArray[np.bool_] = drawn.even("beta_blocker") < group.beta_blocker
    return takes & (age >= BETA_BLOCKER_AGE)


def participants(
    group: Group, name: str, drawn: Drawn, people: NDArray[Any], ids: Sequence[str]
) -> list[Participant]:
    """Give people as the registry knows them: of some, age or heart rates are not known."""
    takes = blocked(group, drawn, people["age_years"])
    knows_age = drawn.even("knows_age") < group.age_known
    knows_rates = drawn.even("knows_rates") < group.rates_known
    posture = None if group.posture_after_stop is None else POSTURES[group.posture_after_stop]
    return [
        Participant(
            id=ids[r],
            name=person_name,
            group=group.title or name,
            age_years=float(int(people["age_years"][r])) if knows_age[r] else None,
            heart_rate_max=round(float(people["rate_max"][r])) if knows_rates[r] else None,
            heart_rate_rest=round(float(people["rate_rest"][r])) if knows_rates[r] else None,
            event=group.event,
            posture=posture,
            beta_blocker=True if takes[r] else None,
            sensitive=group.sensitive,
            spo2_low=group.spo2_low,
        )
        for r, person_name in enumerate(_names(group, drawn, people))
    ]


def _lognormal(middle: float, spread: float, z: Floats) -> Floats:
    values: Floats = middle * np.exp(spread * z)
    return values


def _draw_rates(people: NDArray[Any], group: Group, drawn: Drawn, fit: Floats) -> None:
    """Draw the highest rate, and how quickly the heart follows effort and its end."""
    age = people["age_years"]
    highest = np.where(
        blocked(group, drawn, age),
        164.0 - 0.7 * age,  # to be confirmed: Brawner 2004, CLINICAL 3.9
        208.0 - 0.7 * age,  # Tanaka 2001, J Am Coll Cardiol 37:153; to be confirmed
    )
    people["rate_max"] = np.maximum(highest + 7.0 * np.clip(drawn.normal("maximum"), -2, 2), 100.0)
    on = _lognormal(35.0, 0.2, drawn.normal("on") - 0.75 * fit)
    off = _lognormal(62.0, 0.2, drawn.normal("off") - 1.0 * fit)
    people["tau_on_s"], people["tau_off_s"] = np.clip(on, 20, 60), np.clip(off, 40, 90)


def _draw_signals(people: NDArray[Any], drawn: Drawn, young: Floats) -> None:
    """Draw what somebody's signals look like."""
    people["body"] = drawn.pick("body", BODIES)
    people["ecg_gain"] = np.clip(_lognormal(1.0, 0.22, drawn.normal("gain")), 0.5, 1.8)
    # Of mitdb between beats, 15 to 50 Hz: 0.004 to 0.024 mV, median 0.0105; half of ours is there.
    people["ecg_noise_mv"] = np.clip(_lognormal(0.018, 0.45, drawn.normal("noise")), 0.006, 0.045)
    people["wander_mv"] = np.clip(_lognormal(0.05, 0.4, drawn.normal("wander")), 0.01, 0.15)
    people["ppg_gain"] = np.clip(_lognormal(1.0, 0.25, drawn.normal("pulse_gain")), 0.5, 2.0)
    delay_s = 0.24 - 0.0006 * young + 0.015 * drawn.normal("delay")  # vessels get stiff with age
    people["pulse_delay_s"] = np.clip(delay_s, 0.15, 0.3)
    people["skin_temperature"] = np.clip(33.2 + 0.6 * drawn.normal("skin"), 31.5, 34.8)


def _names(group: Group, drawn: Drawn, people: NDArray[Any]) -> list[str]:
    if "{number}" in group.names:
        return [group.names.format(number=number + 1) for number in drawn.numbers.tolist()]
    korean = drawn.even("language") < {"korean": 1.0, "english": 0.0}.get(group.names, KOREAN_SHARE)
    rows = zip(
        korean.tolist(),
        people["male"].astype(bool).tolist(),
        drawn.even("family").tolist(),
        drawn.even("given").tolist(),
        strict=True,
    )
    return [
        (korean_name if is_korean else english_name)(is_male, family, given)
        for is_korean, is_male, family, given in rows
    ]
