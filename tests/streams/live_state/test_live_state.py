"""What every live state does, in memory and on a real Redis; and what the loss of Redis is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from alerts.alarm import ENDED
from alerts.holds import Held
from streams.live_state import LiveStateError, Snapshot
from streams.live_state.memory import MemoryState
from streams.live_state.redis import RedisState
from tests.servers.process import free_port
from tests.servers.redis import redis
from tests.streams.test_messages import AN_ALARM, QUIET

HELD = Held("P-0001", (), (QUIET,))
OTHER = replace(AN_ALARM, id="aQ")


@pytest.fixture(params=["memory", "redis"])
def states(request, tmp_path):
    """Two handles of one state, as two monitors have them."""
    if request.param == "memory":
        one = MemoryState()
        yield one, one
        return
    with redis(tmp_path) as url:
        yield RedisState(url), RedisState(url)


def run(states, body):
    async def all_of_it():
        try:
            return await body(*states)
        finally:
            for state in states:
                await state.close()

    return asyncio.run(all_of_it())


def test_a_stretch_without_what_lies_before_it_is_refused_and_all_of_it_taken(states):
    async def body(a, b):
        assert await b.snapshots() == {}
        assert not await a.advance(3, 0, Snapshot(2, [AN_ALARM]))
        await a.replace(3, Snapshot(7, [AN_ALARM], [HELD]))
        assert await b.snapshots() == {3: Snapshot(7, [AN_ALARM], [HELD])}
        assert not await a.advance(3, 8, Snapshot(9, [OTHER]))
        assert await a.advance(3, 7, Snapshot(9, [OTHER]))
        (found,) = (await b.snapshots()).values()
        assert (found.offset, len(found.alarms)) == (9, 2)

    run(states, body)


def test_what_ends_goes_and_what_was_noted_changes_nothing(states):
    async def body(a, b):
        await a.replace(0, Snapshot(5, [AN_ALARM, OTHER], [HELD]))
        ended = replace(AN_ALARM, state=ENDED, revision=5)
        assert await a.advance(0, 5, Snapshot(8, [ended], [Held("P-0001")]))
        # The other monitor reads the same later, or has read a part of it before.
        assert await b.advance(0, 3, Snapshot(6, [AN_ALARM], [HELD]))
        await b.replace(0, Snapshot(6, [AN_ALARM], [HELD]))
        assert await b.snapshots() == {0: Snapshot(8, [OTHER], [])}
        assert await b.advance(0, 6, Snapshot(9, [ended]))
        assert (await a.snapshots())[0].offset == 9
        await a.forget(0)
        assert await b.snapshots() == {}

    run(states, body)


def test_who_is_there_is_there_for_a_while(states):
    async def body(a, b):
        await a.appear("east", "2 pages", 60.0)
        await b.appear("west", "", 0.05)
        assert (await b.present())["east"] == "2 pages"
        await asyncio.sleep(0.1)  # the expiry is the server's
        assert await a.present() == {"east": "2 pages"}
        await b.leave("east")
        assert await a.present() == {}

    run(states, body)


def test_what_is_told_is_heard_by_all_who_listen(states):
    async def body(a, b):
        await a.tell("nobody hears this")
        first, second = await a.listen(), await b.listen()
        await a.tell("김하늘")
        await b.tell("two")
        heard = [[], []]
        for listener, words in zip((first, second), heard, strict=True):
            while len(words) < 2:
                some = await listener.heard(5.0)
                assert some
                words.extend(some)
        assert heard == [["김하늘", "two"]] * 2
        assert await first.heard(0.01) == []
        await first.close()
        await second.close()

    run(states, body)


def test_a_redis_that_is_not_there_is_said_in_time_and_without_its_password():
    state = RedisState(f"redis://kim:secret@127.0.0.1:{free_port()}/0")

    async def body():
        with pytest.raises(LiveStateError) as raised:
            await state.snapshots()
        await state.close()
        return str(raised.value)

    said = asyncio.run(body())
    assert "127.0.0.1" in said
    assert "secret" not in said


def test_what_another_version_wrote_is_no_state(tmp_path):
    from redis import Redis

    with redis(tmp_path) as url:
        with Redis.from_url(url) as raw:
            raw.set("vitals:offset:1", 5)
            raw.hset("vitals:open:1", "aX", b"something else")

        async def body(state, _):
            with pytest.raises(LiveStateError, match="bytes"):
                await state.snapshots()
            await state.replace(1, Snapshot(6, [AN_ALARM]))
            assert (await state.snapshots())[1].alarms == [AN_ALARM]

        run((RedisState(url), RedisState(url)), body)
