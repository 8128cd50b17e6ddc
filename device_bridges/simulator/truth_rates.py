"""Hearts that beat too fast or too slowly, beat by beat and by the meter (CLINICAL 3.7, 3.8)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.tables import V
from device_bridges.simulator.truth_person import HEARTBEAT, Condition, Person
from device_bridges.simulator.truth_rhythms import LONGEST_RR_S
from device_bridges.simulator.truth_spans import Episode, episodes, rolling_mean, within

RATE_MARGIN = 0.05  # share, default: a rate so close to its limit may count either way
EXTREME_SLOW, SLOW_BEATS = 40.0, 5  # /min, beats, CLINICAL 3.7 (CinC 2015)
EXTREME_FAST, FAST_BEATS = 140.0, 17  # /min, beats, CLINICAL 3.7 (CinC 2015)
ABOVE_MAX = 10.0  # /min above HRmax in effort, CLINICAL 3.7, default
SLOW, FAST, HELD_S = 45.0, 120.0, 60.0  # /min, /min, s, CLINICAL 3.7, default
HIGH_SHARE = 0.95  # of HRmax in effort, CLINICAL 3.7, default
SURE_S = 4.0  # s, default: beyond the minute, a meter may be a few beats behind

METER_OF, METER_SLOW_S, METER_SLOW_OF = 12, 1.2, 4  # beats, s, beats, CLINICAL 3.8 (Mindray)
BLANK_S, BLANK_RR = 3.0, 2.0  # s, mean RR, CLINICAL 3.8, default

ENTRY_S = 150.0  # s, default: effort is not known to be effort before (CLINICAL 3.9: 60 of 90 s)
CALM_S = 300.0  # s after effort, CLINICAL 3.7


def rate_conditions(person: Person) -> Iterator[Condition]:
    """Give extreme rates where beats are heard, and rates of the meter where any rate is."""
    if person.heard_by(("ecg", "rr")):
        yield from _extremely_slow(person)
        yield from _extremely_fast(person)
    if person.heard_by(HEARTBEAT):
        yield from _held(person)


def meter(person: Person) -> NDArray[np.float64]:
    """Give the rate that a faultless meter shows at each whole second, /min; NaN: blank."""
    at_s = np.arange(int(person.until_s) + 1, dtype=np.float64)
    if not len(person.r_s):
        return np.full(len(at_s), np.nan)
    rr_s = np.where(person.rr_s <= LONGEST_RR_S, person.rr_s, np.nan)
    mean_s = rolling_mean(rr_s, METER_OF)
    if len(rr_s) >= METER_OF:
        last = np.lib.stride_tricks.sliding_window_view(rr_s, METER_OF)
        trimmed = last.sum(axis=1) - last.min(axis=1) - last.max(axis=1)
        mean_s[METER_OF - 1 :] = trimmed / (METER_OF - 2)
    few = rolling_mean(rr_s, METER_SLOW_OF)
    slow = rolling_mean((rr_s > METER_SLOW_S).astype(np.float64), 3) == 1.0
    mean_s = np.where(slow | np.isnan(mean_s), few, mean_s)
    newest = np.searchsorted(person.r_s, at_s, "right") - 1
    since_s = at_s - person.r_s[np.maximum(newest, 0)]
    mean_s = mean_s[np.maximum(newest, 0)]
    shown = (newest >= 0) & (since_s <= np.maximum(BLANK_S, BLANK_RR * mean_s))
    return np.where(shown, 60.0 / mean_s, np.nan)


def _extremely_slow(person: Person) -> Iterator[Condition]:
    """Give spans of five beats in a row below 40/min."""
    n = SLOW_BEATS - 1
    if len(person.rr_s) <= n:
        return
    rr_s = np.where(person.rr_s <= LONGEST_RR_S, person.rr_s, np.nan)
    rate = 60.0 / rolling_mean(rr_s, n)
    # One long pause slows the mean as well: then it is true, but not beyond doubt.
    shortest = np.full(len(rr_s), np.nan)
    shortest[n - 1 :] = np.lib.stride_tricks.sliding_window_view(rr_s, n).min(axis=1)
    slowly = 60.0 / shortest < EXTREME_SLOW * (1.0 - RATE_MARGIN)
    margin = RATE_MARGIN * EXTREME_SLOW
    for found in episodes(person.r_s, EXTREME_SLOW - rate, margin, end_s=person.until_s):
        certain = found.certain and bool(slowly[found.first : found.stop].any())
        yield _of_beats(person, "extreme_bradycardia", found, n, rate, certain)


def _extremely_fast(person: Person) -> Iterator[Condition]:
    """Give spans of seventeen beats in a row above 140/min, or above HRmax + 10 in effort."""
    n = FAST_BEATS - 1
    if len(person.rr_s) <= n:
        return
    rr_s = np.where(person.rr_s <= LONGEST_RR_S, person.rr_s, np.nan)
    rate = 60.0 / rolling_mean(rr_s, n)
    high = max(EXTREME_FAST, person.rate_max + ABOVE_MAX)
    surely, maybe = _in_effort(person, person.r_s, after_s=0.0)
    recovering = _in_effort(person, person.r_s, after_s=CALM_S)[1]
    lenient = np.where(surely, high, EXTREME_FAST)  # the lower of the limits that may hold
    strict = np.where(maybe | recovering, high, EXTREME_FAST)
    margin = RATE_MARGIN * lenient
    beyond = rate - lenient
    for found in episodes(person.r_s, beyond, margin, end_s=person.until_s):
        inside = slice(found.first, found.stop)
        certain = bool((rate[inside] >= (1.0 + RATE_MARGIN) * strict[inside]).any())
        # In a ventricular run it merely follows.
        certain &= not bool((person.label[inside] == V).any())
        yield _of_beats(person, "extreme_tachycardia", found, n, rate, certain)


def _of_beats(
    person: Person,
    code: str,
    found: Episode,
    n: int,
    rate: NDArray[np.float64],
    certain: bool,
) -> Condition:
    """Give the condition of an episode of means of ``n`` intervals: it began with the first."""
    first = found.first - n
    onset_s = float(person.r_s[first]) if first >= 0 else float(person.r_s[0] - person.rr_s[0])
    return Condition(
        code, onset_s, found.offset_s, found.onset_s, certain,
        {"rate": float(rate[found.first])}, person.name_cause(found.first),
    )  # fmt: skip


def _in_effort(
    person: Person, at_s: NDArray[np.float64], *, after_s: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell of each time whether it is known to be in effort, and whether it may be.

    Parameters
    ----------
    after_s
        So long after the end it still counts.
    """
    everybody = np.full(len(at_s), person.who.event)
    surely = [(a + ENTRY_S, b + after_s) for a, b in person.efforts if b - a > ENTRY_S]
    maybe = [(a, b + after_s) for a, b in person.efforts]
    return everybody | within(at_s, surely), everybody | within(at_s, maybe)


