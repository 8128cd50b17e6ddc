import numpy as np
import pytest

from device_bridges.replay.protocol import (
    Lead,
    Piece,
    checksum_differs,
    frames_held,
    rr_track,
    tracks_of,
)


def lead(name, samples, *, unit="mV", gain=200.0, baseline=0, per_frame=1, invalid=-32768):
    return Lead(name, unit, gain, baseline, per_frame, invalid, np.array(samples, np.int16))


def physical(run):
    return run.samples * run.scale + run.offset


def test_leads_of_one_gain_and_baseline_keep_their_integers():
    leads = (lead("MLII", [1024, 1224], baseline=1024), lead("V1", [824, 1024], baseline=1024))
    (track,), notes = tracks_of([Piece(0, leads)], 360.0)
    (run,) = track.runs
    assert (track.signal, track.channels, track.fs_hz, notes) == ("ecg", ("MLII", "V1"), 360.0, ())
    assert run.samples.tolist() == [[1024, 824], [1224, 1024]]
    assert run.samples.dtype == np.int16
    assert run.missing is None
    assert np.allclose(physical(run), [[0, -1], [1, 0]])


def test_leads_of_different_baselines_are_moved_without_loss():
    leads = (lead("I", [-30000, 0], baseline=10000), lead("II", [7, 9], baseline=7))
    (track,), _ = tracks_of([Piece(0, leads)], 250.0)
    assert track.runs[0].samples.tolist() == [[-40000, 0], [-10000, 2]]
    assert track.runs[0].samples.dtype == np.int32
    assert np.allclose(physical(track.runs[0]), [[-200, 0], [-50, 0.01]])


def test_leads_of_different_gains_become_floats_and_say_so():
    leads = (lead("I", [200, -32768]), lead("II", [1000, 500], gain=1000.0))
    (track,), notes = tracks_of([Piece(0, leads)], 250.0)
    assert track.runs[0].samples.dtype == np.float32
    assert np.array_equal(
        track.runs[0].samples, np.array([[1, 1], [np.nan, 0.5]], np.float32), equal_nan=True
    )
    assert any("different gains" in note for note in notes)


@pytest.mark.parametrize(("unit", "millivolts"), [("mV", 1), ("uV", 1e-3), ("V", 1e3), ("adu", 1)])
def test_ecg_comes_in_millivolts(unit, millivolts):
    (track,), _ = tracks_of([Piece(0, (lead("II", [200], unit=unit),))], 250.0)
    assert np.allclose(physical(track.runs[0]), [[millivolts]])


def test_invalid_codes_are_missing():
    (track,), _ = tracks_of([Piece(0, (lead("II", [5, -2048, 7], invalid=-2048),))], 250.0)
    assert track.runs[0].missing.tolist() == [[False], [True], [False]]


@pytest.mark.parametrize(
    "name",
    ["MLII", "V1", "I", "II", "III", "aVR", "ECG", "ECG1", "ECG Lead II", "ECG (2)", "V", "D3",
     "CM5", "V2-V3", "MV2", "mod.V1", "vx", "lead II", "EKG"],
)  # fmt: skip
def test_usual_lead_names_are_ecg(name):
    (track,), notes = tracks_of([Piece(0, (lead(name, [1]),))], 250.0)
    assert (track.signal, track.channels, notes) == ("ecg", (name,), ())


@pytest.mark.parametrize("name", ["PLETH", "PPG", "Pleth", "ppg_ir"])
def test_pulse_waves_are_ppg(name):
    (track,), _ = tracks_of([Piece(0, (lead(name, [1], unit="NU"),))], 125.0)
    assert track.signal == "ppg"


def test_other_waves_are_left_out_with_a_note():
    leads = (lead("II", [1]), lead("RESP", [1], unit="pm"), lead("ABP", [1], unit="mmHg"))
    tracks, notes = tracks_of([Piece(0, leads)], 125.0)
    assert [track.signal for track in tracks] == ["ecg"]
    assert notes == ("RESP: no such signal, left out", "ABP: no such signal, left out")


def test_an_unknown_name_in_millivolts_is_ecg_when_there_is_no_other():
    (track,), notes = tracks_of([Piece(0, (lead("noise1", [1]),))], 360.0)
    assert track.channels == ("noise1",)
    assert "taken as ecg" in notes[0]
    tracks, notes = tracks_of([Piece(0, (lead("II", [1]), lead("noise1", [1])))], 360.0)
    assert tracks[0].channels == ("II",)
    assert notes == ("noise1: no such signal, left out",)


def test_a_lead_of_another_rate_is_left_out():
    leads = (lead("I", [1, 2, 3, 4], per_frame=2), lead("II", [1, 2]))
    (track,), notes = tracks_of([Piece(0, leads)], 125.0)
    assert (track.fs_hz, track.channels) == (250.0, ("I",))
    assert notes == ("II: another rate than I, left out",)


def test_pieces_become_runs_and_absent_leads_are_missing():
    pieces = [
        Piece(0, (lead("II", [1, 2]), lead("V", [3, 4]))),
        Piece(5, (lead("V", [5, 6]),)),
        Piece(7, (lead("ABP", [0], unit="mmHg"),)),
    ]
    (track,), _ = tracks_of(pieces, 100.0)
    assert [(run.seq, run.t0_ns) for run in track.runs] == [(0, 0), (5, 50_000_000)]
    assert track.runs[1].samples[:, 1].tolist() == [5, 6]
    assert track.runs[1].missing.tolist() == [[True, False], [True, False]]


def test_rr_intervals_are_exact_and_the_first_is_missing():
    track, dropped = rr_track(np.array([1, 129, 224], np.int64), 128.0)
    assert track.t_ns.tolist() == [7_812_500, 1_007_812_500, 1_750_000_000]
    assert np.isnan(track.samples[0, 0])
    assert track.samples[1:, 0].tolist() == [1000.0, 742.1875]
    assert dropped == 0


def test_beats_that_do_not_lie_after_the_beat_before_are_dropped():
    track, dropped = rr_track(np.array([0, 250, 250, 100, 500], np.int64), 250.0)
    assert track.t_ns.tolist() == [0, 1_000_000_000, 2_000_000_000]
    assert track.samples[1:, 0].tolist() == [1000.0, 1000.0]
    assert dropped == 2


def test_checksums_are_compared_modulo_65536_and_zero_is_not_given():
    samples = np.array([30000, 30000, 30000], np.int16)
    assert not checksum_differs(samples, 90000 - 65536)
    assert not checksum_differs(samples, 90000 - 2 * 65536)
    assert checksum_differs(samples, 1)
    assert not checksum_differs(samples, 0)
    assert not checksum_differs(samples, None)


@pytest.mark.parametrize(
    ("n_bytes", "fmt", "held"),
    [(6, "16", 3), (7, "16", 3), (6, "24", 2), (3, "212", 2), (5, "212", 3), (4, "212", 2),
     (8, "310", 6), (6, "311", 4), (4, "8", 4), (4, "80", 4), (4, "61", 2), (8, "32", 2),
     (-1, "16", 0)],
)  # fmt: skip
def test_frames_in_so_many_bytes(n_bytes, fmt, held):
    assert frames_held(n_bytes, fmt, 1) == held
