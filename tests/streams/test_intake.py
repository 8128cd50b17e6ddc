"""What reaches the processors from any delivery: in order, once, with its losses told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.records import NS_PER_S, Chunk, pack
from streams.channels import Channels
from streams.intake import Admitted, Intake
from streams.roster import Roster

FS_HZ = 100.0
STEP_NS = 10_000_000


def make() -> Intake:
    return Intake(Channels(Roster()))


def ecg(first: int, n: int, *, t0_ns: int | None = None, device: str = "strap") -> Chunk:
    """Samples first ... first + n of a recording whose values are their own index."""
    samples = np.arange(first, first + n, dtype=np.int32)[:, None]
    start_ns = first * STEP_NS if t0_ns is None else t0_ns
    return Chunk("p1", device, "ecg", start_ns, samples, FS_HZ, first)


def rate(times_s: Sequence[float], *, seq: int = 0) -> Chunk:
    t_ns = np.array([round(t * NS_PER_S) for t in times_s], np.int64)
    samples = np.array(times_s, np.float32)[:, None]
    return Chunk("p1", "watch", "heart_rate", int(t_ns[0]), samples, 0.0, seq, t_ns=t_ns)


def feed(intake: Intake, *chunks: Chunk, now_ns: int = 0) -> list[Admitted]:
    return [a for chunk in chunks for a in intake.admit(pack([chunk]), now_ns)]


def values(admitted: Sequence[Admitted]) -> list[float]:
    return [v for a in admitted for v in a.block.samples[:, 0].tolist()]


def counters(intake: Intake) -> dict[str, int]:
    return {name: n for name, n in intake.channels.totals().items() if n}


def test_a_plain_run_passes_untouched() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 10), ecg(10, 10))) == list(range(20))
    assert counters(intake) == {"samples": 20}


def test_a_repeated_chunk_is_counted_and_dropped() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 10), ecg(0, 10), ecg(10, 5))) == list(range(15))
    assert counters(intake) == {"samples": 15, "duplicates": 10}


def test_an_overlap_keeps_only_what_is_new() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 10), ecg(5, 10))) == list(range(15))
    assert counters(intake) == {"samples": 15, "duplicates": 5}


def test_two_chunks_in_the_wrong_order_are_put_right() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 10), ecg(20, 10), ecg(10, 10))) == list(range(30))
    assert counters(intake) == {"samples": 30, "out_of_order": 1}


def test_a_loss_longer_than_the_wait_is_told_by_count_and_time() -> None:
    intake = make()
    admitted = feed(intake, ecg(0, 10), ecg(500, 10))
    assert values(admitted) == [*range(10), *range(500, 510)]
    assert admitted[-1].block.seq[0] == 500
    assert admitted[-1].lost_ns[0] == 490 * STEP_NS
    assert counters(intake) == {"samples": 20, "gaps": 1, "lost": 490}


def test_a_short_loss_is_given_up_when_time_passes() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 10), ecg(20, 10))) == list(range(10))
    assert not intake.expire(100 * NS_PER_S)
    assert not intake.expire(101 * NS_PER_S)
    assert values(intake.expire(101 * NS_PER_S + 1)) == list(range(20, 30))
    assert counters(intake) == {"samples": 20, "gaps": 1, "lost": 10}


def test_what_comes_after_its_place_was_given_up_is_late_not_double() -> None:
    intake = make()
    feed(intake, ecg(0, 10), ecg(20, 10))
    intake.expire(NS_PER_S // 2)
    intake.expire(2 * NS_PER_S)
    assert feed(intake, ecg(10, 10), now_ns=2 * NS_PER_S) == []
    assert counters(intake) == {"samples": 20, "gaps": 1, "lost": 10, "late": 10}
    assert [chunk.seq for chunk in intake.late] == [10]


def test_a_clock_that_jumps_back_does_not_stop_the_signal() -> None:
    intake = make()
    admitted = feed(
        intake,
        ecg(0, 10),
        ecg(10, 10, t0_ns=-5 * NS_PER_S),
        ecg(20, 10, t0_ns=-5 * NS_PER_S + 10 * STEP_NS),
    )
    assert values(admitted) == list(range(30))
    assert [int(a.block.t0_ns[0]) for a in admitted] == [0, 10 * STEP_NS, 20 * STEP_NS]
    assert counters(intake) == {"samples": 30, "clock_jumps": 1}


def test_a_clock_that_jumps_forward_is_a_gap_in_time() -> None:
    intake = make()
    admitted = feed(intake, ecg(0, 10), ecg(10, 10, t0_ns=60 * NS_PER_S))
    assert admitted[-1].lost_ns[0] == 60 * NS_PER_S - 10 * STEP_NS
    assert admitted[-1].block.seq[0] == 6000
    assert counters(intake) == {"samples": 20, "gaps": 1}


def test_a_device_that_counts_anew_goes_on() -> None:
    intake = make()
    feed(intake, ecg(1000, 10))
    admitted = feed(intake, ecg(0, 10, t0_ns=1100 * STEP_NS))
    assert values(admitted) == list(range(10))
    assert admitted[0].block.seq[0] == 1100


def test_a_device_that_counts_anew_with_its_clock_set_back_goes_on() -> None:
    intake = make()
    feed(intake, ecg(0, 6000))
    back_ns = -3600 * NS_PER_S
    admitted = feed(intake, ecg(0, 10, t0_ns=back_ns), ecg(10, 10, t0_ns=back_ns + 10 * STEP_NS))
    assert values(admitted) == list(range(20))
    assert [int(a.block.t0_ns[0]) for a in admitted] == [6000 * STEP_NS, 6010 * STEP_NS]
    assert counters(intake) == {"samples": 6020, "clock_jumps": 1}


def test_an_old_chunk_repeated_after_a_minute_is_double() -> None:
    intake = make()
    feed(intake, ecg(0, 10), ecg(10, 5990))
    assert feed(intake, ecg(0, 10)) == []
    assert counters(intake) == {"samples": 6000, "duplicates": 10}


@pytest.mark.parametrize("first", [10, 200])
@pytest.mark.parametrize("step_s", [-60, 60])
def test_a_chunk_from_before_a_step_of_the_clock_is_double(step_s: int, first: int) -> None:
    intake = make()
    stepped = ecg(first, 10, t0_ns=first * STEP_NS + step_s * NS_PER_S)
    feed(intake, ecg(0, 10), stepped)
    intake.expire(NS_PER_S)
    released = intake.expire(10 * NS_PER_S)
    assert len(released) == (first == 200 and step_s < 0)
    assert feed(intake, ecg(0, 10), stepped) == []
    assert counters(intake)["duplicates"] == 20


def test_records_that_count_anew_with_their_clock_set_back_go_on() -> None:
    intake = make()
    feed(intake, rate(range(1000, 1060)))
    admitted = feed(intake, rate([0, 1], seq=0), rate([2, 3], seq=2))
    assert values(admitted) == [0, 1, 2, 3]
    t_s = [t / NS_PER_S for a in admitted for t in a.block.t_ns.tolist()]
    assert t_s[1:] == [t_s[0] + k for k in (1, 2, 3)]
    assert t_s[0] > 1059
    assert counters(intake) == {"samples": 64, "clock_jumps": 1}


def test_first_records_repeated_after_a_minute_are_double() -> None:
    intake = make()
    feed(intake, rate([0, 1]), rate(range(2, 60), seq=2))
    assert feed(intake, rate([0, 1])) == []
    assert counters(intake) == {"samples": 60, "duplicates": 2}


def test_a_second_device_waits_until_the_first_is_silent() -> None:
    intake = make()
    feed(intake, ecg(0, 100))
    assert feed(intake, ecg(0, 100, device="patch")) == []
    assert len(intake.late) == 1
    taken = feed(intake, ecg(400, 100, device="patch"))
    assert values(taken) == list(range(400, 500))
    assert taken[0].block.seq[0] == 400


def test_a_replacement_takes_over_whatever_its_clock_says() -> None:
    intake = make()
    intake.expire(100 * NS_PER_S)
    feed(intake, ecg(0, 100), now_ns=100 * NS_PER_S)
    intake.expire(101 * NS_PER_S)
    intake.expire(111 * NS_PER_S)
    patch = ecg(0, 100, t0_ns=-3600 * NS_PER_S, device="patch")
    taken = feed(intake, patch, now_ns=111 * NS_PER_S)
    assert values(taken) == list(range(100))
    assert taken[0].block.t0_ns[0] == 100 * STEP_NS


def test_a_clock_ahead_does_not_take_a_healthy_device_s_place() -> None:
    intake = make()
    for k in range(5):
        intake.expire((100 + k) * NS_PER_S)
        feed(intake, ecg(100 * k, 100), now_ns=(100 + k) * NS_PER_S)
        ahead = ecg(100 * k, 100, t0_ns=(3600 + k) * NS_PER_S, device="patch")
        assert feed(intake, ahead, now_ns=(100 + k) * NS_PER_S) == []
    assert len(intake.late) == 5


def test_a_device_heard_since_the_last_tick_is_not_silent_however_long_ago_that_was() -> None:
    intake = make()
    feed(intake, ecg(0, 100))
    intake.expire(100 * NS_PER_S)
    intake.expire(200 * NS_PER_S)
    feed(intake, ecg(100, 100), now_ns=200 * NS_PER_S)
    assert feed(intake, ecg(0, 100, device="patch"), now_ns=200 * NS_PER_S) == []


def test_the_name_of_the_first_variant_and_no_name_are_one_channel() -> None:
    intake = make()
    named = replace(ecg(10, 10), variant="continuous")
    assert values(feed(intake, ecg(0, 10), named, ecg(20, 10))) == list(range(30))
    assert [report.variant for report in intake.channels.reports()] == [""]
    assert len({a.channels[0] for a in feed(intake, ecg(30, 5), replace(named, seq=35))}) == 1


def test_row_lists_that_never_come_again_do_not_fill_the_memory() -> None:
    channels = Channels(Roster())
    people = [replace(ecg(0, 1), participant=f"p{k}") for k in range(200)]
    routes = [channels.route(pack(people[: k + 1])) for k in range(200)]
    assert channels.n_routes <= 64
    again = channels.route(pack(people[:3]))
    assert again.channels.tolist() == routes[2].channels.tolist() == [0, 1, 2]


def test_jitter_of_packet_times_never_turns_time_back() -> None:
    intake = make()
    admitted = feed(intake, ecg(0, 10), ecg(10, 10, t0_ns=7 * STEP_NS), ecg(20, 10))
    assert [int(a.block.t0_ns[0]) for a in admitted] == [0, 10 * STEP_NS, 20 * STEP_NS]


def test_double_rows_of_a_record_signal_are_dropped() -> None:
    intake = make()
    assert values(feed(intake, rate([0, 1, 1, 2, 3, 3]))) == [0, 1, 2, 3]
    assert counters(intake) == {"samples": 4, "duplicates": 2}


def test_records_whose_clock_jumps_back_go_on_at_their_pace() -> None:
    intake = make()
    admitted = feed(intake, rate([100, 101, 102, 50, 51, 52]))
    t_s = [t / NS_PER_S for a in admitted for t in a.block.t_ns.tolist()]
    assert t_s == [100, 101, 102, 103, 104, 105]
    assert counters(intake)["clock_jumps"] == 1


def test_empty_blocks_and_rows_do_no_harm() -> None:
    intake = make()
    assert values(feed(intake, ecg(0, 0), ecg(0, 5), ecg(5, 0), ecg(5, 5))) == list(range(10))


@pytest.mark.parametrize("n_participants", [1, 3])
def test_only_the_rows_out_of_step_leave_the_fast_way(n_participants: int) -> None:
    intake = make()
    people = [f"p{k}" for k in range(n_participants + 1)]

    def block(first: int, odd: int):
        return pack([
            Chunk(name, "d", "ecg", (odd if k == 0 else first) * STEP_NS,
                  np.arange(5, dtype=np.int16)[:, None], FS_HZ, odd if k == 0 else first)
            for k, name in enumerate(people)
        ])  # fmt: skip

    intake.admit(block(0, 0), 0)
    admitted = intake.admit(block(5, 900), 0)
    assert [a.block.n_rows for a in admitted] == [n_participants, 1]


@given(st.data())
def test_any_delivery_within_the_wait_gives_every_sample_once_in_order(data: st.DataObject) -> None:
    """Cut at will, repeat at will, shuffle neighbours: what comes out is the recording."""
    cuts = sorted(data.draw(st.sets(st.integers(1, 79), max_size=8)) | {0, 80})
    pieces = [ecg(a, b - a) for a, b in pairwise(cuts)]
    repeated = data.draw(st.lists(st.sampled_from(pieces), max_size=4))
    rest = data.draw(st.permutations(pieces[1:] + repeated))
    intake = make()
    admitted = feed(intake, pieces[0], *rest)
    assert values(admitted) == list(range(80))
    totals = counters(intake)
    assert totals["samples"] == 80
    assert totals.get("duplicates", 0) == sum(len(piece.samples) for piece in repeated)
    assert [a.block.t0_ns[0] for a in admitted] == [a.block.seq[0] * STEP_NS for a in admitted]