def _held(person: Person) -> Iterator[Condition]:
    """Give spans in which the meter is beyond a limit for a minute."""
    rate = meter(person)
    at_s = np.arange(len(rate), dtype=np.float64)

    def spans(beyond: NDArray[np.float64], margin: float) -> list[Episode]:
        return episodes(at_s, beyond, margin, end_s=person.until_s, hold_s=HELD_S, extra_s=SURE_S)

    fibrillating = within(at_s, person.fibrillation)
    rate = np.where(fibrillating, np.nan, rate)

    for found in spans(SLOW - rate, RATE_MARGIN * SLOW):
        yield _of_meter("bradycardia", found, rate, found.certain)

    calm_surely, calm_maybe = _in_effort(person, at_s, after_s=CALM_S)
    resting = np.where(calm_surely, np.nan, rate)
    for found in spans(resting - FAST, RATE_MARGIN * FAST):
        doubt = bool(calm_maybe[found.first : int(found.met_s) + 1].any())
        yield _of_meter("tachycardia", found, rate, found.certain and not doubt)

    surely, maybe = _in_effort(person, at_s, after_s=0.0)
    limit = HIGH_SHARE * person.rate_max
    moving = np.where(maybe, rate, np.nan)
    for found in spans(moving - limit, RATE_MARGIN * limit):
        known_by = surely & within(at_s, person.efforts)
        doubt = not bool(known_by[found.first : int(found.met_s) + 1].all())
        yield _of_meter("effort_rate_high", found, rate, found.certain and not doubt)


def _of_meter(code: str, found: Episode, rate: NDArray[np.float64], certain: bool) -> Condition:
    values = {"rate": float(rate[min(int(found.met_s), len(rate) - 1)])}
    if np.isnan(values["rate"]):
        values = {}
    return Condition(code, found.onset_s, found.offset_s, found.met_s, certain, values)
