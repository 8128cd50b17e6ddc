import gzip
import time

import numpy as np
import pytest

from device_bridges.replay.columns import parse_mapping
from device_bridges.replay.tables import check_header, read_table
from processors.errors import InputError
from processors.records import NS_PER_S


def read(folder, text, *mapping, name="walk.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_table(path, "walk", parse_mapping(mapping))


def test_records_come_at_their_own_times(tmp_path):
    recording = read(tmp_path, "t_s,heart_rate\n0.5,73\n2,77\n3.25,80.5\n")
    (track,) = recording.tracks
    assert (track.signal, track.channels) == ("heart_rate", ())
    assert track.t_ns.tolist() == [500_000_000, 2_000_000_000, 3_250_000_000]
    assert track.samples[:, 0].tolist() == [73.0, 77.0, 80.5]
    assert track.samples.dtype == np.float32
    assert recording.start_ns == 500_000_000
    assert recording.warnings == ()


def test_an_empty_cell_is_no_record_and_nan_is_a_missing_one(tmp_path):
    recording = read(tmp_path, "t_s,heart_rate,glucose\n0,70,\n1,nan,100\n2,72,\n")
    rate, glucose = recording.tracks
    assert rate.t_ns.tolist() == [0, NS_PER_S, 2 * NS_PER_S]
    assert np.isnan(rate.samples[1, 0])
    assert glucose.t_ns.tolist() == [NS_PER_S]
    assert recording.warnings == ()


def test_channels_that_are_not_in_the_table_are_missing(tmp_path):
    recording = read(
        tmp_path, "t_s,blood_pressure.diastolic,blood_pressure.systolic\n0,80,120\n9,81,122\n"
    )
    (track,) = recording.tracks
    assert track.channels == ()
    assert track.samples[0, :2].tolist() == [120.0, 80.0]
    assert np.isnan(track.samples[:, 2:]).all()


def test_waveforms_are_regular_with_gaps_in_their_index(tmp_path):
    rows = [f"{i / 250:.3f},{i / 1000}" for i in range(1000) if not 300 <= i < 320]
    recording = read(tmp_path, "t_s,ecg\n" + "\n".join(rows))
    (track,) = recording.tracks
    assert (track.fs_hz, track.channels) == (250.0, ("ecg",))
    assert [(run.seq, len(run.samples)) for run in track.runs] == [(0, 300), (320, 680)]
    assert "ecg: 250 Hz by the time stamps" in recording.notes
    assert recording.warnings == ("walk.csv:302: ecg samples are missing before this line",)
    assert recording.duration_ns == 4 * NS_PER_S


def test_blank_cells_of_a_waveform_are_missing_samples(tmp_path):
    rows = [f"{i / 100},{'' if i == 5 else i}" for i in range(50)]
    (track,) = read(tmp_path, "t_s,ppg\n" + "\n".join(rows)).tracks
    assert np.flatnonzero(np.isnan(track.runs[0].samples[:, 0])).tolist() == [5]


def test_a_waveform_in_every_second_row_has_half_the_rate(tmp_path):
    rows = [f"{i / 200},{i},{i if i % 2 == 0 else ''}" for i in range(400)]
    ecg, ppg = read(tmp_path, "t_s,ecg,ppg\n" + "\n".join(rows)).tracks
    assert (ecg.fs_hz, ppg.fs_hz) == (200.0, 100.0)


def test_times_may_be_iso_8601(tmp_path):
    recording = read(
        tmp_path,
        "when;gl\n2015-06-06T16:50:27Z;8.5\n2015-06-06 19:05:27+02:00;9\n",
        "when=t_s",
        "gl=glucose:mmol/L",
    )
    (track,) = recording.tracks
    assert recording.iso_times
    assert track.t_ns.tolist() == [1_433_609_427 * NS_PER_S, 1_433_610_327 * NS_PER_S]
    assert np.allclose(track.samples[:, 0], [8.5 * 18.016, 9 * 18.016])


def test_bad_cells_are_missing_and_named_by_line(tmp_path):
    recording = read(tmp_path, "t_s,rr\n0,800\n1,abc\n2,inf\nx,900\n4\n5,850,extra\n")
    (track,) = recording.tracks
    assert track.t_ns.tolist() == [0, NS_PER_S, 2 * NS_PER_S, 5 * NS_PER_S]
    assert np.isnan(track.samples[1:3, 0]).all()
    assert recording.warnings == (
        "walk.csv:3: expected a number for rr, found 'abc'; taken as missing",
        "walk.csv:4: expected rr from 200 to 5000 ms, found inf; not used",
        "walk.csv:5: expected a time, found 'x'; row left out",
        "walk.csv:6: expected at least 2 cells, found fewer; taken as missing",
    )


def test_many_faults_of_a_kind_are_counted(tmp_path):
    recording = read(tmp_path, "t_s,rr\n" + "".join(f"{i},-\n" for i in range(20)) + "30,800\n")
    assert recording.warnings == (
        "walk.csv:2: expected a number for rr, found '-'; taken as missing"
        " (and 19 more: line 3, 4, 5, ...)",
    )


def test_times_that_jump_back_stay_in_order_and_are_named(tmp_path):
    recording = read(tmp_path, "t_s,heart_rate\n0,70\n5,71\n3,72\n6,73\n6,73\n")
    (track,) = recording.tracks
    assert track.samples[:, 0].tolist() == [70, 71, 72, 73, 73]
    chunks = [c for k in range(8) for c in recording.chunks(k * NS_PER_S, (k + 1) * NS_PER_S)]
    assert np.concatenate([c.samples for c in chunks])[:, 0].tolist() == [70, 71, 72, 73, 73]
    assert recording.warnings == (
        "walk.csv:4: the time jumps back; passed on as it is",
        "walk.csv:6: the same row again; passed on as it is",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "walk.csv: expected a header line, found an empty file"),
        ("t_s,hart_rate\n0,1\n", "walk.csv:1: expected"),
        ("t_s,rr\n", "walk.csv: expected rows with a time and values, found none"),
        ("t_s,rr\nx,y\n", "walk.csv: expected rows with a time and values, found none"),
        ("t_s,rr\n0,\n1,\n", "walk.csv: expected rows with values, found none"),
        ("t_s,ecg\n0,1\n", "walk.csv: expected at least 3 rows of ecg, found 1"),
        ("\x00\x01\x02\n\xff", "walk.csv: expected a table as text in UTF-8, found no text"),
    ],
)
def test_a_table_that_cannot_be_is_one_sentence_with_the_file(tmp_path, text, problem):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert problem in str(caught.value)


