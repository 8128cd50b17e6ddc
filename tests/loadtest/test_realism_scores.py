"""The compositions whose scores are laid beside those of recordings."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from loadtest.evaluate.reference import read_reference
from loadtest.realism_scores import BEATS, FIBRILLATION, Scored
from loadtest.recordings import write_recordings


def test_what_was_not_recorded_has_no_difference():
    assert Scored("x", 99.0, 98.5).difference == pytest.approx(0.5)
    assert math.isnan(Scored("x", 99.0, math.nan).difference)


def test_planted_fibrillation_is_annotated_in_records_without_signals(tmp_path: Path):
    plan = expand(load(FIBRILLATION), 1, None, 120.0)
    write_recordings(plan, tmp_path)
    always = tmp_path / plan.participants[8].id
    assert read_reference(always).rhythm(["AFIB"]).tolist() == [[250, 30_000]]
    assert always.with_suffix(".hea").read_text() == f"{always.name} 0 250 30000\n"
    assert not always.with_suffix(".dat").exists()


@pytest.mark.parametrize("scenario", [BEATS, FIBRILLATION])
def test_compositions_concern_one_person_for_each_record(scenario: Path):
    plan = expand(load(scenario), 1)
    assert plan.n == {BEATS: 22, FIBRILLATION: 13}[scenario]
    # Nobody's rhythm is drawn: what happens is the composition's.
    same = expand(load(scenario), 2)
    assert (
        same.events[["slot", "kind", "start_s"]].tolist()
        == plan.events[["slot", "kind", "start_s"]].tolist()
    )
