"""`vitals consent` on a real Kafka."""

from __future__ import annotations

import asyncio
import time

from registry.participants import Participant
from streams.bridging import announce
from streams.bus import Place
from streams.bus.admin import create_topics
from streams.bus.kafka import KafkaBus
from streams.bus.partitions import partition_of
from streams.bus.topics import CONTROL, topics
from streams.messages import Enrolment, decode_controls
from tests.end_to_end.called import vitals
from tests.servers.kafka import broker

N = 2
PLACE = Place(CONTROL, partition_of("P-0001", N))


async def announced(address):
    bus = KafkaBus(address)
    people = [Participant("P-0001"), Participant("P-0002")]
    await announce(bus, N, Enrolment(people, 0), time.time_ns() // 10**6)
    await bus.flush()
    await bus.close()


async def told(address):
    """Give what the newest control says."""
    bus = KafkaBus(address)
    reader = await bus.reader({PLACE: 0})
    (end,) = (await bus.ends([PLACE])).values()
    while (records := await reader.read(1.0))[-1:] == [] or records[-1].offset + 1 < end:
        pass
    await reader.close()
    await bus.close()
    (control,) = decode_controls(records[-1].value)
    return control.participant, control.kind, control.values["given"]


def test_it_is_on_kafka_for_whom_it_is_meant(tmp_path):
    with broker(tmp_path) as one:
        create_topics(one.address, topics(), N, replicas=1)
        asyncio.run(announced(one.address))
        where = ("--kafka", one.address, "--partitions", N)
        said = vitals("consent", "P-0001", "withdrawn", *where)
        assert (said.status, said.err) == (0, "")
        assert said.out.startswith("P-0001: consent is withdrawn from 20")
        assert asyncio.run(told(one.address)) == ("P-0001", "consent", 0.0)
        assert vitals("consent", "P-0001", "given", *where).status == 0
        assert asyncio.run(told(one.address)) == ("P-0001", "consent", 1.0)

        unknown = vitals("consent", "P-001", "withdrawn", *where)
        assert unknown.status == 2
        (sentence,) = unknown.errors
        assert sentence.startswith("P-001: nobody of that id is announced on Kafka; did you mean P")
        assert vitals("consent", "P-001", "withdrawn", *where, "--unknown").status == 0


def test_what_is_wrong_is_one_sentence():
    said = vitals("consent", "P-0001", "maybe")
    assert said.status == 2
    assert said.errors == ["maybe: expected withdrawn or given after the id"]
    away = vitals("consent", "P-0001", "given", "--kafka", "127.0.0.1:9")
    assert away.status == 2
    assert away.errors[0].startswith("127.0.0.1:9: ")
