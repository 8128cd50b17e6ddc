"""Topics are created once, and refused where they are not as wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.bus import BusError
from streams.bus.admin import check_topics, create_topics
from streams.bus.topics import Topic, inputs, topics

WANTED = [Topic("test.admin.a", 1_000_000), Topic("test.admin.b", 2_000_000)]


def test_topics_are_created_once_and_refused_where_they_differ(kafka_address):
    assert check_topics(kafka_address, WANTED, 2) == [f"{t.name} is not there" for t in WANTED]
    assert create_topics(kafka_address, WANTED[:1], 2, replicas=1) == ["test.admin.a"]
    assert create_topics(kafka_address, WANTED, 2, replicas=1) == ["test.admin.b"]
    assert create_topics(kafka_address, WANTED, 2, replicas=1) == []
    assert check_topics(kafka_address, WANTED, 2) == []
    with pytest.raises(BusError, match=r"test\.admin\.b has 2 partitions, expected 4"):
        create_topics(kafka_address, WANTED, 4, replicas=1)
    longer = [replace(WANTED[0], keep_ms=7)]
    assert check_topics(kafka_address, longer, 2) == [
        "test.admin.a has retention.ms=1000000, expected 7"
    ]


def test_nothing_is_created_where_one_topic_is_refused(kafka_address):
    new = Topic("test.admin.new", 1_000_000)
    create_topics(kafka_address, [Topic("test.admin.old", 1_000_000)], 1, replicas=1)
    with pytest.raises(BusError, match="has 1 partitions"):
        create_topics(kafka_address, [new, Topic("test.admin.old", 1_000_000)], 2, replicas=1)
    assert check_topics(kafka_address, [new], 2) == ["test.admin.new is not there"]


def test_a_cluster_that_is_not_there_is_said_with_its_address():
    with pytest.raises(BusError, match=r"127\.0\.0\.1:9"):
        check_topics("127.0.0.1:9", WANTED, 2)


def test_a_worker_reads_controls_and_every_signal():
    names = [topic.name for topic in topics()]
    assert len(set(names)) == len(names)
    assert inputs()[0] == "vitals.control"
    assert set(inputs()) <= set(names)
