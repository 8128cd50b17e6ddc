"""The bodies of everybody, second by second: heart, breath, blood, movement, and the air around.

Heart rate follows effort by first-order kinetics; each stop of an effort begins a recovery that is
an exact exponential, so what a detector must find is known. Constants carry their sources; those
marked "default" are ours, chosen to look right.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inlined, inner
from processors.kernels.draw import gauss, uniform

# What of a script concerns the body; its own numbers, because compiled kernels are kept.
RATE, EFFORT, DESATURATION, APNOEA, MEAL, EXCURSION, PRESSURE, SMOKE, FEVER, ARREST = range(10)

SCRIPT = np.dtype(
    [
        ("code", np.int32),
        ("event", np.int32),  # row of the plan's events
        ("start_s", np.float64),
        ("end_s", np.float64),
        ("last_s", np.float64),  # from here on it has no effect any more
        ("ramp_s", np.float64),
        ("a", np.float64),
        ("b", np.float64),
        ("c", np.float64),
        ("d", np.float64),
    ],
    align=True,
)

# A person and where they are, as the kernel needs it.
TRAIT = np.dtype(
    [
        ("seed", np.uint64),
        ("phase", np.int64),  # s, spreads the knots of slow changes over people
        ("rate_rest", np.float64),
        ("reserve", np.float64),  # /min, maximum less rest
        ("tau_on_s", np.float64),
        ("tau_off_s", np.float64),
        ("breath_rest", np.float64),
        ("oxygen", np.float64),  # mL/kg/min, oxygen uptake at the maximum less that at rest
        ("zeal", np.float64),  # share of the reserve above which a walker goes more slowly
        ("walking_speed", np.float64),
        ("set_out_s", np.float64),  # infinite: never
        ("start_m", np.float64),
        ("spo2_rest", np.float64),
        ("desaturation", np.float64),  # points/s in apnoea
        ("circulation_s", np.float64),  # from lung to finger
        ("glucose_base", np.float64),
        ("systolic", np.float64),
        ("diastolic", np.float64),
        ("body_temperature", np.float64),
        ("skin_temperature", np.float64),
        ("latitude", np.float64),
        ("longitude", np.float64),
        ("altitude", np.float64),
        ("pm2_5", np.float64),
        ("coarse", np.float64),  # PM10 over PM2.5
        ("air_temperature", np.float64),
        ("humidity", np.float64),
        ("posture", np.int32),  # when nothing happens
        ("posture_after_stop", np.int32),
    ],
    align=True,
)

BODY = np.dtype(
    [
        ("rate", np.float64),  # by the kinetics, without the events that draw it
        ("asked", np.float64),  # share of the reserve
        ("target", np.float64),  # /min
        ("stop_s", np.float64),
        ("end_rate", np.float64),  # of the recovery: H = end + fall exp(-t / tau)
        ("fall", np.float64),
        ("tau_s", np.float64),
        ("pause_s", np.float64),  # a walker stays, or somebody cools down, until then
        ("down_s", np.float64),  # after an arrest: lies until then
        ("speed", np.float64),
        ("distance_m", np.float64),
        ("step_phase", np.float64),
        ("cadence", np.float64),
        ("breath_phase", np.float64),
        ("breath_rate", np.float64),
        ("exertion", np.float64),  # share of the reserve, as the breath follows it
        ("load", np.float64),  # ... as the pressure follows it
        ("heat", np.float64),  # ... as the warmth follows it
        ("debt", np.float64),  # points of saturation lost without breath
        ("flow", np.float64),  # 1 circulation, 0 none
        ("glucose", np.float64),
        ("glucose_per_s", np.float64),
        ("glucose_before", np.float64),  # by its usual course, at the knots before and after
        ("glucose_after", np.float64),
        ("skin_temperature", np.float64),
        ("first", np.int32),  # script rows that may have an effect: [first, next)
        ("next", np.int32),
        ("rest", np.int32),  # the next rest of the course
        ("n_stops", np.int32),
        ("marks", np.int32),  # of the newest stop: 2 both to come, 1 only that of 120 s, 0 none
        ("recovering", np.int8),
        ("cooling", np.int8),
        ("held", np.int8),  # glucose is away from its usual course
        ("arrived", np.int8),
    ],
    align=True,
)

# A stop of an effort, with the rates that CLINICAL 3.9 defines, without noise.
STOP = np.dtype(
    [
        ("slot", np.int32),
        ("event", np.int32),  # -1: a rest or the end of the course
        ("t0_s", np.float64),
        ("hr_peak", np.float64),
        ("hr60", np.float64),  # NaN: not yet, or effort had begun again
        ("hr120", np.float64),
        ("tau_s", np.float64),  # of the exponential; NaN: too little effort for one
        ("level", np.float64),  # share of the reserve asked for before the stop
    ],
    align=True,
)

# A course as the kernel needs it: a row each `step_m`.
GROUND = np.dtype(
    [
        ("latitude", np.float64),
        ("longitude", np.float64),
        ("altitude", np.float64),
        ("pace", np.float64),  # share of the walking speed, the slope included
        ("cost", np.float64),  # mL/kg of oxygen for each metre, above rest
        ("pm2_5", np.float64),
    ]
)

NO_PULSE, MOVING = 1, 2  # bits: what keeps devices from measuring

# What the script says of a second, places in an array. Of what is drawn to a value, the share of
# the usual one that is left (`..._KEEP`) and, in the next place, what is added to it.
LEVEL, ASKED, ASKED_SINCE, STOP_S, STOP_ROW, NO_BREATH, DEPRIVED, NO_FLOW, PULSELESS, DOWN = range(
    10
)
# Numbers of numpy: of a plain one, numba would make another copy of the functions that get it.
_PAIRS: Any = np.arange(10, 22, 2)
RATE_KEEP, SPO2_KEEP, SYSTOLIC_KEEP, DIASTOLIC_KEEP, FEVER_KEEP, SMOKE_KEEP = _PAIRS
GOAL, GOAL_REACH = 22, 23
SCRATCH = 24

UPRIGHT, SITTING, SUPINE = 0, 1, 2  # as in tables

# Slow changes: smooth curves through random knots, 2**shift s apart.
PER_MINUTE = 1 / 60  # 1/s
N_CURVES = 9
BREATH, PACE, FAST, VESSELS, OXYGEN, MOOD, DUST, SLOW, WEATHER = range(N_CURVES)
SHIFTS = (5, 5, 6, 6, 6, 8, 9, 9, 10)
PER_PERIOD = tuple(1.0 / (1 << shift) for shift in SHIFTS)
_STREAMS: Any = np.arange(200, 220)  # of random numbers
CURVES = _STREAMS[0]  # and those that follow
GLUCOSE_CURVE, MEAL_TIME, MEAL_RISE, MEAL_PEAK = _STREAMS[10:14]
CURVE_LIMIT = 2.5  # SD, default
MINUTE_SHIFT = 6  # glucose is computed each 64 s, and lies on a line between
PER_MINUTE_KNOT = 1 / (1 << MINUTE_SHIFT)
GLUCOSE_SHIFT: Any = np.int64(11)

# Heart.
SLOW_PER_S = 1 / 200  # default: what is left 3 min after a stop goes in many minutes
QUIET_PER_S = 1 / 30  # default
LEAST_RATE = 20.0  # /min, default
FREE_AFTER_S = 180.0  # s, default: so long a recovery is the exact exponential
RESIDUAL = 0.25  # share of the rise that is left then, default
LEAST_BELOW_REST = 5.0  # /min, default
LEAST_TAU_S, MOST_TAU_S = 10.0, 300.0  # s, CLINICAL 3.9
BEND_S = 120.0  # s, default: so long it takes until a recovery goes on towards rest
FEVER_RATE = 8.5  # /min per Cel, Karjalainen and Viitasalo 1986, Arch Intern Med 146:1169
FEVER_BREATH = 1.4  # /min per Cel, Jensen 2019, Acute Med 18(3)
WARM_CEL = 37.2  # Cel, default: above it is fever or effort
NIGHT_RATE, NIGHT_PRESSURE = 0.10, 0.12  # shares lower at night, default
# Breath.
BREATH_MAX = 45.0  # /min at the maximum, default
BREATH_ON, BREATH_OFF = 1 - math.exp(-1 / 40), 1 - math.exp(-1 / 60)  # of tau in s, default
# Pressure.
PRESSURE_PER_OXYGEN = 7.0 / 3.5  # mm[Hg] per mL/kg/min: 7 a MET (ACSM: 10 +- 2), default
PRESSURE_RISE = 75.0  # mm[Hg] at most, so that 122 at rest stays below 210 (CLINICAL 3.15)
LOAD_ON, LOAD_OFF = 1 - math.exp(-1 / 45), 1 - math.exp(-1 / 110)  # back in 5-7 min (3.15)
FLOW_ON, FLOW_OFF = 1 - math.exp(-1 / 3), 1 - math.exp(-1 / 4)  # default
STILL_SYSTOLIC, STILL_DIASTOLIC = 25.0, 18.0  # mm[Hg] without circulation, default
# Oxygen.
ALTITUDE_FREE_M, POINTS_PER_M = 500.0, 0.0012  # default
DEBT_MOST, DEBT_KEPT = 45.0, math.exp(-1 / 7)  # default: back within half a minute
# Warmth.
HEAT_STEP = 1 - math.exp(-1 / 1500)  # default
HEAT_CEL = 0.7  # Cel at the maximum, default: below the limit of fever
SKIN_STEP = 1 - math.exp(-1 / 300)  # default
DAILY_CEL = 0.3  # Cel, default: 36.4-37.2 with the spread over people
# Arrest.
FAINT_S, LAST_BREATH_S, RISE_AGAIN_S = 8.0, 20.0, 300.0  # default
PULSE_LOST_S, PULSE_BACK_S = 2.0, 3.0  # default
# Walking.
WALK_RATIO = 0.0065  # m per step/min: Sekiya and Nagasaki 1998, Gait Posture 7:225 (confirm)
SPEED_STEP = 0.4  # share of the way to a new speed in a second, default
STAY_AFTER_STOP_S = 180.0  # s that a walker stays after a planted stop, default
COOL_SPEED = 0.5  # share of the walking speed while cooling down, default
LEVEL_COST = 0.1  # mL/kg per m on level ground, ACSM walking equation
SITS_AFTER_S = 600.0  # s in the posture after a stop, default
FAST_OXYGEN = 0.8  # effort in motion from which a finger sensor fails, default
# Air.
LAPSE = 0.0065  # Cel/m, ICAO standard atmosphere
OUTDOOR_CEL = 4.0  # Cel, half of what a day swings, default
HUMIDITY_PER_CEL = -2.5  # %/Cel at one dew point, default
DUST_SHARE = 0.12  # SD of fine particles, share, default
SMOKE_ON_S, SMOKE_OFF_S = 15.0, 480.0  # s, default
SMOKE_COARSE = 1.2  # PM10 over PM2.5, default
# Glucose.
MEAL_LASTS_S = 18_000.0  # s; what is left then is nothing
MEAL_SHARPNESS = 2.5  # default: 4 % of the rise is left at 3 h for a peak at 50 min
DAY_S = 86_400.0
MEAL_AT_S = (27_000.0, 45_000.0, 66_600.0)  # 07:30, 12:30, 18:30
MEAL_JITTER_S = 1500.0  # default
GLUCOSE_DRIFT = 5.0  # mg/dL, SD, default


class World(NamedTuple):
    """What is the same for everybody: the course, the time of day."""

    ground: NDArray[Any]
    step_m: float
    rest_m: NDArray[np.float64]
    rest_s: NDArray[np.float64]
    clock_s: float
    meals: bool  # three a day
    day_at_start: float  # 1 at 17 h, -1 at 5 h


class Out(NamedTuple):
    """What is computed; rings of seconds, and the stops."""

    seconds: NDArray[Any]  # SECOND [n, kept]
    flags: NDArray[np.int8]  # [n, kept]
    steps: NDArray[np.float64]  # [n, kept for a minute]
    stops: NDArray[Any]  # STOP, from stop_offsets[slot] on
    stop_offsets: NDArray[np.int64]


@inner
def knot(seed: np.uint64, stream: int, number: int) -> float:
    """Give a knot of a slow change, SD about 1."""
    return float(max(-CURVE_LIMIT, min(CURVE_LIMIT, gauss(seed, stream, number))))


@inlined  # a fifth faster
def smooth(share: float) -> float:
    """Give how far between two knots: without corners."""
    return share * share * (3.0 - 2.0 * share)


@inner
def curve(seed: np.uint64, stream: int, shift: int, t_s: float) -> float:
    """Give a slow change at any time."""
    period = float(1 << shift)
    number = math.floor(t_s / period)
    before = knot(seed, stream, int(number))
    after = knot(seed, stream, int(number) + 1)
    return float(before + (after - before) * smooth(t_s / period - number))


@inner
def meal(since_s: float, peak_s: float) -> float:
    """Give the share of a meal's rise, so long after it began."""
    if since_s <= 0.0 or since_s >= MEAL_LASTS_S:
        return 0.0
    x = since_s / peak_s
    return float((x * math.exp(1.0 - x)) ** MEAL_SHARPNESS)