def test_compressed_tables_are_read_and_broken_ones_as_far_as_they_go(tmp_path):
    text = "t_s,heart_rate\n" + "".join(f"{i},{60 + i * 7919 % 41}\n" for i in range(5000))
    path = tmp_path / "walk.csv.gz"
    data = gzip.compress(text.encode())
    path.write_bytes(data)
    assert read_table(path, "walk").tracks[0].n_samples == 5000
    path.write_bytes(data[: len(data) // 2])
    recording = read_table(path, "walk")
    assert 0 < recording.tracks[0].n_samples < 5000
    assert "the compressed file breaks off here; the rest is missing" in recording.warnings[-1]
    path.write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"walk\.csv\.gz: cannot be read"):
        check_header(path, ())


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path):
    recording = read(tmp_path, "\ufefft_s,rr\r\n0,800\r\n1,810\r\n")
    assert recording.tracks[0].samples[:, 0].tolist() == [800.0, 810.0]


def test_ten_megabytes_are_read_in_seconds(tmp_path):
    text = "t_s,ecg\n" + "".join(f"{i / 500:.3f},{i % 977 / 300 - 1:.5f}\n" for i in range(600_000))
    assert len(text) > 9_000_000
    began = time.process_time()
    recording = read(tmp_path, text)
    assert time.process_time() - began < 6.0
    assert recording.tracks[0].n_samples == 600_000


def test_real_signals_with_other_headers_are_125_hz(shared_data):
    path = shared_data / "bidmc" / "bidmc_01_Signals.csv.gz"
    recording = read_table(path, "bidmc_01", parse_mapping(["PLETH=ppg", "II=ecg"]))
    assert [(t.signal, t.fs_hz, t.n_samples, len(t.runs)) for t in recording.tracks] == [
        ("ppg", 125.0, 60_001, 1),
        ("ecg", 125.0, 60_001, 1),
    ]
    assert recording.warnings == ()


def test_real_activities_are_read_without_loss(shared_data):
    for path in sorted((shared_data / "hrr" / "hr").glob("*.csv"))[:5]:
        n_rows = len(path.read_text().splitlines()) - 1
        assert read_table(path, "x").tracks[0].n_samples == n_rows


def test_real_wearable_stamps_follow_the_true_rate(shared_data, tmp_path):
    source = shared_data / "motion" / "subject01_squats_ecg.csv.gz"
    with gzip.open(source, "rt") as file:
        recording = read(tmp_path, "t_s;ecg\n" + file.read().replace(" ; ", ";"))
    (track,) = recording.tracks
    assert track.fs_hz == pytest.approx(497.38, abs=0.01)
    assert track.n_samples == 31_826
    # Counts of a converter taken for mV: that is said, and nothing about the stamps.
    (warning,) = recording.warnings
    assert warning.startswith("walk.csv:2: expected ecg from -10 to 10 mV, found 1613; not used")
