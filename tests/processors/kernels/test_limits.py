import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernels.limits import LIMIT_STATE, watch_limits
from processors.limits import Limit, WatchesLimits
from processors.records import Column, FindingSpec
from tests.naive.limits import findings_of
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

LIMITS = (
    Limit("high", 30.0, 2.0, stale_s=20, strict=True),
    Limit("low", 10.0, 1.0, stale_s=30, low=True, other_stale_s=10),
    Limit("worse", 30.0, 2.0, stale_s=25, worse=34.0, settled_s=6),
    Limit("either", 30.0, 2.0, stale_s=25, other_column=1, other_level=12.0),
    Limit("repeated", 30.0, 1.0, stale_s=40, needed=2, within_s=5),
    Limit("thrice", 12.0, 0.0, stale_s=40, column=1, low=True, needed=3, within_s=9),
    Limit("own", 0.0, 2.0, stale_s=15, low=True, strict=True, level_column=2, settled_s=3),
)
FINDINGS = tuple(
    FindingSpec(limit.code, (Column("value"), Column("limit"), Column("extreme"), Column("other")))
    for limit in LIMITS
)


class Watcher(WatchesLimits):
    name = "watcher"
    consumes = ("x", "y")
    produces = FINDINGS

    def __init__(self):
        super().__init__(FINDINGS, LIMITS)


NUMBERS = [8.0, 9.5, 10.0, 11.0, 12.0, 28.0, 29.5, 30.0, 31.0, 34.0, 36.0, math.nan, math.inf]


@st.composite
def records(draw):
    t, found = 0, []
    for _ in range(draw(st.integers(0, 40))):
        t += draw(st.sampled_from([1, 1, 2, 5, 6, 15, 20, 25, 45])) * NS
        number = st.sampled_from(NUMBERS)
        own = draw(st.sampled_from([10.0, 30.0, math.nan]))
        found.append((t, draw(st.integers(0, 1)), (draw(number), draw(number), own)))
    return found


def plain(row):
    return tuple(None if x is None or not math.isfinite(x) else float(x) for x in row)


@given(records(), st.sampled_from([NS, 400 * NS, 2000 * NS]))
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(some, until_ns):
    some = [record for record in some if record[0] <= until_ns]
    found = rows_of(feed(Watcher(), {3: some}, until_ns, 3))
    for limit in LIMITS:
        rows = found.get(f"finding {limit.code}", [])
        expected = findings_of(some, limit, until_ns)
        mine = [plain((*row[1:6], *row[7:])) for row in rows]
        assert mine == [plain(row) for row in expected], limit.code
        assert [row[6] for row in rows] == [row[7] for row in rows]


@given(records(), records(), st.lists(st.integers(0, 500 * NS), max_size=5))
@settings(max_examples=60, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(Watcher, {0: one, 3: other}, 10**12, 3, cuts)


def test_the_state_of_a_participant_is_small():
    assert LIMIT_STATE.itemsize <= 32  # bytes, per limit
    assert Watcher().snapshot(np.array([4], np.int32)).itemsize == 7 * LIMIT_STATE.itemsize + 8


def test_any_number_of_limits_runs_in_one_compiled_form():
    class One(Watcher):
        def __init__(self):
            WatchesLimits.__init__(self, FINDINGS[:1], LIMITS[:1])

    for watcher in (One(), Watcher()):
        feed(watcher, {1: [(NS, 0, (40.0, 1.0, 1.0))]}, 2 * NS, 3)
    assert len(watch_limits.signatures) == 1


def test_no_records_and_no_rows_give_nothing():
    assert not feed(Watcher(), {}, NS, 3)[0].events
    assert not feed(Watcher(), {1: []}, NS, 3)[0].events
    assert np.asarray(Watcher().snapshot(np.array([4], np.int32))).shape == (1,)