@inner
def usual_glucose(
    trait: Any, script: NDArray[Any], first: int, last: int, world: World, t_s: float
) -> float:
    """Give the glucose of drift and meals at any time, in mg/dL."""
    seed = trait.seed
    value = trait.glucose_base
    value += GLUCOSE_DRIFT * curve(seed, GLUCOSE_CURVE, GLUCOSE_SHIFT, t_s + trait.phase)
    for i in range(first, last):
        row = script[i]
        if row.start_s >= t_s:
            break
        if row.code == MEAL:
            peak_s = 2700.0 + 900.0 * uniform(seed, MEAL_PEAK, 1_000_000 + int(row.start_s))
            value += row.a * meal(t_s - row.start_s, peak_s)
    if world.meals:
        local_s = world.clock_s + t_s
        day = math.floor(local_s / DAY_S)
        for number in range(3 * day - 3, 3 * day + 3):
            at_s = (number // 3) * DAY_S + MEAL_AT_S[number % 3]
            if at_s - MEAL_JITTER_S >= local_s or at_s + MEAL_JITTER_S + MEAL_LASTS_S <= local_s:
                continue
            at_s += MEAL_JITTER_S * (2.0 * uniform(seed, MEAL_TIME, number) - 1.0)
            peak_s = 2700.0 + 900.0 * uniform(seed, MEAL_PEAK, number)
            rise = 25.0 + 40.0 * uniform(seed, MEAL_RISE, number)
            value += rise * meal(local_s - at_s, peak_s)
    return float(value)


@entry
def recovery(
    peak: float, rest: float, hrr60: float, tau_s: float, own_tau_s: float
) -> tuple[float, float, float]:
    """Give tau, fall and end of a recovery that loses ``hrr60`` in 60 s; NaN: as suits the person.

    The drop is kept before the time constant. With a drop alone, the end is the usual one and tau
    follows, from 10 to 300 s; with both, the end follows. Where that is below rest by more than 5
    /min, tau becomes shorter; only a drop larger than there is room for is cut.
    """
    usual = (1.0 - RESIDUAL) * (peak - rest)
    if np.isnan(hrr60):
        return own_tau_s if np.isnan(tau_s) else tau_s, usual, peak - usual
    tau = tau_s
    if np.isnan(tau):
        tau = LEAST_TAU_S
        if hrr60 < usual:
            tau = min(MOST_TAU_S, max(LEAST_TAU_S, -60.0 / math.log(1.0 - hrr60 / usual)))
    fall = hrr60 / (1.0 - math.exp(-60.0 / tau))
    room = peak - (rest - LEAST_BELOW_REST)
    if fall > room:
        fall, tau = room, LEAST_TAU_S
        if hrr60 < room * (1.0 - math.exp(-60.0 / LEAST_TAU_S)):
            tau = -60.0 / math.log(1.0 - hrr60 / room)
    return tau, fall, peak - fall


@inner
def median_rate(
    ring: NDArray[Any], from_s: float, to_s: float, sorted_: NDArray[np.float64]
) -> float:
    """Give the median rate of the whole seconds in ``[from_s, to_s]``, at most those kept."""
    n = 0
    for k in range(max(0, math.ceil(from_s)), math.floor(to_s) + 1):
        value = ring[k % len(ring)].rate
        i = n
        while i > 0 and sorted_[i - 1] > value:
            sorted_[i] = sorted_[i - 1]
            i -= 1
        sorted_[i] = value
        n += 1
    if n == 0:
        return float(np.nan)
    return float(0.5 * (sorted_[(n - 1) // 2] + sorted_[n // 2]))


@inner
def ramp(row: Any, t_s: float) -> float:
    """Give the weight of an event that comes and goes over its ramp."""
    weight = min((min(t_s, row.end_s) - row.start_s) / row.ramp_s, 1.0)
    if t_s > row.end_s:
        weight *= max(0.0, 1.0 - (t_s - row.end_s) / row.ramp_s)
    return float(weight)


@inner
def smoke_share(row: Any, t_s: float) -> float:
    """Give how much of its level smoke has reached or kept."""
    share = 1.0 - math.exp(-(min(t_s, row.end_s) - row.start_s) / SMOKE_ON_S)
    if t_s > row.end_s:
        share *= math.exp(-(t_s - row.end_s) / SMOKE_OFF_S)
    return float(share)


@inlined
def turn(trait: Any, k: int, knots: NDArray[np.float64], now: NDArray[np.float64]) -> None:
    """Give the slow changes of this second; a knot is drawn when it is reached."""
    for c in range(N_CURVES):
        inside = (k + trait.phase) & ((1 << SHIFTS[c]) - 1)
        if k == 0 or inside == 0:
            number = (k + trait.phase) >> SHIFTS[c]
            knots[c, 0] = knot(trait.seed, CURVES + c, number) if k == 0 else knots[c, 1]
            knots[c, 1] = knot(trait.seed, CURVES + c, number + 1)
        now[c] = knots[c, 0] + (knots[c, 1] - knots[c, 0]) * smooth(inside * PER_PERIOD[c])


@inner
def blend(said: NDArray[np.float64], keep: int, weight: float, value: float) -> None:
    """Let what is scripted next take its share of a value: ``keep`` of the usual one is left."""
    said[keep] *= 1.0 - weight
    said[keep + 1] += weight * (value - said[keep + 1])


@inlined
def read_script(
    trait: Any, script: NDArray[Any], last: int, t: float, body: Any, said: NDArray[np.float64]
) -> None:
    """Gather what the events ask of this second."""
    said[:] = 0.0
    said[STOP_S] = -1.0
    said[ASKED_SINCE] = t - 1.0
    for keep in (RATE_KEEP, SPO2_KEEP, SYSTOLIC_KEEP, DIASTOLIC_KEEP, FEVER_KEEP, SMOKE_KEEP):
        said[keep] = 1.0
    said[GOAL] = np.nan
    while body.next < last and script[body.next].start_s <= t:
        body.next += 1
    while body.first < body.next and script[body.first].last_s <= t:
        body.first += 1
    for i in range(body.first, body.next):
        row = script[i]
        if row.last_s <= t:
            continue
        on = t < row.end_s
        if row.code == EFFORT:
            if on:
                said[LEVEL] = max(said[LEVEL], row.a)
                said[ASKED_SINCE] = max(row.start_s, t - 1.0)
            elif t - 1.0 < row.end_s:
                said[STOP_S] = row.end_s
                said[STOP_ROW] = i
        elif row.code == RATE:
            blend(said, RATE_KEEP, ramp(row, t), row.a)
        elif row.code == DESATURATION:
            blend(said, SPO2_KEEP, ramp(row, t), row.a)
        elif row.code == PRESSURE:
            weight = ramp(row, t)
            blend(said, SYSTOLIC_KEEP, weight, row.a)
            blend(said, DIASTOLIC_KEEP, weight, row.b)
        elif row.code == FEVER:
            blend(said, FEVER_KEEP, ramp(row, t), row.a)
        elif row.code == SMOKE:
            blend(said, SMOKE_KEEP, smoke_share(row, t), row.a)
        elif row.code == EXCURSION:
            if on:
                said[GOAL] = row.a
                said[GOAL_REACH] = row.b / 60.0 * min(1.0, t - row.start_s)
                body.glucose_per_s = row.b / 60.0
        elif row.code in (APNOEA, ARREST):
            since_s, over_s = t - row.start_s, t - row.end_s
            if since_s >= trait.circulation_s and over_s < trait.circulation_s:
                said[DEPRIVED] = 1.0
            if row.code == APNOEA:
                if on:
                    said[NO_BREATH] = 1.0
                continue
            if since_s >= PULSE_LOST_S and over_s < PULSE_BACK_S:
                said[PULSELESS] = 1.0
            if on:
                said[NO_FLOW] = 1.0
                if since_s >= LAST_BREATH_S:
                    said[NO_BREATH] = 1.0
                if since_s >= FAINT_S:
                    body.down_s = row.end_s + RISE_AGAIN_S
    said[DOWN] = 1.0 if t < body.down_s else 0.0
    if said[DOWN] != 0.0:
        said[LEVEL] = 0.0
    if said[LEVEL] > 0.0 or said[DOWN] != 0.0:
        said[STOP_S] = -1.0


@inner
def follow_course(
    trait: Any, world: World, t: float, body: Any, said: NDArray[np.float64], to: Any
) -> tuple[float, float]:
    """Say where on the course a walker is, and stop them at rests and its end.

    Gives the share of the walking speed that the ground allows, and its cost.
    """
    last = len(world.ground) - 1
    underway = t >= trait.set_out_s and body.arrived == 0
    stops = False
    if underway and body.rest < len(world.rest_m) and body.distance_m >= world.rest_m[body.rest]:
        body.pause_s = max(body.pause_s, t + world.rest_s[body.rest])
        body.rest += 1
        stops = True
    if body.distance_m >= last * world.step_m:
        body.distance_m = last * world.step_m
        stops = stops or underway
        body.arrived = 1
    if stops and said[STOP_S] < 0.0 and said[LEVEL] == 0.0 and body.asked > 0.0:
        said[STOP_S] = t
        said[STOP_ROW] = -1.0
    along = body.distance_m / world.step_m
    i = min(int(along), last)
    here = world.ground[i]
    there = world.ground[min(i + 1, last)]
    share = along - i
    to.latitude = here.latitude + share * (there.latitude - here.latitude)
    to.longitude = here.longitude + share * (there.longitude - here.longitude)
    to.altitude = here.altitude + share * (there.altitude - here.altitude)
    to.pm2_5 = here.pm2_5 + share * (there.pm2_5 - here.pm2_5)
    return here.pace, here.cost


@inlined
def move(
    trait: Any,
    script: NDArray[Any],
    world: World,
    t: float,
    night: float,
    body: Any,
    said: NDArray[np.float64],
    now: NDArray[np.float64],
    to: Any,
) -> None:
    """Say where somebody is, how they move, and what that asks of the heart."""
    walker = trait.set_out_s < np.inf
    if t == 0.0:
        body.distance_m = trait.start_m
        body.pause_s = body.stop_s = body.down_s = -np.inf
        while body.rest < len(world.rest_m) and world.rest_m[body.rest] <= body.distance_m:
            body.rest += 1
    if not walker or (t > trait.set_out_s and body.arrived == 0):
        body.distance_m += body.speed
    body.step_phase += body.cadence * PER_MINUTE
    to.latitude, to.longitude, to.altitude = trait.latitude, trait.longitude, trait.altitude
    to.pm2_5 = trait.pm2_5
    pace, cost = 1.0, LEVEL_COST
    if said[STOP_S] >= 0.0:
        # Who walks a course stays for the recovery; others only move if there is no clear stop.
        body.cooling = 1 if script[int(said[STOP_ROW])].d == 0.0 else 0
        if walker or body.cooling != 0:
            body.pause_s = said[STOP_S] + STAY_AFTER_STOP_S
    if t >= body.pause_s or said[LEVEL] > 0.0 or said[DOWN] != 0.0:
        body.cooling = 0
    if walker:
        pace, cost = follow_course(trait, world, t, body, said, to)
    walks = walker and t >= trait.set_out_s and body.arrived == 0 and t >= body.pause_s
    wanted = 0.0
    if said[DOWN] != 0.0:
        wanted = 0.0
    elif walks:
        most = trait.zeal * trait.oxygen / (60.0 * cost)
        wanted = min(trait.walking_speed * pace, most)
        wanted *= 1.0 + 0.05 * now[PACE] + 0.06 * now[MOOD]
    elif said[LEVEL] > 0.0:
        wanted = trait.walking_speed * (0.75 + 0.3 * said[LEVEL]) * (1.0 + 0.04 * now[PACE])
    elif body.cooling != 0:
        wanted = COOL_SPEED * trait.walking_speed * (1.0 + 0.08 * now[PACE])
    body.speed += SPEED_STEP * (wanted - body.speed)
    if wanted == 0.0:
        body.speed = 0.0
    body.cadence = 0.0
    if body.speed > 0.1:
        body.cadence = math.sqrt(60.0 * body.speed / WALK_RATIO) * (1.0 + 0.015 * now[BREATH])
    walked = 0.0
    if wanted > 0.0:
        walked = 60.0 * min(body.speed, wanted) * cost / trait.oxygen
    said[ASKED] = said[LEVEL]
    to.effort = said[LEVEL] if said[LEVEL] > 0.0 else walked
    if walks and said[DOWN] == 0.0:
        said[ASKED] = to.effort = max(said[LEVEL], walked)
    to.posture = UPRIGHT
    if said[DOWN] != 0.0:
        to.posture = SUPINE
    elif body.speed == 0.0:
        if t - body.stop_s < SITS_AFTER_S or said[STOP_S] >= 0.0:
            to.posture = trait.posture_after_stop
        elif not walker:
            to.posture = SUPINE if night > 0.5 else trait.posture
    to.speed, to.cadence, to.step_phase = body.speed, body.cadence, body.step_phase
    to.distance_m = body.distance_m


@inlined
def take_air(
    trait: Any,
    world: World,
    day: float,
    body: Any,
    said: NDArray[np.float64],
    now: NDArray[np.float64],
    to: Any,
) -> None:
    """Say what the air is like, and how much oxygen comes of it."""
    pm2_5 = to.pm2_5 * (1.0 + DUST_SHARE * now[DUST])
    smoky = max(pm2_5 * said[SMOKE_KEEP] + said[SMOKE_KEEP + 1], pm2_5)
    to.pm2_5 = smoky
    to.pm10 = pm2_5 * trait.coarse + SMOKE_COARSE * (smoky - pm2_5)
    air = trait.air_temperature + 0.3 * now[WEATHER]
    if trait.set_out_s < np.inf:
        air += OUTDOOR_CEL * (day - world.day_at_start) - LAPSE * (to.altitude - trait.altitude)
    to.air_temperature = air
    humidity = trait.humidity + HUMIDITY_PER_CEL * (air - trait.air_temperature)
    to.humidity = max(5.0, min(100.0, humidity - now[WEATHER]))

    body.exertion += (BREATH_ON if to.effort > body.exertion else BREATH_OFF) * (
        to.effort - body.exertion
    )
    if said[DEPRIVED] != 0.0:
        body.debt = min(body.debt + trait.desaturation, DEBT_MOST)
    else:
        body.debt *= DEBT_KEPT
    spo2 = trait.spo2_rest - POINTS_PER_M * max(0.0, to.altitude - ALTITUDE_FREE_M)
    spo2 = min(spo2 - body.exertion + 0.4 * now[OXYGEN], 100.0) - body.debt
    to.spo2 = max(min(spo2 * said[SPO2_KEEP] + said[SPO2_KEEP + 1], spo2), 40.0)


@inlined
def keep_warm(
    trait: Any, t: float, day: float, body: Any, said: NDArray[np.float64], to: Any
) -> None:
    """Say how warm body and skin are."""
    body.heat += HEAT_STEP * (to.effort - body.heat)
    heat = min(body.heat, 1.0)
    usual = trait.body_temperature + DAILY_CEL * day + HEAT_CEL * heat
    to.body_temperature = usual * said[FEVER_KEEP] + said[FEVER_KEEP + 1]
    skin = trait.skin_temperature + 0.12 * (to.air_temperature - trait.air_temperature)
    skin += 1.2 * heat - 0.6 * body.exertion + 0.7 * (to.body_temperature - usual)
    if t == 0.0:
        body.skin_temperature = skin
    body.skin_temperature += SKIN_STEP * (skin - body.skin_temperature)
    to.skin_temperature = body.skin_temperature


@inlined
def digest(
    trait: Any,
    script: NDArray[Any],
    last: int,
    world: World,
    k: int,
    body: Any,
    said: NDArray[np.float64],
) -> None:
    """Say what the glucose is: on its usual course, or where an excursion takes it."""
    period = 1 << MINUTE_SHIFT
    inside = (k + trait.phase) & (period - 1)
    if k == 0 or inside == 0:
        if k == 0:
            body.glucose_after = usual_glucose(
                trait, script, body.first, last, world, float(k - inside)
            )
        body.glucose_before = body.glucose_after
        body.glucose_after = usual_glucose(
            trait, script, body.first, last, world, float(k - inside + period)
        )
    usual = body.glucose_before
    usual += (body.glucose_after - body.glucose_before) * (inside * PER_MINUTE_KNOT)
    if k == 0:
        body.glucose = usual
    if not np.isnan(said[GOAL]):
        body.held = 1
        reach = said[GOAL_REACH]
        body.glucose += max(-reach, min(reach, said[GOAL] - body.glucose))
    elif body.held != 0 and abs(usual - body.glucose) > body.glucose_per_s:
        body.glucose += math.copysign(body.glucose_per_s, usual - body.glucose)
    else:
        body.held = 0
        body.glucose = usual


@inlined
def beat(
    trait: Any,
    script: NDArray[Any],
    t: float,
    night: float,
    body: Any,
    said: NDArray[np.float64],
    now: NDArray[np.float64],
    to: Any,
) -> None:
    """Say the sinus rate: by the kinetics of effort, or along a recovery."""
    quiet = trait.rate_rest * (1.0 + 0.02 * now[FAST] + 0.025 * now[SLOW] - NIGHT_RATE * night)
    quiet += FEVER_RATE * max(0.0, to.body_temperature - WARM_CEL)
    quiet += min(10.0, 0.25 * max(0.0, 65.0 - body.glucose))
    quiet += min(12.0, 0.5 * max(0.0, 92.0 - to.spo2))
    if t == 0.0:
        body.rate = body.target = quiet
    if said[STOP_S] >= 0.0:
        tau = trait.tau_on_s if body.target > body.rate else trait.tau_off_s
        share = math.exp(-(said[STOP_S] - (t - 1.0)) / tau)
        peak = body.target + (body.rate - body.target) * share
        hrr60, tau = np.nan, np.nan
        if said[STOP_ROW] >= 0.0:
            row = script[int(said[STOP_ROW])]
            hrr60, tau = row.b, row.c
        body.tau_s, body.fall, body.end_rate = recovery(peak, quiet, hrr60, tau, trait.tau_off_s)
        body.recovering = 1 if body.fall > 0.0 else 0
        body.stop_s = said[STOP_S]
    body.target = quiet + said[ASKED] * trait.reserve
    if said[ASKED] > 0.0:
        body.recovering = 0
        tau = trait.tau_on_s if body.target > body.rate else trait.tau_off_s
        share = math.exp(-(t - said[ASKED_SINCE]) / tau)
        body.rate = body.target + (body.rate - body.target) * share
    elif body.recovering != 0 and t - body.stop_s <= FREE_AFTER_S:
        body.rate = body.end_rate + body.fall * math.exp(-(t - body.stop_s) / body.tau_s)
    else:
        body.recovering = 0
        per_s = QUIET_PER_S
        if body.rate > quiet + 2.0:
            bend = (t - body.stop_s - FREE_AFTER_S) / BEND_S
            per_s = SLOW_PER_S * min(1.0, max(0.0, bend))
        body.rate += (quiet - body.rate) * per_s
    to.rate = max(body.rate * said[RATE_KEEP] + said[RATE_KEEP + 1], LEAST_RATE)


@inlined
def circulate(
    trait: Any,
    t: float,
    night: float,
    body: Any,
    said: NDArray[np.float64],
    now: NDArray[np.float64],
    to: Any,
) -> None:
    """Say pressure and breath."""
    body.load += (LOAD_ON if to.effort > body.load else LOAD_OFF) * (to.effort - body.load)
    if t == 0.0:
        body.flow = 1.0
    body.flow += FLOW_OFF * -body.flow if said[NO_FLOW] != 0.0 else FLOW_ON * (1.0 - body.flow)
    rise = min(PRESSURE_PER_OXYGEN * trait.oxygen, PRESSURE_RISE)
    lower = 1.0 - NIGHT_PRESSURE * night
    systolic = trait.systolic * lower + 4.0 * now[VESSELS] + rise * body.load
    diastolic = trait.diastolic * lower + 2.5 * now[VESSELS] - 3.0 * body.load
    systolic = systolic * said[SYSTOLIC_KEEP] + said[SYSTOLIC_KEEP + 1]
    diastolic = diastolic * said[DIASTOLIC_KEEP] + said[DIASTOLIC_KEEP + 1]
    to.systolic = STILL_SYSTOLIC + (systolic - STILL_SYSTOLIC) * body.flow
    to.diastolic = STILL_DIASTOLIC + (diastolic - STILL_DIASTOLIC) * body.flow

    x = body.exertion
    body.breath_phase += body.breath_rate * PER_MINUTE
    breath = trait.breath_rest * (1.0 + 0.05 * now[BREATH])
    breath += x * math.sqrt(x) * (BREATH_MAX - trait.breath_rest) + 0.25 * body.debt
    breath += FEVER_BREATH * max(0.0, to.body_temperature - WARM_CEL)
    body.breath_rate = 0.0 if said[NO_BREATH] != 0.0 else min(breath, BREATH_MAX)
    to.breath_rate, to.breath_phase = body.breath_rate, body.breath_phase


@inner
def note_stops(
    script: NDArray[Any],
    slot: int,
    t: float,
    body: Any,
    said: NDArray[np.float64],
    ring: NDArray[Any],
    sorted_: NDArray[np.float64],
    out: Out,
) -> None:
    """Write down stops for the truth: medians of [t0 - 10, t0], [57, 63], [115, 125]; 3.9."""
    if said[ASKED] > 0.0:
        body.marks = 0
    if said[STOP_S] >= 0.0:
        stop = out.stops[out.stop_offsets[slot] + body.n_stops]
        body.n_stops += 1
        body.marks = 2
        stop.slot, stop.t0_s, stop.level = slot, said[STOP_S], body.asked
        stop.event = -1 if said[STOP_ROW] < 0.0 else script[int(said[STOP_ROW])].event
        stop.hr_peak = median_rate(ring, stop.t0_s - 10.0, stop.t0_s, sorted_)
        stop.hr60 = stop.hr120 = np.nan
        stop.tau_s = body.tau_s if body.recovering != 0 else np.nan
    elif body.marks != 0:
        stop = out.stops[out.stop_offsets[slot] + body.n_stops - 1]
        if body.marks == 2 and t >= stop.t0_s + 63.0:
            stop.hr60 = median_rate(ring, stop.t0_s + 57.0, stop.t0_s + 63.0, sorted_)
            body.marks = 1
        elif body.marks == 1 and t >= stop.t0_s + 125.0:
            stop.hr120 = median_rate(ring, stop.t0_s + 115.0, stop.t0_s + 125.0, sorted_)
            body.marks = 0


@entry
def live(
    traits: NDArray[Any],
    script: NDArray[Any],
    offsets: NDArray[np.int64],
    world: World,
    from_s: int,
    day: NDArray[np.float64],
    bodies: NDArray[Any],
    knots: NDArray[np.float64],
    scratch: NDArray[np.float64],
    out: Out,
) -> None:
    """Compute the seconds from ``from_s`` on for everybody, one for each value of ``day``.

    ``day`` is the cosine of the time of day, 1 at 17 h. The first second of all is 0: it sets
    everything up. ``scratch`` is float64 ``[3, SCRATCH]``.
    """
    said, now, sorted_ = scratch[0], scratch[1], scratch[2]
    kept, kept_steps = out.seconds.shape[1], out.steps.shape[1]
    for slot in range(len(traits)):
        trait, body, ring, last = traits[slot], bodies[slot], out.seconds[slot], offsets[slot + 1]
        if from_s == 0:
            body.first = body.next = offsets[slot]
        column, step_column = from_s % kept, from_s % kept_steps
        for i in range(len(day)):
            k = from_s + i
            t, night = float(k), max(0.0, -day[i])
            to = ring[column]
            turn(trait, k, knots[slot], now)
            read_script(trait, script, last, t, body, said)
            move(trait, script, world, t, night, body, said, now, to)
            take_air(trait, world, day[i], body, said, now, to)
            keep_warm(trait, t, day[i], body, said, to)
            digest(trait, script, last, world, k, body, said)
            beat(trait, script, t, night, body, said, now, to)
            circulate(trait, t, night, body, said, now, to)
            to.glucose = body.glucose
            flags = NO_PULSE if said[PULSELESS] != 0.0 else 0
            if body.speed > 0.0 and to.effort >= FAST_OXYGEN:
                flags |= MOVING
            out.flags[slot, column] = flags
            out.steps[slot, step_column] = body.step_phase
            if body.marks != 0 or said[STOP_S] >= 0.0:
                note_stops(script, slot, t, body, said, ring, sorted_, out)
            body.asked = said[ASKED]
            column = column + 1 if column + 1 < kept else 0
            step_column = step_column + 1 if step_column + 1 < kept_steps else 0


@entry
def remember(
    traits: NDArray[Any],
    script: NDArray[Any],
    offsets: NDArray[np.int64],
    world: World,
    slots: NDArray[np.int64],
    t_s: NDArray[np.float64],
    glucose: NDArray[np.float64],
    pm2_5: NDArray[np.float64],
) -> None:
    """Give the glucose and fine particles of people at times before the start, one of each."""
    period = float(1 << MINUTE_SHIFT)
    for i in range(len(slots)):
        slot = slots[i]
        trait = traits[slot]
        since_s = t_s[i] + trait.phase
        before_s = math.floor(since_s / period) * period - trait.phase
        before = usual_glucose(trait, script, offsets[slot], offsets[slot + 1], world, before_s)
        after = usual_glucose(
            trait, script, offsets[slot], offsets[slot + 1], world, before_s + period
        )
        glucose[i] = before + (after - before) * ((t_s[i] - before_s) / period)
        dust = curve(trait.seed, CURVES + DUST, SHIFTS[DUST], since_s)
        pm2_5[i] = trait.pm2_5 * (1.0 + DUST_SHARE * dust)
