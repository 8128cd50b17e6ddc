"""Bodies follow the script, by the laws they cite; how a run is cut and who else is there do not
matter.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.simulator.bodies import Bodies
from device_bridges.simulator.instruments import CLIMBING, SIGNALS, STILL, WALKING
from device_bridges.simulator.kernels.body import LEAST_BELOW_REST, recovery
from device_bridges.simulator.tables import SECOND, SECONDS_KEPT, SITTING, SUPINE, UPRIGHT
from tests.device_bridges.simulator.plans import event, hill, make_plan

HOUR_S = 3600.0


def lived(plan, n_s):
    """Give the bodies after so many seconds, and all their seconds."""
    bodies = Bodies(plan)
    seconds = np.zeros((plan.n, n_s), SECOND)
    for k in range(n_s):
        bodies.until(k)
        seconds[:, k] = bodies.seconds[:, k % SECONDS_KEPT]
    return bodies, seconds


def one(slot, plan):
    """Give the plan of one of its people alone."""
    first, stop = plan.event_offsets[slot : slot + 2]
    events = plan.events[first:stop].copy()
    events["slot"] = 0
    return replace(
        plan,
        people=plan.people[[slot]],
        participants=plan.participants[slot : slot + 1],
        events=events,
        event_offsets=np.array([0, len(events)]),
    )


def eventful(n=8):
    """Give people to whom everything happens within ten minutes; some of them walk."""
    events = []
    for slot in range(n):
        at_s = 20.25 * (slot % 3)
        events += [
            event("effort", 30 + at_s, 130.5 + at_s, slot=slot, hrr60=20.0 + slot, marker=slot % 3),
            event("apnoea", 200 + at_s, 240, slot=slot),
            event("rate", 250, 300 + at_s, slot=slot),
            event("desaturation", 260, 320.75, slot=slot),
            event("glucose_excursion", 100, 400.5, slot=slot, level=300.0, per_min=8.0),
            event("meal", 10.5 + at_s, slot=slot),
            event("pressure", 300.5, 350, slot=slot),
            event("smoke", 100 + at_s, 200, slot=slot),
            event("fever", 50, 500, slot=slot),
            event("vf" if slot % 2 else "asystole", 420, 450, slot=slot),
            event("pvc", 5, slot=slot),
        ]
    walks = np.where(np.arange(n) % 4 == 3, 15.5, math.nan)
    course = hill(900.0, rests=((60.0, 30.0), (250.0, 70.0)))
    return make_plan(n, events, wave_start_s=walks, course=course, duration_s=3 * HOUR_S)


# What must not matter.


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=12))
def test_how_a_run_is_cut_does_not_matter(cuts):
    plan = eventful(4)
    whole, pieces = Bodies(plan), Bodies(plan)
    whole.until(600)
    for second in [*cuts, 600]:
        pieces.until(second)
    assert pieces.newest == whole.newest
    assert np.array_equal(whole.seconds, pieces.seconds)
    assert whole.efforts().tobytes() == pieces.efforts().tobytes()


def test_nobody_depends_on_who_else_is_there():
    plan = eventful()
    _, together = lived(plan, 600)
    for slot in range(plan.n):
        _, alone = lived(one(slot, plan), 600)
        assert np.array_equal(together[slot], alone[0])


def test_two_people_are_not_alike():
    _, seconds = lived(make_plan(2), 300)
    for name in ("rate", "breath_rate", "spo2", "glucose", "systolic", "pm2_5"):
        assert not np.allclose(seconds[name][0], seconds[name][1], rtol=1e-3)


def test_all_values_stay_within_what_signals_allow():
    _, seconds = lived(eventful(), 900)
    limits = {"rate": (20, 230), "breath_rate": (0, 80), "spo2": (40, 100), "glucose": (20, 600),
              "systolic": (20, 280), "diastolic": (10, 200), "body_temperature": (30, 43),
              "skin_temperature": (15, 45), "pm2_5": (0, 1000), "pm10": (0, 2000),
              "humidity": (0, 100), "speed": (0, 3), "cadence": (0, 200)}  # fmt: skip
    for name, (low, high) in limits.items():
        assert seconds[name].min() >= low, name
        assert seconds[name].max() <= high, name
    assert all(np.isfinite(seconds[name]).all() for name in SECOND.names)


# Effort and recovery.


def test_the_drop_and_tau_of_a_recovery_are_those_planted():
    hrr60, tau = 27.0, 75.0
    plan = make_plan(1, [event("effort", 60, 400, level=0.85, hrr60=hrr60, tau=tau)])
    bodies, seconds = lived(plan, 600)
    rate = seconds["rate"][0]
    assert rate[400] - rate[460] == pytest.approx(hrr60, abs=1e-9)
    fall = hrr60 / (1 - math.exp(-60 / tau))
    t = np.arange(180)
    assert np.allclose(rate[400:580], rate[400] - fall * (1 - np.exp(-t / tau)), atol=1e-9)
    assert bodies.efforts()["tau_s"] == pytest.approx(tau)


@pytest.mark.parametrize("end_s", [300.0, 300.25, 300.999])
def test_a_stop_between_seconds_is_exact(end_s):
    plan = make_plan(1, [event("effort", 60, end_s, level=0.9, hrr60=30.0, tau=60.0)])
    _, seconds = lived(plan, 420)
    rate = seconds["rate"][0]
    k = np.array([310, 330, 360, 400])
    fall = 30.0 / (1 - math.exp(-1))
    peak = rate[310] + fall * (1 - math.exp(-(310 - end_s) / 60))
    assert np.allclose(rate[k], peak - fall * (1 - np.exp(-(k - end_s) / 60)), atol=1e-9)
    assert rate[math.floor(end_s) - 1] == pytest.approx(peak, abs=0.5)


def test_the_stops_are_told_by_the_medians_of_the_definitions():
    events = [event("effort", 60, 300.5, hrr60=25.0), event("effort", 700, 900, level=0.7)]
    bodies, seconds = lived(make_plan(1, events), 1100)
    stops = bodies.efforts()
    assert stops["event"].tolist() == [0, 1]
    assert np.allclose(stops["level"], [0.8, 0.7])
    second = np.arange(1100)
    for stop in stops:
        for name, low, high in (("hr_peak", -10, 0), ("hr60", 57, 63), ("hr120", 115, 125)):
            window = (second >= stop["t0_s"] + low) & (second <= stop["t0_s"] + high)
            assert stop[name] == pytest.approx(np.median(seconds["rate"][0, window]), abs=1e-12)


def test_marks_are_unknown_until_their_time_and_where_effort_begins_again():
    events = [event("effort", 60, 300), event("effort", 390, 600)]
    bodies = Bodies(make_plan(1, events))
    for second, known in ((300, [False, False]), (362, [False, False]), (363, [True, False])):
        bodies.until(second)
        stop = bodies.efforts()[0]
        assert [np.isfinite(stop["hr60"]), np.isfinite(stop["hr120"])] == known
    bodies.until(1000)
    first, second = bodies.efforts()
    assert np.isfinite(first["hr60"])
    assert np.isnan(first["hr120"])
    assert np.isfinite(second["hr120"])


@given(
    peak=st.floats(90, 210),
    rest=st.floats(40, 90),
    hrr60=st.one_of(st.just(math.nan), st.floats(2, 80)),
    tau=st.one_of(st.just(math.nan), st.floats(10, 300)),
)
def test_a_recovery_keeps_its_drop_and_never_ends_far_below_rest(peak, rest, hrr60, tau):
    tau_s, fall, end = recovery(peak, rest, hrr60, tau, 60.0)
    room = peak - (rest - LEAST_BELOW_REST)
    assert end >= rest - LEAST_BELOW_REST - 1e-9 or peak <= rest
    assert 10.0 - 1e-9 <= tau_s <= 300.0
    assert end == pytest.approx(peak - fall)
    if not math.isnan(hrr60) and room > 0:
        possible = min(hrr60, room * (1 - math.exp(-6.0)))
        assert fall * (1 - math.exp(-60 / tau_s)) == pytest.approx(possible, rel=1e-6)


def test_heart_rate_follows_effort_with_its_time_constant():
    plan = make_plan(1, [event("effort", 60, 600, level=0.6)], tau_on_s=40.0)
    _, seconds = lived(plan, 600)
    rate, person = seconds["rate"][0], plan.people[0]
    full = person["rate_rest"] + 0.6 * (person["rate_max"] - person["rate_rest"])
    assert rate[590] == pytest.approx(full, rel=0.08)
    share = (rate[100] - rate[60]) / (full - rate[60])
    assert share == pytest.approx(1 - math.exp(-1), abs=0.05)


@pytest.mark.parametrize(("marker", "posture"), [(1, SITTING), (2, SUPINE)])
def test_a_clear_stop_ends_movement_within_two_seconds(marker, posture):
    effort = event("effort", 60, 200.5, marker=marker)
    _, seconds = lived(make_plan(1, [effort], posture_after_stop=posture), 400)
    one = seconds[0]
    assert (one["cadence"][65:200] > 60).all()
    assert (one["posture"][65:200] == UPRIGHT).all()
    assert (one["speed"][202:] == 0).all()
    assert (one["cadence"][202:] == 0).all()
    assert (one["posture"][202:] == posture).all()


def test_without_a_clear_stop_people_cool_down_walking():
    _, seconds = lived(make_plan(1, [event("effort", 60, 200, marker=0)]), 500)
    one = seconds[0]
    assert (one["cadence"][200:375] > 40).all()
    assert (one["effort"][210:375] < 0.3).all()
    assert (one["speed"][385:] == 0).all()


def test_phases_are_the_sums_of_their_rates():
    _, seconds = lived(eventful(), 600)
    for phase, rate in (("step_phase", "cadence"), ("breath_phase", "breath_rate")):
        assert np.allclose(np.diff(seconds[phase]), seconds[rate][:, :-1] / 60)


# The course.


def walk(n_s=3000, **person):
    course = hill(1500.0, 0.2, rests=((100.0, 40.0), (700.0, 240.0)))
    return lived(make_plan(1, course=course, wave_start_s=50.0, **person), n_s)


def test_walkers_wait_for_their_wave_and_rest_where_the_course_says():
    bodies, seconds = walk()
    one = seconds[0]
    assert (one["speed"][:50] == 0).all()
    assert (one["distance_m"][:50] == 0).all()
    still = np.flatnonzero((one["speed"] == 0) & (np.arange(3000) > 60))
    runs = np.split(still, np.flatnonzero(np.diff(still) > 1) + 1)
    assert [len(run) for run in runs[:2]] == [40, 240]
    assert np.allclose([one["distance_m"][run[0]] for run in runs[:2]], [100, 700], atol=2)
    assert one["distance_m"][-1] == 1500
    stops = bodies.efforts()
    assert stops["event"].tolist() == [-1, -1, -1]
    assert stops["t0_s"].tolist() == [float(run[0]) for run in runs]
    assert np.isnan(stops["hr60"][0])
    assert (stops["hr_peak"] - stops["hr120"])[1] > 15


def test_distance_is_the_sum_of_speed_and_places_follow_it():
    _, seconds = walk()
    one = seconds[0]
    moving = one["distance_m"] < 1498
    steps = np.diff(one["distance_m"][moving])
    assert np.allclose(steps, one["speed"][moving][:-1])
    course = hill(1500.0, 0.2)
    at_m = 5.0 * np.arange(len(course.altitude))
    for name in ("altitude", "latitude"):
        expected = np.interp(one["distance_m"], at_m, getattr(course, name))
        assert np.allclose(one[name], expected)


def test_slopes_slow_walkers_as_tobler_says():
    _, seconds = walk(fitness_mets=20.0)
    one = seconds[0]
    level = one["speed"][(one["distance_m"] > 110) & (one["distance_m"] < 148)]
    up = one["speed"][(one["distance_m"] > 200) & (one["distance_m"] < 690)]
    assert np.median(up) / np.median(level) == pytest.approx(math.exp(-3.5 * 0.2), rel=0.15)


def test_effort_is_the_oxygen_of_the_walking_equation():
    _, seconds = walk(fitness_mets=12.0)
    one = seconds[0]
    up = (one["distance_m"] > 200) & (one["distance_m"] < 690)
    m_per_min = 60 * one["speed"][up]
    oxygen = 0.1 * m_per_min + 1.8 * m_per_min * 0.2
    assert np.allclose(one["effort"][up], oxygen / (3.5 * 11), rtol=0.02, atol=0.01)


def test_the_unfit_go_more_slowly_rather_than_beyond_themselves():
    _, seconds = walk(fitness_mets=5.0)
    assert 0.5 < np.quantile(seconds["effort"], 0.8) < 1.0
    assert seconds["effort"].max() < 1.05


def test_a_planted_stop_on_the_course_is_rested():
    plan = make_plan(1, [event("effort", 300, 420, hrr60=22.0)], course=hill(), wave_start_s=0.0)
    bodies, seconds = lived(plan, 800)
    one = seconds[0]
    assert (one["speed"][421:600] == 0).all()
    assert (one["speed"][605:700] > 0.2).all()
    assert one["rate"][420] - one["rate"][480] == pytest.approx(22.0)
    assert bodies.efforts()["event"].tolist() == [0]


# Blood, breath, warmth, air.


def test_oxygen_falls_after_breath_and_comes_back():
    _, seconds = lived(make_plan(4, [event("apnoea", 100, 150, slot=k) for k in range(4)]), 300)
    assert (seconds["breath_rate"][:, 100:150] == 0).all()
    assert (np.diff(seconds["breath_phase"][:, 100:150]) == 0).all()
    before = seconds["spo2"][:, 80:115]
    assert before.min() > 96
    lowest = seconds["spo2"][:, 100:200].min(axis=1)
    assert ((lowest > 60) & (lowest < 90)).all()
    assert (seconds["spo2"][:, 240:] > 95).all()


def test_a_desaturation_reaches_its_nadir_and_ends():
    plan = make_plan(1, [event("desaturation", 100, 200, nadir=81.0, ramp=20.0)])
    _, seconds = lived(plan, 260)
    spo2 = seconds["spo2"][0]
    assert np.allclose(spo2[120:200], 81.0)
    assert spo2[110] == pytest.approx(0.5 * (97.5 + 81), abs=1.0)
    assert (spo2[221:] > 95.5).all()


def test_an_arrest_stops_pressure_pulse_breath_and_movement():
    events = [event("effort", 60, 300), event("vf", 200, 260)]
    bodies, seconds = lived(make_plan(1, events), 255)
    one = seconds[0]
    assert (one["systolic"][220:255] < 30).all()
    assert (one["breath_rate"][221:255] == 0).all()
    assert (one["speed"][209:255] == 0).all()
    assert (one["posture"][209:255] == SUPINE).all()
    assert not len(bodies.efforts())
    at = np.array([250.0])
    for signal in ("spo2", "blood_pressure", "respiration"):
        assert np.isnan(bodies.slow(np.array([0]), signal, at)).all()


def test_sinus_rate_is_drawn_to_the_rate_and_let_go():
    _, seconds = lived(make_plan(1, [event("rate", 100, 200, rate=38.0, ramp=10.0)]), 260)
    rate = seconds["rate"][0]
    assert np.allclose(rate[110:200], 38.0)
    assert rate[99] > 58
    assert (rate[211:] > 58).all()


def test_fever_makes_heart_and_breath_faster():
    plan = make_plan(1, [event("fever", 60, 2000, temperature=39.5)])
    _, seconds = lived(plan, 1900)
    one = seconds[0]
    assert np.allclose(one["body_temperature"][600:], 39.5)
    assert one["rate"][1500:].mean() - one["rate"][:60].mean() == pytest.approx(19.5, abs=3.5)
    assert one["breath_rate"][1500:].mean() > one["breath_rate"][:60].mean() + 1.5


def test_pressure_is_as_scripted_and_rises_with_effort():
    events = [event("pressure", 100, 200), event("effort", 400, 800)]
    _, seconds = lived(make_plan(1, events), 1400)
    one = seconds[0]
    assert np.allclose(one["systolic"][125:200], 190.0)
    assert np.allclose(one["diastolic"][125:200], 105.0)
    rest, effort = one["systolic"][300:400].mean(), one["systolic"][750:800].mean()
    assert 25 < effort - rest < 75
    assert one["systolic"][1200:].mean() == pytest.approx(rest, abs=6)


def test_smoke_rises_within_a_minute_and_decays():
    plan = make_plan(1, [event("smoke", 60, 600, pm2_5=200.0)])
    _, seconds = lived(plan, 3600)
    pm2_5 = seconds["pm2_5"][0]
    assert pm2_5[59] < 40
    assert np.allclose(pm2_5[130:600], 200.0, rtol=0.02)
    assert 80 < pm2_5[960] < 130
    assert pm2_5[3500] < 40
    assert (seconds["pm10"] > seconds["pm2_5"]).all()


def test_air_gets_cooler_with_height():
    _, seconds = walk()
    one = seconds[0]
    top, foot = one["altitude"].argmax(), 40
    lapse = (one["air_temperature"][foot] - one["air_temperature"][top]) / 120.0
    assert lapse == pytest.approx(0.0065, abs=0.012)
    assert one["pm2_5"][-1] < one["pm2_5"][0]


def test_temperature_of_the_body_is_usual_at_all_hours():
    for clock_s in (5 * HOUR_S, 17 * HOUR_S):
        _, seconds = lived(make_plan(20, clock_s=clock_s), 2)
        assert ((seconds["body_temperature"] > 36.39) & (seconds["body_temperature"] < 37.21)).all()


# Glucose.


def test_an_excursion_goes_stays_and_returns_at_its_pace():
    plan = make_plan(1, [event("glucose_excursion", 60, 3000, level=50.0, per_min=2.5)])
    _, seconds = lived(plan, 5400)
    glucose = seconds["glucose"][0]
    assert np.abs(np.diff(glucose[60:4800])).max() <= 2.5 / 60 + 1e-9
    reached = 60 + round(60 * (glucose[60] - 50) / 2.5) + 1
    assert (glucose[: reached - 3] > 50).all()
    assert np.allclose(glucose[reached:3000], 50.0)
    assert abs(glucose[-1] - 95) < 20


def test_a_meal_peaks_within_an_hour_and_is_gone_after_three():
    plan = make_plan(6, [event("meal", 600.5, slot=k, rise=70.0) for k in range(6)])
    without = make_plan(6)
    risen = lived(plan, 13_000)[1]["glucose"] - lived(without, 13_000)[1]["glucose"]
    assert np.allclose(risen.max(axis=1), 70.0, atol=0.2)
    assert ((risen.argmax(axis=1) > 600 + 2700 - 64) & (risen.argmax(axis=1) < 600 + 3664)).all()
    assert (risen[:, 600 + 3 * 3600] < 11).all()
    assert (risen[:, :600] < 0.01).all()  # on lines between minutes


def test_a_long_day_has_three_meals_and_a_short_test_none():
    day = Bodies(make_plan(1, clock_s=0.0, duration_s=math.inf))
    glucose = []
    for k in range(0, 86_400, 60):
        day.until(k)
        glucose.append(day.seconds["glucose"][0, k % SECONDS_KEPT])
    glucose = np.array(glucose).reshape(24, 60)
    after_meals = glucose[[8, 13, 19]].max(axis=1)
    assert (after_meals > glucose[:6].max() + 8).all()
    _, short = lived(make_plan(1, clock_s=7.4 * HOUR_S, duration_s=7000.0), 5000)
    assert np.ptp(short["glucose"][0]) < 25


def test_history_goes_on_into_the_present():
    plan = make_plan(5, clock_s=9 * HOUR_S, duration_s=86_400.0)
    bodies = Bodies(plan)
    bodies.until(0)
    slots = np.arange(5)
    for signal in ("glucose", "pm2_5", "pm10"):
        past = bodies.history(slots, signal, np.full(5, -1e-9))
        assert np.allclose(past, bodies.slow(slots, signal, np.zeros(5)), rtol=0.3, atol=2)
    # Breakfast at half past seven lies in the past already.
    ago_s = -60.0 * np.arange(120, 0, -1)
    past = bodies.history(np.zeros(120, np.int64), "glucose", ago_s)[:, 0]
    assert np.ptp(past) > 15
    assert np.abs(np.diff(past)).max() < 12
    with pytest.raises(LookupError, match="remember"):
        bodies.history(slots, "spo2", np.full(5, -1.0))


# Devices.


def test_devices_show_what_they_can_resolve():
    n, t_s = 60, 200.0
    bodies = Bodies(make_plan(n))
    bodies.until(210)
    slots, at = np.arange(n), np.full(n, t_s)
    now = bodies.seconds[:, 200 % SECONDS_KEPT]
    for signal, step, near in (("spo2", 1, 2), ("glucose", 1, 12), ("skin_temperature", 0.1, 0.4),
                               ("body_temperature", 0.1, 0.4), ("altitude", 0.1, 12),
                               ("pm2_5", 1, 6), ("humidity", 1, 4)):  # fmt: skip
        values = bodies.slow(slots, signal, at)
        assert values.shape == (n, 1)
        assert np.allclose(values / step, np.rint(values / step))
        assert np.abs(values[:, 0] - now[signal]).max() < near
        assert np.ptp(values - now[signal][:, None]) > 0
    pressure = bodies.slow(slots, "blood_pressure", at)
    assert pressure.shape == (n, 4)
    assert np.abs(pressure[:, 0] - now["systolic"]).max() < 12
    third = pressure[:, 1] + (pressure[:, 0] - pressure[:, 1]) / 3
    assert np.allclose(pressure[:, 2], third, atol=0.51)


def test_a_reading_is_the_same_whoever_else_is_read():
    bodies = Bodies(make_plan(10))
    bodies.until(50)
    for signal in SIGNALS:
        every = bodies.slow(np.arange(10), signal, np.full(10, 49.25))
        some = bodies.slow(np.array([7, 2]), signal, np.array([49.25, 49.25]))
        assert np.array_equal(every[[7, 2]], some, equal_nan=True)


def test_positions_are_off_by_metres():
    bodies, seconds = lived(make_plan(50), 100)
    measured = bodies.slow(np.arange(50), "position", np.full(50, 99.0))
    north_m = 111_320 * (measured[:, 0] - seconds["latitude"][:, 99])
    assert 1.0 < north_m.std() < 5.0
    assert np.abs(north_m).max() < 15


def test_steps_and_activity_tell_how_people_move():
    events = [event("effort", 60, 200, level=0.9, slot=0), event("effort", 60, 200, level=0.3)]
    events[1]["slot"] = 1
    bodies, seconds = lived(make_plan(3, events), 190)
    slots, at = np.arange(3), np.full(3, 185.0)
    assert bodies.slow(slots, "activity", at)[:, 0].tolist() == [CLIMBING, WALKING, STILL]
    steps = bodies.slow(slots, "steps", at)[:, 0]
    assert np.allclose(steps, seconds["cadence"][:, 125:185].mean(axis=1), atol=1.5)


def test_oximeters_and_cuffs_fail_in_hard_effort():
    bodies = Bodies(make_plan(2, [event("effort", 10, 100, level=0.9)]))
    bodies.until(60)
    for signal in ("spo2", "blood_pressure"):
        values = bodies.slow(np.arange(2), signal, np.full(2, 60.0))
        assert np.isnan(values).all(axis=1).tolist() == [True, False]


def test_what_cannot_be_read_is_refused():
    bodies = Bodies(make_plan(1))
    slot = np.array([0])
    with pytest.raises(LookupError, match="expected times"):
        bodies.slow(slot, "spo2", np.array([0.0]))
    bodies.until(100)
    for t_s in (101.0, 84.9):
        with pytest.raises(LookupError, match="expected times"):
            bodies.slow(slot, "spo2", np.array([t_s]))
    assert np.isfinite(bodies.slow(slot, "spo2", np.array([85.0]))).all()
    with pytest.raises(LookupError, match="ecg"):
        bodies.slow(slot, "ecg", np.array([100.0]))
    assert bodies.slow(np.zeros(0, np.int64), "spo2", np.zeros(0)).shape == (0, 1)


@pytest.mark.bench
@pytest.mark.benchmark(timer=time.thread_time)
def test_ten_thousand_bodies_take_few_milliseconds_a_second(benchmark):
    walks = np.where(np.arange(10_000) % 2, math.nan, 5.0)
    events = [event("effort", 10, 400, slot=k) for k in range(0, 10_000, 5)]
    bodies = Bodies(make_plan(10_000, events, course=hill(), wave_start_s=walks, duration_s=1e6))
    bodies.until(60)
    benchmark.pedantic(lambda: bodies.until(bodies.newest + 1), rounds=100)
    assert benchmark.stats["median"] < 0.012  # 0.003 on a core that does nothing else
