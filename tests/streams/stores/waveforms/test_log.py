"""The log of an hour: what a kill, a power cut or a bad sector leaves of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.records import pack
from streams import wire
from streams.stores.waveforms import Folders, Segment, segment_of
from streams.stores.waveforms.log import LogWriter, read_log, repair_log
from tests.streams.stores.waveforms.recordings import chunk


def written(path, n=5):
    blocks = [pack([chunk(50, seq=50 * k, seed=k)]) for k in range(n)]
    log = LogWriter(path)
    for block in blocks:
        log.append([block])
    log.close()
    return [wire.encode(block) for block in blocks]


def frames(path):
    return [wire.encode(block) for block in read_log(path).blocks]


def test_an_empty_log_is_read_and_repaired(tmp_path):
    LogWriter(tmp_path / "a.log").close()
    assert read_log(tmp_path / "a.log").blocks == ()
    assert repair_log(tmp_path / "a.log") == 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_cut_anywhere_all_whole_blocks_are_there_and_the_rest_is_counted(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "a.log"
    given_ = written(path)
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    n = sum(sum(map(len, given_[: k + 1])) <= size for k in range(len(given_)))
    assert frames(path) == given_[:n]
    torn = size - sum(map(len, given_[:n]))
    assert repair_log(path) == torn
    assert path.stat().st_size == size - torn
    assert frames(path) == given_[:n]
    assert repair_log(path) == 0


@pytest.mark.parametrize("at", [0, 4, 10, 17, 60, 200])
def test_a_damaged_block_costs_that_block_only(tmp_path, at):
    path = tmp_path / "a.log"
    given_ = written(path)
    data = bytearray(path.read_bytes())
    data[len(given_[0]) + at] ^= 0xFF
    path.write_bytes(data)
    content = read_log(path)
    assert [wire.encode(block) for block in content.blocks] == [given_[0], *given_[2:]]
    assert (content.damaged_bytes, content.torn_bytes) == (len(given_[1]), 0)


def test_zeros_that_a_power_cut_leaves_at_the_end_are_cut_off(tmp_path):
    path = tmp_path / "a.log"
    given_ = written(path)
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert repair_log(path) == 4096
    assert frames(path) == given_


def test_a_log_that_is_there_is_never_written_to_again(tmp_path):
    written(tmp_path / "a.log")
    with pytest.raises(FileExistsError):
        LogWriter(tmp_path / "a.log")


def test_segments_are_numbered_on_within_their_hour(tmp_path):
    folders = Folders(tmp_path)
    folders.make()
    assert folders.next_segment(7) == Segment(7, 1)
    folders.log(Segment(7, 1)).touch()
    folders.hour(Segment(7, 4)).mkdir()
    (folders.logs / "notes.txt").touch()
    assert folders.next_segment(7) == Segment(7, 5)
    assert folders.next_segment(8) == Segment(8, 1)
    assert segment_of(Segment(491_000, 12).name) == Segment(491_000, 12)
