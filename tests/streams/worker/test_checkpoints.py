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
    found = []
    assert checkpoints.read(partition, found.append) == bool(found)
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

    def use(data):
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


def test_what_an_end_half_way_leaves_is_not_read(tmp_path):
    checkpoints = Checkpoints(str(tmp_path))
    checkpoints.write(0, 1, b"whole")
    (tmp_path / "partition-00000" / "9f.new").write_bytes(b"ha")
    assert read(checkpoints, 0) == [b"whole"]


def test_a_store_that_cannot_be_written_is_said_with_its_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Checkpoints(str(tmp_path / "file")).write(0, 1, b"x")
