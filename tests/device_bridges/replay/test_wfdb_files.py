import numpy as np
import pytest
import wfdb

from device_bridges.replay.wfdb_files import read_beats, read_record
from processors.errors import InputError
from processors.records import NS_PER_S


def write(folder, name, fmt="16", *, n=100, gain=200.0, baseline=0, names=("II", "V1"), spf=None):
    rng = np.random.default_rng(1)
    samples = np.cumsum(rng.integers(-3, 4, (n, len(names))), axis=0)
    spf = spf or [1] * len(names)
    columns = [samples[: n // max(spf) * k, c] for c, k in enumerate(spf)]
    wfdb.wrsamp(
        name, fs=250 / max(spf), units=["mV"] * len(names), sig_name=list(names),
        e_d_signal=columns if max(spf) > 1 else None, d_signal=None if max(spf) > 1 else samples,
        samps_per_frame=spf if max(spf) > 1 else None,
        fmt=[fmt] * len(names), adc_gain=[gain] * len(names), baseline=[baseline] * len(names),
        write_dir=str(folder),
    )  # fmt: skip
    return samples


def only_run(recording):
    (track,) = recording.tracks
    (run,) = track.runs
    return run


@pytest.mark.parametrize(
    "fmt", ["16", "212", "24", "32", "61", "80", "160", "310", "311", "8", "516"]
)
@pytest.mark.parametrize("n", [99, 100, 101])
def test_every_format_comes_back_as_written(tmp_path, fmt, n):
    if fmt in {"61", "160", "310", "311", "8"}:
        samples = write_by_hand(tmp_path, fmt, n)
    else:
        samples = write(tmp_path, "r", fmt, n=n)
    recording = read_record(tmp_path / "r", "r")
    assert recording.warnings == ()
    assert np.array_equal(only_run(recording).samples, samples)
    assert only_run(recording).samples.dtype == np.int16
    assert recording.duration_ns == n * NS_PER_S // 250


def write_by_hand(folder, fmt, n):
    """Write one lead in a format that the wfdb package reads and does not write."""
    samples = np.cumsum(np.random.default_rng(1).integers(-3, 4, n))
    init = 0
    if fmt == "61":
        data = samples.astype(">i2").tobytes()
    elif fmt == "160":
        data = (samples + 2**15).astype("<u2").tobytes()
    elif fmt == "8":
        init = int(samples[0])
        data = np.diff(samples, prepend=init).astype("i1").tobytes()
    else:
        data = pack_three(samples, fmt)
    (folder / "r.dat").write_bytes(data)
    checksum = int(np.int16(samples.sum() & 0xFFFF if samples.sum() >= 0 else samples.sum()))
    header = f"r 1 250 {n}\nr.dat {fmt} 200 12 0 {init} {checksum} 0 II\n"
    (folder / "r.hea").write_text(header)
    return samples[:, None]


def pack_three(samples, fmt):
    """Pack three 10-bit samples into four bytes, as the signal(5) page describes it."""
    data = bytearray()
    for k in range(0, len(samples), 3):
        a, b, c = (int(x) & 0x3FF for x in [*samples[k : k + 3], 0, 0][:3])
        if fmt == "310":
            low = (a << 1) | ((c & 0x1F) << 11)
            high = (b << 1) | ((c >> 5) << 11)
            data += low.to_bytes(2, "little") + high.to_bytes(2, "little")
        else:
            data += (a | b << 10 | c << 20).to_bytes(4, "little")
    return bytes(data)


def test_a_truncated_signal_file_is_played_as_far_as_it_goes(tmp_path):
    samples = write(tmp_path, "r", "212")
    path = tmp_path / "r.dat"
    path.write_bytes(path.read_bytes()[: 41 * 3 + 1])
    recording = read_record(tmp_path / "r", "r")
    assert np.array_equal(only_run(recording).samples, samples[:41])
    assert recording.warnings == (
        f"{tmp_path.name}/r.dat: ends after 41 of 100 samples; the rest is missing",
    )
    assert recording.duration_ns == 41 * NS_PER_S // 250


def test_a_missing_signal_file_is_an_error_that_names_it(tmp_path):
    write(tmp_path, "r")
    (tmp_path / "r.dat").unlink()
    with pytest.raises(
        InputError, match=r"r\.hea: expected signal files.*r\.dat: no such signal file"
    ):
        read_record(tmp_path / "r", "r")


def test_one_missing_file_of_two_leaves_the_other_lead(tmp_path):
    samples = write(tmp_path, "r")
    (tmp_path / "a.dat").write_bytes(samples[:, 0].astype("<i2").tobytes())
    (tmp_path / "r.hea").write_text(
        "r 2 250 100\na.dat 16 200 12 0 0 0 0 II\nb.dat 16 200 12 0 0 0 0 V1\n"
    )
    recording = read_record(tmp_path / "r", "r")
    assert np.array_equal(only_run(recording).samples[:, 0], samples[:, 0])
    assert recording.leads == ("II",)
    assert recording.warnings == (f"{tmp_path.name}/b.dat: no such signal file",)


def test_a_wrong_checksum_is_warned_about(tmp_path):
    samples = write(tmp_path, "r")
    data = bytearray((tmp_path / "r.dat").read_bytes())
    data[0] ^= 1
    (tmp_path / "r.dat").write_bytes(data)
    recording = read_record(tmp_path / "r", "r")
    assert len(only_run(recording).samples) == len(samples)
    assert recording.warnings == (
        f"{tmp_path.name}/r.dat: signal 0 does not add up to the checksum of the header",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a WFDB header"),
        ("\x00\x01\x02", "expected a WFDB header"),
        ("<html>no such page</html>\n", "expected a WFDB header"),
        ("r 2 250 100\nr.dat 16 200 12 0 0 0 0 II\n", "expected 2 signal lines, found 1"),
        ("r 1 0 100\nr.dat 16 200 12 0 0 0 0 II\n", "expected a sampling rate above 0"),
        ("r 0 250 100\n", "the record has no signals; --beats EXT"),
        (
            "r 1 250 100\nr.dat 16 100/mmHg 12 0 0 0 0 ABP\n",
            "expected an ECG or PPG signal, found ABP",
        ),
        ("r 1 250 100\nr.dat 99 200 12 0 0 0 0 II\n", "expected a signal format of WFDB, found 99"),
    ],
)
def test_bad_headers_are_one_sentence_with_the_file(tmp_path, text, problem):
    write(tmp_path, "r")
    (tmp_path / "r.hea").write_text(text)
    with pytest.raises(InputError, match=r"r\.hea: ") as caught:
        read_record(tmp_path / "r", "r")
    assert problem in str(caught.value)


def test_a_record_of_no_length_is_an_error(tmp_path):
    (tmp_path / "r.dat").write_bytes(b"")
    (tmp_path / "r.hea").write_text("r 1 250 0\nr.dat 16 200 12 0 0 0 0 II\n")
    with pytest.raises(InputError, match=r"r\.hea"):
        read_record(tmp_path / "r", "r")


def test_a_header_without_length_takes_that_of_the_file(tmp_path):
    samples = write(tmp_path, "r")
    header = (tmp_path / "r.hea").read_text().replace("r 2 250 100", "r 2 250")
    (tmp_path / "r.hea").write_text(header)
    assert len(only_run(read_record(tmp_path / "r", "r")).samples) == len(samples)


def test_leads_without_gain_and_name_take_the_defaults(tmp_path):
    (tmp_path / "r.dat").write_bytes(np.array([200, -200], "<i2").tobytes())
    (tmp_path / "r.hea").write_text("r 1 250 2\nr.dat 16 0\n")
    recording = read_record(tmp_path / "r", "r")
    run = only_run(recording)
    assert np.allclose(run.samples[:, 0] * run.scale + run.offset, [1.0, -1.0])
    assert recording.leads == ("signal 0",)


def test_leads_of_the_same_name_are_numbered(tmp_path):
    write(tmp_path, "r", names=("ECG", "V1"))
    header = (tmp_path / "r.hea").read_text().replace("V1", "ECG")
    (tmp_path / "r.hea").write_text(header)
    assert read_record(tmp_path / "r", "r").leads == ("ECG", "ECG (2)")


def test_signals_of_different_rates_become_tracks_of_their_own(tmp_path):
    samples = write(tmp_path, "r", names=("II", "PLETH"), spf=[2, 1])
    ecg, ppg = read_record(tmp_path / "r", "r").tracks
    assert (ecg.signal, ecg.fs_hz, ppg.signal, ppg.fs_hz) == ("ecg", 250.0, "ppg", 125.0)
    assert np.array_equal(ecg.runs[0].samples, samples[:, :1])
    assert np.array_equal(ppg.runs[0].samples, samples[:50, 1:])


def test_a_variable_layout_has_gaps_for_null_segments_and_missing_for_absent_leads(tmp_path):
    first = write(tmp_path, "m_1", n=50)
    second = write(tmp_path, "m_2", n=30, names=("V1",))
    (tmp_path / "m_layout.hea").write_text(
        "m_layout 2 250 0\n~ 0 200/mV 12 0 0 0 0 II\n~ 0 200/mV 12 0 0 0 0 V1\n"
    )
    (tmp_path / "m.hea").write_text("m/4 2 250 100\nm_layout 0\nm_1 50\n~ 20\nm_2 30\n")
    recording = read_record(tmp_path / "m", "m")
    (track,) = recording.tracks
    assert track.channels == ("II", "V1")
    assert [(run.seq, len(run.samples)) for run in track.runs] == [(0, 50), (70, 30)]
    assert np.array_equal(track.runs[0].samples, first)
    assert np.array_equal(track.runs[1].samples[:, 1], second[:, 0])
    assert track.runs[1].missing.all(axis=0).tolist() == [True, False]
    assert recording.duration_ns == 100 * NS_PER_S // 250
    assert recording.warnings == ()


def test_a_fixed_layout_with_a_damaged_segment_plays_the_rest(tmp_path):
    write(tmp_path, "m_1", n=50)
    write(tmp_path, "m_2", n=50, gain=100.0)
    write(tmp_path, "m_3", n=50)
    (tmp_path / "m_3.dat").unlink()
    (tmp_path / "m.hea").write_text("m/3 2 250 150\nm_1 50\nm_2 50\nm_3 50\n")
    recording = read_record(tmp_path / "m", "m")
    (track,) = recording.tracks
    assert [(run.seq, run.scale) for run in track.runs] == [(0, 0.005), (50, 0.01)]
    assert any("m_3.hea" in warning and "left out" in warning for warning in recording.warnings)


def test_beats_are_read_without_their_labels(tmp_path):
    write(tmp_path, "r", n=1000)
    wfdb.wrann(
        "r", "qrs", np.array([10, 50, 260, 500, 700]), symbol=list("N+VN|"), write_dir=str(tmp_path)
    )
    recording = read_beats(tmp_path / "r", "qrs", "r")
    (track,) = recording.tracks
    assert track.signal == "rr"
    assert track.t_ns.tolist() == [40_000_000, 1_040_000_000, 2_000_000_000]
    assert track.samples[1:, 0].tolist() == [1000.0, 960.0]
    assert recording.duration_ns == 4 * NS_PER_S
    assert recording.fs_hz == 250.0


def test_beats_need_no_signal_files(tmp_path):
    (tmp_path / "r.hea").write_text("r 0 250\n")
    wfdb.wrann("r", "qrs", np.array([250, 500]), symbol=["N", "N"], write_dir=str(tmp_path))
    assert read_beats(tmp_path / "r", "qrs", "r").duration_ns == 3 * NS_PER_S


def test_annotations_that_are_absent_or_hold_no_beats_are_errors(tmp_path):
    write(tmp_path, "r")
    with pytest.raises(InputError, match=r"r\.qrs: no such annotation file"):
        read_beats(tmp_path / "r", "qrs", "r")
    wfdb.wrann("r", "qrs", np.array([5]), symbol=["+"], aux_note=["(N"], write_dir=str(tmp_path))
    with pytest.raises(InputError, match=r"r\.qrs: expected beats, found none among 1 annotations"):
        read_beats(tmp_path / "r", "qrs", "r")


def test_real_records_keep_all_samples_and_agree_with_their_checksums(shared_data):
    for name, shape, fs_hz in (
        ("mitdb/101", (650_000, 2), 360.0),
        ("vfdb/418", (525_000, 2), 250.0),
        ("cinc2017/A00001", (9000, 1), 300.0),
    ):
        recording = read_record(shared_data / name, name)
        assert recording.warnings == ()
        assert only_run(recording).samples.shape == shape
        assert recording.tracks[0].fs_hz == fs_hz
        reference = wfdb.rdrecord(str(shared_data / name), sampto=2000).p_signal
        run = only_run(recording)
        assert np.allclose(run.samples[:2000] * run.scale + run.offset, reference)


def test_real_beats_have_their_times(shared_data):
    recording = read_beats(shared_data / "afdb" / "00735", "qrs", "00735")
    (track,) = recording.tracks
    assert track.n_samples == 40_233
    assert np.allclose(track.samples[1:4, 0], [1076.0, 1116.0, 1116.0])
    day = read_beats(shared_data / "nsrdb" / "16265", "atr", "16265")
    assert day.duration_ns == 11_730_944 * NS_PER_S // 128
