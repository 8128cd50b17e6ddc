"""`vitals sink` on real servers, killed: it keeps what one file would have."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time

import pytest

from streams.bus import Place
from streams.bus.admin import create_topics
from streams.bus.kafka import KafkaBus
from streams.bus.memory import MemoryBus
from streams.bus.topics import FEATURES, topics
from streams.config import Settings
from streams.sink.records import RecordsWork
from streams.sink.series import SeriesWork
from streams.sink.waveforms import WaveformsWork
from streams.stores.opening import open_stores
from streams.stores.sqlite import SqliteStore
from tests.end_to_end.called import vitals
from tests.end_to_end.program import COMMAND, environment
from tests.servers.influxdb import influx_server
from tests.servers.kafka import broker
from tests.streams.sink.test_lane import N, all_of, drain, publish_story, works
from tests.streams.stores.back_ends import made_schema

AT_MOST_S = 90.0
TOPICS = {
    f"vitals-sink-{work.name}": work.topics for work in (SeriesWork, RecordsWork, WaveformsWork)
}


class Sink:
    """A sink process that can be killed."""

    def __init__(self, folder, **environ):
        self._folder, self._environ = folder, environ
        self.start()

    def start(self):
        with (self._folder / "sink.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "sink"], cwd=self._folder, stdout=log, stderr=log,
                env=environment(**self._environ),
            )  # fmt: skip

    def kill(self):
        self._process.kill()
        self._process.wait()

    def end(self):
        self._process.terminate()
        return self._process.wait(30)


async def one_file(folder):
    """Give what a sink that nothing happens to keeps in one file."""
    bus = MemoryBus(N)
    await publish_story(bus)
    with contextlib.closing(SqliteStore(folder / "vitals.sqlite")) as store:
        for work in works(store, folder):
            await drain(bus, work)
        return all_of(store, folder)


async def has_kept(bus, n_records):
    """Wait until the lane of series has noted so many records of a partition."""
    place, end_s = Place(FEATURES, 0), time.monotonic() + AT_MOST_S
    while (await bus.committed("vitals-sink-series", [place])).get(place, 0) < n_records:
        assert time.monotonic() < end_s, f"{n_records} records are not kept"
        await asyncio.sleep(0.2)


async def until_kept(bus, after):
    """Wait until all offsets are committed, but for rows that wait for their slot to end."""
    end_s = time.monotonic() + AT_MOST_S
    for group, names in TOPICS.items():
        ends = await bus.ends([Place(name, p) for name in names for p in range(N)])
        least = {place: end - 5 for place, end in ends.items() if end}
        while True:
            done = await bus.committed(group, least)
            if all(done.get(place, 0) >= offset for place, offset in least.items()) and after():
                break
            assert time.monotonic() < end_s, (group, least, done)
            await asyncio.sleep(0.3)


@pytest.mark.bench  # Java, and a process that is started four times
def test_killed_with_its_server_away_it_keeps_what_one_file_would_have(tmp_path, postgres_url):
    for name in ("file", "kafka", "influx", "sink"):
        (tmp_path / name).mkdir()
    expected = asyncio.run(one_file(tmp_path / "file"))
    with broker(tmp_path / "kafka") as kafka, influx_server(tmp_path / "influx") as one:
        create_topics(kafka.address, topics(), N)
        given = {
            "kafka": kafka.address, "partitions": N, "data": tmp_path / "sink",
            "influx_url": one.influx.url, "influx_org": one.influx.org,
            "influx_token": one.influx.token,
            "postgres_url": made_schema(postgres_url, "sink_killed"),
        }  # fmt: skip
        environ = {f"VITALS__{name.upper()}": str(value) for name, value in given.items()}
        sink = Sink(tmp_path / "sink", **environ)
        bus = None

        def waiting():
            return len(list((tmp_path / "sink" / "spill").glob("*.gz")))

        async def disturb(second):
            await bus.flush()
            if second == 12:
                await has_kept(bus, 5)
                await asyncio.to_thread(one.kill)
            if second in {22, 34}:  # while some of it waits on the disk
                await has_kept(bus, second - 10)
                assert waiting()
                await asyncio.to_thread(sink.kill)
                sink.start()
            if second == 50:
                await has_kept(bus, 40)
                await asyncio.to_thread(one.start)

        async def run():
            nonlocal bus
            bus = KafkaBus(kafka.address)
            # As of now: Kafka deletes what is older than the topic keeps.
            now_ms = time.time_ns() // 10**6 // 5000 * 5000
            await publish_story(bus, from_ms=now_ms, on_second=disturb)
            await bus.flush()
            await until_kept(bus, lambda: not waiting())
            await bus.close()

        try:
            asyncio.run(run())
            with contextlib.closing(open_stores(Settings(**given))) as store:
                found = all_of(store, tmp_path / "sink")
        finally:
            status = sink.end()
        assert "server=away" in (tmp_path / "sink" / "sink.log").read_text()
        assert found == expected
        assert status == 0


def test_a_lane_that_is_not_there_is_a_sentence():
    said = vitals("sink", "--only", "waves")
    assert said.status != 0
    assert "expected series, records, strips, waveforms, found 'waves'" in said.err + said.out
