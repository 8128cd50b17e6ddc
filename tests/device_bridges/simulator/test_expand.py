"""Plans: the same seed gives the same one, and nobody is asked for what contradicts itself."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device_bridges.simulator.choices import recovery
from device_bridges.simulator.events import EVENTS, SPEC_OF, Kind
from device_bridges.simulator.expand import expand, sizes
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.scenario import Scenario, load, names
from device_bridges.simulator.tables import PERSON
from processors.errors import SettingError
from processors.signals import SIGNALS

HEAD = '[groups.a]\ncount = 10\nsensors = ["monitor", "cgm"]\n'


def scenario(folder: Path, text: str, head: str = HEAD) -> Scenario:
    path = folder / "mine.toml"
    path.write_text(head + text, "utf-8")
    return load(path)


def event(kind: str, when: str, who: str = "1", more: str = "", group: str = "groups.a.") -> str:
    return f'[[{group}events]]\nkind = "{kind}"\n{when}\nwho = {who}\n{more}\n'


def fields(plan: Plan) -> dict[str, Any]:
    """Give all of a plan as what can be compared, NaN included."""
    return {
        "people": repr(plan.people.tolist()),
        "participants": plan.participants,
        "events": repr(plan.events.tolist()),
        "offsets": plan.event_offsets.tobytes(),
        "sensors": [(s.signal, s.device, s.slots.tobytes(), s.phase_s.tobytes())
                    for s in plan.sensors],
    }  # fmt: skip


def of_kind(plan: Plan, kind: Kind) -> NDArray[Any]:
    return plan.events[plan.events["kind"] == kind]


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_makes_a_plan_that_holds_together(name: str) -> None:
    read = load(name)
    plan = expand(read, 1)
    assert plan.n == read.participants == len(plan.participants)
    assert len({one.id for one in plan.participants}) == plan.n
    assert plan.signal_names == tuple(SIGNALS)
    events = plan.events
    assert (np.lexsort((events["start_s"], events["slot"])) == np.arange(len(events))).all()
    assert plan.event_offsets[0] == 0
    assert plan.event_offsets[-1] == len(events)
    for slot in (0, plan.n - 1):
        rows = events[plan.event_offsets[slot] : plan.event_offsets[slot + 1]]
        assert (rows["slot"] == slot).all()
    assert (events["start_s"] < plan.duration_s).all()
    for row in events:
        spec = SPEC_OF[int(row["kind"])]
        assert (row["end_s"] > row["start_s"]) == spec.lasts
        for column, one in zip("abcd", spec.parameters, strict=False):
            assert one.low <= row[column] <= one.high, (spec.name, one.name)
    for sensor in plan.sensors:
        assert (np.diff(sensor.slots) > 0).all()
        assert len(sensor.phase_s) == len(sensor.slots)
        assert (sensor.fs_hz > 0) == SIGNALS[sensor.signal].waveform
    assert plan.people["place"].max() < len(plan.places.names)
    if np.isfinite(plan.people["wave_start_s"]).any():
        assert plan.course is not None


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_shipped_scenario_finds_people_for_its_whole_script(name: str, seed: int) -> None:
    read = load(name)
    plan = expand(read, seed, duration_s=min(read.repeat_s, read.duration_s))
    lines = [e for group in read.groups.values() for e in group.events] + list(read.events)
    wanted = sum(e.who for e in lines if isinstance(e.who, int) and e.every_s is None)
    repeated = {e.spec.kind for e in lines if e.every_s is not None or not isinstance(e.who, int)}
    counted = ~np.isin(plan.events["kind"], list(repeated))
    wanted -= sum(e.who for e in lines if isinstance(e.who, int) and e.every_s is None
                  and e.spec.kind in repeated)  # fmt: skip
    assert counted.sum() == wanted
    assert {e.spec.kind for e in lines} == set(plan.events["kind"].tolist())


@pytest.mark.parametrize("name", ["demo", "ward_50", "full_2000"])
def test_one_seed_makes_one_plan_and_another_another(name: str) -> None:
    one, again, other = (expand(load(name), seed, 60, 900.0) for seed in (1, 1, 2))
    assert fields(one) == fields(again)
    assert (one.people["seed"] != other.people["seed"]).all()
    assert fields(one)["events"] != fields(other)["events"]


def test_the_demo_shows_something_of_everything_within_five_minutes() -> None:
    plan = expand(load("demo"), 1)
    soon = {SPEC_OF[int(k)].name for k in plan.events["kind"][plan.events["start_s"] < 300]}
    left_out = set(EVENTS) - soon
    assert left_out <= {"wander", "muscle", "mains", "saturation", "duplicates", "late", "shuffled",
                        "clock_offset", "clock_drift", "clock_jump"}  # fmt: skip
    deadly = np.isin(plan.events["kind"], [Kind.VF, Kind.ASYSTOLE])
    first = deadly & (plan.events["start_s"] < 720)
    assert sorted(plan.events["kind"][first]) == [Kind.VF, Kind.ASYSTOLE]
    assert (plan.events["start_s"][first] > 60).all()
    assert (plan.events["start_s"][first] < 240).all()


def test_the_faults_are_all_there() -> None:
    kinds = set(expand(load("faults"), 1).events["kind"].tolist())
    assert kinds == {int(spec.kind) for spec in EVENTS.values() if spec.is_fault}


def test_the_big_walk_has_the_figures_of_the_pilot() -> None:
    plan = expand(load("full_2000"), 1)
    efforts = of_kind(plan, Kind.EFFORT)
    assert (efforts["b"] <= 12).sum() == 175
    ill = np.unique(plan.events["slot"][plan.events["kind"] < Kind.EFFORT])
    assert len(ill) == 139
    assert np.isfinite(plan.people["wave_start_s"]).all()


def test_in_the_storm_everybody_is_in_one_alarm() -> None:
    plan = expand(load("storm"), 1)
    assert (np.diff(plan.event_offsets) == 1).all()


# ---- scale ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
@given(n=st.integers(1, 5000))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_add_up_at_any_size(name: str, n: int) -> None:
    read = load(name)
    shares = sizes(read, n)
    assert sum(shares.values()) == n
    assert min(shares.values()) >= min(1, n // len(shares))
    if n == sum(read.sizes.values()):
        assert shares == read.sizes
    if n % sum(read.sizes.values()) == 0:
        times = n // sum(read.sizes.values())
        assert shares == {group: times * size for group, size in read.sizes.items()}


@pytest.mark.parametrize("n", [1, 2, 7, 25, 59, 61, 600])
def test_any_number_of_people_makes_a_plan(n: int) -> None:
    plan = expand(load("demo"), 1, n, 600.0)
    assert plan.n == len(plan.people) == n
    assert len(plan.event_offsets) == n + 1


def test_of_fewer_people_those_stay_whom_the_script_needs() -> None:
    plan = expand(load("faults"), 1, 27)
    assert len(np.unique(plan.events["slot"])) == 27
    assert plan.participants[26].name == "Bed 27"
    whole = expand(load("smoke"), 1)
    small = expand(load("smoke"), 1, 13)
    assert sorted(small.events["kind"]) == sorted(whole.events["kind"])


def test_half_the_demo_has_all_of_its_kinds() -> None:
    read = load("demo")
    whole, half = expand(read, 1, 60, 700.0), expand(read, 1, 36, 700.0)
    assert set(half.events["kind"]) == set(whole.events["kind"])


def test_with_more_people_scripts_concern_more() -> None:
    whole, double = expand(load("hrr"), 1), expand(load("hrr"), 1, 40)
    drops = np.round(whole.events["b"], 6)
    assert sorted(np.round(double.events["b"], 1)) == sorted(np.round(np.tile(drops, 2), 1))
    assert (np.diff(double.event_offsets) == 1).all()
    few, many = (expand(load("full_2000"), 1, n) for n in (200, 4000))
    assert abs((of_kind(few, Kind.EFFORT)["b"] <= 12).sum() - 17.5) <= 1
    assert (of_kind(many, Kind.EFFORT)["b"] <= 12).sum() == 350


def test_people_of_a_group_stay_who_they_are_at_any_scale() -> None:
    small, large = expand(load("quiet"), 1, 5), expand(load("quiet"), 1, 50)
    assert repr(small.people.tolist()) == repr(large.people[:5].tolist())
    assert [s.phase_s[0] for s in small.sensors] == [s.phase_s[0] for s in large.sensors]


def test_ids_are_as_wide_as_the_number_of_people_asks() -> None:
    assert expand(load("quiet"), 1).participants[0].id == "P-0001"
    assert expand(load("quiet"), 1, 10_000).participants[0].id == "P-00001"


def test_ten_thousand_people_are_made_in_seconds() -> None:
    read = load("full_2000")
    began = time.process_time()
    expand(read, 1, 10_000)
    assert time.process_time() - began < 2.0  # 0.35 s measured


@pytest.mark.parametrize(("n", "duration_s", "said"), [
    (0, None, "participants: expected at least 1"),
    (None, 0.0, "duration: expected a time above 0"),
    (None, math.inf, "duration: expected an end"),
])  # fmt: skip
def test_nobody_and_no_time_are_refused(n: int | None, duration_s: float | None, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        expand(load("demo"), 1, n, duration_s)


# ---- who and when --------------------------------------------------------------------------------


def test_nobody_is_drawn_for_two_rhythms_at_a_time(tmp_path: Path) -> None:
    many = [event(kind, 'from = "10 s"\nto = "60 s"', "2")
            for kind in ("af", "bigeminy", "vf", "motion", "silent")]  # fmt: skip
    plan = expand(scenario(tmp_path, "".join(many)), 1)
    assert len(plan.events) == 10
    assert (np.diff(plan.event_offsets) == 1).all()


def test_different_parts_of_the_body_may_be_ill_together(tmp_path: Path) -> None:
    text = event("af", 'from = "10 s"\nto = "60 s"', "10") + event(
        "desaturation", 'from = "10 s"\nto = "60 s"', "10"
    )
    assert (np.diff(expand(scenario(tmp_path, text), 1).event_offsets) == 2).all()


@given(seed=st.integers(0, 2**63))
@settings(max_examples=15)
def test_what_is_drawn_never_overlaps_in_one_heart(seed: int) -> None:
    plan = expand(load("demo"), seed, 40, 3600.0)
    rhythms = plan.events[plan.events["kind"] <= Kind.EFFORT]
    for slot in range(plan.n):
        rows = rhythms[rhythms["slot"] == slot]
        assert (rows["start_s"][1:] >= rows["end_s"][:-1] + 25.0).all()


def test_a_free_person_is_drawn_again_after_a_while(tmp_path: Path) -> None:
    one = '[groups.a]\ncount = 1\nsensors = ["monitor"]\n'
    soon, later = (
        event("couplet", 'at = "10 s"') + event("pause", f'at = "{s} s"') for s in (20, 60)
    )
    assert len(expand(scenario(tmp_path, soon, one), 1).events) == 1
    assert len(expand(scenario(tmp_path, later, one), 1).events) == 2


def test_those_to_whom_nothing_has_happened_come_first(tmp_path: Path) -> None:
    text = "".join(event("couplet", f'at = "{s} min"', "2") for s in range(1, 6))
    assert (np.diff(expand(scenario(tmp_path, text), 1).event_offsets) == 1).all()


def test_who_is_called_by_number_or_id_is_drawn_for_nothing_else(tmp_path: Path) -> None:
    text = (
        event("af", 'from = "0 s"\nto = "9 min"', "[2]")
        + event("pvcs", 'from = "0 s"\nto = "9 min"', '["P-0005"]', group="")
        + "".join(event("couplet", f'at = "{s} min"', "8") for s in range(1, 9))
    )
    plan = expand(scenario(tmp_path, text), 1)
    assert of_kind(plan, Kind.AF)["slot"].tolist() == [1]
    assert of_kind(plan, Kind.PVCS)["slot"].tolist() == [4]
    assert set(of_kind(plan, Kind.COUPLET)["slot"].tolist()) == set(range(10)) - {1, 4}


def test_shares_and_all(tmp_path: Path) -> None:
    text = event("couplet", 'at = "10 s"', '"30 %"') + event("meal", 'at = "-5 min"', '"all"')
    plan = expand(scenario(tmp_path, text), 1)
    assert len(of_kind(plan, Kind.COUPLET)) == 3
    assert of_kind(plan, Kind.MEAL)["slot"].tolist() == list(range(10))
    assert (of_kind(plan, Kind.MEAL)["start_s"] == -300).all()


def test_events_of_no_group_concern_those_who_wear_the_sensor(tmp_path: Path) -> None:
    head = '[groups.a]\ncount = 5\nsensors = ["cuff"]\n[groups.b]\ncount = 5\nsensors = ["patch"]\n'
    text = event("lead_off", 'from = "10 s"\nfor = "9 s"', '"100 %"', group="")
    plan = expand(scenario(tmp_path, text, head), 1)
    assert set(plan.events["slot"].tolist()) == {5, 6, 7, 8, 9}
    assert (plan.events["signal"] == list(SIGNALS).index("ecg")).all()


def test_a_fault_may_concern_one_other_signal(tmp_path: Path) -> None:
    when = 'from = "10 s"\nfor = "9 s"'
    plan = expand(scenario(tmp_path, event("silent", when)), 1)
    assert plan.events["signal"].tolist() == [-1]
    plan = expand(scenario(tmp_path, event("silent", when, more='signal = "spo2"')), 1)
    assert plan.events["signal"].tolist() == [list(SIGNALS).index("spo2")]


def test_every_repeats_for_the_same_person(tmp_path: Path) -> None:
    text = event("bigeminy", 'from = "10 s"\nfor = "20 s"\nevery = "1 min"\nto = "4 min"')
    plan = expand(scenario(tmp_path, text), 1)
    assert plan.events["start_s"].tolist() == [10, 70, 130, 190]
    assert (plan.events["end_s"] == plan.events["start_s"] + 20).all()
    assert len(set(plan.events["slot"].tolist())) == 1


def test_a_script_repeats_with_other_people_until_the_end(tmp_path: Path) -> None:
    head = 'duration = "50 min"\nrepeat = "10 min"\n' + HEAD
    text = event("couplet", 'at = "1 min"') + event("pause", 'at = "2 min"', more="once = true")
    plan = expand(scenario(tmp_path, text, head), 1)
    couplets = of_kind(plan, Kind.COUPLET)
    assert sorted(couplets["start_s"].tolist()) == [60, 660, 1260, 1860, 2460]
    assert len(set(couplets["slot"].tolist())) > 1
    assert len(of_kind(plan, Kind.PAUSE)) == 1


def test_jitter_begins_later_never_earlier(tmp_path: Path) -> None:
    text = event("couplet", 'at = "1 min"', "10", 'jitter = "30 s"')
    starts = expand(scenario(tmp_path, text), 1).events["start_s"]
    assert 60 <= starts.min() < starts.max() <= 90
    assert len(np.unique(starts)) == 10


def test_ranges_are_drawn_for_each_person(tmp_path: Path) -> None:
    text = event("pause", 'at = "1 min"', "10", "seconds = [3.2, 3.9]")
    seconds = expand(scenario(tmp_path, text), 1).events["a"]
    assert 3.2 <= seconds.min() < seconds.max() <= 3.9
    assert len(np.unique(seconds)) == 10


def test_waves_set_out_one_after_the_other(tmp_path: Path) -> None:
    head = 'course = "sky-bridge"\n' + HEAD + (
        'waves = { count = 5, first = "-1 min", every = "2 min", spread = "10 s", '
        'along = ["0 m", "300 m"] }\n'
    )  # fmt: skip
    people = expand(scenario(tmp_path, "", head), 1).people
    waves = (people["wave_start_s"] + 60) // 120
    assert waves.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert ((people["wave_start_s"] + 60) % 120 <= 10).all()
    assert 0 <= people["course_start_m"].min() < people["course_start_m"].max() <= 300


def test_readings_are_spread_unless_a_first_one_is_named(tmp_path: Path) -> None:
    head = HEAD.replace('"cgm"', '"mine"') + (
        '[sensors.mine]\nglucose = { every = "5 min", first = "7 s", history = "1 h" }\n'
        'blood_pressure = "30 min"\n'
    )
    sensors = {sensor.signal: sensor for sensor in expand(scenario(tmp_path, "", head), 1).sensors}
    assert (sensors["glucose"].phase_s == 7).all()
    assert sensors["glucose"].history_s == 3600
    phase_s = sensors["blood_pressure"].phase_s
    assert 0 <= phase_s.min() < phase_s.max() < 1800
    assert np.std(phase_s) > 300
    assert sensors["ecg"].fs_hz == 250
    assert sensors["ecg"].device == "monitor"


# ---- what is chosen ------------------------------------------------------------------------------


def somebody(reserve: float = 110.0, tau_on_s: float = 35.0, tau_off_s: float = 60.0) -> Any:
    people = np.zeros(1, PERSON)
    people["rate_rest"], people["rate_max"] = 60.0, 60.0 + reserve
    people["tau_on_s"], people["tau_off_s"] = tau_on_s, tau_off_s
    return people


def recovered(hrr60: float, tau_s: float, level: float = 0.85, **who: float) -> tuple[float, float]:
    one = [np.array([value]) for value in (level, hrr60, tau_s, 30.0)]
    drop, tau = recovery(*one, 140.0, somebody(**who))
    return float(drop[0]), float(tau[0])


def test_a_recovery_that_is_possible_stays_as_asked() -> None:
    assert recovered(8.0, 70.0) == (8.0, 70.0)
    assert recovered(35.0, 40.0) == (35.0, 40.0)


def test_what_is_left_open_suits_the_person() -> None:
    assert recovered(math.nan, math.nan) == (30.0, 60.0)
    assert recovered(math.nan, math.nan, reserve=40.0)[0] < 25.0


@given(
    hrr60=st.floats(2, 80) | st.just(math.nan),
    tau_s=st.floats(10, 300) | st.just(math.nan),
    level=st.floats(0.1, 1.1),
    reserve=st.floats(30, 160),
)
def test_no_recovery_falls_below_rest(
    hrr60: float, tau_s: float, level: float, reserve: float
) -> None:
    drop, tau = recovered(hrr60, tau_s, level, reserve=reserve)
    assert 10 <= tau <= 300
    assert 0 < drop <= (hrr60 if not math.isnan(hrr60) else 45)
    fall = drop / (1 - math.exp(-60 / tau))
    assert fall <= max(level * reserve, 1.0) + 1e-6


def test_efforts_without_numbers_recover_normally_and_fibrillation_is_not_fast() -> None:
    plan = expand(load("full_2000"), 1)
    efforts = of_kind(plan, Kind.EFFORT)
    normal = efforts[efforts["b"] > 12]
    assert len(normal) == 425
    assert 20 <= normal["b"].min() <= normal["b"].max() <= 45
    assert 40 <= normal["c"].min() <= normal["c"].max() <= 90
    rates = of_kind(plan, Kind.AF)["a"]
    assert 80 <= rates.min() <= rates.max() <= 115
