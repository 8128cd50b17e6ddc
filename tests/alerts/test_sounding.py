"""Which alarms of one participant are heard."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alerts.policy import load_policy
from alerts.sounding import sounding_codes
from tests.alerts.test_urgency import alarm

RULES = load_policy().rules


def heard(*codes, **states):
    alarms = [replace(alarm("high", states.get(code, "active")), code=code) for code in codes]
    return sounding_codes(alarms, RULES)


def test_the_worst_of_each_chain_is_heard():
    assert heard("bradycardia", "pause", "tachycardia", "spo2_low") == {
        "pause", "tachycardia", "spo2_low",
    }  # fmt: skip


def test_vf_silences_the_other_ecg_chains_only():
    assert heard("vf", "tachycardia", "af", "apnoea", "lead_off") == {"vf", "apnoea", "lead_off"}


def test_vf_and_asystole_are_both_heard():
    assert heard("vf", "asystole", "af") == {"vf", "asystole"}


def test_acknowledged_alarms_neither_sound_nor_silence():
    assert heard("vf", "tachycardia", vf="acknowledged") == {"tachycardia"}


def test_nothing_is_heard_of_nothing_and_of_what_sounds_as_none():
    assert heard() == set()
    assert (
        sounding_codes([replace(alarm("technical"), code="gap", sounds_as="none")], RULES) == set()
    )


@given(st.sets(st.sampled_from(sorted(RULES)), min_size=1))
def test_something_is_heard_and_it_is_the_best_of_its_chain(codes):
    chosen = heard(*codes)
    assert chosen
    assert chosen <= codes
    for code in chosen:
        rivals = [other for other in codes if RULES[other].chain == RULES[code].chain]
        assert RULES[code].rank == min(RULES[other].rank for other in rivals)
    for code in codes - chosen:
        outranked = any(
            RULES[other].chain == RULES[code].chain and RULES[other].rank < RULES[code].rank
            for other in codes
        )
        silenced = any(
            RULES[other].overrides and RULES[other].signal == RULES[code].signal for other in chosen
        )
        assert outranked or silenced
