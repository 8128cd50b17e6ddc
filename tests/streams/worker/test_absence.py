"""A worker that waits for Kafka is left alone; one that hangs is ended, whatever Kafka does."""

from __future__ import annotations

import asyncio
import logging

import pytest

from streams.worker.absence import Absence
from streams.worker.watchdog import Watchdog


class Waiting:
    """A worker that makes no progress, second by second."""

    def __init__(self) -> None:
        self.now_s, self.asked, self.is_there = 0.0, 0, True
        self.ended: list[float] = []
        self.watchdog = Watchdog(60.0, end=self.ended.append, now_s=lambda: self.now_s)
        self.absence = Absence(self.watchdog, self.answers, now_s=lambda: self.now_s)

    async def answers(self) -> bool:
        self.asked += 1
        return self.is_there

    def go_on(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            asyncio.run(self.absence.look())
            self.watchdog.look()


@pytest.fixture
def worker():
    return Waiting()


def lines(caplog):
    return [record.getMessage() for record in caplog.records if "absence" in record.name]


def test_it_waits_for_kafka_however_long_it_is_away_and_says_so_once(worker, caplog):
    caplog.set_level(logging.WARNING)
    worker.is_there = False
    worker.go_on(1000)
    assert worker.ended == []
    worker.is_there = True
    worker.go_on(10)
    away, back = lines(caplog)
    assert away.startswith("kafka=away")
    assert back == "kafka=answers again after_s=996"  # it was asked after 5 s


def test_it_ends_where_kafka_answers_and_nothing_goes_on(worker):
    worker.go_on(61)
    assert worker.ended == [61.0]


def test_it_ends_a_minute_after_kafka_has_come_back_to_one_that_hangs(worker):
    worker.is_there = False
    worker.go_on(300)
    worker.is_there = True
    worker.go_on(60)
    assert worker.ended == []
    worker.go_on(1)
    assert len(worker.ended) == 1


def test_an_event_loop_that_hangs_asks_nothing_and_is_ended(worker):
    worker.is_there = False
    worker.now_s = 61.0  # nobody looks at Kafka meanwhile
    worker.watchdog.look()
    assert worker.ended == [61.0]


def test_kafka_is_asked_nothing_while_work_goes_on(worker):
    for _ in range(100):
        worker.go_on(1)
        worker.watchdog.progress()
    assert worker.asked == 0


def test_a_broker_that_is_busy_for_a_moment_is_not_said_to_be_away(worker, caplog):
    caplog.set_level(logging.WARNING)
    for answers in (False, False, True, False, True):
        worker.absence.note(answers=answers)
        worker.now_s += 1.0
    assert lines(caplog) == []
