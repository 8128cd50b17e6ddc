"""Stops of effort are found, and how far the heart rate falls after them is told as it is."""

import csv
import math
import time
from collections import Counter

import numpy as np
import pytest

from alerts.policy import load_policy
from alerts.reason import reason
from processors.detectors.recovery import FINDINGS, Recovery
from processors.kernels.recovery_verdict import EVIDENCE
from processors.records import POINT
from tests.naive.recovery import follow
from tests.naive.rows import NS, assert_cuts_do_not_matter, batch_of, feed, rows_of
from tests.needs import recordings
from tests.processors.recovery_cases import (
    DEVICE,
    ECG,
    MOTION,
    NOT,
    QUALITY,
    RR,
    STRAP,
    Bout,
    beats,
    device,
    mark,
    motion,
    profile,
    rate_of,
)

WIDTH = 6
EFFORT, RECOVERY, REFRACTORY = 1, 2, 3
AGAIN, SIGNAL, RHYTHM, LOCK, LITTLE = 2, 3, 4, 5, 6
STOP_S = 560.4


class Told:
    """A finding by names."""

    def __init__(self, row):
        self.t0_s, self.known_s, self.state, self.value = row[1] / NS, row[3] / NS, row[4], row[6]
        self.onset_is_at = row[1] == row[2]
        self.evidence = dict(zip(EVIDENCE, row[7:], strict=True))

    def __getattr__(self, name):
        return self.evidence[name]


def run(people, until_s):
    """Give findings, delayed ones and features by person."""
    rows = people if isinstance(people, dict) else {0: people}
    tables = rows_of(feed(Recovery(), rows, round(until_s * NS), WIDTH))
    parts = ("finding heart_rate_recovery", "finding heart_rate_recovery_delayed")
    said = {slot: ([], [], []) for slot in rows}
    for part, name in enumerate(parts):
        for row in tables.get(name, []):
            said[row[0]][part].append(Told(row))
    for slot, t_ns, *values in tables.get("feature recovery", []):
        said[slot][2].append((t_ns / NS, *values))
    return said if isinstance(people, dict) else said[0]


def person(*bouts, noise=0.8, how=beats, seed=0, until_s=None, age=45.0, posture=NOT, **options):
    """Give the records of somebody with these efforts, without movement or marks."""
    length_s = round(until_s or bouts[-1].stop_s + 330)
    rate = rate_of(bouts, np.arange(length_s + 1))
    return [profile(age, posture=posture), *how(rate, noise, seed=seed, **options)], length_s


def bout(stop_s=STOP_S, **shape):
    return Bout(stop_s - 250, stop_s, **shape)


def ended(features):
    """Give the reasons with which recoveries ended, in order."""
    marks = [(f[1], f[5]) for f in features]
    return [
        now[1]
        for before, now in zip([(0, 0.0), *marks], marks, strict=False)
        if now[0] == REFRACTORY and before[0] != REFRACTORY
    ]


# ---- the twin, cuts, company


def life_of(seed):
    """Give records of somebody with one or two efforts, and whatever else may happen; the end."""
    random = np.random.default_rng(seed)
    start, bouts = 240 + random.random(), []
    for _ in range(random.choice([1, 1, 2])):
        stop = start + random.uniform(80, 200)
        bouts.append(Bout(start, stop, random.uniform(125, 180), random.uniform(4, 80),
                          random.uniform(15, 200)))  # fmt: skip
        start = stop + random.uniform(40, 150)
    length = int(bouts[-1].stop_s + random.uniform(60, 330))
    rate = rate_of(bouts, np.arange(length + 1))
    noise = random.uniform(0, 4)
    known = {"age": random.uniform(25, 75), "hr_max": random.choice([NOT, 170.0]),
             "rest": random.choice([NOT, 62.0]), "posture": random.choice([NOT, 0.0, 1.0, 2.0]),
             "beta_blocker": random.choice([NOT, 0.0, 0.0, 1.0])}  # fmt: skip
    records = [profile(**known)] if random.random() < 0.9 else []
    heart = ("ecg", "strap", "device", "both")[seed % 4]
    if heart in ("ecg", "strap", "both"):
        records += beats(rate, noise, ECG if heart == "ecg" else STRAP, seed,
                         0.8 * (heart == "ecg"))  # fmt: skip
    if heart in ("device", "both"):
        records += device(rate, noise, random.choice([0, 5]), seed)
    if heart == "ecg":
        bad = set(random.integers(200, length, 20).tolist())
        records += [(k * NS - 4_000_000, QUALITY, (0.3 if k in bad else 0.9,))
                    for k in range(1, length)]  # fmt: skip
    if random.random() < 0.5:
        after = random.choice([0, 1.5, 4.0]) or None
        records += motion(bouts, length, after=after, cadence=rate.max(), seed=seed)
    records += [mark(b.stop_s + random.uniform(-20, 20)) for b in bouts if random.random() < 0.5]
    for _ in range(random.integers(0, 3)):
        lost = bouts[0].stop_s + random.uniform(-30, 130)
        span = random.uniform(2, 25)
        gone = set(((RR, DEVICE), (MOTION,), (RR,))[random.integers(0, 3)])
        records = [r for r in records if r[1] not in gone or not lost < r[0] / NS < lost + span]
    if random.random() < 0.25:  # premature beats, or labels that say so
        share = random.uniform(0, 0.3)
        records = [
            (t, s, (v[0], v[1] * random.choice([0.7, 1.3]), v[2], 3.0, v[4]))
            if s == RR and random.random() < share else (t, s, v)
            for t, s, v in records
        ]  # fmt: skip
    return sorted(records, key=lambda r: r[:2]), length * NS


