"""Profiles of rules: what they change, what they refuse, and the column that `cinc2015` is."""

from __future__ import annotations

import numpy as np
import pytest

from processors.detectors.ventricular import Params, Ventricular
from processors.errors import SettingError
from processors.profiles import NO_RULES, PROFILES, make_processors, profile_named
from processors.records import NS_PER_S, Chunk, pack
from streams.engine import Engine
from tests.processors.ecg_cases import NORMAL, WIDE, ecg

FS = 250
CHAIN = {"qrs", "beat_class", "signal_quality", "rr", "rate_limits", "ventricular", "pause",
         "ecg_waves", "fibrillation", "heart_rate", "ppg_pulse"}  # fmt: skip


def codes(rr_s, shapes=None, rules=NO_RULES, tail_s=2.0):
    """Give the codes that are found in beats at these intervals, after 30 s of normal ones."""
    calm = np.full(40, 0.8)
    r_s = 0.5 + np.cumsum([*calm, *rr_s])
    kinds = [NORMAL] * 40 + (shapes or [NORMAL] * len(rr_s))
    x = ecg(r_s, FS, r_s[-1] + tail_s, shapes=kinds, noise_mv=0.01).astype(np.float32)[:, None]
    engine = Engine([each for each in make_processors(rules) if each.name in CHAIN])
    found = list(engine.feed([pack([Chunk("p", "d", "ecg", 0, x, fs_hz=FS)])]).findings)
    found += engine.tick(round(len(x) / FS * NS_PER_S)).findings
    return {one.code for one in found}


def run(n, rr_s):
    """Give so many V at an interval, and normal beats after them."""
    return [rr_s] * n + [0.9] + [0.8] * 5, [WIDE] * n + [NORMAL] * 6


@pytest.mark.parametrize(
    ("n", "rate", "rules", "is_vt"),
    [
        (5, 110, "cinc2015", True), (4, 110, "cinc2015", False), (5, 92, "cinc2015", False),
        (5, 110, "", False), (6, 140, "", True), (5, 140, "", False),
    ],
)  # fmt: skip
def test_vt_of_2015_is_five_v_faster_than_100_per_min(n, rate, rules, is_vt):
    found = codes(*run(n, 60 / rate), PROFILES[rules] if rules else NO_RULES)
    assert ("vt" in found) == is_vt


@pytest.mark.parametrize(
    ("rr_s", "code", "is_there"),
    [
        ([60 / 145] * 18, "extreme_tachycardia", True), ([60 / 145] * 14, "", False),
        ([60 / 135] * 20, "", False), ([60 / 37] * 5, "extreme_bradycardia", True),
        ([60 / 37] * 2, "", False), ([60 / 44] * 6, "", False),
    ],
)  # fmt: skip
def test_rates_of_2015_are_140_over_17_beats_and_40_over_5(rr_s, code, is_there):
    found = codes([*rr_s, 0.8, 0.8], rules=profile_named("cinc2015"))
    assert {one for one in found if one.startswith("extreme")} == ({code} if is_there else set())


@pytest.mark.parametrize(("tail_s", "is_there"), [(3.4, False), (6.0, True)])
def test_asystole_of_2015_is_4_s_without_a_beat(tail_s, is_there):
    found = codes([0.8], rules=profile_named("cinc2015"), tail_s=tail_s)
    assert ("asystole" in found) == is_there


def test_rules_replace_the_numbers_they_name_and_no_others():
    made = {each.name: each for each in make_processors({"ventricular": {"vt_beats": 5}})}
    plain = {each.name for each in make_processors()}
    assert set(made) == plain
    one = made["ventricular"]
    assert isinstance(one, Ventricular)
    assert one._limits == Params(vt_beats=5).limits()


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"ventriclar": {}}, "expected ventricular.*, found 'ventriclar'"),
        ({"pause": {"asystole": 3}}, "expected pause.asystole_s.*, found 'pause.asystole'"),
        ({"pause": {"asystole_s": "long"}}, "pause.asystole_s: expected a number, found 'long'"),
        ({"ventricular": {"vt_beats": 5.5}}, "vt_beats: expected a whole number, found 5.5"),
        ({"ventricular": {"vt_beats": True}}, "vt_beats: expected a whole number, found True"),
    ],
)
def test_what_no_processor_has_is_refused(rules, sentence):
    with pytest.raises(SettingError, match=sentence):
        make_processors(rules)


def test_an_unknown_profile_is_refused_by_name():
    with pytest.raises(SettingError, match="expected one of cinc2015, found 'cinc'"):
        profile_named("cinc")
