"""Rows become one where they go on, and stay apart where anything is different."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.records import pack, row_chunk
from streams.stores.waveforms.join import by_kind, join
from tests.streams.stores.waveforms.recordings import blocks_of, chunk, cut, runs, same


def joined(chunks):
    blocks = [join(several) for several in by_kind(blocks_of(chunks)).values()]
    return [row_chunk(block, r) for block in blocks for r in range(block.n_rows)]


def key(each):
    return each.participant, each.signal, str(each.samples.dtype), each.device, each.t0_ns


@settings(deadline=None, max_examples=60)
@given(runs(), st.data())
def test_however_runs_are_cut_shuffled_and_repeated_they_come_back(whole, data):
    pieces = [
        piece
        for run in whole
        for piece in cut(run, [*data.draw(st.lists(st.integers(1, 150), max_size=5)), 10**6])
    ]
    again = [p for p in pieces if data.draw(st.booleans())]
    back = joined(data.draw(st.permutations(pieces + again)))
    assert len(back) == len(whole)
    for found, given_ in zip(sorted(back, key=key), sorted(whole, key=key), strict=True):
        assert same(found, given_)


def test_pieces_that_overlap_are_trimmed_and_the_first_that_came_wins():
    whole = chunk(300)
    a, b = cut(whole, [200, 100])
    overlap = replace(cut(whole, [150, 150])[1], samples=whole.samples[150:] + np.int16(1))
    (back,) = joined([a, overlap, b])
    np.testing.assert_array_equal(back.samples[:200], whole.samples[:200])
    assert len(back.samples) == 300


def test_a_device_that_starts_again_with_the_same_count_is_not_a_repetition():
    first = chunk(100)
    second = chunk(100, t0_ns=first.t0_ns + 60 * 10**9, seed=1)
    assert [len(run.samples) for run in joined([first, second])] == [100, 100]


def test_a_clock_that_drifts_begins_a_row_when_it_is_off_by_more_than_rounding():
    pieces = cut(chunk(1000), [100] * 10)
    drifting = [replace(p, t0_ns=p.t0_ns + k) for k, p in enumerate(pieces)]
    back = joined(drifting)
    at = {int(p.seq): p.t0_ns for p in drifting}
    assert 1 < len(back) < 10
    for run in back:
        for seq, t_ns in at.items():
            if run.seq <= seq < run.seq + len(run.samples):
                assert abs(run.t0_ns + round((seq - run.seq) * 4_000_000) - t_ns) <= 1


def test_rows_are_in_the_order_of_participants():
    block = join([pack([chunk(5, who="b"), chunk(5, who="a"), chunk(5, who="c")])])
    assert block.participants == ("a", "b", "c")
