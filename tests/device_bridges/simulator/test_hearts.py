"""Hearts: what is planted is there, exactly; what is random looks like real recordings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.simulator import tables
from device_bridges.simulator.hearts import GIVE_UP_S, Hearts
from device_bridges.simulator.kernels import heart as kernel
from device_bridges.simulator.people import Drawn, draw_people
from device_bridges.simulator.sheet import Group
from device_bridges.simulator.tables import BEATS_KEPT, SECOND, SECONDS_KEPT, N, S, V
from tests.device_bridges.simulator.plans import event, make_plan
from tests.needs import recordings

RATE = 72.0


class Driver:
    """Hearts with bodies of constant breath, and a rate that may depend on the second."""

    def __init__(self, plan, rate=RATE, breath_rate=14.0, **options):
        self.rate: Callable = rate if callable(rate) else lambda _: rate
        self.breath_rate = breath_rate
        self.seconds = np.zeros((plan.n, SECONDS_KEPT), SECOND)
        self.hearts = Hearts(plan, self.seconds, **options)
        self.filled = -1

    def until(self, until_s):
        """Fill the ring as far as is promised and no further, and draw."""
        for k in range(self.filled + 1, math.ceil(until_s) + 2):
            second = self.seconds[:, k % SECONDS_KEPT]
            second["rate"] = self.rate(k)
            second["breath_rate"] = self.breath_rate
            second["breath_phase"] = k * self.breath_rate / 60.0
            self.filled = k
        self.hearts.until(until_s)


def beats_of(plan, until_s=120.0, step_s=1.0, **options):
    """Give the log of all people, drawn in steps, one person after the other."""
    driver = Driver(plan, **options)
    for until in np.arange(step_s, until_s + step_s, step_s):
        driver.until(float(until))
    log = driver.hearts.log()
    return log[np.argsort(log["slot"], kind="stable")]


def one(*events, until_s=120.0, rate=RATE, **person):
    return beats_of(make_plan(1, events, **person), until_s, rate=rate)


def rr(log):
    return np.diff(log["r_s"])


def made_by(log, row=0):
    return log[log["event"] == row]


def labels(log):
    return "".join(" NSVF"[label] for label in log["label"])


def test_the_kernel_has_the_numbers_of_the_tables():
    names = ("N", "S", "V", "F", "NORMAL", "NO_P", "ATRIAL", "VENTRICULAR_A", "VENTRICULAR_B")
    for name in (*names, "FUSION"):
        assert getattr(kernel, name) == getattr(tables, name)


# Sinus rhythm.


@pytest.mark.parametrize("rate", [28.0, 50.0, 72.0, 130.0, 200.0])
def test_the_mean_rate_is_that_of_the_body(rate):
    log = one(until_s=600.0, rate=rate)
    assert 60.0 / rr(log).mean() == pytest.approx(rate, rel=0.03)
    assert set(labels(log)) == {"N"}
    assert (log["event"] == -1).all()
    np.testing.assert_allclose(log["rr_s"][1:], rr(log), rtol=1e-6)


def test_the_rate_follows_the_body_within_a_beat():
    log = one(until_s=200.0, rate=lambda k: 60.0 if k < 100 else 120.0, slow_share=0.0)
    late, early = log[log["r_s"] > 102.0], log[log["r_s"] < 100.0]
    assert 60.0 / rr(early).mean() == pytest.approx(60.0, rel=0.02)
    assert 60.0 / rr(late).mean() == pytest.approx(120.0, rel=0.02)


def test_without_breath_there_is_no_respiratory_swing():
    plan = make_plan(1, slow_share=0.0, respiratory_share=0.06)
    swinging = rr(beats_of(plan, 300.0))
    still = rr(beats_of(plan, 300.0, breath_rate=0.0))
    assert swinging.std() == pytest.approx(0.06 * 60 / RATE / math.sqrt(2), rel=0.25)
    assert still.std() == pytest.approx(kernel.JITTER_SHARE * 60 / RATE, rel=0.2)


def test_swings_get_small_in_effort():
    at_rest, in_effort = (rr(one(until_s=300.0, rate=rate)) for rate in (70.0, 150.0))
    assert in_effort.std() / in_effort.mean() < 0.4 * at_rest.std() / at_rest.mean()


def statistics(intervals_s):
    """Give what heart-rate variability is told by, of the RR of some minutes."""
    change = np.diff(intervals_s)
    sdnn, rmssd = intervals_s.std(ddof=1), math.sqrt((change**2).mean())
    at_s = np.cumsum(intervals_s)
    even_s = np.arange(at_s[0], at_s[-1], 0.25)
    even = np.interp(even_s, at_s, intervals_s)
    # Mean of the power of pieces of 64 s.
    pieces = [even[i : i + 256] for i in range(0, len(even) - 255, 128)]
    power = np.mean([abs(np.fft.rfft((p - p.mean()) * np.hanning(256))) ** 2 for p in pieces], 0)
    hz = np.fft.rfftfreq(256, 0.25)
    low, high = (power[(a <= hz) & (hz < b)].sum() for a, b in ((0.04, 0.15), (0.15, 0.4)))
    sd1 = rmssd / math.sqrt(2)
    sd2 = math.sqrt(2 * sdnn**2 - sd1**2)
    return {
        "cv": sdnn / intervals_s.mean(),
        "sdnn": 1e3 * sdnn,
        "rmssd": 1e3 * rmssd,
        "lf_hf": low / high,
        "sd1_sd2": sd1 / sd2,
        "next": np.corrcoef(intervals_s[1:], intervals_s[:-1])[0, 1],
        "skewness": ((intervals_s - intervals_s.mean()) ** 3).mean() / sdnn**3,
    }


def table(stretches):
    rows = [statistics(stretch) for stretch in stretches]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def assert_medians_lie_within(simulated, real, names):
    for name in names:
        low, high = np.percentile(real[name], [10, 90])
        assert low < np.median(simulated[name]) < high, name


def mixed(n, events=(), **options):
    """Give the RR of 5 min of each of n people whose swings are those of drawn people."""
    people = draw_people(
        Group.model_validate({"count": n, "age": [20, 60]}),
        Drawn(5, "mixed", np.arange(n, dtype=np.int64)),
        place=0,
    )
    shares = {name: people[name] for name in ("respiratory_share", "slow_share")}
    plan = make_plan(n, events, **shares)
    log = beats_of(plan, 300.0, **options)
    return [rr(log[log["slot"] == k]) for k in range(n)]


def test_variability_at_rest_is_that_of_nsrdb():
    real = []
    for path in sorted(recordings("nsrdb").glob("*.atr"))[::2]:
        marks = wfdb.rdann(str(path.with_suffix("")), "atr")
        chosen = np.array([symbol.isalpha() for symbol in marks.symbol])
        at_s, normal = marks.sample[chosen] / 128.0, np.array(marks.symbol)[chosen] == "N"
        for from_s in np.arange(at_s[0], at_s[-1] - 300.0, 1800.0):
            i, j = np.searchsorted(at_s, [from_s, from_s + 300.0])
            intervals = np.diff(at_s[i:j])
            usable = len(intervals) > 150 and normal[i:j].all()
            if usable and abs(intervals / np.median(intervals) - 1).max() < 0.5:
                real.append(intervals)
    assert len(real) > 100
    names = ("cv", "sdnn", "rmssd", "lf_hf", "sd1_sd2", "next", "skewness")
    assert_medians_lie_within(table(mixed(40)), table(real), names)


@pytest.mark.parametrize(
    ("what", "rate", "breath_rate"), [("sitting", 74.0, 14.0), ("walking", 86.0, 20.0)]
)
def test_variability_is_that_of_gudb(what, rate, breath_rate):
    real = []
    for path in sorted(recordings("gudb").glob(f"*_{what}_annotation_*.tsv")):
        intervals = np.diff(np.loadtxt(path)) / 250.0
        real.append(intervals[(intervals > 0.3) & (intervals < 2.0)])
    simulated = table(mixed(40, rate=rate, breath_rate=breath_rate))
    assert_medians_lie_within(simulated, table(real), ("sdnn", "rmssd", "lf_hf", "sd1_sd2", "next"))


# What is planted.


def assert_run(log, beats, rate):
    run = made_by(log)
    assert (run["label"] == V).all()
    assert len(run) == beats
    assert 60.0 / rr(run).mean() == pytest.approx(rate, rel=0.001)
    assert (log["label"] == V).sum() == beats
    first = np.flatnonzero(log["event"] == 0)
    assert (np.diff(first) == 1).all()
    return run


@pytest.mark.parametrize(
    ("beats", "rate"), [(3, 120), (5, 101), (8, 160), (30, 130), (6, 280), (12, 35), (20, 70)]
)
@pytest.mark.parametrize("sinus", [45.0, 72.0, 150.0])
def test_a_run_has_its_beats_and_its_rate(beats, rate, sinus):
    planted = event("ventricular_run", 30.0, beats=beats, rate=rate)
    run = assert_run(one(planted, rate=sinus), beats, rate)
    assert 30.0 <= run["r_s"][0] < 34.0
    assert rr(run).std() < 0.04 * 60 / rate


def test_a_long_run_is_whole():
    planted = event("ventricular_run", 5.0, beats=400, rate=190)
    assert_run(one(planted, until_s=200.0), 400, 190)


def test_a_couplet_is_two_ventricular_beats_between_normal_ones():
    log = one(event("couplet", 30.0, rate=140))
    assert labels(log).count("NVVN") == 1
    assert labels(log).count("V") == 2
    assert rr(made_by(log)) == pytest.approx(60 / 140, abs=1e-9)


@pytest.mark.parametrize("rate", [40.0, 72.0, 120.0])
def test_a_ventricular_beat_is_premature_and_followed_by_a_compensatory_pause(rate):
    log = one(event("pvc", 30.0), rate=rate, slow_share=0.0, respiratory_share=0.0)
    (i,) = np.flatnonzero(log["label"] == V)
    before, after = log["rr_s"][i], log["rr_s"][i + 1]
    assert 30.0 <= log["r_s"][i] < 30.0 + 120 / rate
    assert 0.5 < before / (60 / rate) < 0.75
    assert before + after == pytest.approx(120 / rate, rel=0.03)
    assert log["shape"][i] == tables.VENTRICULAR_A


def test_bigeminy_alternates_and_trigeminy_has_every_third():
    for name, cycle in (("bigeminy", "NV"), ("trigeminy", "NNV")):
        log = one(event(name, 30.0, 90.0))
        pattern = labels(log[(log["r_s"] > 33.0) & (log["r_s"] < 90.0)])
        assert pattern in cycle * 60 or pattern[pattern.index("V") + 1 :] in cycle * 60
        assert set(labels(log[(log["r_s"] < 30.0) | (log["r_s"] > 91.0)])) == {"N"}
        assert (made_by(log)["label"] == V).all()


@pytest.mark.parametrize("per_min", [0.5, 6.0, 20.0])
def test_random_ventricular_beats_are_single_and_as_many_as_asked(per_min):
    n, minutes = 30, 10
    events = [event("pvcs", 0.0, 600.0, slot=k, per_min=per_min, foci=2) for k in range(n)]
    log = beats_of(make_plan(n, events), 60.0 * minutes)
    ectopic = log[log["event"] >= 0]
    expected = n * minutes * per_min
    assert len(ectopic) == pytest.approx(expected, abs=3.5 * math.sqrt(expected))
    assert all("VV" not in labels(log[log["slot"] == k]).replace("F", "V") for k in range(n))
    fused = ectopic["shape"] == tables.FUSION
    assert (ectopic["label"][fused] == tables.F).all()
    assert (ectopic["label"][~fused] == V).all()
    assert fused.mean() == pytest.approx(0.03, abs=0.03)
    second = (ectopic["shape"] == tables.VENTRICULAR_B).mean()
    assert second == pytest.approx(0.485, abs=2.5 / math.sqrt(expected))


def test_premature_atrial_beats_are_as_many_as_asked_and_not_compensated():
    n = 30
    events = [event("pacs", 0.0, 600.0, slot=k, per_min=8) for k in range(n)]
    log = beats_of(make_plan(n, events, slow_share=0.0, respiratory_share=0.0), 600.0)
    ectopic = np.flatnonzero(log["event"] >= 0)
    assert len(ectopic) == pytest.approx(2400, rel=0.07)
    assert (log["label"][ectopic] == S).all()
    assert (log["shape"][ectopic] == tables.ATRIAL).all()
    inner = ectopic[log["r_s"][ectopic] < 590]
    around = (log["rr_s"][inner] + log["rr_s"][inner + 1]) / (60 / RATE)
    assert around.max() < 1.98
    assert around.min() > 1.4


@pytest.mark.parametrize("rate", [70.0, 110.0, 180.0])
def test_af_has_its_rate_no_p_and_begins_and_ends_at_once(rate):
    log = one(event("af", 60.0, 360.0, rate=rate), until_s=420.0)
    inside = (log["r_s"] >= 60.0) & (log["r_s"] < 360.0)
    assert ((log["event"] == 0) == inside).all()
    assert (log["shape"] == np.where(inside, tables.NO_P, tables.NORMAL)).all()
    assert (log["label"] == N).all()
    assert 60.0 / rr(log[inside]).mean() == pytest.approx(rate, rel=0.05)


def scatter(intervals_s):
    """Give how evenly changes of RR fill classes of 20 ms: entropy in bits."""
    counts = np.bincount(np.digitize(np.diff(intervals_s), np.arange(-1.0, 1.0, 0.02)))
    share = counts[counts > 0] / counts.sum()
    return -(share * np.log2(share)).sum()


def test_af_is_irregular_and_sinus_rhythm_is_not():
    events = [event("af", 0.0, 1000.0, slot=k) for k in range(20)]
    irregular = [scatter(rr) for rr in mixed(20, events)]
    regular = [scatter(rr) for rr in mixed(20)]
    assert min(irregular) > max(regular)


def test_af_is_that_of_afdb():
    real = []
    for path in sorted(recordings("afdb").glob("*.atr")):
        marks = wfdb.rdann(str(path.with_suffix("")), "atr")
        at_s = wfdb.rdann(str(path.with_suffix("")), "qrs").sample / 250.0
        ends_s = [*marks.sample[1:] / 250.0, at_s[-1]]
        for note, start_s, end_s in zip(marks.aux_note, marks.sample / 250.0, ends_s, strict=True):
            if note.startswith("(AFIB"):
                for from_s in np.arange(start_s + 5.0, end_s - 305.0, 1800.0):
                    i, j = np.searchsorted(at_s, [from_s, from_s + 300.0])
                    intervals = np.diff(at_s[i:j])
                    real.append(intervals[(intervals > 0.2) & (intervals < 3.0)])
    simulated = mixed(40, [event("af", 0.0, 400.0, slot=k) for k in range(40)])
    names = ("cv", "sdnn", "rmssd", "lf_hf", "sd1_sd2", "next", "skewness")
    assert_medians_lie_within(table(simulated), table(real), names)
    for share in (1, 5, 95, 99):
        mine, theirs = (
            np.median([np.percentile(s, share) / s.mean() for s in stretches])
            for stretches in (simulated, real)
        )
        assert mine == pytest.approx(theirs, rel=0.05)


def test_svt_is_regular_narrow_and_begins_and_ends_at_once():
    log = one(event("svt", 40.0, 80.0, rate=185))
    inside = (log["r_s"] >= 40.0) & (log["r_s"] < 80.0)
    assert ((log["event"] == 0) == inside).all()
    assert (log["label"][inside] == S).all()
    assert (log["shape"][inside] == tables.NO_P).all()
    assert 60.0 / rr(log[inside]).mean() == pytest.approx(185, rel=0.005)
    assert rr(log[inside]).std() < 0.01


@pytest.mark.parametrize(("name", "latest_s"), [("asystole", 0.0), ("vf", 1.2)])
def test_there_is_no_beat_in_asystole_and_fibrillation(name, latest_s):
    log = one(event(name, 40.0, 58.5))
    before, after = log[log["r_s"] < 40.0], log[log["r_s"] >= 40.0]
    assert before["r_s"][-1] > 38.0
    assert 58.5 <= after["r_s"][0] <= 58.5 + latest_s
    assert after["event"][0] == 0
    assert (log["event"] == 0).sum() == 1
    assert after["r_s"][1] - after["r_s"][0] < 1.5


@pytest.mark.parametrize("seconds", [1.3, 3.6, 14.9])
@pytest.mark.parametrize("rate", [45.0, 72.0, 110.0])
def test_a_pause_is_one_interval_of_exactly_its_length(seconds, rate):
    log = one(event("pause", 40.0, seconds=seconds), rate=rate)
    (i,) = np.flatnonzero(log["event"] == 0)
    assert rr(log)[i - 1] == pytest.approx(seconds, abs=1e-9)
    assert 40.0 <= log["r_s"][i - 1] < 43.0
    assert log["label"][i] == N


# What goes first.

ORDER = [
    event("asystole", 40.0, 60.0),
    event("vf", 40.0, 60.0),
    event("svt", 40.0, 60.0),
    event("af", 40.0, 60.0),
    event("bigeminy", 40.0, 60.0),
    event("trigeminy", 40.0, 60.0),
]


@pytest.mark.parametrize("first", range(len(ORDER) - 1))
@pytest.mark.parametrize("turned", [False, True])
def test_the_most_dangerous_of_two_goes_first_and_the_masked_one_is_not_made(first, turned):
    pair = ORDER[first : first + 2][:: -1 if turned else 1]
    log = one(*pair)
    assert set(log["event"]) == {-1, 1 if turned else 0}


def test_what_outlasts_a_more_dangerous_event_shows_when_it_ends():
    log = one(event("af", 20.0, 80.0, rate=110), event("vf", 40.0, 50.0))
    assert not ((log["r_s"] > 40.0) & (log["r_s"] < 50.0)).any()
    assert set(log["event"][(log["r_s"] > 20.0) & (log["r_s"] < 40.0)]) == {0}
    after = log[log["r_s"] >= 50.0]
    assert after["event"][0] == 1
    assert set(after["event"][1:40]) == {0}


def test_asystole_and_fibrillation_that_overlap_leave_no_beat_in_either():
    for names in (("asystole", "vf"), ("vf", "asystole")):
        log = one(event(names[0], 40.0, 50.0), event(names[1], 45.0, 55.0))
        assert not ((log["r_s"] >= 40.0) & (log["r_s"] < 55.0)).any()
        assert labels(log).count("N") == len(log)


def test_a_run_is_made_in_af_and_a_single_beat_is_not():
    events = [event("af", 20.0, 100.0), event("ventricular_run", 40.0), event("pvc", 60.0)]
    log = one(*events)
    run = log[log["event"] == 1]
    assert len(run) == 8
    assert 60.0 / rr(run).mean() == pytest.approx(160.0)
    assert not (log["event"] == 2).any()


def test_what_happens_once_waits_for_its_opportunity_but_not_for_ever():
    for end_s, made in ((35.0 + GIVE_UP_S - 5.0, 1), (35.0 + GIVE_UP_S + 2.0, 0)):
        log = one(event("bigeminy", 20.0, end_s), event("couplet", 35.0))
        assert (log["event"] == 1).sum() == 2 * made


def test_single_beats_planted_at_one_time_come_one_after_the_other():
    log = one(*[event("pvc", 40.0)] * 3, event("couplet", 40.0), event("pause", 40.0, seconds=3))
    assert [int((log["event"] == k).sum()) for k in range(5)] == [1, 1, 1, 2, 1]
    assert labels(log).replace("VV", "C").count("V") == 3
    assert "VVV" not in labels(log)


def test_a_run_that_fibrillates_ends_there():
    log = one(event("ventricular_run", 30.0, beats=40, rate=180), event("vf", 35.0, 45.0))
    assert (made_by(log)["r_s"] < 35.0).all()
    assert (log["label"][log["r_s"] > 45.0] == N).all()


# Pulse and repolarisation.


def ring_of(*events, until_s, rate=RATE, **person):
    driver = Driver(make_plan(1, events, **person), rate)
    for until in np.arange(1.0, until_s + 1.0):
        driver.until(float(until))
    ring = driver.hearts.beats[0]
    return ring[np.argsort(ring["r_s"])]


def test_qt_follows_rr_and_stays_in_its_bounds():
    slow, usual, fast = (ring_of(until_s=120.0, rate=rate)["qt_scale"] for rate in (38, 60, 160))
    assert usual.mean() == pytest.approx(1.0, abs=0.04)
    assert slow.mean() == pytest.approx(1.25, abs=0.02)
    assert fast.mean() == pytest.approx(math.sqrt(60 / 160), abs=0.03)


def test_the_pulse_is_small_after_a_short_interval_and_large_after_a_long_one():
    ring = ring_of(event("bigeminy", 0.0, 60.0), until_s=40.0)
    ventricular = ring["label"] == V
    assert ring["fill"][ventricular].max() < 0.6
    assert (ring["fill"][~ventricular] > 1.0).all()
    assert ring["fill"].max() <= 1.3


def test_no_pulse_comes_of_a_run_above_180():
    ring = ring_of(event("ventricular_run", 10.0, beats=60, rate=200), until_s=20.0)
    assert (ring["label"] == V).all()
    assert ring["fill"].max() < 0.05


# What must not matter.

NAMES = ("pvc", "couplet", "ventricular_run", "pause", "bigeminy", "trigeminy", "pvcs", "pacs",
         "af", "svt", "vf", "asystole")  # fmt: skip


@st.composite
def scripts(draw, slot=0):
    chosen = draw(st.lists(st.sampled_from(NAMES), max_size=8))
    spans = [(draw(st.floats(0.0, 50.0)), draw(st.floats(0.2, 30.0))) for _ in chosen]
    return [
        event(name, start_s, start_s + length_s, slot=slot)
        for name, (start_s, length_s) in zip(chosen, spans, strict=True)
    ]


def wavering(k):
    return 90.0 + 40.0 * math.sin(k / 7.0)


@given(scripts(), st.lists(st.floats(0.001, 1.0), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_cuts_do_not_matter(events, steps):
    plan = make_plan(1, events)
    whole = Driver(plan, wavering)
    for k in range(1, 71):
        whole.until(k)
    parts = Driver(plan, wavering)
    at_s, k = 0.0, 0
    while at_s < 70.0:
        at_s = min(at_s + steps[k % len(steps)], 70.0)
        k += 1
        parts.until(at_s)
    np.testing.assert_array_equal(whole.hearts.log(), parts.hearts.log())
    np.testing.assert_array_equal(whole.hearts.beats, parts.hearts.beats)
    np.testing.assert_array_equal(whole.hearts.newest, parts.hearts.newest)


@given(scripts(0), scripts(1), scripts(2))
@settings(max_examples=40, deadline=None)
def test_company_does_not_matter(first, second, third):
    everybody = beats_of(make_plan(3, [*first, *second, *third]), 60.0)
    alone = beats_of(make_plan(1, first), 60.0)
    # Events are rows of the plan sorted by slot, so those of the first are the first.
    np.testing.assert_array_equal(everybody[everybody["slot"] == 0], alone)


@given(scripts())
@settings(max_examples=60, deadline=None)
def test_beats_go_on_in_time_and_never_overlap(events):
    log = one(*events, until_s=90.0)
    assert (rr(log) > 0.19).all()
    assert log["r_s"][-1] >= 90.0
    assert (log["r_s"] >= 0.0).all()


@pytest.mark.parametrize(
    "fastest",
    [
        event("ventricular_run", 5.0, beats=300, rate=280),
        event("svt", 5.0, 60.0, rate=280),
        event("af", 5.0, 60.0, rate=220),
    ],
)
def test_the_ring_holds_what_a_second_of_samples_needs(fastest):
    driver = Driver(make_plan(1, [fastest]))
    for k in range(1, 60):
        driver.until(float(k))
        kept = driver.hearts.beats[0]["r_s"]
        assert kept.max() >= k
        # A pulse of 2 s ago at the start of the second, and the beat ahead.
        assert k < 6 or kept.min() <= k - 2.5
        assert np.sort(kept)[-2] < k


def test_everybody_begins_at_a_time_of_their_own():
    log = beats_of(make_plan(200), 3.0)
    first = np.array([log["r_s"][log["slot"] == k][0] for k in range(200)])
    assert first.min() >= 0.0
    assert np.histogram(first / (60 / RATE), 5, (0, 1))[0].min() > 20


def test_the_log_grows_as_needed_gives_beats_once_and_can_be_off():
    plan = make_plan(2, [event("svt", 0.0, 400.0)])
    driver = Driver(plan)
    for k in range(1, 301):
        driver.until(k)
    log = driver.hearts.log()
    assert len(log) == driver.hearts.newest.sum() > 1200
    assert len(driver.hearts.log()) == 0
    off = Driver(plan, keep_log=False)
    for k in range(1, 301):
        off.until(k)
    np.testing.assert_array_equal(off.hearts.beats, driver.hearts.beats)
    assert len(off.hearts.log()) == 0


def test_beat_zero_lies_before_the_start_and_numbers_have_columns():
    driver = Driver(make_plan(1))
    assert driver.hearts.newest[0] == -1
    assert (driver.hearts.beats["r_s"] == -np.inf).all()
    driver.until(0.0)
    assert driver.hearts.newest[0] == 1
    beats = driver.hearts.beats[0]
    assert beats["r_s"][0] < 0.0 <= beats["r_s"][1]
    for k in range(1, 40):
        driver.until(k)
        newest = driver.hearts.newest[0]
        assert beats["r_s"][newest % BEATS_KEPT] == beats["r_s"].max()


def test_nobody_is_no_trouble():
    hearts = Hearts(make_plan(0), np.zeros((0, SECONDS_KEPT), SECOND))
    hearts.until(10.0)
    assert len(hearts.log()) == 0
