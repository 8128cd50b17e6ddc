import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bridges.replay.timeline import (
    Break,
    breaks,
    runs_of,
    sampling_rate_hz,
    sampling_step_ns,
)

MS = 1_000_000


def stamps(fs_hz, i, decimals=9):
    """Give the stamps in ns of samples i, as printed with so many decimals of a second."""
    return np.rint(np.round(np.asarray(i) / fs_hz, decimals) * 1e9).astype(np.int64)


def rate_and_breaks(t_ns):
    step_ns = sampling_step_ns(t_ns)
    found = breaks(t_ns, step_ns)
    return sampling_rate_hz(t_ns, found, step_ns), found


@pytest.mark.parametrize(
    ("fs_hz", "decimals"),
    [(250, 3), (360, 3), (360, 6), (128, 4), (125, 2), (300, 2), (1, 0), (497.44, 6)],
)
def test_the_rate_is_found_whatever_the_stamps_are_rounded_to(fs_hz, decimals):
    rate_hz, found = rate_and_breaks(stamps(fs_hz, np.arange(20_000), decimals))
    assert rate_hz == pytest.approx(fs_hz, rel=1e-5)
    assert found == []


@settings(deadline=None)
@given(gaps=st.lists(st.tuples(st.integers(5, 60), st.integers(1, 400)), min_size=1, max_size=8))
def test_missing_rows_are_counted_exactly_by_exact_stamps(gaps):
    held, at, expected = [], 0, []
    for length, lost in gaps:
        held.extend(range(at, at + length))
        at += length + lost
        expected.append(Break(len(held), lost))
    held.extend(range(at, at + 200))
    assert rate_and_breaks(stamps(250, held))[1] == expected


def test_scattered_losses_are_counted_and_leave_the_rate_alone():
    held = np.flatnonzero(np.random.default_rng(1).random(50_000) > 0.05)
    rate_hz, found = rate_and_breaks(stamps(250, held))
    assert rate_hz == 250.0
    assert sum(at.samples for at in found) == held[-1] - held[0] + 1 - len(held)


def test_a_gap_is_found_among_rounded_stamps():
    held = [*range(1000), *range(1100, 2000)]
    rate_hz, found = rate_and_breaks(stamps(125, held, 2))
    assert rate_hz == 125.0
    assert [(at.row, at.samples) for at in found] == [(1000, 100)]


def test_rows_that_come_twice_are_a_repeat():
    i = [*range(100), 99, *range(100, 200)]
    assert rate_and_breaks(stamps(250, i))[1] == [Break(100, -1)]


def test_a_clock_that_jumps_back_is_a_repeat_of_all_it_passes_again():
    i = [*range(300), *range(200, 400)]
    assert rate_and_breaks(stamps(250, i))[1] == [Break(300, -100)]


def test_late_stamps_that_catch_up_are_no_gap():
    t_ns = stamps(500, np.arange(2000))
    t_ns[1000:1004] = t_ns[1003] + 2 * MS  # four rows come in one go, late
    assert rate_and_breaks(t_ns)[1] == []


def test_rows_stamped_by_packet_have_the_rate_of_the_rows():
    t_ns = np.repeat(np.arange(200), 10) * 80 * MS
    rate_hz, found = rate_and_breaks(t_ns)
    assert rate_hz == pytest.approx(125, rel=0.01)
    assert found == []


@pytest.mark.parametrize("t_ns", [[], [0], [0, 1], [0, 0, 0, 0]])
def test_too_few_rows_have_no_step(t_ns):
    assert np.isnan(sampling_step_ns(np.array(t_ns, np.int64)))


def test_stamps_without_a_common_step_have_none():
    t_ns = np.cumsum(10.0 ** np.random.default_rng(1).uniform(3, 9, 500)).astype(np.int64)
    assert np.isnan(sampling_step_ns(t_ns))


def values(n):
    return np.arange(n, dtype=np.float32)[:, None]


def test_runs_hold_all_rows_in_their_order_and_count_what_is_lost():
    i = [*range(100), *range(150, 300)]
    t_ns = stamps(250, i)
    runs = runs_of(t_ns, values(250), breaks(t_ns, 4 * MS), 250.0)
    assert [(run.seq, run.t0_ns, len(run.samples)) for run in runs] == [
        (0, 0, 100),
        (150, 600 * MS, 150),
    ]
    assert np.array_equal(np.concatenate([run.samples for run in runs]), values(250))


def test_repeated_rows_are_due_after_the_newest_before_them():
    t_ns = stamps(250, [*range(100), *range(80, 140)])
    runs = runs_of(t_ns, values(160), breaks(t_ns, 4 * MS), 250.0)
    assert [(run.seq, run.due_ns, len(run.samples)) for run in runs] == [
        (0, None, 100),
        (80, 99 * 4 * MS, 20),
        (100, None, 40),
    ]
    assert [run.t0_ns for run in runs] == [0, 320 * MS, 400 * MS]


def test_a_wandering_clock_is_followed():
    t_ns = np.cumsum(np.where(np.arange(5000) < 2500, 2.00, 2.02) * MS).astype(np.int64)
    runs = runs_of(t_ns, values(5000), [], 500.0)
    assert [run.seq for run in runs] == [0, 1000, 2000, 3000, 4000]
    assert abs(runs[-1].t0_ns - t_ns[4000]) <= 1
