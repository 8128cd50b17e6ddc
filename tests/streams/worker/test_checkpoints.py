"""Snapshots are there whole or not at all, and the newest that can be used is used."""

from __future__ import annotations

import pytest

from processors.errors import InputError
from streams.stores import StoreError
from streams.worker.checkpoints import Checkpoints


@pytest.fixture(params=["folder", "memory"])
def checkpoints(request, tmp_path):
    url = str(tmp_path / "new" / "folder") if request.param == "folder" else f"memory://{tmp_path}"
    return Checkpoints(url)


def read(checkpoints, partition=3):
    """Give what is used: a snapshot, and behind it what it stands on."""
    found = []

    def use(data, stands_on):
        found.extend([data] if stands_on is None else [data, stands_on])

    assert checkpoints.read(partition, use) == bool(found)
    return found


def test_the_one_that_has_taken_most_is_read_whoever_wrote_last(checkpoints):
    assert read(checkpoints) == []
    checkpoints.write(3, 9, b"nine")
    checkpoints.write(3, 100, b"hundred")
    checkpoints.write(3, 50, b"of a worker taken for dead")
    checkpoints.write(4, 900, b"of another partition")
    assert read(checkpoints) == [b"hundred"]
    assert read(checkpoints, 4) == [b"of another partition"]


def test_one_that_cannot_be_used_gives_way_to_the_one_before(checkpoints):
    for n in (1, 2, 3):
        checkpoints.write(3, n, bytes([n]))
    tried = []

    def use(data, stands_on):
        assert stands_on is None
        tried.append(data)
        if data == b"\x03":
            raise InputError("snapshot", "damaged")

    assert checkpoints.read(3, use)
    assert tried == [b"\x03", b"\x02"]


def test_one_that_is_written_again_is_replaced(checkpoints):
    checkpoints.write(3, 7, b"first")
    checkpoints.write(3, 7, b"second")
    assert read(checkpoints) == [b"second"]


def test_old_ones_go_and_nothing_else_is_left(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    for n in range(5):
        checkpoints.write(0, n, b"x")
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == [f"{n:020d}.snapshot" for n in (3, 4)]


def test_a_change_is_read_with_the_whole_one_that_it_stands_on(checkpoints):
    checkpoints.write(3, 10, b"ten")
    for n in (11, 12, 13, 14):
        checkpoints.write(3, n, b"change %d" % n, 10)
    assert read(checkpoints) == [b"change 14", b"ten"]
    checkpoints.write(3, 14, b"change 14 again", 10)  # time has passed, no record was taken
    assert read(checkpoints) == [b"change 14 again", b"ten"]
    checkpoints.write(3, 15, b"fifteen")
    assert read(checkpoints) == [b"fifteen"]


def test_a_change_of_as_many_records_is_newer_than_the_whole_one(checkpoints):
    checkpoints.write(3, 10, b"ten")
    checkpoints.write(3, 10, b"change", 10)
    assert read(checkpoints) == [b"change", b"ten"]


def test_what_a_change_stands_on_is_kept_as_long_as_the_change(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))

    def kept():
        return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())

    def whole(n):
        return f"{n:020d}.snapshot"

    def change(n, on):
        return f"{n:020d}_{on:020d}.change"

    checkpoints.write(0, 1, b"x")
    for n in (2, 3, 4):
        checkpoints.write(0, n, b"x", 1)
    assert kept() == [whole(1), change(3, 1), change(4, 1)]
    checkpoints.write(0, 5, b"x")
    assert kept() == [whole(1), change(4, 1), whole(5)]
    checkpoints.write(0, 6, b"x", 5)
    assert kept() == [whole(5), change(6, 5)]


def test_a_change_whose_foundation_is_gone_gives_way(checkpoints):
    checkpoints.write(3, 8, b"eight")
    checkpoints.write(3, 9, b"of one that was never written", 7)
    assert read(checkpoints) == [b"eight"]


def test_what_an_end_half_way_leaves_is_not_read(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.write(0, 1, b"whole")
    (tmp_path / "partition-00000" / "9f.new").write_bytes(b"ha")
    assert read(checkpoints, 0) == [b"whole"]


def test_a_store_that_cannot_be_written_is_said_with_its_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Checkpoints(str(tmp_path / "file")).write(0, 1, b"x")
