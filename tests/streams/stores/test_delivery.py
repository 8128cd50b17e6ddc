"""A server that is away: back-off, spill, catching up in order; the clock is cranked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stores import StoreError, UnfitError
from streams.stores.delivery import MOST_WAIT_S, AwayError, Delivery
from streams.stores.spill import LineBatch, Spill


def batch(k: int) -> LineBatch:
    return LineBatch("ms" if k % 2 else "ns", f"{k:09d}".encode())


class Server:
    """Takes batches, or not."""

    def __init__(self) -> None:
        self.took: list[LineBatch] = []
        self.attempts = 0
        self.fault: StoreError | None = None
        self.now_s = 0.0

    def send(self, one: LineBatch) -> None:
        self.attempts += 1
        if self.fault is not None:
            raise self.fault
        self.took.append(one)

    def delivery(self, spill: Spill | None) -> Delivery:
        return Delivery(self.send, spill, monotonic=lambda: self.now_s, jitter=lambda: 1.0)


AWAY = AwayError("here", "away")


def test_ten_minutes_without_the_server_lose_nothing_and_keep_the_order(tmp_path):
    server = Server()
    delivery = server.delivery(Spill(tmp_path, 10**6))
    for k in range(700):  # one a second; the server is away from 50 s to 650 s
        server.now_s = float(k)
        server.fault = AWAY if 50 <= k < 650 else None
        delivery.give(batch(k))
    while delivery.n_waiting:
        server.now_s += 1
        delivery.catch_up(64)
    assert server.took == [batch(k) for k in range(700)]
    assert 600 <= delivery.counts.spilled <= 650
    # Back-off: 0.5, 1, 2, ... 16 s, then every half minute.
    assert server.attempts - len(server.took) <= 6 + 600 / MOST_WAIT_S + 1


def test_what_waits_is_sent_after_a_restart_before_anything_newer(tmp_path):
    server = Server()
    server.fault = AWAY
    delivery = server.delivery(Spill(tmp_path, 10**6))
    for k in range(3):
        delivery.give(batch(k))
    (tmp_path / "0000000000000003.part").write_bytes(b"half of one")  # of a kill while writing
    server.fault = None
    again = server.delivery(Spill(tmp_path, 10**6))
    assert again.n_waiting == 3
    again.give(batch(3))
    assert server.took == [batch(k) for k in range(4)]
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_takes_nothing_and_says_so(tmp_path):
    server = Server()
    server.fault = AWAY
    delivery = server.delivery(Spill(tmp_path, 3 * 9))
    for k in range(3):
        delivery.give(batch(k))
    with pytest.raises(StoreError, match="full"):
        delivery.give(batch(3))
    server.fault, server.now_s = None, 100.0
    delivery.give(batch(3))  # the caller kept it
    assert server.took == [batch(k) for k in range(4)]


def test_without_a_folder_the_caller_is_told(tmp_path):
    server = Server()
    server.fault = AWAY
    delivery = server.delivery(None)
    with pytest.raises(AwayError):
        delivery.give(batch(0))
    server.fault = None
    delivery.give(batch(0))
    assert server.took == [batch(0)]


def test_what_the_server_will_never_take_is_set_aside_and_holds_nothing_up(tmp_path):
    server = Server()
    delivery = server.delivery(Spill(tmp_path, 10**6))
    server.fault = UnfitError("here", "400")
    delivery.give(batch(1))
    delivery.give(batch(1))  # given again, set aside once
    server.fault = None
    delivery.give(batch(2))
    assert server.took == [batch(2)]
    assert delivery.counts.refused == 2
    (kept,) = (tmp_path / "refused").iterdir()
    assert kept.read_bytes() == batch(1).body
    assert Spill(tmp_path, 10**6).n_bytes == 0


def test_the_server_is_left_alone_for_as_long_as_it_asks(tmp_path):
    server = Server()
    delivery = server.delivery(Spill(tmp_path, 10**6))
    server.fault = AwayError("here", "busy", 120.0)
    delivery.give(batch(0))
    server.fault, server.now_s = None, 119.0
    delivery.give(batch(1))
    assert server.attempts == 1
    server.now_s = 120.0
    delivery.catch_up(64)
    assert server.took == [batch(0), batch(1)]


@given(st.lists(st.sampled_from(["give", "away", "back", "wait", "restart"]), max_size=60))
def test_whatever_happens_all_is_taken_in_order(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("spill")
    server = Server()
    delivery, n = server.delivery(Spill(folder, 10**6)), 0
    for event in [*events, "back", "wait", "give"]:
        if event == "give":
            delivery.give(batch(n))
            n += 1
        elif event == "restart":
            delivery = server.delivery(Spill(folder, 10**6))
        elif event == "wait":
            server.now_s += 60
        else:
            server.fault = AWAY if event == "away" else None
    server.now_s += 60
    delivery.catch_up(1000)
    assert server.took == [batch(k) for k in range(n)]
