"""`vitals doctor` on the topics of a real Kafka."""

from __future__ import annotations

from streams.bus.topics import topics
from tests.end_to_end.called import vitals
from tests.servers.kafka import broker


def test_the_doctor_creates_the_topics_once_and_names_what_differs(tmp_path):
    with broker(tmp_path) as one:
        asked = ("doctor", "--kafka", one.address, "--partitions", "2")
        before = vitals(*asked)
        assert before.status == 1
        assert "vitals.raw.ecg is not there" in before.out
        new = f", {len(topics())} of them new"
        assert new in vitals(*asked, "--create-topics").out
        again = vitals(*asked, "--create-topics")
        assert again.status == 0
        assert "of them new" not in again.out
        other = vitals("doctor", "--kafka", one.address, "--partitions", "3", "--create-topics")
        assert other.status == 1
        assert "vitals.control has 2 partitions, expected 3" in other.out


def test_a_kafka_that_is_not_there_is_a_sentence():
    said = vitals("doctor", "--kafka", "127.0.0.1:9")
    assert said.status == 1
    assert "127.0.0.1:9: " in said.out
