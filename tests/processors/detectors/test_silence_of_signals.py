"""Asystole from the signal itself: beats, quality and detector together, without an engine."""

from __future__ import annotations

import numpy as np
import pytest
import wfdb

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.plan import Sensor
from device_bridges.simulator.waves import ECG_SCALE_MV
from processors.detectors.pause import Pause
from processors.features.qrs import Qrs
from processors.features.signal_quality import SignalQuality
from processors.kernels.signal_quality import N_OUT
from processors.records import ONSET
from tests.device_bridges.simulator.plans import event, make_plan
from tests.naive.rows import NS, rows_of
from tests.naive.rows import feed as feed_rows
from tests.needs import recordings
from tests.processors.ecg_cases import ecg, feed, regular

FS = 250.0


def findings(x, lead=()):
    """Give the findings of `Pause` for a signal at 250 Hz and lead flags ``(s, off)``."""
    records = [(round(t * NS), 2, (off,)) for t, off in lead]
    for source, processor in enumerate((Qrs(), SignalQuality())):
        for rows in (r for name, r in feed(processor, x, FS).items() if name != "beat_windows"):
            records += [(int(row[0]), source, tuple(row[1:].tolist())) for row in rows]
    return rows_of(feed_rows(Pause(), {0: records}, round(len(x) / FS * NS), N_OUT))


def onsets(x, lead=()):
    """Give (onset, reported, attached) of each asystole, s."""
    found = findings(x, lead).get("finding asystole", [])
    return [(row[1] / NS, row[3] / NS, row[9]) for row in found if row[4] == ONSET]


@pytest.mark.parametrize("last_s", [19.0, 19.3, 19.6, 19.9])
@pytest.mark.parametrize("noise_mv", [0.003, 0.02])
def test_asystole_is_told_within_5_and_a_half_s_of_the_last_r(last_s, noise_mv):
    r_s = [*regular(last_s, 0.8), last_s]
    ((onset, told, attached),) = onsets(ecg(r_s, FS, 40, noise_mv=noise_mv))
    assert onset == pytest.approx(last_s, abs=0.01)
    assert 4.0 <= told - last_s <= 5.5
    assert attached == 0.5
    assert onsets(ecg(r_s, FS, 40, noise_mv=noise_mv), lead=[(0.0, 0.0)])[0][2] == 1.0


@pytest.mark.parametrize("rail_mv", [9.8, 2.5, -5.0])
@pytest.mark.parametrize("rr_s", [0.42, 0.8, 1.5])
def test_a_lead_that_comes_back_brings_no_asystole(rail_mv, rr_s):
    x = ecg(regular(70.0, rr_s), FS, 70, noise_mv=0.01)
    x[round(20 * FS) : round(45.3 * FS)] = rail_mv
    assert findings(x) == {}


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_simulated_lead_that_comes_back_brings_no_asystole(seed):
    worn = Sensor("ecg", "patch", np.array([0], np.int32), fs_hz=FS)
    off = event("lead_off", 20, 45.3, form=0)
    plan = make_plan(1, [off], seed=seed, body=5 * seed, duration_s=90, sensors=(worn,))
    samples = [
        block.samples[:, 0] for _, blocks in SimulatorBridge(plan).steps() for block in blocks
    ]
    x = np.concatenate(samples) * ECG_SCALE_MV
    assert (x > 9.7).sum() > 20 * FS
    assert findings(x) == {}


def test_asystole_that_began_while_a_lead_was_off_is_told_once_it_is_sure():
    x = ecg(regular(20.0), FS, 60, noise_mv=0.01)
    x[round(21 * FS) : round(45.3 * FS)] = 9.8
    ((onset, told, _),) = onsets(x)
    assert onset == pytest.approx(46.0, abs=0.01)
    assert 5.0 <= told - 45.3 <= 8.0


@pytest.mark.parametrize("at_s", [20.1, 20.5])
def test_a_spike_brings_no_asystole(at_s):
    x = ecg(regular(40.0), FS, 40, noise_mv=0.01)
    x[round(at_s * FS) : round((at_s + 0.06) * FS)] += 9.0
    assert findings(x) == {}


# vfdb, s: fibrillation, flutter and fast VT in which few beats are found.
NO_ASYSTOLE = (("430", 400, 455), ("430", 725, 765), ("428", 1915, 1960), ("605", 1655, 1680))


@pytest.mark.parametrize(("record", "start", "end"), NO_ASYSTOLE)
def test_fibrillation_is_no_asystole(record, start, end):
    path = str(recordings("vfdb") / record)
    x = wfdb.rdrecord(path, sampfrom=250 * start, sampto=250 * end).p_signal[:, 0]
    assert onsets(x.astype(np.float32)) == []


# vfdb, s: asystole by the reference annotations.
ASYSTOLE = (("430", 500, 538.1), ("430", 755, 784.9), ("430", 1215, 1261.3), ("424", 1340, 1383.1))


@pytest.mark.parametrize(("record", "start", "end"), ASYSTOLE)
def test_real_asystole_is_found(record, start, end):
    path = str(recordings("vfdb") / record)
    x = wfdb.rdrecord(path, sampfrom=250 * start, sampto=round(250 * end)).p_signal[:, 0]
    assert onsets(x.astype(np.float32))
