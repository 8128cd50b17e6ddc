"""What `vitals sink` stores of a scene is what `vitals run` stores of it, in every store."""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache

import numpy as np
import pytest

from alerts.policy import load_policy
from processors.records import NS_PER_MS, NS_PER_S
from streams.bridging import publish_step
from streams.bus import Place
from streams.bus.memory import MemoryBus
from streams.bus.partitions import partition_of
from streams.bus.topics import EVENTS, FEATURES
from streams.live import LiveCore
from streams.messages import encode_findings, encode_series
from streams.sink.series import SILENT_S, SeriesWork
from streams.stores import FEATURES as FEATURE
from streams.stores import SCALARS, SeriesRows
from streams.stores.sqlite import SqliteStore
from streams.thinning import Thinner
from tests.scenes import even_bounds, scene, steps
from tests.streams.stores.back_ends import BACK_ENDS

N = 2
STEP_MS = 500


def of_partition(rows: SeriesRows, number: int) -> SeriesRows:
    chosen = [k for k, who in enumerate(rows.participants) if partition_of(who, N) == number]
    who = [rows.participants[k] for k in chosen]
    return SeriesRows(rows.kind, rows.name, rows.columns, who, rows.t_ns[chosen],
                      rows.values[chosen])  # fmt: skip


@cache
def played():
    """Give what one process stores of the scene, and the bus on which all of it was published."""
    core, bus, kept = LiveCore(load_policy(), thinner=Thinner()), MemoryBus(N), []

    async def play():
        for until_ns, rows in steps(scene(), even_bounds(STEP_MS)):
            told = core.step(until_ns, rows)
            kept.extend(told.records)
            await publish_step(bus, N, until_ns, rows)
            for number in range(N):  # as workers do
                at_ms = until_ns // NS_PER_MS
                features = [of_partition(rows, number) for rows in told.features]
                findings = [f for f in told.findings if partition_of(f.participant, N) == number]
                await bus.publish(Place(FEATURES, number), encode_series(features), at_ms)
                await bus.publish(Place(EVENTS, number), encode_findings(findings), at_ms)
        kept.extend(core.end().records)

    asyncio.run(play())
    return kept, bus


def all_series(store, resolution_ns):
    people = sorted({chunk.participant for chunk in scene().chunks})
    return {
        (kind, name, who): ((one.t_ns // resolution_ns).tolist(), repr(one.values.tolist()))
        for kind in (FEATURE, SCALARS)
        for name in store.names(kind)
        for who in people
        if len((one := store.series(kind, name, who, 0, 10**6 * NS_PER_S)).t_ns)
    }


def interleaved(records, random):
    """Give records as a client does: some of one topic, some of another."""
    left = {}
    for record in records:
        left.setdefault(record.place, []).append(record)
    while left:
        place = list(left)[random.integers(len(left))]
        n = int(random.integers(1, 40))
        yield from left[place][:n]
        left[place] = left[place][n:]
        if not left[place]:
            del left[place]


@pytest.mark.parametrize("name", sorted(BACK_ENDS))
def test_a_sink_stores_what_one_process_stores(request, tmp_path, name):
    back_end = BACK_ENDS[name](request.getfixturevalue)
    kept, bus = played()
    (tmp_path / "file").mkdir()
    now_s = [0.0]
    with (
        contextlib.closing(SqliteStore(tmp_path / "file" / "vitals.sqlite")) as file,
        contextlib.closing(back_end.open(tmp_path)) as store,
    ):
        file.write(kept)
        work = SeriesWork(store, monotonic=lambda: now_s[0])
        places = {Place(topic, number): 0 for topic in work.topics for number in range(N)}
        for k, record in enumerate(interleaved(bus.since(places, 10**9), np.random.default_rng(1))):
            work.take(record)
            if k % 100 == 0:
                work.keep()
        now_s[0] = SILENT_S
        work.keep()
        expected = all_series(file, back_end.resolution_ns)
        assert all_series(store, back_end.resolution_ns) == expected
    assert len({name for _, name, _ in expected}) > 15
    (strap,) = (c for c in scene().chunks if (c.participant, c.signal) == ("strapped", "rr"))
    assert len(expected[SCALARS, "rr", "strapped"][0]) == len(strap.samples)  # every interval
