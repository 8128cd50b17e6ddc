"""Steps wait in their order, and no more of them than their samples allow."""

from __future__ import annotations

import queue

import numpy as np
import pytest

from processors.records import Chunk, pack
from streams.backlog import Backlog, Step


def step(until_ns: int, n_samples: int) -> Step:
    samples = np.zeros((n_samples, 1), np.int16)
    return until_ns, [pack([Chunk("kim", "strap", "ecg", 0, samples, fs_hz=250.0)])]


def test_steps_come_out_in_their_order_and_then_nothing():
    backlog = Backlog()
    for until_ns in (1, 2, 3):
        backlog.put_nowait(step(until_ns, 10))
    taken = [backlog.get(0.0) for _ in range(4)]
    assert [each and each[0] for each in taken] == [1, 2, 3, None]
    assert backlog.empty()


def test_what_has_no_samples_is_never_held_back():
    backlog = Backlog(most_samples=1)
    for until_ns in range(1000):
        backlog.put_nowait((until_ns, []))


def test_it_is_full_by_samples_and_free_again_when_one_is_taken():
    backlog = Backlog(most_samples=100)
    backlog.put_nowait(step(1, 60))
    with pytest.raises(queue.Full):
        backlog.put_nowait(step(2, 41))
    backlog.get(0.0)
    backlog.put_nowait(step(2, 41))


def test_a_step_larger_than_the_bound_passes_alone():
    backlog = Backlog(most_samples=100)
    backlog.put_nowait(step(1, 500))
    with pytest.raises(queue.Full):
        backlog.put_nowait(step(2, 1))
