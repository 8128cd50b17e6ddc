import numpy as np
import pytest
import wfdb

from device_bridges.replay.link import find_recordings, read_recording
from processors.errors import InputError


def record(folder, name):
    wfdb.wrsamp(
        name, fs=250, units=["mV"], sig_name=["II"], d_signal=np.zeros((50, 1), int),
        fmt=["16"], adc_gain=[200.0], baseline=[0], write_dir=str(folder),
    )  # fmt: skip


def names(found):
    return [source.participant for source in found.sources]


@pytest.mark.parametrize("path", ["r1", "r1.hea", "r1.dat", "r1.atr"])
def test_any_file_of_a_record_names_it(tmp_path, path):
    record(tmp_path, "r1")
    wfdb.wrann("r1", "atr", np.array([5]), symbol=["N"], write_dir=str(tmp_path))
    assert names(find_recordings([tmp_path / path])) == ["r1"]


def test_a_signal_file_of_another_name_names_the_record_too(tmp_path):
    record(tmp_path, "r1")
    (tmp_path / "r1.dat").rename(tmp_path / "signals.bin")
    header = (tmp_path / "r1.hea").read_text().replace("r1.dat", "signals.bin")
    (tmp_path / "r1.hea").write_text(header)
    assert names(find_recordings([tmp_path / "signals.bin"])) == ["r1"]


def test_each_record_is_found_once_and_folders_are_sorted(tmp_path):
    for name in ("r2", "r1", "r3"):
        record(tmp_path, name)
    (tmp_path / "walk.csv").write_text("t_s,rr\n0,800\n")
    found = find_recordings([tmp_path / "r3.dat", tmp_path, tmp_path / "r1"])
    assert names(found) == ["r3", "r1", "r2", "walk"]


def test_the_same_name_in_two_folders_gets_a_number(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        record(tmp_path / folder, "r1")
    assert names(find_recordings([tmp_path / "a", tmp_path / "b"])) == ["r1", "r1-2"]


def test_segments_of_a_record_are_not_records_of_a_folder(tmp_path):
    record(tmp_path, "m_1")
    (tmp_path / "m.hea").write_text("m/2 1 250 70\nm_1 50\n~ 20\n")
    assert names(find_recordings([tmp_path])) == ["m"]


def test_unusable_tables_of_a_folder_are_left_out_with_a_note(tmp_path):
    record(tmp_path, "r1")
    (tmp_path / "REFERENCE.csv").write_text("r1,N\n")
    found = find_recordings([tmp_path])
    assert names(found) == ["r1"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("REFERENCE.csv:1: expected")
    with pytest.raises(InputError, match=r"REFERENCE\.csv:1"):
        find_recordings([tmp_path / "REFERENCE.csv"])


def test_what_is_there_but_unusable_is_a_fault_beside_the_others(tmp_path):
    record(tmp_path, "r1")
    (tmp_path / "bad.csv").write_text("r1,N\n")
    (tmp_path / "empty").mkdir()
    found = find_recordings([tmp_path / "bad.csv", tmp_path / "r1", tmp_path / "empty"])
    assert names(found) == ["r1"]
    assert [fault.where for fault in found.faults] == ["bad.csv:1", str(tmp_path / "empty")]
    with pytest.raises(InputError, match="no such file"):  # mistyped: nothing is begun
        find_recordings([tmp_path / "r1", tmp_path / "r2"])


def test_a_folder_of_unusable_tables_only_is_an_error(tmp_path):
    (tmp_path / "REFERENCE.csv").write_text("r1,N\n")
    with pytest.raises(InputError, match=r"REFERENCE\.csv:1"):
        find_recordings([tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected WFDB records"):
        find_recordings([tmp_path / "empty"])


def test_what_is_not_there_or_no_recording_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match="no such file, folder or record"):
        find_recordings([tmp_path / "r1"])
    with pytest.raises(InputError, match="no such file"):
        find_recordings([tmp_path / "walk.csv"])
    with pytest.raises(InputError, match=r"notes\.txt: expected a file of a WFDB record"):
        find_recordings([tmp_path / "notes.txt"])


def test_annotations_are_opened_only_when_named(tmp_path):
    record(tmp_path, "r1")
    (tmp_path / "r1.atr").write_bytes(b"\xff" * 7)  # would not be readable
    (source,) = find_recordings([tmp_path / "r1"]).sources
    assert read_recording(source).signals == ("ecg",)


def test_beats_take_the_place_of_signals(tmp_path):
    record(tmp_path, "r1")
    record(tmp_path, "r2")
    (tmp_path / "r1.dat").unlink()
    wfdb.wrann("r1", "qrs", np.array([5, 30]), symbol=["N", "V"], write_dir=str(tmp_path))
    found = find_recordings([tmp_path], beats_extension="qrs")
    assert names(found) == ["r1"]
    assert "r2.qrs: no such annotation file" in found.notes[0]
    assert read_recording(found.sources[0]).signals == ("rr",)
    with pytest.raises(InputError, match=r"r2\.qrs: no such annotation file"):
        find_recordings([tmp_path / "r2"], beats_extension="qrs")


def test_records_without_signals_ask_for_beats(tmp_path):
    (tmp_path / "r1.hea").write_text("r1 0 250\n")
    with pytest.raises(InputError, match=r"r1\.hea: no signals; --beats EXT"):
        find_recordings([tmp_path])


def test_real_folders_are_found_whole(shared_data):
    assert len(find_recordings([shared_data / "mitdb"]).sources) == 22
    cinc = find_recordings([shared_data / "cinc2017"])
    assert len(cinc.sources) == 360
    assert len(cinc.notes) == 1
    assert len(find_recordings([shared_data / "afdb"], beats_extension="qrs").sources) == 13
