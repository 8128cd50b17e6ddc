"""Scenario files: what they may say, and how each mistake is told."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from device_bridges.simulator import instruments
from device_bridges.simulator.events import EVENTS, EventSpec
from device_bridges.simulator.kits import PER_BEAT, REMEMBERED, SCALARS, WAVEFORMS
from device_bridges.simulator.quantities import parse_clock, parse_length, parse_share, parse_time
from device_bridges.simulator.scenario import Scenario, ScenarioError, load, names
from loadtest.verdicts import DEMANDS
from processors.signals import SIGNALS

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "scenarios.md").read_text("utf-8")

GROUP = '[groups.a]\ncount = 3\nsensors = ["patch"]\n'
COUPLET = '[[groups.a.events]]\nkind = "couplet"\nat = "20 s"\nwho = 1\n'


def read(folder: Path, text: str, name: str = "mine.toml") -> Scenario:
    path = folder / name
    path.write_text(text, "utf-8")
    return load(path)


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_can_be_read(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.title != name
    assert scenario.says.endswith(".")
    assert set(scenario.verdicts) <= set(DEMANDS)


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_says_in_its_head_what_it_shows(name: str) -> None:
    path = ROOT / "device_bridges" / "simulator" / "scenarios" / f"{name}.toml"
    assert re.match(r"# [A-Z`].{40}", path.read_text("utf-8"))
    assert f"`{name}`" in GUIDE


def test_those_named_elsewhere_are_shipped() -> None:
    assert {"demo", "smoke", "ward_50", "full_2000", "storm", "faults"} <= set(names())


def test_the_signals_of_kits_are_those_that_the_simulator_measures() -> None:
    assert set(SCALARS) == set(instruments.SIGNALS) | {"heart_rate"}
    assert set(WAVEFORMS + PER_BEAT + SCALARS) <= set(SIGNALS)
    assert set(REMEMBERED) <= set(SCALARS)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 s", 30), ("5 min", 300), ("1 h 30 min", 5400), ("14 d", 1_209_600), ("200 ms", 0.2),
     ("-2 min", -120), ("0 s", 0), ("1.5h", 5400), (" 3  s ", 3)],
)  # fmt: skip
def test_times_have_units(text: str, seconds: float) -> None:
    assert parse_time(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", [30, 1.5, "30", "s", "", "3 weeks", "5 min!", "- 3 s s", None, []]
)
def test_a_time_without_its_unit_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="'5 min'"):
        parse_time(value)


def test_lengths_shares_and_times_of_day() -> None:
    assert (parse_length("1.2 km"), parse_share("9 %"), parse_clock("09:30")) == (1200, 0.09, 34200)
    for parse, value in ((parse_length, "3 s"), (parse_share, 0.1), (parse_share, "110 %"),
                         (parse_clock, "24:00"), (parse_clock, 9)):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            parse(value)


def test_the_smallest_scenario(tmp_path: Path) -> None:
    scenario = read(tmp_path, "[groups.a]\ncount = 3\n")
    assert (scenario.name, scenario.participants, scenario.duration_s) == ("mine", 3, math.inf)
    assert list(scenario.places) == ["room"]


# What is written, the key that is named, and what is said.
MISTAKES = [
    ("", "groups", "at least one group"),
    ("x = [", "", "is not TOML"),
    ("dur = '3 s'\n" + GROUP, "", "'dur' is unknown; did you mean duration"),
    ("duration = 300\n" + GROUP, "duration", "a time with its unit, such as '30 s'"),
    ("duration = '0 s'\n" + GROUP, "duration", "above 0"),
    ("repeat = '5 min'\n" + GROUP, "repeat", "a duration as well"),
    ("clock = '25:00'\n" + GROUP, "clock", "a time of day such as '09:30'"),
    ("participants = 0\n" + GROUP, "participants", "greater than or equal to 1, found 0"),
    ("course = 'sky-brige'\n" + GROUP, "course", "did you mean sky-bridge"),
    ("[groups.a]\n", "groups.a", "expected count, or share"),
    ("[groups.a]\nshare = '10 %'\n", "participants", "groups.a has a share"),
    ("[groups.a]\ncount = 1\nshare = '10 %'\n", "groups.a", "one of count and share"),
    (GROUP + "agee = 3\n", "groups.a", "'agee' is unknown; did you mean age"),
    (GROUP + "age = [50, 20]\n", "groups.a.age", "[low, high]"),
    (GROUP + "age = 'old'\n", "groups.a.age", "[low, high]"),
    (GROUP + "male = 0.5\n", "groups.a.male", "a share such as '10 %'"),
    (GROUP + "names = 'french'\n", "groups.a", "korean"),
    (GROUP + "place = 'attic'\n", "groups.a.place", "'attic' is unknown; there are none"),
    (GROUP + "posture_after_stop = 'kneeling'\n", "groups.a.posture_after_stop", "'upright'"),
    (GROUP + "waves = { count = 2 }\n", "groups.a.waves", "a course to set out on"),
    (GROUP + "waves = { alon = 2 }\n", "groups.a.waves", "did you mean along"),
    (GROUP + "waves = { along = ['2 km', '1 km'] }\n", "groups.a.waves", "the smaller one first"),
    (GROUP.replace("patch", "pach"), "groups.a.sensors", "did you mean patch"),
    (GROUP + "[places.b]\nlatitude = 100\n", "places.b.latitude", "equal to 90, found 100"),
    (GROUP + "[sensors.b]\necgg = '250 Hz'\n", "sensors.b", "did you mean ecg"),
    (GROUP + "[sensors.b]\necg = '1 min'\n", "sensors.b", "ecg: expected whole Hz"),
    (GROUP + "[sensors.b]\necg = '0.5 Hz'\n", "sensors.b", "ecg: expected whole Hz"),
    (GROUP + "[sensors.b]\nspo2 = '100 Hz'\n", "sensors.b", "spo2: expected a time"),
    (GROUP + "[sensors.b]\nrr = '1 s'\n", "sensors.b", "rr: expected 'beat'"),
    (GROUP + "[sensors.b]\nspo2 = 1\n", "sensors.b", "'250 Hz', '1 min', 'beat'"),
    (GROUP + "[sensors.b]\nspo2 = { every = '1 s', history = '1 h' }\n", "sensors.b",
     "only glucose"),
    (GROUP + COUPLET.replace("couplet", "cuplet"), "groups.a.events #1", "did you mean couplet"),
    (GROUP + COUPLET + COUPLET.replace("20 s", "x"), "groups.a.events #2.at", "a time with its"),
    (GROUP + COUPLET.replace('at = "20 s"\n', ""), "groups.a.events #1", "at, or from"),
    (GROUP + COUPLET + 'from = "20 s"\n', "groups.a.events #1", "one of at and from"),
    (GROUP + COUPLET + "rte = 3\n", "groups.a.events #1", "did you mean rate"),
    (GROUP + COUPLET + "rate = 300\n", "groups.a.events #1", "rate: expected 60 to 250 /min"),
    (GROUP + COUPLET + 'for = "3 s"\n', "groups.a.events #1", "couplet happens once"),
    (GROUP + COUPLET + 'to = "3 min"\n', "groups.a.events #1", "to is for events with every"),
    (GROUP + COUPLET + 'every = "1 min"\n', "duration", "couplet with every has no to"),
    (GROUP + COUPLET + 'signal = "ecg"\n', "groups.a.events #1", "no fault of a signal"),
    (GROUP + COUPLET.replace("who = 1", "who = 4"), "groups.a.events #1.who", "at most 3, found 4"),
    (GROUP + COUPLET.replace("who = 1", "who = [4]"), "groups.a.events #1.who", "at most 3"),
    (GROUP + COUPLET.replace("who = 1", "who = 0"), "groups.a.events #1.who", "how many (3)"),
    (GROUP + COUPLET.replace("who = 1", "who = true"), "groups.a.events #1.who", "how many (3)"),
    (GROUP + COUPLET.replace("= 1", "= ['P-0001']"), "groups.a.events #1.who", "[[events]]"),
    (GROUP + COUPLET.replace("who = 1\n", ""), "groups.a.events #1.who", "required"),
    (GROUP + COUPLET.replace("groups.a.", "").replace("1\n", "['P-0004']\n"), "events #1.who",
     "P-0001 to P-0003, found P-0004"),
    (GROUP + COUPLET.replace("groups.a.", "").replace("1\n", "[1]\n"), "events #1.who",
     "P-0001 to P-0003, found 1"),
    (GROUP + COUPLET.replace("couplet", "af"), "groups.a.events #1", "af lasts: expected either"),
    (GROUP + COUPLET.replace("couplet", "af") + 'to = "10 s"\n', "groups.a.events #1",
     "a time after the start"),
    (GROUP + COUPLET.replace("couplet", "meal"), "groups.a.events #1", "a sensor of glucose"),
    (GROUP + COUPLET.replace("20 s", "-20 s"), "groups.a.events #1", "only meals may lie before"),
    (GROUP + COUPLET.replace("couplet", "silent") + 'for = "3 s"\nsignal = "spo"\n',
     "groups.a.events #1", "did you mean spo2"),
    (GROUP + COUPLET.replace("couplet", "silent") + 'for = "3 s"\nsignal = "spo2"\n',
     "groups.a.events #1", "nobody in a wears a sensor of spo2"),
    (GROUP + "[verdicts]\nlost = 'none'\n", "verdicts.lost", "a valid number"),
    ("inherits = 'demoo'\n" + GROUP, "inherits", "did you mean demo"),
    ("inherits = 'other.toml'\n" + GROUP, "", "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "said"), MISTAKES, ids=[said for _, _, said in MISTAKES])
def test_a_mistake_is_told_with_file_key_and_what_was_expected(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, text)
    assert caught.value.key == key
    assert caught.value.file.startswith(str(tmp_path))
    assert said in caught.value.problem
    assert str(caught.value).startswith(caught.value.file)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean smoke"):
        load("smok")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="is not TOML"):
        load(tmp_path / "a.toml")


# ---- inheritance ---------------------------------------------------------------------------------

PARENT = (
    'title = "Parent"\nduration = "5 min"\n[places.home]\npm2_5 = 30\n'
    '[groups.a]\ncount = 3\nage = [20, 30]\nsensors = ["patch"]\n' + COUPLET +
    '[groups.b]\ncount = 4\n[sensors.own]\necg = "250 Hz"\nspo2 = "1 s"\n'
)  # fmt: skip


def inherit(folder: Path, text: str) -> Scenario:
    (folder / "parent.toml").write_text(PARENT, "utf-8")
    return read(folder, 'inherits = "parent.toml"\n' + text)


def test_what_is_inherited_is_merged_table_by_table(tmp_path: Path) -> None:
    scenario = inherit(tmp_path, 'title = "Child"\n[groups.a]\nage = [40, 50]\n[places.home]\n'
                                 "humidity = 70\n")  # fmt: skip
    assert (scenario.title, scenario.duration_s) == ("Child", 300)
    assert scenario.groups["a"].age == (40, 50)
    assert scenario.groups["a"].sensors == ("patch",)
    assert (scenario.places["home"].pm2_5, scenario.places["home"].humidity) == (30, 70)
    assert scenario.sizes == {"a": 3, "b": 4}


def test_events_are_added_unless_they_replace(tmp_path: Path) -> None:
    more = COUPLET.replace("20 s", "40 s")
    added = inherit(tmp_path, more)
    assert [event.start_s for event in added.groups["a"].events] == [20, 40]
    replaced = inherit(tmp_path, "[groups.a]\nreplace_events = true\n" + more)
    assert [event.start_s for event in replaced.groups["a"].events] == [40]


def test_a_group_is_left_out_by_a_count_of_nobody(tmp_path: Path) -> None:
    assert inherit(tmp_path, "[groups.b]\ncount = 0\n").sizes == {"a": 3}


def test_a_kit_is_replaced_as_a_whole(tmp_path: Path) -> None:
    scenario = inherit(tmp_path, '[groups.b]\nsensors = ["own"]\n[sensors.own]\nppg = "50 Hz"\n')
    assert list(scenario.kits["own"]) == ["ppg"]


def test_more_participants_than_inherited_only_scale(tmp_path: Path) -> None:
    scenario = inherit(tmp_path, "participants = 70\n")
    assert (scenario.participants, scenario.sizes) == (70, {"a": 3, "b": 4})


def test_a_mistake_in_what_is_inherited_names_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "parent.toml").write_text(PARENT + "agee = 3\n", "utf-8")
    with pytest.raises(ScenarioError, match=r"parent\.toml: sensors\.own: 'agee'"):
        read(tmp_path, 'inherits = "parent.toml"\n')


def test_a_circle_is_told(tmp_path: Path) -> None:
    (tmp_path / "parent.toml").write_text('inherits = "mine.toml"\n', "utf-8")
    with pytest.raises(ScenarioError, match="in a circle: mine -> parent -> mine"):
        read(tmp_path, 'inherits = "parent.toml"\n')


def test_a_shipped_scenario_can_be_inherited(tmp_path: Path) -> None:
    scenario = read(tmp_path, 'inherits = "quiet"\nduration = "30 s"\n')
    assert (scenario.participants, scenario.duration_s) == (20, 30)


def test_a_course_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    shipped = ROOT / "device_bridges" / "simulator" / "courses" / "sky-bridge.geojson"
    (tmp_path / "own.geojson").write_bytes(shipped.read_bytes())
    scenario = read(tmp_path, 'course = "own.geojson"\n' + GROUP)
    assert scenario.course is not None
    assert len(scenario.course.grade) > 700


# ---- the guide -----------------------------------------------------------------------------------


def row(spec: EventSpec) -> str:
    """Give the row of an event kind in the guide."""
    told = []
    for one in spec.parameters:
        usual = "chosen" if math.isnan(one.default) else f"{one.default:g}"
        unit = "" if one.unit == "1" else f" {one.unit}"
        told.append(f"`{one.name}` {usual}{unit} ({one.low:g} to {one.high:g})")
    when = "lasts" if spec.lasts else "once"
    signal = f"; of `{spec.signal}` unless `signal` says another" if spec.signal else ""
    return f"| `{spec.name}` | {when} | {spec.says}{signal} | {', '.join(told)} |"


def test_the_guide_lists_every_event_as_it_is() -> None:
    missing = [row(spec) for spec in EVENTS.values() if row(spec) not in GUIDE]
    assert not missing, "rows to put into docs/scenarios.md:\n" + "\n".join(missing)
    listed = re.findall(r"^\| `(\w+)` \| (?:once|lasts) \|", GUIDE, re.MULTILINE)
    assert listed == list(EVENTS)


def test_the_examples_of_the_guide_are_scenarios(tmp_path: Path) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    walk, heirs = (read(tmp_path, example) for example in examples)
    assert (walk.participants, walk.sizes) == (30, {"walkers": 26, "staff": 4})
    assert [event.kind for event in heirs.groups["cardiology"].events] == ["af"]
    assert heirs.sizes == {"cardiology": 60, "medicine": 20}
