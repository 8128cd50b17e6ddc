"""Hours of waveforms on an object store: whole or not at all, and read back to the sample."""

from __future__ import annotations

import uuid

import fsspec
import numpy as np
import pytest

from processors.records import NS_PER_S, Chunk, pack
from streams.stores import StoreError
from streams.stores.waveforms import HOUR_NS, Folders, Segment
from streams.stores.waveforms.archive import Archive
from streams.stores.waveforms.compaction import compact
from streams.stores.waveforms.log import LogWriter
from streams.stores.waveforms.shelf import COMPLETE, Shelf, ShelvedArchive

HOUR = 472_222


@pytest.fixture(params=["memory", "folder"])
def url(request, tmp_path):
    name = uuid.uuid4().hex
    return f"memory://{name}" if request.param == "memory" else str(tmp_path / name)


@pytest.fixture
def folders(tmp_path):
    made = Folders(tmp_path / "data")
    made.make()
    return made


def chunk(who, hour, second):
    samples = np.arange(250, dtype=np.int16)[:, None] * (1 + second) + len(who)
    t0_ns = hour * HOUR_NS + second * NS_PER_S
    return Chunk(who, "strap", "ecg", t0_ns, samples, 250.0, 250 * second)


def compacted(folders, hour, seconds=range(5)):
    """Record and compact some of an hour of two people."""
    folders.make()
    segment = folders.next_segment(hour)
    log = LogWriter(folders.log(segment))
    log.append(pack([chunk(who, hour, s) for who in ("p.1", "p2")]) for s in seconds)
    log.close()
    compact(folders, segment)
    return segment


def read(folders, who):
    return Archive(folders).read(who, "ecg", from_ns=0, until_ns=2**62)


def test_what_is_put_is_gone_here_and_comes_back_sample_by_sample(url, folders, tmp_path):
    segments = [compacted(folders, HOUR + k) for k in (0, 1)]
    expected = repr(read(folders, "p.1"))
    shelf = Shelf(url)
    for segment in segments:
        shelf.put(folders, segment)
    assert folders.in_hours() == []
    assert Shelf(url).segments() == segments
    elsewhere = Folders(tmp_path / "elsewhere")
    span = (HOUR * HOUR_NS, (HOUR + 2) * HOUR_NS)
    assert Shelf(url).bring(elsewhere, "p.1", *span) == 2
    assert repr(read(elsewhere, "p.1")) == expected
    assert read(elsewhere, "p2") == []
    far_ns = 100 * HOUR_NS
    assert shelf.bring(elsewhere, "p2", span[1] + far_ns, span[1] + 2 * far_ns) == 0


def test_what_was_not_finished_is_not_there_and_is_put_again(url, folders):
    segment = compacted(folders, HOUR)
    shelf = Shelf(url)
    fs, root = fsspec.core.url_to_fs(url)
    fs.makedirs(f"{root}/{segment.name}", exist_ok=True)
    fs.pipe_file(f"{root}/{segment.name}/p2.ecg.0.parquet", b"half of o")  # a kill while putting
    assert shelf.segments() == []
    shelf.put(folders, segment)
    assert shelf.segments() == [segment]
    fs.rm_file(f"{root}/{segment.name}/{COMPLETE}")
    assert shelf.segments() == []


def test_more_of_an_hour_that_is_there_is_put_beside_it(url, folders, tmp_path):
    """Of a sink that went on in that hour, or on another machine: its first number is free here."""
    shelf, seconds = Shelf(url), (range(5), range(5, 9))
    for some in seconds:
        shelf.put(folders, compacted(folders, HOUR, some))
    assert shelf.segments() == [Segment(HOUR, 1), Segment(HOUR, 2)]
    elsewhere = Folders(tmp_path / "elsewhere")
    shelf.bring(elsewhere, "p2", HOUR * HOUR_NS, (HOUR + 1) * HOUR_NS)
    assert sum(len(run.samples) for run in read(elsewhere, "p2")) == 9 * 250


def test_what_was_put_but_not_deleted_here_is_put_once(url, folders):
    shelf = Shelf(url)
    shelf.put(folders, compacted(folders, HOUR))
    shelf.put(folders, compacted(folders, HOUR))  # the same again, as after a kill
    assert shelf.segments() == [Segment(HOUR, 1)]


def test_old_hours_go(url, folders):
    shelf = Shelf(url)
    for k in (0, 1):
        shelf.put(folders, compacted(folders, HOUR + k))
    assert shelf.forget((HOUR + 1) * HOUR_NS) == 1
    assert shelf.segments() == [Segment(HOUR + 1, 1)]


def test_what_cannot_be_put_stays_where_it_is(folders, tmp_path):
    segment = compacted(folders, HOUR)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=segment.name):
        Shelf(str(tmp_path / "file")).put(folders, segment)
    assert folders.in_hours() == [segment]
    assert len(read(folders, "p2")) == 1


def test_what_is_here_and_what_is_shelved_is_read_as_one(url, folders, tmp_path):
    compacted(whole := Folders(tmp_path / "whole"), HOUR, range(12))
    for seconds in (range(5), range(5, 9)):
        Shelf(url).put(folders, compacted(folders, HOUR, seconds))
    compacted(folders, HOUR, range(9, 12))
    both = ShelvedArchive(Archive(folders), Shelf(url), Folders(tmp_path / "brought"))
    always = {"from_ns": 0, "until_ns": 2**62}
    assert repr(both.read("p2", "ecg", **always)) == repr(read(whole, "p2"))
    assert both.participants() == {"p.1", "p2"}
    assert both.read("p2", "ppg", **always) == both.read("p9", **always) == []
    (cut,) = both.read("p2", from_ns=HOUR * HOUR_NS + 8 * NS_PER_S, until_ns=2**62)
    assert len(cut.samples) == 4 * 250


def test_an_hour_that_is_shelved_while_it_is_read_is_there_once(url, folders, tmp_path):
    segments = [compacted(folders, HOUR, range(5)), compacted(folders, HOUR, range(5, 9))]
    expected = repr(read(folders, "p2"))
    shelf = Shelf(url)

    class Meanwhile(Archive):
        def read(self, *args, **span):
            shelf.put(folders, segments[0])  # nothing of it is found here any more
            found = super().read(*args, **span)
            shelf.put(folders, segments[1])  # and this was found here already
            return found

    both = ShelvedArchive(Meanwhile(folders), shelf, Folders(tmp_path / "brought"))
    assert repr(both.read("p2", "ecg", from_ns=0, until_ns=2**62)) == expected
