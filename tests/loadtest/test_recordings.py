"""Simulated people as WFDB records: who gets which files, and what is annotated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import wfdb

from device_bridges.simulator.plan import Sensor
from loadtest.recordings import write_recordings
from tests.device_bridges.simulator.plans import event, make_plan

STRAP = Sensor("rr", "strap", np.zeros(1, np.int32))
PATCH = Sensor("ecg", "patch", np.zeros(1, np.int32), fs_hz=250)


def written(folder: Path, sensor: Sensor, *events) -> Path:
    """Write a minute of one person and give the record."""
    plan = make_plan(1, events, duration_s=60, sensors=(sensor,))
    write_recordings(plan, folder)
    return folder / plan.participants[0].id


def rhythms(record: Path) -> list[tuple[float, str]]:
    marks = wfdb.rdann(str(record), "atr")
    rows = zip(marks.sample / 250, marks.symbol, marks.aux_note, strict=True)
    return [(float(t_s), note.strip("\0")) for t_s, symbol, note in rows if symbol == "+"]


def test_who_wears_a_strap_only_gets_beats_and_no_signal(tmp_path: Path):
    record = written(tmp_path, STRAP)
    assert record.with_suffix(".hea").read_text() == f"{record.name} 0 250 15000\n"
    assert not record.with_suffix(".dat").exists()
    assert wfdb.rdann(str(record), "atr").symbol.count("N") > 50


def test_who_wears_an_ecg_gets_the_signal(tmp_path: Path):
    record = written(tmp_path, PATCH)
    assert wfdb.rdrecord(str(record)).p_signal.shape == (15_000, 1)


def test_a_pattern_within_fibrillation_does_not_end_it(tmp_path: Path):
    events = [event("af", 2.0, 50.0), event("trigeminy", 10.0, 20.0), event("svt", 30.0, 35.0)]
    assert rhythms(written(tmp_path, STRAP, *events)) == [
        (0.0, "(N"),
        (2.0, "(AFIB"),
        (30.0, "(SVTA"),
        (35.0, "(AFIB"),
        (50.0, "(N"),
    ]


def test_two_runs_write_the_same_bytes(tmp_path: Path):
    first, second = (written(tmp_path / name, PATCH, event("pvc", 9.0)) for name in ("a", "b"))
    for suffix in (".hea", ".dat", ".atr"):
        assert first.with_suffix(suffix).read_bytes() == second.with_suffix(suffix).read_bytes()