@pytest.mark.parametrize("seed", range(24))
def test_the_kernel_equals_its_slow_twin(seed):
    assert_equals_twin(*life_of(seed))


@pytest.mark.parametrize("back_s", [80, 120, 145, 500])
def test_the_kernel_equals_its_slow_twin_in_swings_of_an_effort(back_s):
    for deep, noise in ((8, 0.3), (12, 1.0), (17, 0.5), (30, 0.5)):
        life = [profile(), *beats(dip(deep, back_s=back_s), noise, seed=back_s)]
        assert_equals_twin(life, 1500 * NS)


def assert_equals_twin(records, until_ns):
    tables = rows_of(feed(Recovery(), {0: records}, until_ns, WIDTH))
    findings, features = follow(records, until_ns)
    found = tables.get("finding heart_rate_recovery", [])
    assert [(row[1], row[3]) for row in found] == [row[:2] for row in findings]
    late = tables.get("finding heart_rate_recovery_delayed", [])
    assert [row[1] for row in late] == [row[0] for row in findings if row[2]]
    for mine, twin in zip(found, findings, strict=True):
        numbers = [math.nan if x is None else x for x in mine[7:]]
        np.testing.assert_allclose(numbers, twin[3], rtol=1e-6, atol=1e-6)
    mine = tables.get("feature recovery", [])
    assert [row[1] for row in mine] == [row[0] for row in features]
    shown = np.array([[math.nan if x is None else x for x in row[2:]] for row in mine])
    told = np.array([row[1:] for row in features], float)
    np.testing.assert_allclose(shown, told, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_cuts_and_company_do_not_matter(seed):
    one, other = life_of(seed), life_of(seed + 101)
    rows = {0: one[0], 6: other[0]}
    cuts = np.random.default_rng(seed).integers(0, 1100 * NS, seed).tolist()
    assert_cuts_do_not_matter(Recovery, rows, max(one[1], other[1]), WIDTH, cuts)


def test_cuts_of_a_second_do_not_matter():
    records, length_s = person(bout())
    records = sorted([*records, mark(STOP_S)], key=lambda r: r[:2])
    cuts = [k * NS for k in range(500, length_s)]
    assert_cuts_do_not_matter(Recovery, {2: records}, length_s * NS, WIDTH, cuts)


# ---- one event


def test_a_marked_stop_is_told_once_at_its_time_with_all_its_numbers():
    life, until_s = person(bout(peak=165, fall=80, tau_s=50), posture=1.0)
    (told,), late, _ = run([*life, mark(STOP_S)], until_s)
    assert told.state == POINT
    assert told.onset_is_at
    assert told.t0_s == pytest.approx(STOP_S, abs=1e-6)
    assert told.known_s == 691.0  # the first whole second 127 s after it, and 3 s
    assert told.t0_lag_s == pytest.approx(691 - STOP_S)
    assert (told.t0_source, told.confirmed, told.grade) == (1, 1, 1)
    assert told.hr_peak == pytest.approx(165, abs=1)
    assert told.hr30 == pytest.approx(165 - 80 * (1 - math.exp(-30 / 50)), abs=1.5)
    assert told.hrr60 == pytest.approx(80 * (1 - math.exp(-60 / 50)), abs=1)
    assert told.hrr120 == pytest.approx(80 * (1 - math.exp(-120 / 50)), abs=1)
    assert told.hr60 == pytest.approx(told.hr_peak - told.hrr60)
    assert told.hr120 == pytest.approx(told.hr_peak - told.hrr120)
    assert told.value == told.hrr60
    assert told.percent_hr_max == pytest.approx(100 * 165 / (208 - 0.7 * 45), abs=1)
    assert (told.cutoff60, told.posture, told.delayed) == (18, 1, 0)
    assert told.valid_percent == 100
    assert told.tau_s == pytest.approx(50, rel=0.1)
    assert told.r2 > 0.95
    assert told.delayed_of_3 == 0
    assert 0.5 < told.hrr60_error < 1.5
    assert (told.near_cutoff, told.device_lag_s) == (0, None)
    assert not late


@pytest.mark.parametrize("how", [beats, device])
def test_movement_tells_the_stop_to_the_second(how):
    stop = bout()
    life, until_s = person(stop, how=how)
    (told,), _, _ = run([*life, *motion([stop], until_s, cadence=140.0)], until_s)
    assert (told.t0_source, told.confirmed) == (2, 1)
    assert abs(told.t0_s - STOP_S) <= 1


def test_the_heart_rate_alone_tells_a_stop_that_is_not_confirmed():
    life, until_s = person(bout())
    (told,), late, _ = run(life, until_s)
    assert (told.t0_source, told.confirmed, told.delayed_of_3) == (3, 0, None)
    assert abs(told.t0_s - STOP_S) <= 3
    assert not late


def test_what_a_link_delays_does_not_make_the_heart_slower():
    at_once, until_s = person(bout())
    later, _ = person(bout(), lag_s=1.5)
    (one,), _, _ = run([*at_once, mark(STOP_S)], until_s)
    (other,), _, _ = run([*later, mark(STOP_S)], until_s)
    assert other.hrr60 == pytest.approx(one.hrr60, abs=0.3)


@pytest.mark.parametrize(
    ("posture", "cutoff"), [(NOT, 12), (0.0, 12), (1.0, 18), (2.0, 18), (7.0, 12)]
)
def test_the_cut_off_goes_by_posture(posture, cutoff):
    life, until_s = person(bout(fall=40, tau_s=116), posture=posture)  # falls by 16.2 in 60 s
    (told,), _, _ = run([*life, mark(STOP_S)], until_s)
    assert (told.cutoff60, told.delayed) == (cutoff, float(cutoff == 18))


@pytest.mark.parametrize(
    ("known", "hr_max"),
    [({"age": 30.0}, 187), ({"age": NOT}, 176.5), ({"age": 30.0, "beta_blocker": 1.0}, 143),
     ({"age": 30.0, "hr_max": 181.0, "beta_blocker": 1.0}, 181)],
)  # fmt: skip
def test_the_maximum_is_that_of_the_profile_or_of_the_age(known, hr_max):
    life, until_s = person(bout(peak=160))
    (told,), _, _ = run([profile(**known), *life[1:], mark(STOP_S)], until_s)
    assert told.percent_hr_max == pytest.approx(100 * 160 / hr_max, abs=1)


@pytest.mark.parametrize(("share", "grade"), [(0.95, 1), (0.87, 1), (0.83, 2), (0.74, 2)])
def test_the_grade_goes_by_the_peak(share, grade):
    life, until_s = person(bout(peak=share * 176.5, fall=50))
    (told,), _, _ = run([*life, mark(STOP_S)], until_s)
    assert told.grade == grade


def test_an_effort_that_ebbs_before_its_stop_is_grade_c_and_never_alarms():
    ebb = [Bout(260, 430, 140, 27, 60), Bout(430.001, STOP_S, 113.5, 5, 60)]
    life, until_s = person(*ebb, noise=0.3)
    marked = [*life, mark(STOP_S)]
    tolds, late, _ = run(marked, until_s)
    assert [t.grade for t in tolds if t.t0_source == 1] in ([], [3])
    assert not late


def test_a_time_constant_is_told_where_the_fall_is_seen_to_end():
    for tau_s, known in ((40, True), (90, True), (180, False)):
        life, until_s = person(bout(fall=70, tau_s=tau_s), noise=0.5)
        (told,), _, _ = run([*life, mark(STOP_S)], until_s)
        assert (told.tau_s is not None) == known
        assert told.tau_s is None or told.tau_s == pytest.approx(tau_s, rel=0.15)


# ---- what is delayed


def slow(stop_s, hrr60, hrr120=NOT):
    """Give an effort whose heart rate falls so far in 60 s and, if said, in 120 s."""
    q = 0.75 if math.isnan(hrr120) else hrr120 / hrr60 - 1
    return bout(stop_s, fall=hrr60 / (1 - q), tau_s=-60 / math.log(q))


def test_both_marks_delayed_is_an_alarm_at_once():
    for hrr60, hrr120, alarm in ((8, 14, 1), (8, 15.9, 1), (15, 18, 0)):
        life, until_s = person(slow(STOP_S, hrr60, hrr120), noise=0.5)
        (told,), late, _ = run([*life, mark(STOP_S)], until_s)
        assert told.delayed == (hrr60 <= 12)
        assert len(late) == alarm
        if late:
            assert (late[0].t0_s, late[0].value) == (told.t0_s, told.value)
            assert late[0].evidence == told.evidence


@pytest.mark.parametrize(
    ("drops", "alarms"),
    [((11, 30, 11), [2]), ((11, 11), [1]), ((11, 30, 30, 11), []), ((30, 11, 30), [])],
)
def test_two_of_three_delayed_is_an_alarm_with_the_second(drops, alarms):
    # 11 /min in the first minute, and 22.5 in two: delayed by the first mark alone.
    stops = [500.0 + 700 * k for k in range(len(drops))]
    bouts = [
        bout(stop, peak=160, fall=drop / (1 - math.exp(-60 / tau_s)), tau_s=tau_s)
        for stop, drop in zip(stops, drops, strict=True)
        for tau_s in ([5000.0] if drop == 11 else [60.0])
    ]
    # The slow ones need their full fall: the rate goes back to rest before the next effort.
    length = int(stops[-1] + 330)
    t = np.arange(length + 1)
    rate = np.full(len(t), 75.0)
    for b, drop in zip(bouts, drops, strict=True):
        on = (t >= b.start_s) & (t < b.stop_s)
        rate[on] = 160 - 85 * np.exp(-(t[on] - b.start_s) / 30)
        off = (t >= b.stop_s) & (t < b.stop_s + 330)
        since = t[off] - b.stop_s
        fall = since * 11.5 / 60 if drop == 11 else 45 * (1 - np.exp(-since / 60))
        rate[off] = np.maximum(rate[t == math.floor(b.stop_s) - 1] - fall, 75)
    life = [profile(45.0), *beats(rate, 0.3)]
    tolds, late, _ = run([*life, *(mark(stop) for stop in stops)], length)
    assert [told.delayed for told in tolds] == [float(drop == 11) for drop in drops]
    assert [round(one.t0_s) for one in late] == [stops[k] for k in alarms]


@pytest.mark.parametrize(("hrr60", "near"), [(8, 0), (11.8, 1), (12.2, 1), (16, 0)])
def test_a_drop_at_the_cut_off_says_that_it_is_not_sure(hrr60, near):
    life, until_s = person(slow(STOP_S, hrr60), noise=0.3)
    (told,), _, _ = run([*life, mark(STOP_S)], until_s)
    assert told.near_cutoff == near


def test_what_is_not_confirmed_never_alarms():
    life, until_s = person(slow(STOP_S, 11, 16), noise=0.3)
    tolds, late, _ = run(life, until_s)
    assert all(told.confirmed == 0 for told in tolds)
    assert not late


def test_the_alarm_says_how_far_it_fell_and_the_other_finding_makes_none():
    policy = load_policy()
    assert "heart_rate_recovery" not in policy.rules
    rule = policy.rule("heart_rate_recovery_delayed")
    assert set(rule.fields) <= {"value", *(column.name for column in FINDINGS[1].evidence)}
    said = reason(rule, 9.2, {"cutoff60": 12.0})
    assert said.en == "Delayed heart-rate recovery: fell 9 /min in the first minute, limit 12"


# ---- what is no effort, and what is no stop


def test_a_mark_without_effort_is_nothing():
    rate = np.full(700, 80.0)
    assert run([profile(), *beats(rate, 2.0), mark(400)], 690) == ([], [], [])


def test_a_heart_that_is_fast_at_rest_is_no_effort():
    for rest in (NOT, 60.0):
        rate = np.full(1500, 140.0)
        life = [profile(rest=rest), *beats(rate, 3.0)]
        _, _, features = run(life, 1490)
        # With a rate at rest that is known to be lower it may be one: nothing says that it rose.
        assert bool(features) == (rest == 60.0)


@pytest.mark.parametrize(("noise", "how"), [(1, beats), (2, beats), (3, beats), (1, device)])
def test_a_steady_effort_has_no_stop(noise, how):
    life, until_s = person(Bout(300, 2400, 160), noise=noise, how=how, until_s=2300)
    findings, late, features = run(life, until_s)
    assert not findings
    assert not late
    assert {f[1] for f in features} == {EFFORT}


@pytest.mark.parametrize("how", [beats, device])
def test_a_swing_of_an_effort_that_goes_on_is_no_stop(how):
    """It falls by 8 /min and is back at its peak within a minute: no pause was that short."""
    t = np.arange(1500)
    rate = np.interp(t, [300, 400], [75, 160]) + np.where(t > 500, 4 * np.sin(t / 12), 0)
    findings, _, _ = run([profile(), *how(rate, 0.5)], 1490)
    assert not findings


def dip(deep, until_s=1500, back_s=145):
    """Give an effort whose rate falls by so much in 50 s, stays there, and comes back or not."""
    corners = [0, 300, 400, 700, 750, 700 + back_s - 20, 700 + back_s]
    back = 160 if back_s < 400 else 160 - deep
    points = [75, 75, 160, 160, 160 - deep, 160 - deep, back]
    return np.interp(np.arange(until_s), corners, points)


@pytest.mark.parametrize("how", [beats, device])
@pytest.mark.parametrize("back_s", [80, 120, 145])
def test_a_small_fall_that_is_made_up_for_is_no_stop(how, back_s):
    """Also if its drop at 60 s, or all of its recovery, was out by then."""
    findings, _, features = run([profile(), *how(dip(12, back_s=back_s), 0.5)], 1490)
    assert not findings
    states = [f[1] for f in features]
    assert RECOVERY in states
    assert states[-1] == EFFORT
    assert REFRACTORY not in states


@pytest.mark.parametrize("how", [beats, device])
def test_a_small_fall_that_stays_is_told_half_a_minute_later(how):
    (told,), _, _ = run([profile(), *how(dip(12, back_s=500), 0.3)], 1490)
    assert told.hrr60 == pytest.approx(12, abs=1.5)
    assert told.hrr120 == pytest.approx(12, abs=1.5)
    assert told.known_s - told.t0_s == pytest.approx(160, abs=12)


@pytest.mark.parametrize("how", [beats, device])
def test_the_rest_between_two_intervals_is_told(how):
    (told,), _, _ = run([profile(), *how(dip(30, back_s=120), 0.5)], 1490)
    assert told.hrr60 == pytest.approx(30, abs=3)
    assert told.hrr120 is None


def test_the_stop_after_a_swing_is_told():
    rate = dip(12, back_s=120)
    t = np.arange(len(rate))
    rate = np.where(t > 880, 160 - 60 * (1 - np.exp(-(t - 880) / 45)), rate)
    (told,), _, _ = run([profile(), *beats(rate, 0.5)], 1490)
    assert told.t0_s == pytest.approx(880, abs=3)


def test_a_button_takes_the_place_of_a_small_fall_before_it():
    life = [profile(), *beats(dip(12, back_s=500), 0.3), mark(850)]
    findings, _, _ = run(life, 1490)
    first, second = findings
    assert (first.confirmed, second.confirmed, second.t0_s) == (0, 1, 850)
    assert first.hrr120 == pytest.approx(12, abs=1.5)


def test_effort_that_dwindles_without_a_stop_ends_in_silence():
    rate = np.interp(np.arange(2400), [0, 300, 400, 600, 2300], [75, 75, 160, 160, 70])
    findings, _, features = run([profile(), *beats(rate, 0.5)], 2390)
    assert all(told.confirmed == 0 for told in findings)
    assert features[-1][0] < 2000


# ---- what forbids a verdict


def aborted(records, until_s):
    findings, late, features = run(records, until_s)
    assert not findings
    assert not late
    return ended(features)


def test_effort_again_before_the_mark_is_no_verdict():
    sprints = [bout(STOP_S, tau_s=30), Bout(STOP_S + 35, STOP_S + 300)]
    life, _ = person(*sprints)
    until_s = STOP_S + 100
    assert aborted([*life, mark(STOP_S)], until_s) == [AGAIN]
    moves = motion(sprints, until_s)
    life = [r for r in life if r[0] < until_s * NS]
    assert aborted([*life, *moves, mark(STOP_S)], until_s) == [AGAIN]


def test_effort_again_after_the_mark_leaves_the_drop_of_the_first_minute():
    sprints = [bout(STOP_S), Bout(STOP_S + 80, STOP_S + 300)]
    life, _ = person(*sprints)
    (told,), _, _ = run([*life, mark(STOP_S)], STOP_S + 150)
    assert told.hrr60 == pytest.approx(sprints[0].hrr60, abs=1.5)
    assert (told.hr120, told.hrr120, told.tau_s) == (None, None, None)
    assert told.known_s < STOP_S + 120


def test_a_stop_that_is_sure_is_not_given_up_because_the_heart_stays_fast():
    life, until_s = person(bout(fall=1.0))
    (told,), (late,), _ = run([*life, mark(STOP_S)], until_s)
    assert told.hrr60 == pytest.approx(0.6, abs=1)
    assert told.delayed == 1
    assert late.hrr120 < 3


@pytest.mark.parametrize(("span_s", "given"), [(3, True), (14, False)])
def test_a_gap_of_more_than_8_s_is_no_verdict(span_s, given):
    life, until_s = person(bout(), how=device)
    lost = [r for r in life if not STOP_S + 20 < r[0] / NS <= STOP_S + 20 + span_s]
    findings, _, features = run([*lost, mark(STOP_S)], until_s)
    assert bool(findings) == given
    assert ended(features) == [1 if given else SIGNAL]


def test_too_few_seconds_are_no_verdict():
    life, until_s = person(bout(), how=device)
    holes = [r for r in life if not (0 < r[0] / NS - STOP_S < 60 and (r[0] // NS) % 8 > 2)]
    assert aborted([*holes, mark(STOP_S)], until_s) == [SIGNAL]


def test_seconds_of_a_bad_ecg_do_not_count():
    life, until_s = person(bout(), source=ECG)
    bad = range(int(STOP_S) + 15, int(STOP_S) + 30)
    quality = [(k * NS, QUALITY, (0.2 if k in bad else 0.9,)) for k in range(1, until_s)]
    assert aborted([*life, *quality, mark(STOP_S)], until_s) == [SIGNAL]


def test_many_premature_beats_are_no_verdict():
    life, until_s = person(bout(), noise=0.3)
    random = np.random.default_rng(0)
    early = [
        (t, s, (v[0], v[1] * 0.7, *v[2:]))
        if s == RR and 0 < t / NS - STOP_S < 60 and random.random() < 0.2 else (t, s, v)
        for t, s, v in life
    ]  # fmt: skip
    assert aborted([*early, mark(STOP_S)], until_s) == [RHYTHM]


@pytest.mark.parametrize("label", [2.0, 3.0, 4.0])
def test_labels_tell_premature_beats(label):
    life, until_s = person(bout(), noise=0.3)
    labelled = [
        (t, s, (*v[:3], label, v[4])) if s == RR and t % 6 == 0 else (t, s, v) for t, s, v in life
    ]
    assert aborted([*labelled, mark(STOP_S)], until_s) == [RHYTHM]


def test_fibrillation_is_no_verdict():
    life, until_s = person(bout(), noise=0.3)
    random = np.random.default_rng(2)
    wild = [
        (t, s, (v[0], v[1] * random.lognormal(0, 0.2), *v[2:])) if s == RR else (t, s, v)
        for t, s, v in life
    ]
    # What comes first: the rhythm, or a rate that jumps too much to be followed.
    assert set(aborted([*wild, mark(STOP_S)], until_s)) <= {AGAIN, SIGNAL, RHYTHM}


def test_a_device_that_shows_the_steps_is_no_verdict():
    runner = bout(peak=170)
    life, until_s = person(runner, how=device, noise=0.0)
    still_runs = Bout(runner.start_s, STOP_S + 40)
    moves = motion([still_runs], until_s, cadence=140.0)
    # The sensor follows the steps: while the person goes on at 140 steps the device shows 140.
    shown = [
        (t, s, (140.0,)) if s == DEVICE and STOP_S + 10 < t / NS < STOP_S + 40 else (t, s, v)
        for t, s, v in life
    ]
    weak = [(t, s, (2.0, *v[1:])) if t / NS > STOP_S else (t, s, v) for t, s, v in moves]
    assert aborted([*shown, *weak, mark(STOP_S)], until_s) == [LOCK]


def test_walking_about_after_the_stop_is_not_effort_again():
    stop = bout()
    life, until_s = person(stop)
    # Stands for 40 s; then two fifths of the movement of the effort, measured by the effort's.
    moves = [
        (t, s, (2.4, 100.0, 1.0, 0.0)) if STOP_S + 40 < t / NS < STOP_S + 200 else (t, s, v)
        for t, s, v in motion([stop], until_s)
    ]
    findings, _, features = run([*life, *moves, mark(STOP_S)], until_s)
    assert len(findings) == 1
    assert ended(features) == [1]


def test_after_an_event_nothing_is_heard_for_3_min():
    again = [bout(STOP_S), Bout(STOP_S + 140, STOP_S + 250)]
    life, until_s = person(*again)
    findings, _, features = run([*life, mark(STOP_S), mark(STOP_S + 250)], until_s)
    assert len(findings) == 1
    tired = [f[0] for f in features if f[1] == REFRACTORY]
    assert tired[-1] - tired[0] == pytest.approx(180, abs=6)


def test_the_last_stop_of_intervals_is_heard():
    bouts = [Bout(300 + 130 * k, 390 + 130 * k, 170, 60, 35) for k in range(6)]
    life, until_s = person(*bouts)
    moves = motion(bouts, until_s)
    for extra in ([mark(bouts[-1].stop_s)], moves):
        findings, late, _ = run([*life, *extra], until_s)
        sure = [told for told in findings if told.confirmed]
        assert [round(told.t0_s) for told in sure] == [round(bouts[-1].stop_s)]
        assert sure[0].hrr60 == pytest.approx(bouts[-1].hrr60, abs=2)
        assert not late


def test_a_stop_that_only_the_heart_rate_told_gives_way_to_a_mark():
    # Easing off for 40 s, then the real stop with the button.
    rate = np.interp(np.arange(900), [0, 300, 360, 560, 600], [75, 75, 165, 165, 148])
    t = np.arange(900)
    rate[t >= 600] = 148 - 60 * (1 - np.exp(-(t[t >= 600] - 600) / 45))
    findings, _, features = run([profile(), *beats(rate, 0.4), mark(600)], 890)
    assert RECOVERY in {f[1] for f in features if f[0] < 603}
    (told,) = [one for one in findings if one.confirmed]
    assert told.t0_s == 600
    assert told.hrr60 == pytest.approx(60 * (1 - math.exp(-60 / 45)) + 2, abs=2)


def test_a_long_silence_begins_anew_and_keeps_the_profile():
    life, until_s = person(bout(), posture=2.0)
    later = [(t + 40_000 * NS, s, v) for t, s, v in life[1:]]
    both = [*life, mark(STOP_S), *later, mark(40_000 + STOP_S)]
    findings, _, features = run(both, 40_000 + until_s)
    first, second = findings
    assert second.t0_s == pytest.approx(first.t0_s + 40_000, abs=1e-6)
    assert second.hrr60 == pytest.approx(first.hrr60, abs=1e-3)
    assert second.cutoff60 == 18
    assert len(features) < 600


def test_the_page_sees_effort_recovery_and_rest():
    life, until_s = person(bout(fall=80, tau_s=50))
    _, _, features = run([*life, mark(STOP_S)], until_s)
    states = [f[1] for f in features]
    assert states == sorted(states)
    recovery = [f for f in features if f[1] == RECOVERY]
    assert np.diff([f[0] for f in recovery]).max() == 1
    assert recovery[60][3] == pytest.approx(60, abs=1.5)
    assert recovery[62][4] == pytest.approx(56, abs=3)
    assert all(f[5] == 1 for f in features if f[1] == REFRACTORY)


# ---- how exact it is, on people that differ


def somebody(seed, how, noise, stops_by):
    """Give a life with one stop, its effort, its length and the cut-off that holds for it."""
    random = np.random.default_rng(seed)
    age, posture = random.uniform(25, 70), float(random.integers(0, 3))
    peak = (208 - 0.7 * age) * random.uniform(0.8, 1.0)
    hrr60, tau_s = random.uniform(3, 45), math.exp(random.uniform(math.log(20), math.log(200)))
    fall = min(hrr60 / (1 - math.exp(-60 / tau_s)), peak - 60)
    stop_s = 500 + random.uniform(0, 200)
    one = Bout(300 + random.random(), stop_s, peak, fall, tau_s)
    life, until_s = person(one, noise=noise, how=how, seed=seed, age=age, posture=posture)
    # Now and then a second is lost, and another is far off.
    lost = {int(k) for k in random.uniform(0, until_s, until_s // 40)}
    wild = {int(k) for k in random.uniform(0, until_s, until_s // 60)}
    life = [r for r in life if r[1] not in (RR, DEVICE) or r[0] // NS not in lost]
    life = [
        (t, s, (v[0] + 35,)) if s == DEVICE and t // NS in wild else (t, s, v) for t, s, v in life
    ]
    if stops_by == "mark":
        life.append(mark(stop_s))
    elif stops_by == "motion":
        after = random.choice([0.1, 1.0])
        life += motion([one], until_s, after=after, cadence=150, seed=seed)
    return life, one, until_s, 18 if posture else 12


def crowd(how, noises, stops_by, n=240):
    """Give errors of HRR60 and of t0, and the counts of (delayed, said so)."""
    people = {k: somebody(k, how, noises[k % len(noises)], stops_by) for k in range(n)}
    said = run({k: one[0] for k, one in people.items()}, max(one[2] for one in people.values()))
    errors, late_s, verdicts = [], [], Counter()
    for k, (_, one, _, cutoff) in people.items():
        near = [told for told in said[k][0] if abs(told.t0_s - one.stop_s) < 30]
        for told in near[:1]:
            errors.append(told.hrr60 - one.hrr60)
            late_s.append(told.t0_s - one.stop_s)
            verdicts[one.hrr60 <= cutoff, told.delayed == 1] += 1
    assert len(errors) >= 0.9 * n
    return np.array(errors), np.array(late_s), verdicts


@pytest.mark.bench
@pytest.mark.parametrize("stops_by", ["mark", "motion"])
def test_beats_give_the_drop_within_2_per_min(stops_by):
    """tau 20-200 s, noise 1-4 /min from beat to beat, lost seconds; measured over 1,500 people.

    HRR60 within 2 /min: 97 to 100 % (89 to 99 % at noise 4); t0 within 3 s: 100 %; delayed: Se 97
    to 99 %, Sp 97 to 100 %.
    """
    errors, late_s, verdicts = crowd(beats, (1, 2, 3, 4), stops_by)
    assert np.mean(np.abs(errors) <= 2) >= 0.95
    assert np.mean(np.abs(late_s) <= 3) >= 0.98
    assert verdicts[True, True] >= 0.95 * (verdicts[True, True] + verdicts[True, False])
    assert verdicts[False, False] >= 0.95 * (verdicts[False, False] + verdicts[False, True])


@pytest.mark.bench
@pytest.mark.parametrize(("noise", "share"), [(1, 0.99), (2, 0.97), (3, 0.95)])
def test_a_device_is_as_exact_as_its_noise_allows(noise, share):
    errors, _, _ = crowd(device, (noise,), "mark", n=100)
    assert np.mean(np.abs(errors) <= 2) >= share


@pytest.mark.bench
def test_the_lag_of_a_device_is_seen_in_its_curve():
    """A device that is 5 s behind: 86 to 90 % within 2 /min, before its curve was asked for it."""
    smoothing = lambda rate, noise, seed: device(rate, noise, 5.0, seed)  # noqa: E731
    errors, _, _ = crowd(smoothing, (1,), "mark", n=100)
    assert np.mean(np.abs(errors) <= 2) >= 0.95


@pytest.mark.bench
def test_the_heart_rate_alone_tells_t0_within_3_s_where_it_is_clean():
    """Of people whose heart rate falls by 12 and more in 60 s; noise 1 and 2 /min."""
    people = {k: somebody(k, beats, 1 + k % 2, "") for k in range(160)}
    falls = {k: one for k, one in people.items() if one[1].hrr60 >= 12}
    said = run({k: one[0] for k, one in falls.items()}, max(one[2] for one in falls.values()))
    late_s = [said[k][0][0].t0_s - one[1].stop_s for k, one in falls.items() if said[k][0]]
    assert len(late_s) >= 0.95 * len(falls)
    assert np.mean(np.abs(late_s) <= 3) >= 0.9


# ---- real activities


@pytest.mark.bench
def test_real_activities_have_no_alarm_and_nothing_that_is_confirmed():
    """77 activities and 11 as beats: 252 stops by the heart rate, as nothing is marked."""
    folder = recordings("hrr")
    processor, found = Recovery(), []
    for slot, path in enumerate(sorted(folder.glob("*/*.csv"))):
        with path.open(encoding="utf-8") as lines:
            pairs = [(float(a), float(b)) for a, b in list(csv.reader(lines))[1:] if b]
        if path.parent.name == "rr":
            # A device record carries beats of one time: a nanosecond apart keeps their order.
            life = [(round(t * NS) + k % 50, RR, (0.0, x, STRAP, 1.0, float(200 <= x < 3000)))
                    for k, (t, x) in enumerate(pairs)]  # fmt: skip
        else:
            life = [(round(t * NS), DEVICE, (x,)) for t, x in pairs]
        until_ns = life[-1][0] + 140 * NS
        found.append(processor.process(batch_of({slot: life}, until_ns, WIDTH)))
    tables = rows_of(found)
    assert "finding heart_rate_recovery_delayed" not in tables
    told = [Told(row) for row in tables["finding heart_rate_recovery"]]
    assert 220 <= len(told) <= 320
    assert {one.confirmed for one in told} == {0}


@pytest.mark.bench
def test_bench_2000_people_second_by_second():
    """Everybody in effort with strap and accelerometer: 2.4 us a person and second, in all."""
    stop = bout(2000.0)
    life, _ = person(stop, until_s=460)
    life = sorted([*life, *motion([stop], 460)], key=lambda r: r[:2])
    processor, before = Recovery(), -1
    spent = 0.0
    for second in range(1, 456):
        piece = [r for r in life if before < r[0] <= second * NS]
        batch = batch_of(dict.fromkeys(range(200), piece), second * NS, WIDTH)
        start = time.thread_time()
        processor.process(batch)
        spent = spent + time.thread_time() - start if second > 400 else 0.0
        before = second * NS
    assert spent / (200 * 55) < 50e-6


@pytest.mark.bench
@pytest.mark.parametrize("told", [[mark(STOP_S)], []], ids=["button", "heart rate"])
def test_bench_a_group_stops(told):
    """The verdict on each of 200 stops at once: 0.2 ms by a button, 0.15 by the heart rate alone.

    0.7 and 1.1 ms with curves in numpy.
    """
    life, _ = person(bout())
    life = sorted([*life, *told], key=lambda r: r[:2])
    for n in (1, 200):  # once without the clock: it compiles
        processor, before_ns = Recovery(), -1
        for until_s in (STOP_S + 125, STOP_S + 140):
            until_ns = round(until_s) * NS
            piece = [r for r in life if before_ns < r[0] <= until_ns]
            batch = batch_of(dict.fromkeys(range(n), piece), until_ns, WIDTH)
            start = time.thread_time()
            given = processor.process(batch)
            spent, before_ns = time.thread_time() - start, until_ns
    assert [len(block.slots) for block in given.events] == [200]
    assert spent / 200 < 2e-3
