"""Of each 5 s the last row is kept: however they are cut, and however often a stretch comes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.bus import Place
from streams.last_of_slot import LastOfSlot
from streams.stores import FEATURES, STORE_EVERY_NS, SeriesRows

PLACE = Place("vitals.features", 3)

# Participant, seconds to the row before it of that participant.
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), min_size=1, max_size=60)


def story(steps):
    """Give rows in the order of time of each participant: participant, t_ns, value."""
    t_s: dict[str, int] = {}
    rows = []
    for who, wait_s in steps:
        t_s[who] = t_s.get(who, 0) + wait_s
        rows.append((who, t_s[who] * 10**9 + 7, float(len(rows))))
    return rows


def series(rows):
    who, t_ns, values = zip(*rows, strict=True)
    return SeriesRows(
        FEATURES, "hrv", ("a", "b"), list(who), np.array(t_ns, np.int64),
        np.array([[v, v + 0.5] for v in values]),
    )  # fmt: skip


def kept(rows):
    assert all(pair[1] == pair[0] + 0.5 for pair in rows.values.tolist())
    return list(zip(rows.participants, rows.t_ns.tolist(), rows.values[:, 0].tolist(), strict=True))


def naive(rows):
    """Give the last row of each slot that a later row of the participant has ended."""
    last, found = {}, set()
    for row in rows:
        before = last.get(row[0])
        if before is not None and before[1] // STORE_EVERY_NS != row[1] // STORE_EVERY_NS:
            found.add(before)
        last[row[0]] = row
    return found, set(last.values())


def cut(rows, sizes):
    at = 0
    while at < len(rows):
        size = sizes[at % len(sizes)]
        yield at, rows[at : at + size]
        at += size


SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(ROWS, SIZES)
def test_the_cut_does_not_matter_and_what_waits_is_the_rest(steps, sizes):
    rows = story(steps)
    thinned, found = LastOfSlot(), []
    for at, some in cut(rows, sizes):
        found += kept(thinned.put(series(some), PLACE, at, at))
    over, waiting = naive(rows)
    assert len(found) == len(set(found))
    assert set(found) == over
    rest = [row for more in thinned.flush(PLACE, len(rows) + 1) for row in kept(more)]
    assert set(rest) == waiting
    assert thinned.first_waiting(PLACE) is None


@given(ROWS, SIZES, st.integers(0, 60), st.integers(0, 60))
def test_a_stretch_that_comes_again_leads_to_the_same_rows(steps, sizes, begin, end):
    rows = story(steps)
    begin, end = sorted((min(begin, len(rows)), min(end, len(rows))))
    # A worker dies at `end`; the next one says all from `begin` on again, and goes on.
    thinned, found = LastOfSlot(), set()
    for at, some in cut([*rows[:end], *rows[begin:]], sizes):
        found |= set(kept(thinned.put(series(some), PLACE, at, at)))
    assert found == naive(rows)[0]


@given(ROWS, SIZES, st.integers(0, 60))
def test_reading_again_from_the_first_that_waits_gives_the_same(steps, sizes, killed):
    rows = story(steps)
    records = list(cut(rows, sizes))
    killed = min(killed, len(records))
    thinned, found = LastOfSlot(), set()
    for at, some in records[:killed]:
        found |= set(kept(thinned.put(series(some), PLACE, at, at)))
    after = records[killed][0] if killed < len(records) else len(rows)
    first = thinned.first_waiting(PLACE)
    begin = after if first is None else min(first, after)
    again = LastOfSlot()
    for at, some in records:
        if at >= begin:
            found |= set(kept(again.put(series(some), PLACE, at, at)))
    assert found == naive(rows)[0]


def test_a_row_that_comes_twice_is_given_once():
    """Who counts what was given and what is stored must not find one missing."""
    thinned = LastOfSlot()
    rows = [("a", k * 10**9, float(k)) for k in (3, 4, 5, 4, 6, 11)]
    found = [row for one in rows for row in kept(thinned.put(series([one]), PLACE, 0, 0))]
    assert [v for *_, v in found] == [4.0, 6.0]


def test_a_clock_that_is_set_back_loses_nothing():
    thinned = LastOfSlot()
    hour_ns = 3600 * 10**9
    rows = [("a", 2 * hour_ns + k * 10**9, float(k)) for k in (1, 2)]
    rows += [("a", hour_ns + k * 10**9, 10.0 + k) for k in (1, 6)]
    assert [v for *_, v in kept(thinned.put(series(rows), PLACE, 0, 0))] == [2.0, 11.0]


def test_what_waits_is_given_up_by_the_time_of_its_record_and_its_place():
    thinned = LastOfSlot()
    thinned.put(series([("a", 10**9, 1.0)]), PLACE, 5, 1000)
    thinned.put(series([("b", 10**9, 2.0)]), Place("vitals.features", 4), 9, 1000)
    assert thinned.first_waiting(PLACE) == 5
    assert list(thinned.flush(PLACE, 1000)) == []
    (rows,) = thinned.flush(PLACE, 1001)
    assert rows.participants == ["a"]
    assert thinned.first_waiting(PLACE) is None
    assert thinned.first_waiting(Place("vitals.features", 4)) == 9
